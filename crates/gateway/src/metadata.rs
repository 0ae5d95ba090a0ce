//! Protected-resource metadata (RFC 9728): where a client that knows nothing but a gateway URL learns who gives tokens for it.
//!
//! The same for accounts and servers that exist and for those that do not. Any page may read it.
//!
//! A gateway URL may be written with a slash at its end. Its metadata then names it so as well, since a client compares the
//! two letter by letter (RFC 9728 §3.3); tokens are for the spelling without, whichever was named.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use domain::{AccountSlug, Scopes, ServerSlug};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::json;

use crate::{config::Config, shared::Shared};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Where the metadata is.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let (of_account, of_server) = (get(of_account).options(preflight), get(of_server).options(preflight));
    Router::new()
        .route(WELL_KNOWN, get(of_origin).options(preflight))
        .route(&format!("{WELL_KNOWN}/{{account}}/mcp"), of_account.clone())
        .route(&format!("{WELL_KNOWN}/{{account}}/mcp/"), of_account)
        .route(&format!("{WELL_KNOWN}/{{account}}/{{server}}/mcp"), of_server.clone())
        .route(&format!("{WELL_KNOWN}/{{account}}/{{server}}/mcp/"), of_server)
}

/// How a gateway URL was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Plain,
    /// With a slash at its end.
    Slash,
}

impl Spelling {
    pub(crate) fn of(uri: &Uri) -> Self {
        if uri.path().ends_with('/') { Self::Slash } else { Self::Plain }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Slash => "/",
        }
    }
}

/// A gateway URL in its one spelling: what an access token has to be for.
pub(crate) fn resource(config: &Config, account: &str, server: Option<&str>) -> String {
    match server {
        Some(server) => format!("{}/{account}/{server}/mcp", config.public_origin),
        None => format!("{}/{account}/mcp", config.public_origin),
    }
}

/// The address of a gateway URL's metadata; the origin's own where the path names nothing that could be.
pub(crate) fn url(config: &Config, (account, server): (&str, Option<&str>), spelling: Spelling) -> String {
    let named = account.parse::<AccountSlug>().is_ok() && server.is_none_or(|slug| slug.parse::<ServerSlug>().is_ok());
    let (origin, end) = (&config.public_origin, spelling.end());
    match server {
        _ if !named => format!("{origin}{WELL_KNOWN}"),
        Some(server) => format!("{origin}{WELL_KNOWN}/{account}/{server}/mcp{end}"),
        None => format!("{origin}{WELL_KNOWN}/{account}/mcp{end}"),
    }
}

async fn of_origin(State(shared): State<Arc<Shared>>) -> Response {
    let origin = shared.config.public_origin.clone();
    answer(&shared.config, &origin)
}

async fn of_account(State(shared): State<Arc<Shared>>, Path(account): Path<String>, uri: Uri) -> Response {
    match account.parse::<AccountSlug>() {
        Ok(account) => named(&shared.config, (account.as_str(), None), Spelling::of(&uri)),
        Err(_) => nothing(),
    }
}

async fn of_server(
    State(shared): State<Arc<Shared>>,
    Path((account, server)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    match (account.parse::<AccountSlug>(), server.parse::<ServerSlug>()) {
        (Ok(account), Ok(server)) => {
            named(&shared.config, (account.as_str(), Some(server.as_str())), Spelling::of(&uri))
        }
        _ => nothing(),
    }
}

fn named(config: &Config, (account, server): (&str, Option<&str>), spelling: Spelling) -> Response {
    answer(config, &format!("{}{}", resource(config, account, server), spelling.end()))
}

/// `offline_access` is for the authorization server to offer, not for a resource.
fn answer(config: &Config, resource: &str) -> Response {
    let scopes: Vec<&str> = Scopes::READ_AND_WRITE.iter().map(domain::Scope::as_str).collect();
    let document = json!({
        "resource": resource,
        "authorization_servers": [config.issuer],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": "Portcullis",
    });
    let mut response = Response::new(Body::from(document.to_string()));
    let headers = response.headers_mut();
    open_to_pages(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn nothing() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn preflight() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    open_to_pages(response.headers_mut());
    response
}

fn open_to_pages(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
}
