//! What is refused before it reaches a process, in the words and statuses that servers of the official SDKs use.

use bytes::Bytes;
use http::{Response, StatusCode};
use mcp::code;

use crate::{
    answer::{self, Body},
    message::{Id, Kind, Message},
};

/// The revisions with a handshake, newest first; which of them holds is between the client and the process.
pub(crate) const HANDSHAKE_VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The body cannot be read whole.
pub(crate) fn too_long() -> Response<Body> {
    let why = "the body could not be read or is too long";
    refused(StatusCode::PAYLOAD_TOO_LARGE, answer::rpc_error(None, code::INVALID_REQUEST, why, None))
}

/// The body is no message.
pub(crate) fn unreadable(why: &str) -> Response<Body> {
    refused(StatusCode::BAD_REQUEST, answer::rpc_error(None, code::PARSE_ERROR, why, None))
}

/// A session is needed and not named.
pub(crate) fn no_session(id: Option<&Id>) -> Response<Body> {
    bad_request(id, "Bad Request: Missing session ID")
}

/// A session has one handshake.
pub(crate) fn initialized_already(id: &Id) -> Response<Body> {
    bad_request(Some(id), "Bad Request: the session is initialized already")
}

/// The session named is not, or no longer, there. Its client begins anew.
pub(crate) fn unknown_session(id: Option<&Id>) -> Response<Body> {
    refused(StatusCode::NOT_FOUND, answer::rpc_error(id, code::INVALID_REQUEST, "Session not found", None))
}

/// What makes a client of the stateless era fall back to the handshake.
pub(crate) fn handshake_needed(message: &Message, requested: &str) -> Response<Body> {
    let id = id_of(message).and_then(|id| mcp::Id::from_raw(id.raw()));
    refused(StatusCode::BAD_REQUEST, mcp::unsupported_version(id.as_ref(), requested, &HANDSHAKE_VERSIONS))
}

/// The id that an error about this message carries.
pub(crate) fn id_of(message: &Message) -> Option<&Id> {
    match &message.kind {
        Kind::Request(request) => Some(&request.id),
        _ => None,
    }
}

fn bad_request(id: Option<&Id>, why: &str) -> Response<Body> {
    refused(StatusCode::BAD_REQUEST, answer::rpc_error(id, code::INVALID_REQUEST, why, None))
}

fn refused(status: StatusCode, text: Bytes) -> Response<Body> {
    answer::undelivered(answer::json(status, text))
}
