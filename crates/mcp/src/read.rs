//! Reading a message: one strict pass, then the rules of JSON-RPC and MCP.
//!
//! Invariant: a message that is returned means the same to every JSON parser, so what was judged is what is run.

mod params;

use crate::answer;
use crate::fault::{Fault, Finding};
use crate::id::Id;
use crate::json::{DEPTH_CEILING, Kind, Raw, Rigour, Scanner};
use crate::message::{Message, Notification, Outcome, Params, Request, Response};
use crate::method::Method;
use bytes::Bytes;

pub(crate) use params::{CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION};

/// The members of a message (JSON-RPC 2.0 §4 and §5).
pub(crate) const ENVELOPE_KEYS: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// How much is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of one message.
    pub max_bytes: usize,
    /// Nesting, where the message itself is 1. More than 512 counts as 512.
    pub max_depth: usize,
}

impl Default for ReadLimits {
    /// 16 MiB, and nesting 64 (POLICY.md §2).
    fn default() -> Self {
        ReadLimits { max_bytes: 16 * 1024 * 1024, max_depth: 64 }
    }
}

/// Why bytes were refused, where, and whom to tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (byte {offset})")]
pub struct ReadError {
    /// What is wrong.
    pub fault: Fault,
    /// The offset in bytes of what is wrong.
    pub offset: usize,
    /// The message's id, if it could be read without doubt.
    pub id: Option<Id<'static>>,
}

impl ReadError {
    /// The JSON-RPC error code.
    pub fn code(&self) -> i64 {
        self.fault.code()
    }

    /// A JSON-RPC error answer that says what was wrong and where.
    pub fn to_response(&self) -> Bytes {
        answer::error_response(self.id.as_ref(), self.code(), &self.to_string(), None)
    }
}

/// Reads one message under the default limits.
///
/// # Errors
/// Every deviation from strict JSON, JSON-RPC 2.0 and MCP's own narrowing of it: see [`Fault`].
pub fn read(bytes: &[u8]) -> Result<Message<'_>, ReadError> {
    read_with(bytes, ReadLimits::default())
}

/// Reads one message.
///
/// # Errors
/// As [`read`].
pub fn read_with(bytes: &[u8], limits: ReadLimits) -> Result<Message<'_>, ReadError> {
    let mut envelope = Envelope::default();
    let message = text_of(bytes, limits.max_bytes).and_then(|text| {
        envelope.scan(text, limits.max_depth)?;
        envelope.message(text)
    });
    message.map_err(|Finding { fault, offset }| ReadError { fault, offset, id: envelope.id_to_answer() })
}

/// The bytes as text, within the size limit.
pub(crate) fn text_of(bytes: &[u8], max_bytes: usize) -> Result<&str, Finding> {
    if bytes.len() > max_bytes {
        return Err(Finding { fault: Fault::TooLarge { limit: max_bytes }, offset: max_bytes });
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Finding { fault: Fault::ByteOrderMark, offset: 0 });
    }
    if bytes.trim_ascii().is_empty() {
        return Err(Finding { fault: Fault::Empty, offset: 0 });
    }
    std::str::from_utf8(bytes).map_err(|error| Finding { fault: Fault::NotUtf8, offset: error.valid_up_to() })
}

/// The members of the message, as far as they were read.
#[derive(Debug, Default)]
struct Envelope<'a> {
    jsonrpc: Option<Raw<'a>>,
    id: Option<Raw<'a>>,
    ids: usize,
    method: Option<Raw<'a>>,
    params: Option<Params<'a>>,
    result: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
    start: usize,
}

impl<'a> Envelope<'a> {
    fn scan(&mut self, text: &'a str, max_depth: usize) -> Result<(), Finding> {
        let mut scanner = Scanner::new(text, Rigour::Judged, max_depth);
        match scanner.peek()? {
            Kind::Object => {}
            Kind::Array => return Err(Finding { fault: Fault::Batch, offset: scanner.pos() }),
            _ => {
                scanner.value()?;
                scanner.end()?;
                return Err(Finding { fault: Fault::NotAnObject, offset: 0 });
            }
        }
        self.start = scanner.pos();
        scanner.object(ENVELOPE_KEYS, |scanner, key| self.member(scanner, key))?;
        scanner.end()?;
        scanner.take_noted().map_or(Ok(()), Err)
    }

