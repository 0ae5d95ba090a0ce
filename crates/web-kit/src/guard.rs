//! Who may send what: the Host must be ours, and a request that changes something must come from our own pages.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, header};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::{Kit, Problem};

/// Refuses requests meant for another host (DNS rebinding) and, for changes, those that say nothing of where they come from.
pub(crate) async fn guard(State(kit): State<Kit>, request: Request, next: Next) -> Response {
    let origin = &kit.config().public_origin;
    let host = request.uri().authority().map(|a| a.as_str()).or_else(|| only(request.headers(), &header::HOST));
    if !host.is_some_and(|host| origin.answers_to(host)) {
        return Problem::WrongHost { origin: origin.to_string() }.into_response();
    }
    if changes(request.method()) && !says_where_from(request.headers()) {
        return Problem::CrossSite.into_response();
    }
    next.run(request).await
}

/// The `Sec-Fetch-Site`/`Origin` check of changing requests.
pub(crate) fn csrf_layer() -> CsrfLayer<fn(ProtectionError) -> Response<Body>> {
    let refuse: fn(ProtectionError) -> Response<Body> = |_| Problem::CrossSite.into_response();
    CsrfLayer::new().with_rejection_response(refuse)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Every browser of the last years sends one of the two with a form. `CsrfLayer` lets a request without both pass, for the sake of API
/// clients; pages have none.
fn says_where_from(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN)
}

fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() { None } else { Some(value) }
}
