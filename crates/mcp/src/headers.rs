//! Header rules: what mirrors the body must agree with it.
//!
//! The body is the source of truth; headers are checked against it and never decide anything. Source: MCP 2026-07-28
//! basic/transports/streamable-http "Request Metadata" and "Server Validation"; 2025-11-25 basic/transports "Protocol
//! Version Header".

mod param;
mod value;

use std::borrow::Cow;

use bytes::Bytes;

use crate::answer;
use crate::fault::code;
use crate::id::Id;
use crate::message::{Message, era_of_declared};
use crate::version::{Era, ProtocolVersion};

pub use param::{ParamHeader, ParamKind, SchemaError, check_param_headers, param_headers};
pub use value::encode_header_value;
use value::{decoded, one};

/// Names the protocol version.
pub const PROTOCOL_VERSION_HEADER: &str = "MCP-Protocol-Version";
/// Mirrors `method`.
pub const METHOD_HEADER: &str = "Mcp-Method";
/// Mirrors `params.name`, `params.uri` or `params.taskId`.
pub const NAME_HEADER: &str = "Mcp-Name";
/// Starts the headers that mirror arguments.
pub const PARAM_HEADER_PREFIX: &str = "Mcp-Param-";

/// The headers of a request, however they are kept.
pub trait HeaderView {
    /// Every value of one header, in order; the name is compared regardless of case.
    fn values<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]>;
}

impl<N: AsRef<str>, V: AsRef<[u8]>> HeaderView for [(N, V)] {
    fn values<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.iter().filter(move |(own, _)| own.as_ref().eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

/// How headers and body disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A required header is not there.
    #[error("Header mismatch: {header} is missing")]
    Missing {
        /// The header.
        header: Cow<'static, str>,
    },
    /// A header that must be alone is there more than once.
    #[error("Header mismatch: {header} is there more than once")]
    Duplicate {
        /// The header.
        header: Cow<'static, str>,
    },
    /// A value with bytes that headers cannot have, or a broken base64 wrapping.
    #[error("Header mismatch: {header} is malformed")]
    Malformed {
        /// The header.
        header: Cow<'static, str>,
    },
    /// The value is not the body's.
    #[error("Header mismatch: {header} does not match the body")]
    Mismatch {
        /// The header.
        header: Cow<'static, str>,
    },
    /// A version that nobody knows.
    #[error("Unsupported protocol version")]
    UnsupportedVersion {
        /// The version asked for.
        requested: String,
    },
    /// A stateless request without a required member of `_meta`.
    #[error("Invalid params: `_meta` has no `{field}`")]
    MissingMeta {
        /// The member.
        field: &'static str,
    },
    /// In the stateless era clients send no responses.
    #[error("Invalid Request: a client sends no responses in this protocol version")]
    ResponseFromClient,
}

impl HeaderError {
    /// The JSON-RPC error code. The HTTP status is always 400.
    pub fn code(&self) -> i64 {
        match self {
            HeaderError::UnsupportedVersion { .. } => code::UNSUPPORTED_PROTOCOL_VERSION,
            HeaderError::MissingMeta { .. } => code::INVALID_PARAMS,
            HeaderError::ResponseFromClient => code::INVALID_REQUEST,
            _ => code::HEADER_MISMATCH,
        }
    }

