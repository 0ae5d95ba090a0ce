//! From a server's URL to its authorization server (MCP 2026-07-28 basic/authorization/authorization-server-discovery).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use mcp::{Era, Id, OwnClient};
use serde_json::Value;

use super::{
    AuthorizationError, Challenge, Rules,
    metadata::{AuthorizationServer, ResourceMetadata, path_of},
};
use crate::{Exchange, UpstreamUrl};

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const THE_SERVER: &str = "the server";
const THE_ISSUER: &str = "the authorization server";

/// What was found out about a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// What tokens are to be asked for: the `resource` parameter (RFC 8707).
    pub resource: String,
    /// Who gives them.
    pub server: AuthorizationServer,
    /// The scopes to ask for, as the server says; none: it does not say.
    pub scope: Option<String>,
}

/// Finds the authorization server of a server: by the challenge in its refusal, else at the well-known places, else as
/// 2025-03-26 did it. `headers` go with the request to the server itself, and nowhere else.
///
/// # Errors
/// [`AuthorizationError`].
pub async fn discover<E: Exchange>(
    via: &E,
    rules: &Rules,
    server: &UpstreamUrl,
    headers: &HeaderMap,
) -> Result<Discovered, AuthorizationError> {
    rules.address("server's URL", server.as_str())?;
    let (asked, challenge) = knock(via, rules, server, headers).await?;
    let Some(metadata) = resource_metadata(via, rules, server, &challenge).await? else {
        return without_resource_metadata(via, rules, server, (asked, challenge)).await;
    };
    let found = authorization_server(via, rules, &metadata.issuer).await?;
    let found = found.ok_or_else(|| AuthorizationError::NoMetadata { issuer: metadata.issuer.clone() })?;
    let listed = metadata.scopes.map(|scopes| scopes.join(" ")).filter(|scope| !scope.is_empty());
    Ok(Discovered { resource: metadata.resource, server: found, scope: challenge.scope.or(listed) })
}

/// Whether the server wanted to be asked with authorization, and what it says about that. Some greet everyone, and ask for
/// authorization only when something is wanted of them, so a list is wanted as well.
async fn knock<E: Exchange>(
    via: &E,
    rules: &Rules,
    server: &UpstreamUrl,
    headers: &HeaderMap,
) -> Result<(bool, Challenge), AuthorizationError> {
    let client = OwnClient { name: "portcullis", version: env!("CARGO_PKG_VERSION") };
    let greeting = mcp::initialize_request(&Id::number(1), client);
    let list = mcp::tools_list_request(&Id::number(2), Era::Stateless, client, None);
    for (message, stateless) in [(greeting, None), (list, Some("tools/list"))] {
        let mut request = knocking(server, headers, message)?;
        if let Some(method) = stateless {
            request.headers_mut().insert(PROTOCOL_VERSION, HeaderValue::from_static(mcp::STATELESS));
            request.headers_mut().insert(METHOD, HeaderValue::from_static(method));
        }
        let (status, headers) = head(via, rules, request).await?;
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok((true, Challenge::of(&headers)));
        }
    }
    Ok((false, Challenge::default()))
}

/// A request to the server itself, without authorization.
fn knocking(server: &UpstreamUrl, headers: &HeaderMap, message: Bytes) -> Result<Request<Bytes>, AuthorizationError> {
    let mut request = Request::new(message);
    let address = |problem| AuthorizationError::Address { what: "server's URL", problem };
    *request.method_mut() = Method::POST;
    *request.uri_mut() = server.to_uri().map_err(address)?;
    *request.headers_mut() = headers.clone();
    let both = HeaderValue::from_static("application/json, text/event-stream");
    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().insert(header::ACCEPT, both);
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// The head of an answer; its body, which may be an endless stream, is not waited for.
async fn head<E: Exchange>(
    via: &E,
    rules: &Rules,
    request: Request<Bytes>,
) -> Result<(StatusCode, HeaderMap), AuthorizationError> {
    let unreachable = |words| AuthorizationError::Unreachable { what: THE_SERVER, words };
    match tokio::time::timeout(rules.per_request, via.send(request)).await {
        Ok(Ok(answer)) => Ok((answer.status(), answer.headers().clone())),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", rules.per_request.as_secs()))),
    }
}

async fn resource_metadata<E: Exchange>(
    via: &E,
    rules: &Rules,
    server: &UpstreamUrl,
    challenge: &Challenge,
) -> Result<Option<ResourceMetadata>, AuthorizationError> {
    let (origin, path) = (server.origin(), path_of(server));
    let places = match &challenge.resource_metadata {
        Some(url) => vec![url.clone()],
        None if path.is_empty() => vec![format!("{origin}{RESOURCE}")],
        None => vec![format!("{origin}{RESOURCE}{path}"), format!("{origin}{RESOURCE}")],
    };
    match first(via, rules, THE_SERVER, &places).await? {
        Some(document) => ResourceMetadata::read(&document, server).map(Some),
        None => Ok(None),
    }
}

async fn authorization_server<E: Exchange>(
    via: &E,
    rules: &Rules,
    issuer: &str,
) -> Result<Option<AuthorizationServer>, AuthorizationError> {
    let url = rules.address("authorization server's address", issuer)?;
    let (origin, path) = (url.origin(), path_of(&url));
    let places = if path.is_empty() {
        vec![format!("{origin}{SERVER}"), format!("{origin}{OPENID}")]
    } else {
        vec![format!("{origin}{SERVER}{path}"), format!("{origin}{OPENID}{path}"), format!("{origin}{path}{OPENID}")]
    };
    match first(via, rules, THE_ISSUER, &places).await? {
        Some(document) => AuthorizationServer::read(&document, issuer, rules).map(Some),
        None => Ok(None),
    }
}

/// As before there was protected-resource metadata: the server's own origin is the authorization server.
async fn without_resource_metadata<E: Exchange>(
    via: &E,
    rules: &Rules,
    server: &UpstreamUrl,
    (asked, challenge): (bool, Challenge),
) -> Result<Discovered, AuthorizationError> {
    let origin = server.origin();
    let found = match authorization_server(via, rules, &origin).await {
        // The origin's name may be written with the slash that belongs to its URL.
        Err(AuthorizationError::Issuer { found, .. }) if found == format!("{origin}/") => {
            authorization_server(via, rules, &found).await?
        }
        found => found?,
    };
    let found = match found {
        Some(found) => found,
        None if asked => AuthorizationServer::by_convention(&origin),
        None => return Err(AuthorizationError::NotWanted),
    };
    let resource = server.as_str().trim_end_matches('/').to_owned();
    Ok(Discovered { resource, server: found, scope: challenge.scope })
}

async fn first<E: Exchange>(
    via: &E,
    rules: &Rules,
    what: &'static str,
    places: &[String],
) -> Result<Option<Value>, AuthorizationError> {
    for place in places {
        if let Some(document) = rules.document(via, what, place).await? {
            return Ok(Some(document));
        }
    }
    Ok(None)
}
