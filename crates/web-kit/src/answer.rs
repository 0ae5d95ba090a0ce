//! Answers that pages give: a page, or "look there".

use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};

use crate::{
    Flash, Kit,
    cookies::{self, CookieName},
    stage::LeftFlash,
};

/// What a handler gives.
pub type Answer = Result<Response, crate::Problem>;

/// How long a page may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For the Back button.
    ForBack,
    /// Not at all: it shows a secret.
    Not,
}

/// A page.
#[must_use]
pub fn html(status: StatusCode, text: String, keep: Keep) -> Response {
    let mut response = (status, Html(text)).into_response();
    if keep == Keep::Not {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Sends the browser to another page of ours with a GET.
#[must_use]
pub fn go_to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Sends the browser to another page of ours, which shows a message once.
#[must_use]
pub fn go_to_with(kit: &Kit, path: &str, flash: &Flash) -> Response {
    let mut response = go_to(path);
    let config = kit.config();
    cookies::set(response.headers_mut(), CookieName::Flash, &flash.sign(&config.key), &config.public_origin);
    response.extensions_mut().insert(LeftFlash);
    response
}
