//! Every answer for programs that is not a success, and its status. Nobody else in this crate writes an error status.
//!
//! The codes are those of RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 7591 §3.2.2 and RFC 8707 §2.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// Why a program's request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    code: Code,
    description: String,
    /// The client spoke HTTP Basic, so that is what a 401 has to name (RFC 6749 §5.2).
    basic: Spoke,
    retry_after_s: Option<i64>,
}

/// How the client said who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoke {
    /// In the form.
    Form,
    /// In the `Authorization` header.
    Basic,
}

/// The codes that clients act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    UnsupportedGrantType,
    InvalidRedirectUri,
    InvalidClientMetadata,
    SlowDown,
    TemporarilyUnavailable,
    ServerError,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Code,
    error_description: &'a str,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::SlowDown => StatusCode::TOO_MANY_REQUESTS,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl Refused {
    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn new(code: Code, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), basic: Spoke::Form, retry_after_s: None }
    }

    /// A request that cannot be read.
    pub(crate) fn unreadable(description: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// Too much was asked for; the wait is in seconds.
    pub(crate) fn wait(description: impl Into<String>, retry_after_s: i64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(Code::SlowDown, description) }
    }

    /// The same refusal, to a client that spoke like this.
    pub(crate) fn to(self, basic: Spoke) -> Self {
        Self { basic, ..self }
    }

    /// A fault of ours; what it was goes to the log, once.
    pub(crate) fn fault(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(what, error, "request of an app failed");
        Self::new(Code::ServerError, "something went wrong here; try again in a moment")
    }
}

impl From<accounts::Error> for Refused {
    fn from(error: accounts::Error) -> Self {
        match error {
            accounts::Error::Busy => {
                let away = "something that is needed does not answer; try again in a moment";
                Self { retry_after_s: Some(1), ..Self::new(Code::TemporarilyUnavailable, away) }
            }
            other => Self::fault("a use case failed", &other),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Body { error: self.code, error_description: &plain(&self.description) };
        let mut response = (self.code.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == Code::InvalidClient && self.basic == Spoke::Basic {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"portcullis\""));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(HeaderName::from_static("retry-after"), HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// RFC 6749 §5.2 allows printable ASCII without `"` and `\` in a description.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '“' | '”' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_status_that_clients_act_on() {
        for (refused, status, code) in [
            (Refused::new(Code::InvalidGrant, "x"), 400, "invalid_grant"),
            (Refused::new(Code::InvalidClient, "x"), 401, "invalid_client"),
            (Refused::new(Code::InvalidTarget, "x"), 400, "invalid_target"),
            (Refused::new(Code::UnsupportedGrantType, "x"), 400, "unsupported_grant_type"),
            (Refused::wait("x", 7), 429, "slow_down"),
        ] {
            assert_eq!(serde_json::to_value(refused.code).unwrap(), code);
            let response = refused.into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
        assert_eq!(Refused::wait("x", 7).into_response().headers()["retry-after"], "7");
    }

    #[test]
    fn who_spoke_basic_is_told_in_basic() {
        let refused = Refused::new(Code::InvalidClient, "x");
        assert!(!refused.clone().into_response().headers().contains_key(header::WWW_AUTHENTICATE));
        let to = refused.to(Spoke::Basic).into_response();
        assert_eq!(to.headers()[header::WWW_AUTHENTICATE], "Basic realm=\"portcullis\"");
    }

    #[test]
    fn a_description_is_plain() {
        assert_eq!(plain("no “such” \"thing\"\r\n\\ é"), "no 'such' 'thing'??' ?");
    }
}
