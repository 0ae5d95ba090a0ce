//! The way back to the client: its redirect URI with an answer in the query.

use accounts::RedirectUri;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use web_kit::FormTarget;

use crate::answers::plain;

/// Where an answer goes.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    /// The redirect URI, found to be the client's own.
    pub(crate) redirect: RedirectUri,
    /// What the client gave along, for it to recognise its own request.
    pub(crate) state: Option<String>,
}

/// What the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// The person allowed it.
    Code(&'a str),
    /// They did not, or the request was wrong (RFC 6749 §4.1.2.1).
    Error { code: &'static str, description: &'a str },
}

impl Back {
    /// The address with the answer. The issuer is in every answer, so that no other server's answer is taken for ours (RFC 9207).
    pub(crate) fn address(&self, told: &Told<'_>, issuer: &str) -> String {
        let description;
        let mut answer = match told {
            Told::Code(code) => vec![("code", *code)],
            Told::Error { code, description: words } => {
                description = plain(words);
                vec![("error", *code), ("error_description", &description)]
            }
        };
        answer.extend(self.state.as_deref().map(|state| ("state", state)));
        answer.push(("iss", issuer));
        self.redirect.with_query(&answer)
    }

    /// Sends the browser there.
    pub(crate) fn go(&self, told: &Told<'_>, issuer: &str) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        let headers = response.headers_mut();
        if let Ok(address) = HeaderValue::from_str(&self.address(told, issuer)) {
            headers.insert(header::LOCATION, address);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The place, for the policy of the page whose form leads there.
    pub(crate) fn target(&self) -> Option<FormTarget> {
        url::Url::parse(self.redirect.as_str()).ok().map(|uri| FormTarget::of(&uri))
    }
}
