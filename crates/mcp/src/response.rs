//! What a frame from upstream is, without judging what is inside.
//!
//! Only the envelope is checked (`jsonrpc`, the id, exactly one of result and error), and the brackets and strings of the
//! rest: results are passed on as they are, and can be large.

use std::borrow::Cow;

use crate::fault::{Fault, Finding};
use crate::id::Id;
use crate::json::{DEPTH_CEILING, Kind, Raw, Rigour, Scanner, fold::lookalike};
use crate::method::Method;
use crate::read::{ReadError, text_of};

/// One frame of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An answer.
    Response(ResponseFacts<'a>),
    /// A request of the server's own: sampling, elicitation, roots, ping.
    Request {
        /// Its id, as sent.
        id: Id<'a>,
        /// The method.
        kind: Method,
        /// The method's name, unescaped.
        method: Cow<'a, str>,
    },
    /// A notification.
    Notification {
        /// The method.
        kind: Method,
        /// The method's name, unescaped.
        method: Cow<'a, str>,
    },
}

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseFacts<'a> {
    /// The id it answers; none on an error about a request that could not be read.
    pub id: Option<Id<'a>>,
    /// Result or error.
    pub kind: ResponseKind<'a>,
}

/// Result or error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseKind<'a> {
    /// A result.
    Result {
        /// Whether it says `isError: true`, as failed tool calls do.
        is_error: bool,
        /// Its `resultType`, unescaped (stateless era).
        result_type: Option<Cow<'a, str>>,
        /// Whether it has a member that some client takes for `tools`, so that it may be a list of them.
        lists_tools: bool,
    },
    /// A JSON-RPC error.
    Error {
        /// Its code.
        code: i64,
    },
}

impl Frame<'_> {
    /// The same, independent of the bytes it was read from.
    pub fn into_owned(self) -> Frame<'static> {
        match self {
            Frame::Response(facts) => Frame::Response(facts.into_owned()),
            Frame::Request { id, kind, method } => {
                Frame::Request { id: id.into_owned(), kind, method: Cow::Owned(method.into_owned()) }
            }
            Frame::Notification { kind, method } => {
                Frame::Notification { kind, method: Cow::Owned(method.into_owned()) }
            }
        }
    }
}

impl ResponseKind<'_> {
    /// An error with this code.
    pub(crate) fn error<'a>(code: Option<i64>) -> Result<ResponseKind<'a>, Finding> {
        let code = code.ok_or_else(|| finding("an error needs an integer `code`"))?;
        Ok(ResponseKind::Error { code })
    }
}

impl ResponseFacts<'_> {
    /// The same, independent of the bytes they were read from.
    pub fn into_owned(self) -> ResponseFacts<'static> {
        let kind = match self.kind {
            ResponseKind::Error { code } => ResponseKind::Error { code },
            ResponseKind::Result { is_error, result_type, lists_tools } => {
                let result_type = result_type.map(|text| Cow::Owned(text.into_owned()));
                ResponseKind::Result { is_error, result_type, lists_tools }
            }
        };
        ResponseFacts { id: self.id.map(Id::into_owned), kind }
    }

    /// Whether this answers the request with that id.
    pub fn answers(&self, request: &Id<'_>) -> bool {
        self.id.as_ref().is_some_and(|id| request.matches(id))
    }

    /// Whether the upstream answered with an error or `isError` (POLICY.md §4, `count: successes`).
    pub fn is_failure(&self) -> bool {
        !matches!(self.kind, ResponseKind::Result { is_error: false, .. })
    }

    /// Whether a client may find a list of tools in it, whatever was asked. Servers that match answers to requests by id
    /// can be brought to answer one request with the answer of another, so this, and not the request, says what has to
    /// be filtered (POLICY.md §6).
    pub fn lists_tools(&self) -> bool {
        matches!(self.kind, ResponseKind::Result { lists_tools: true, .. })
    }

    /// Whether the server asks for input and the client will come back (2026-07-28 basic/patterns/mrtr).
    pub fn wants_input(&self) -> bool {
        matches!(&self.kind, ResponseKind::Result { result_type: Some(kind), .. } if kind == "input_required")
    }
}

/// The facts of an answer.
///
/// # Errors
/// When the bytes cannot be read, or are not a JSON-RPC response.
pub fn response_facts(bytes: &[u8]) -> Result<ResponseFacts<'_>, ReadError> {
    match frame(bytes)? {
        Frame::Response(facts) => Ok(facts),
        Frame::Request { id, .. } => Err(refused("expected a response, found a request", Some(id.into_owned()))),
        Frame::Notification { .. } => Err(refused("expected a response, found a notification", None)),
    }
}

