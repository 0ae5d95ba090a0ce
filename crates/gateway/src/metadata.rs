//! Protected-resource metadata (RFC 9728): where a client that knows nothing but a gateway URL learns who gives tokens for it.
//!
//! The same for accounts and servers that exist and for those that do not. Any page may read it.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use domain::{AccountSlug, Scopes, ServerSlug};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{config::Config, gateway::Shared};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Where the metadata is.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(WELL_KNOWN, get(of_origin).options(preflight))
        .route(&format!("{WELL_KNOWN}/{{account}}/mcp"), get(of_account).options(preflight))
        .route(&format!("{WELL_KNOWN}/{{account}}/{{server}}/mcp"), get(of_server).options(preflight))
}

/// A gateway URL in its one spelling: what an access token has to be for.
pub(crate) fn resource(config: &Config, account: &str, server: Option<&str>) -> String {
    match server {
        Some(server) => format!("{}/{account}/{server}/mcp", config.public_origin),
        None => format!("{}/{account}/mcp", config.public_origin),
    }
}

/// The address of a gateway URL's metadata; the origin's own where the path names nothing that could be.
pub(crate) fn url(config: &Config, account: &str, server: Option<&str>) -> String {
    let named = account.parse::<AccountSlug>().is_ok() && server.is_none_or(|slug| slug.parse::<ServerSlug>().is_ok());
    let origin = &config.public_origin;
    match server {
        _ if !named => format!("{origin}{WELL_KNOWN}"),
        Some(server) => format!("{origin}{WELL_KNOWN}/{account}/{server}/mcp"),
        None => format!("{origin}{WELL_KNOWN}/{account}/mcp"),
    }
}

async fn of_origin(State(shared): State<Arc<Shared>>) -> Response {
    let origin = shared.config.public_origin.clone();
    answer(&shared.config, &origin)
}

async fn of_account(State(shared): State<Arc<Shared>>, Path(account): Path<String>) -> Response {
    match account.parse::<AccountSlug>() {
        Ok(account) => answer(&shared.config, &resource(&shared.config, account.as_str(), None)),
        Err(_) => nothing(),
    }
}

async fn of_server(State(shared): State<Arc<Shared>>, Path((account, server)): Path<(String, String)>) -> Response {
    match (account.parse::<AccountSlug>(), server.parse::<ServerSlug>()) {
        (Ok(account), Ok(server)) => {
            answer(&shared.config, &resource(&shared.config, account.as_str(), Some(server.as_str())))
        }
        _ => nothing(),
    }
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