    fn member(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Result<(), Finding> {
        match key {
            "params" => {
                self.params = params::read(scanner)?;
                return Ok(());
            }
            "jsonrpc" => self.jsonrpc = Some(scanner.value()?),
            "id" => {
                self.ids += 1;
                self.id = Some(scanner.value()?);
            }
            "method" => self.method = Some(scanner.value()?),
            "result" => self.result = Some(scanner.value()?),
            "error" => self.error = Some(scanner.value()?),
            _ => drop(scanner.value()?),
        }
        Ok(())
    }

    /// The id for an error answer: none if it was sent twice, since either could be meant.
    fn id_to_answer(&self) -> Option<Id<'static>> {
        let id = self.id.filter(|_| self.ids == 1)?;
        Id::from_value(id).map(Id::into_owned)
    }

    fn message(&mut self, text: &'a str) -> Result<Message<'a>, Finding> {
        match self.jsonrpc {
            Some(version) if version.as_string().as_deref() == Some("2.0") => {}
            Some(version) => return Err(not_a_message("`jsonrpc` must be \"2.0\"", version.start)),
            None => return Err(not_a_message("`jsonrpc` is missing", self.start)),
        }
        let id = match self.id {
            Some(raw) => {
                Some(Id::from_value(raw).ok_or(not_a_message("`id` must be a string or a number", raw.start))?)
            }
            None => None,
        };
        let Some(method) = self.method else { return self.response(id, text) };
        let Some(name) = method.as_string() else {
            return Err(not_a_message("`method` must be a string", method.start));
        };
        if let Some(outcome) = self.result.or(self.error) {
            return Err(not_a_message("a message with a `method` has no `result` or `error`", outcome.start));
        }
        let kind = Method::of(&name);
        let (params, raw) = (self.params.take(), text);
        match id {
            Some(id) => {
                if kind.is_notification() {
                    return Err(not_a_message("a notification has no `id`", method.start));
                }
                params::check(kind, params.as_ref()).map_err(|fault| Finding { fault, offset: self.start })?;
                Ok(Message::Request(Request { id, method: name, kind, params, raw }))
            }
            None if kind != Method::Unknown && !kind.is_notification() => {
                Err(not_a_message("this method needs an `id`", method.start))
            }
            None => Ok(Message::Notification(Notification { method: name, kind, params, raw })),
        }
    }

    fn response(&self, id: Option<Id<'a>>, raw: &'a str) -> Result<Message<'a>, Finding> {
        let Some(outcome) = Outcome::of(self.result, self.error) else {
            let reason = match self.result {
                Some(_) => "a response has either a `result` or an `error`, not both",
                None => "a message has a `method`, a `result` or an `error`",
            };
            return Err(not_a_message(reason, self.start));
        };
        let Some(id) = id else { return Err(not_a_message("a response needs an `id`", self.start)) };
        Ok(Message::Response(Response { id, outcome, raw }))
    }
}

fn not_a_message(reason: &'static str, offset: usize) -> Finding {
    Finding { fault: Fault::NotAMessage(reason), offset }
}

/// Puts a message on one line, as the stdio transport wants it: line breaks, which JSON has only between tokens, become
/// spaces. Nothing else changes; `None` if nothing has to.
pub fn on_one_line(message: &[u8]) -> Option<Bytes> {
    let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !message.iter().any(breaks) {
        return None;
    }
    Some(message.iter().map(|byte| if breaks(byte) { b' ' } else { *byte }).collect())
}

const _: () = assert!(DEPTH_CEILING == 512, "ReadLimits::max_depth documents this number");

#[cfg(test)]
mod tests;
