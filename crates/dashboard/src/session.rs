//! The beginning and the end of a session in the browser.

use axum::response::Response;
use domain::Token;
use http::{HeaderName, HeaderValue};
use web_kit::{
    Flash, Visit,
    cookies::{self, CookieName},
    go_to, go_to_with,
};

/// Gives the browser its session and sends it on.
pub(crate) fn begin<W>(visit: &Visit<W>, token: &Token, path: &str, flash: Option<&Flash>) -> Response {
    let mut response = match flash {
        Some(flash) => go_to_with(visit.kit(), path, flash),
        None => go_to(path),
    };
    cookies::set(response.headers_mut(), CookieName::Session, token.expose(), &visit.kit().config().public_origin);
    response
}

/// Takes the session away, and with it the pages that the browser kept for its Back button.
pub(crate) fn end<W>(visit: &Visit<W>, path: &str) -> Response {
    let mut response = go_to(path);
    let headers = response.headers_mut();
    cookies::clear(headers, CookieName::Session, &visit.kit().config().public_origin);
    headers.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));
    response
}
