//! What is found of a frame: the members that facts are made of, noted as their values end.

use std::borrow::Cow;

use super::{FrameScanner, KEY_BYTES, Place, State};
use crate::fault::{Fault, Finding};
use crate::json::fold::lookalike;
use crate::json::string::decode;
use crate::json::{Kind, Raw};
use crate::response::{Frame, Members, ResponseKind};

/// What was found of the frame.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) jsonrpc: Option<Token>,
    pub(super) id: Option<Token>,
    pub(super) method: Option<Token>,
    /// None inside: the value has begun and is no object, or has told nothing yet.
    pub(super) result: Option<ResultFacts>,
    pub(super) error: Option<Option<i64>>,
}

#[derive(Debug, Default)]
pub(super) struct ResultFacts {
    is_error: bool,
    pub(super) result_type: Option<Token>,
    pub(super) lists_tools: bool,
}

/// A value that was kept: what it is, and its text if it is a string, a number or a word.
#[derive(Debug)]
pub(super) struct Token {
    kind: Kind,
    text: String,
}

/// The members that facts are made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    #[default]
    Other,
    Jsonrpc,
    Id,
    Method,
    Result,
    Error,
    IsError,
    ResultType,
    Code,
}

impl FrameScanner {
    /// A key has been read: which member it names. One of the envelope's may not come twice.
    pub(super) fn key_ends(&mut self) -> Result<(), Fault> {
        let whole = self.key.len() < KEY_BYTES;
        let text = String::from_utf8_lossy(&self.key);
        let key = if whole { decode(&text) } else { "".into() };
        let found = &mut self.found;
        self.member = match (self.place, &*key) {
            (Place::Envelope, "jsonrpc") => Member::Jsonrpc,
            (Place::Envelope, "id") => Member::Id,
            (Place::Envelope, "method") => Member::Method,
            (Place::Envelope, "result") => Member::Result,
            (Place::Envelope, "error") => Member::Error,
            (Place::Result, "isError") => Member::IsError,
            (Place::Result, "resultType") => Member::ResultType,
            (Place::Error, "code") => Member::Code,
            _ => Member::Other,
        };
        if self.place == Place::Result
            && (&*key == "tools" || lookalike(&key, "tools"))
            && let Some(result) = &mut found.result
        {
            result.lists_tools = true;
        }
        let again = match self.member {
            Member::Jsonrpc => found.jsonrpc.is_some(),
            Member::Id => found.id.is_some(),
            Member::Method => found.method.is_some(),
            Member::Result => found.result.is_some(),
            Member::Error => found.error.is_some(),
            _ => false,
        };
        if again { Err(Fault::DuplicateKey { key: key.into_owned() }) } else { Ok(()) }
    }

    /// A value has been read: it is noted, if it is one that matters.
    pub(super) fn value_ends(&mut self) -> State {
        let text = self.value.take().map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        let token = Token { kind: self.kind.take().unwrap_or(Kind::Null), text };
        let found = &mut self.found;
        match (self.member, &mut found.result) {
            (Member::Jsonrpc, _) => found.jsonrpc = Some(token),
            (Member::Id, _) => found.id = Some(token),
            (Member::Method, _) => found.method = Some(token),
            (Member::IsError, Some(result)) => result.is_error |= token.text == "true",
            (Member::ResultType, Some(result)) => result.result_type = Some(token),
            (Member::Code, _) => found.error = Some(token.text.parse().ok()),
            _ => {}
        }
        State::After
    }

    /// The object whose members are read ends.
    pub(super) fn object_ends(&mut self) -> State {
        match std::mem::take(&mut self.place) {
            Place::Envelope => State::Over,
            Place::Result | Place::Error => State::After,
        }
    }
}

impl Found {
    pub(super) fn frame(self) -> Result<Frame<'static>, Finding> {
        let result = self.result.as_ref().map(|result| ResponseKind::Result {
            is_error: result.is_error,
            result_type: result.result_type.as_ref().and_then(Token::as_string).map(|text| text.into_owned().into()),
            lists_tools: result.lists_tools,
        });
        let error = match self.error {
            Some(code) => Some(ResponseKind::error(code)?),
            None => None,
        };
        let members = Members {
            jsonrpc: self.jsonrpc.as_ref().map(Token::raw),
            id: self.id.as_ref().map(Token::raw),
            method: self.method.as_ref().map(Token::raw),
            result,
            error,
            seen: Vec::new(),
        };
        members.frame().map(Frame::into_owned)
    }
}

impl Token {
    pub(super) fn raw(&self) -> Raw<'_> {
        Raw { kind: self.kind, start: 0, text: &self.text }
    }

    pub(super) fn as_string(&self) -> Option<Cow<'_, str>> {
        self.raw().as_string()
    }
}
