//! Programs in browsers may use what is for programs, from any page: no cookie counts here, so no person's standing is lent to them.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode};

const HEADERS: [(&str, &str); 4] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    // A star does not stand for Authorization.
    ("access-control-allow-headers", "authorization, content-type, accept, mcp-protocol-version"),
    ("access-control-expose-headers", "www-authenticate, retry-after"),
];

/// Answers the question before a request, and lets the page read the answer.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    let asks_first = request.method() == Method::OPTIONS;
    let mut response = if asks_first { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if asks_first {
        headers.insert(HeaderName::from_static("access-control-max-age"), HeaderValue::from_static("86400"));
    }
    response
}
