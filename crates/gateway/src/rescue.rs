//! The one place where failures become answers. Every answer of a failure is JSON: a JSON-RPC error, with the request's
//! id where it is known, a stable reason in `data`, and the HTTP status that MCP clients act on rightly.
//!
//! A failure of the upstream is HTTP 200 towards a request: the statuses 401, 403, 404, 429 and 5xx would be read as the
//! gateway's own (OAuth, lost session, retry), and several clients drop the text of an answer that comes with them.
//! Our own error codes lie outside -32768…-32000, which JSON-RPC and MCP keep for themselves.

use axum::body::Body;
use bytes::Bytes;
use domain::Scopes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use mcp::{Era, Method, ProtocolVersion};
use serde_json::json;

use crate::{
    answer::{accepted, json_answer},
    ask::Asked,
    connect,
    failure::{Failure, Presented, UpstreamFailure},
};

/// The code of what went wrong at a server, beside those of our own.
pub(crate) const UPSTREAM: i64 = -31_010;

/// Codes of our own.
mod own {
    pub(super) const GATEWAY: i64 = -31_000;
    pub(super) const UNAUTHENTICATED: i64 = -31_001;
    pub(super) const NO_SERVER: i64 = -31_002;
    pub(super) const NO_SESSION: i64 = -31_003;
    pub(super) const SUSPENDED: i64 = -31_004;
    pub(super) const NOT_RECORDED: i64 = -31_005;
    pub(super) const SCOPE: i64 = -31_006;
}