    /// The JSON-RPC error answer. `supported` is told with an unsupported version: what the server behind this URL speaks.
    pub fn to_response(&self, id: Option<&Id<'_>>, supported: &[&str]) -> Bytes {
        match self {
            HeaderError::UnsupportedVersion { requested } => answer::unsupported_version(id, requested, supported),
            _ => answer::error_response(id, self.code(), &self.to_string(), None),
        }
    }
}

/// Which era a message speaks: the stateless one if its own `_meta` names a version that has no handshake, or, where it
/// names none, if the header does. The second case is an error that [`check_headers`] names in the words of that era.
pub fn era<H: HeaderView + ?Sized>(message: &Message<'_>, headers: &H) -> Era {
    match message.declared_version() {
        Some(version) => era_of_declared(version),
        None => headers
            .values(PROTOCOL_VERSION_HEADER)
            .filter_map(|value| std::str::from_utf8(value.trim_ascii()).ok().and_then(ProtocolVersion::parse))
            .map(ProtocolVersion::era)
            .find(|era| *era == Era::Stateless)
            .unwrap_or(Era::Initialize),
    }
}

/// Which era a request without a message speaks: one that opens a stream or ends a session. Nothing but its header says so,
/// and one without the header is of the first era.
///
/// # Errors
/// When the header is there twice, is malformed, or names a version that nobody knows (2025-11-25 basic/transports
/// "Protocol Version Header").
pub fn era_without_message<H: HeaderView + ?Sized>(headers: &H) -> Result<Era, HeaderError> {
    let Some(version) = one(headers, PROTOCOL_VERSION_HEADER)? else { return Ok(Era::Initialize) };
    let known = ProtocolVersion::parse(version).map(ProtocolVersion::era);
    known.ok_or_else(|| HeaderError::UnsupportedVersion { requested: version.to_owned() })
}

/// Checks the version and the headers that mirror the body.
///
/// In the stateless era they are required; in the other they may be missing, but what is there must agree.
///
/// # Errors
/// See [`HeaderError`]; the version is judged first, since the other rules depend on it.
pub fn check_headers<H: HeaderView + ?Sized>(headers: &H, message: &Message<'_>) -> Result<(), HeaderError> {
    let era = era(message, headers);
    check_version(headers, message, era)?;
    if era == Era::Stateless {
        check_meta(message)?;
    }
    let required = era == Era::Stateless && matches!(message, Message::Request(_));
    check_mirror(METHOD_HEADER, one(headers, METHOD_HEADER)?.map(Cow::Borrowed), message.method(), required)?;
    let name = one(headers, NAME_HEADER)?.map(|value| decoded(NAME_HEADER, value)).transpose()?;
    let known = message.kind().is_some_and(|kind| kind.exists_in(era));
    check_mirror(NAME_HEADER, name, message.name().filter(|_| known), required)
}

/// The headers that a stateless message must travel with: version, method, and name where the method has one. Arguments
/// that a tool mirrors are not here.
pub fn mirror_headers(message: &Message<'_>) -> Vec<(&'static str, String)> {
    let mut headers = Vec::with_capacity(3);
    if let Some(version) = message.declared_version() {
        headers.push((PROTOCOL_VERSION_HEADER, encode_header_value(version)));
    }
    if let Some(method) = message.method() {
        headers.push((METHOD_HEADER, method.to_owned()));
    }
    if let Some(name) = message.name() {
        headers.push((NAME_HEADER, encode_header_value(name)));
    }
    headers
}

fn check_version<H: HeaderView + ?Sized>(headers: &H, message: &Message<'_>, era: Era) -> Result<(), HeaderError> {
    let header = one(headers, PROTOCOL_VERSION_HEADER)?;
    let declared = message.declared_version();
    let required = era == Era::Stateless && declared.is_some();
    check_mirror(PROTOCOL_VERSION_HEADER, header.map(Cow::Borrowed), declared, required)?;
    match declared.or(header) {
        Some(version) if ProtocolVersion::parse(version).is_none() => {
            Err(HeaderError::UnsupportedVersion { requested: version.to_owned() })
        }
        _ => Ok(()),
    }
}

/// What `_meta` must have in the stateless era (basic/index "Per-request protocol fields").
fn check_meta(message: &Message<'_>) -> Result<(), HeaderError> {
    let params = match message {
        Message::Response(_) => return Err(HeaderError::ResponseFromClient),
        Message::Notification(_) => return Ok(()),
        Message::Request(request) => request.params.as_ref(),
    };
    let meta = params.and_then(|params| params.meta.as_ref());
    if meta.is_none_or(|meta| meta.protocol_version.is_none()) {
        return Err(HeaderError::MissingMeta { field: crate::read::PROTOCOL_VERSION });
    }
    if meta.is_none_or(|meta| meta.client_capabilities.is_none()) {
        return Err(HeaderError::MissingMeta { field: crate::read::CLIENT_CAPABILITIES });
    }
    Ok(())
}

/// A header that mirrors nothing is left alone; one that mirrors something must equal it.
fn check_mirror(
    header: &'static str,
    value: Option<Cow<'_, str>>,
    body: Option<&str>,
    required: bool,
) -> Result<(), HeaderError> {
    match (value, body) {
        (Some(value), Some(body)) if value != body => Err(HeaderError::Mismatch { header: header.into() }),
        (None, Some(_)) if required => Err(HeaderError::Missing { header: header.into() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
