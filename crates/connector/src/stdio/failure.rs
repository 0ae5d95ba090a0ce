//! The answers that a process did not give: JSON-RPC errors that say what happened to the request.
//!
//! Whether the process ever got the request is said in `data.delivered`.

use bytes::Bytes;
use mcp::code;

use super::{
    exchange::{Answer, From, NotBegun},
    filed::Text,
};
use crate::{
    answer::{self, Delivery},
    message::Id,
};

pub(crate) const NOT_READING: &str = "the server's process does not read its input";
pub(crate) const NOT_RUNNING: &str = "the server's process keeps ending and is being started again; try again later";
pub(crate) const TOO_MANY: &str = "too many sessions are in use on this connector; try again later";
pub(crate) const CANCELLED: &str = "the request was cancelled";
pub(crate) const SESSION_ENDED: &str = "the session ended";

/// The process never got the request.
pub(crate) fn undelivered(id: &Id, why: &str) -> Answer {
    Answer { text: Text::Held(answer::no_answer(Some(id), why, Delivery::Never)), from: From::Undelivered }
}

/// The process got the request and did not answer it.
pub(crate) fn lost(id: &Id, why: &str) -> Answer {
    Answer { text: Text::Held(answer::no_answer(Some(id), why, Delivery::Perhaps)), from: From::Lost }
}

/// Why a request cannot begin, in words.
pub(crate) fn not_begun(why: NotBegun) -> &'static str {
    match why {
        NotBegun::IdInUse => "a request with this id has not been answered yet",
        NotBegun::TooMany => "too many requests of this session are waiting for an answer",
    }
}

/// A process' end, in words.
pub(crate) fn ended(how: &str) -> String {
    format!("the server's process ended before it answered ({how})")
}

/// The process could not be started.
pub(crate) fn cannot_start(error: &std::io::Error) -> String {
    format!("the server's process cannot be started: {error}")
}

/// To the process: its question reached nobody.
pub(crate) fn nobody_listens(id: &Id) -> Bytes {
    answer::rpc_error(Some(id), code::INTERNAL_ERROR, "the client has no stream open to receive this request", None)
}

/// To the process: in the stateless era a server asks its client nothing (MCP 2026-07-28, basic/transports).
pub(crate) fn no_questions(id: &Id) -> Bytes {
    answer::rpc_error(Some(id), code::METHOD_NOT_FOUND, "a server may not send requests in this protocol version", None)
}