/// The answer to a request that failed.
pub(crate) fn answer(failure: &Failure, asked: &Asked) -> Response<Body> {
    log(failure);
    let status = status(failure, asked);
    if status == StatusCode::ACCEPTED {
        return accepted();
    }
    let mut response = json_answer(status, body(failure, asked));
    let headers = response.headers_mut();
    match failure {
        Failure::Busy | Failure::Crowded | Failure::Unavailable | Failure::NotRecorded => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Failure::Unauthenticated(Presented::Nothing) => challenge(headers, "", asked),
        Failure::Unauthenticated(Presented::SomethingElse) => {
            challenge(headers, "error=\"invalid_token\", ", asked);
        }
        Failure::Scope(_) => challenge(headers, "error=\"insufficient_scope\", ", asked),
        Failure::HttpMethod => {
            // The stateless era has neither streams to open nor sessions to end.
            let allowed = if asked.era == Era::Stateless { "POST" } else { "GET, POST, DELETE" };
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        _ => {}
    }
    response
}

/// How to get in, or further (RFC 6750 §3, RFC 9728 §5.1): all scopes at once, so that nobody is asked twice.
fn challenge(headers: &mut HeaderMap, error: &str, asked: &Asked) {
    let text = format!("Bearer {error}scope=\"{}\", resource_metadata=\"{}\"", Scopes::READ_AND_WRITE, asked.metadata);
    let value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"));
    headers.insert(header::WWW_AUTHENTICATE, value);
}

/// The JSON-RPC error of a failure.
pub(crate) fn body(failure: &Failure, asked: &Asked) -> Bytes {
    let id = asked.id.as_ref();
    if let Failure::Upstream(UpstreamFailure::Credential(error)) = failure
        && let Some(question) = connect::question(error, asked)
    {
        return question;
    }
    match failure {
        Failure::Read(error) if asked.id.is_none() => error.to_response(),
        Failure::Headers(error) => {
            let supported: Vec<_> = ProtocolVersion::ALL.iter().map(|version| version.as_str()).collect();
            error.to_response(id, &supported)
        }
        // What a person has to do about it is told where a model reads it.
        Failure::Upstream(UpstreamFailure::Credential(error))
            if asked.kind == Some(Method::ToolsCall) && error.is_for_the_caller() =>
        {
            match id {
                Some(id) => mcp::error_result(id, asked.era, &error.to_string()),
                None => Bytes::new(),
            }
        }
        other => {
            let data = json!({ "reason": other.reason() });
            mcp::error_response(id, code(other), &other.to_string(), Some(&data))
        }
    }
}

fn log(failure: &Failure) {
    match failure {
        Failure::Upstream(_)
        | Failure::HolderGone
        | Failure::NotRecorded
        | Failure::Unavailable
        | Failure::Busy
        | Failure::Crowded => {
            tracing::info!(reason = failure.reason(), error = %failure, "a request failed");
        }
        _ => tracing::debug!(reason = failure.reason(), "a request was refused"),
    }
}

fn status(failure: &Failure, asked: &Asked) -> StatusCode {
    match failure {
        Failure::Busy | Failure::Crowded | Failure::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Guard(_) | Failure::Scope(_) => StatusCode::FORBIDDEN,
        Failure::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Failure::NoServer | Failure::NoSession | Failure::ForeignSession => StatusCode::NOT_FOUND,
        Failure::HttpMethod => StatusCode::METHOD_NOT_ALLOWED,
        Failure::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Failure::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::BodyLate => StatusCode::REQUEST_TIMEOUT,
        Failure::BodyBroken | Failure::Read(_) | Failure::Headers(_) => StatusCode::BAD_REQUEST,
        // 2026-07-28 basic/transports/streamable-http: an unknown method is 404; before, 404 meant a lost session.
        Failure::Method { .. } if asked.id.is_some() && asked.era == Era::Stateless => StatusCode::NOT_FOUND,
        // A notification is never answered: one that does not go on has been taken all the same.
        Failure::Method { .. } if asked.id.is_none() => StatusCode::ACCEPTED,
        Failure::Streams => StatusCode::TOO_MANY_REQUESTS,
        Failure::Method { .. }
        | Failure::Suspended
        | Failure::NotRecorded
        | Failure::HolderGone
        | Failure::Round
        | Failure::Params(_)
            if asked.id.is_some() =>
        {
            StatusCode::OK
        }
        Failure::Method { .. } | Failure::Suspended | Failure::Round | Failure::Params(_) => StatusCode::FORBIDDEN,
        Failure::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
        Failure::HolderGone => StatusCode::BAD_GATEWAY,
        Failure::Upstream(_) if asked.id.is_some() => StatusCode::OK,
        Failure::Upstream(UpstreamFailure::Late) => StatusCode::GATEWAY_TIMEOUT,
        Failure::Upstream(_) => StatusCode::BAD_GATEWAY,
    }
}

fn code(failure: &Failure) -> i64 {
    match failure {
        Failure::Unauthenticated(_) => own::UNAUTHENTICATED,
        Failure::NoServer => own::NO_SERVER,
        Failure::NoSession | Failure::ForeignSession => own::NO_SESSION,
        Failure::Suspended => own::SUSPENDED,
        Failure::NotRecorded => own::NOT_RECORDED,
        Failure::Scope(_) => own::SCOPE,
        Failure::Read(error) => error.code(),
        Failure::Method { .. } => mcp::code::METHOD_NOT_FOUND,
        Failure::Round | Failure::Params(_) => mcp::code::INVALID_PARAMS,
        Failure::TooLarge { .. } | Failure::MediaType | Failure::BodyBroken => mcp::code::INVALID_REQUEST,
        Failure::Upstream(_) => UPSTREAM,
        _ => own::GATEWAY,
    }
}

#[cfg(test)]
mod tests {
    use mcp::Id;

    use super::*;

    #[test]
    fn our_codes_lie_outside_the_reserved_range() {
        let codes = [
            own::GATEWAY,
            own::UNAUTHENTICATED,
            own::NO_SERVER,
            own::NO_SESSION,
            own::SUSPENDED,
            own::NOT_RECORDED,
            own::SCOPE,
            UPSTREAM,
        ];
        for code in codes {
            assert!(!(-32_768..=-32_000).contains(&code), "{code}");
        }
    }

    #[test]
    fn an_upstreams_failure_never_looks_like_ours() {
        let asked = Asked { id: Some(Id::number(1)), era: Era::Stateless, ..Asked::default() };
        for status in [401, 403, 404, 429, 500, 503] {
            let failure = Failure::Upstream(UpstreamFailure::Status { status, words: "no".to_owned() });
            let answer = answer(&failure, &asked);
            assert_eq!(answer.status(), StatusCode::OK);
            assert!(!answer.headers().contains_key(header::WWW_AUTHENTICATE));
        }
    }
}
