//! The one place where answers inside the tunnel get their HTTP form.

use bytes::Bytes;
use domain::tunnel;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use mcp::code;
use serde_json::{Value, json};

use crate::message::Id;

/// Any body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// Why a streamed body broke off.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Header naming a session.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Media type of an event stream.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// Whether a request that has no answer reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It cannot have had an effect.
    Never,
    /// It may have had one.
    Perhaps,
}

/// A JSON-RPC error, with the request's id exactly as it was sent.
pub(crate) fn rpc_error(id: Option<&Id>, code: i64, why: &str, data: Option<&Value>) -> Bytes {
    let id = id.and_then(|id| mcp::Id::from_raw(id.raw()));
    mcp::error_response(id.as_ref(), code, why, data)
}

/// The answer to a request that the server did not answer.
pub(crate) fn no_answer(id: Option<&Id>, why: &str, delivery: Delivery) -> Bytes {
    let data = json!({"delivered": delivery == Delivery::Perhaps});
    rpc_error(id, code::INTERNAL_ERROR, why, Some(&data))
}

/// A whole body.
pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, text: Bytes) -> Response<Body> {
    json_body(status, full(text))
}

/// A JSON answer whose text comes piece by piece.
pub(crate) fn json_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer that streams events.
pub(crate) fn event_stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    response
}

/// The same answer, marked: the request had no effect.
pub(crate) fn undelivered(mut response: Response<Body>) -> Response<Body> {
    let name = HeaderName::from_static(tunnel::UNDELIVERED_HEADER);
    response.headers_mut().insert(name, HeaderValue::from_static("1"));
    response
}

/// Another method than those an endpoint has.
pub(crate) fn method_not_allowed() -> Response<Body> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
    response
}