/// What a frame is.
///
/// # Errors
/// When the bytes cannot be read, or are not a JSON-RPC message.
pub fn frame(bytes: &[u8]) -> Result<Frame<'_>, ReadError> {
    let scanned = scan(bytes).and_then(|(_, members)| members.frame());
    scanned.map_err(|Finding { fault, offset }| ReadError { fault, offset, id: None })
}

/// The members that tell what a frame is.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    pub jsonrpc: Option<Raw<'a>>,
    pub id: Option<Raw<'a>>,
    pub method: Option<Raw<'a>>,
    pub result: Option<ResponseKind<'a>>,
    pub error: Option<ResponseKind<'a>>,
    pub seen: Vec<&'static str>,
}

fn scan(bytes: &[u8]) -> Result<(&str, Members<'_>), Finding> {
    let text = text_of(bytes, usize::MAX)?;
    let mut scanner = Scanner::new(text, Rigour::Lenient, DEPTH_CEILING);
    if scanner.peek()? == Kind::Array {
        return Err(Finding { fault: Fault::Batch, offset: scanner.pos() });
    }
    let mut members = Members::default();
    scanner.object(&[], |scanner, key| members.read(scanner, key))?;
    scanner.end()?;
    Ok((text, members))
}

impl<'a> Members<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Result<(), Finding> {
        let at = scanner.pos();
        match key {
            "jsonrpc" => self.jsonrpc = Some(scanner.value()?),
            "id" => self.id = Some(scanner.value()?),
            "method" => self.method = Some(scanner.value()?),
            "result" => self.result = Some(result_kind(scanner)?),
            "error" => self.error = Some(error_kind(scanner)?),
            _ => return scanner.value().map(drop),
        }
        let known = crate::read::ENVELOPE_KEYS.iter().find(|known| **known == key);
        if self.seen.contains(&key) {
            return Err(Finding { fault: Fault::DuplicateKey { key: key.to_owned() }, offset: at });
        }
        self.seen.extend(known);
        Ok(())
    }

    pub(crate) fn frame(self) -> Result<Frame<'a>, Finding> {
        if self.jsonrpc.and_then(|version| version.as_string()).as_deref() != Some("2.0") {
            return Err(finding("`jsonrpc` must be \"2.0\""));
        }
        let id = match self.id {
            None => None,
            Some(raw) if raw.kind == Kind::Null && self.error.is_some() => None,
            Some(raw) => Some(Id::from_value(raw).ok_or_else(|| finding("`id` must be a string or a number"))?),
        };
        match (self.method, self.result, self.error, id) {
            (Some(method), None, None, id) => {
                let method = method.as_string().ok_or_else(|| finding("`method` must be a string"))?;
                let kind = Method::of(&method);
                Ok(match id {
                    Some(id) => Frame::Request { id, kind, method },
                    None => Frame::Notification { kind, method },
                })
            }
            (None, Some(kind), None, Some(id)) => Ok(Frame::Response(ResponseFacts { id: Some(id), kind })),
            (None, Some(_), None, None) => Err(finding("a result needs an `id`")),
            (None, None, Some(kind), id) => Ok(Frame::Response(ResponseFacts { id, kind })),
            _ => Err(finding("a message has exactly one of `method`, `result` and `error`")),
        }
    }
}

fn result_kind<'a>(scanner: &mut Scanner<'a>) -> Result<ResponseKind<'a>, Finding> {
    let (mut is_error, mut result_type, mut lists_tools) = (false, None, false);
    if scanner.peek()? != Kind::Object {
        scanner.value()?;
        return Ok(ResponseKind::Result { is_error, result_type, lists_tools });
    }
    scanner.object(&[], |scanner, key| {
        let value = scanner.value()?;
        match key {
            "isError" => is_error |= value.is_true(),
            "resultType" => result_type = value.as_string(),
            _ => lists_tools |= key == "tools" || lookalike(key, "tools"),
        }
        Ok(())
    })?;
    Ok(ResponseKind::Result { is_error, result_type, lists_tools })
}

fn error_kind<'a>(scanner: &mut Scanner<'a>) -> Result<ResponseKind<'a>, Finding> {
    let mut code = None;
    scanner.object(&[], |scanner, key| {
        let value = scanner.value()?;
        if key == "code" {
            code = value.text.parse().ok();
        }
        Ok(())
    })?;
    ResponseKind::error(code)
}

fn finding(reason: &'static str) -> Finding {
    Finding { fault: Fault::NotAMessage(reason), offset: 0 }
}

fn refused(reason: &'static str, id: Option<Id<'static>>) -> ReadError {
    ReadError { fault: Fault::NotAMessage(reason), offset: 0, id }
}

#[cfg(test)]
mod tests;
