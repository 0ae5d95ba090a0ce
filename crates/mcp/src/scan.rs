//! Reading a server's frame while its bytes pass, in bounded memory: for answers too large to be held.
//!
//! It tells of a frame exactly what [`frame`](crate::frame) tells of the whole text, however the bytes are cut; a property
//! says so. Kept are only the short values that facts are made of; of the rest, where strings end and brackets close. What
//! is known so far can be asked for at any time, so that a list of tools, say, is noticed before it has passed.

mod found;
mod text;
mod utf8;

use crate::fault::{Fault, Finding};
use crate::id::Id;
use crate::json::Kind;
use crate::json::number::Progress;
use crate::read::ReadError;
use crate::response::Frame;
use found::{Found, Member, ResultFacts, Token};
use utf8::Utf8;

/// Most bytes of an id, a method or another value that facts are made of.
const VALUE_BYTES: usize = 64 << 10;
/// No spelling of a key that matters is longer: twelve letters, each as `\uXXXX`.
const KEY_BYTES: usize = 72;

/// Reads one frame piece by piece.
#[derive(Debug, Default)]
pub struct FrameScanner {
    utf8: Utf8,
    state: State,
    /// The object whose members are read.
    place: Place,
    /// What the string that is being read has of an escape.
    escape: Escape,
    /// The brackets that close what is being passed over.
    closers: Vec<u8>,
    /// The key that is being read, with its quotes; cut when it is longer than any that matters.
    key: Vec<u8>,
    member: Member,
    /// The value that is being read, if it is of those that are kept.
    value: Option<Vec<u8>>,
    kind: Option<Kind>,
    found: Found,
    offset: usize,
    failed: Option<Finding>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    MayClose,
    WantsKey,
    Key,
    Colon,
    Value,
    Text,
    Number(Progress),
    Word(&'static [u8]),
    Container,
    ContainerText,
    After,
    Over,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Envelope,
    Result,
    Error,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After the backslash.
    Begun,
    /// So many hexadecimal digits are to come.
    Digits(u8),
}

impl FrameScanner {
    /// Reads the next bytes.
    ///
    /// # Errors
    /// When what came so far cannot be the start of a JSON-RPC message, or a value that must be kept is over 64 KiB. Then
    /// every later call fails as well.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if self.failed.is_none()
            && let Err(finding) = self.read(bytes)
        {
            self.failed = Some(finding);
        }
        self.offset += bytes.len();
        match &self.failed {
            Some(finding) => Err(refused(finding.clone())),
            None => Ok(()),
        }
    }

    /// Whether the message has come to its end; after it only white space may follow.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether a result or an error has begun, and no method was seen: then it is a response, if it is a message at all.
    pub fn responds(&self) -> bool {
        (self.found.result.is_some() || self.found.error.is_some()) && self.found.method.is_none()
    }

    /// Whether an error has begun.
    pub fn is_error(&self) -> bool {
        self.found.error.is_some()
    }

    /// Whether the result so far has a member that some client takes for `tools`: see
    /// [`ResponseFacts::lists_tools`](crate::ResponseFacts::lists_tools). Known when its key has ended, so before its value
    /// has come.
    pub fn lists_tools(&self) -> bool {
        self.found.result.as_ref().is_some_and(|result| result.lists_tools)
    }

    /// Whether the result so far asks the client for input.
    pub fn wants_input(&self) -> bool {
        let kind = self.found.result.as_ref().and_then(|result| result.result_type.as_ref());
        kind.and_then(Token::as_string).is_some_and(|kind| kind == "input_required")
    }

    /// The id, once it has come.
    pub fn id(&self) -> Option<Id<'_>> {
        self.found.id.as_ref().and_then(|token| Id::from_value(token.raw()))
    }

    /// The end of the bytes: what the frame is.
    ///
    /// # Errors
    /// When the bytes are not one JSON-RPC message, as [`frame`](crate::frame).
    pub fn finish(self) -> Result<Frame<'static>, ReadError> {
        let at = |fault| refused(Finding { fault, offset: self.offset });
        match (&self.failed, self.state) {
            (Some(finding), _) => return Err(refused(finding.clone())),
            (None, State::Over) if self.utf8.is_whole() => {}
            (None, State::Before) => return Err(at(Fault::Empty)),
            (None, _) => return Err(at(Fault::Syntax { wanted: "the end of the message" })),
        }
        self.found.frame().map_err(refused)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        let valid = self.utf8.push(bytes);
        let mut pos = 0;
        while pos < bytes.len() {
            pos = self.step(bytes, pos).map_err(|fault| Finding { fault, offset: self.offset + pos })?;
        }
        valid.map_err(|at| Finding { fault: Fault::NotUtf8, offset: self.offset + at })
    }

    /// Reads on from `pos`, by one byte or more.
    fn step(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
        match self.state {
            State::Key | State::Text | State::ContainerText => return self.string(bytes, pos),
            State::Container => return self.container(bytes, pos),
            State::Number(progress) => return self.number(progress, bytes, pos),
            State::Word(rest) => return self.word(rest, bytes[pos], pos),
            _ => {}
        }
        let byte = bytes[pos];
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(pos + 1);
        }
        self.state = match (self.state, byte) {
            (State::Before, b'{') => State::MayClose,
            (State::Before, b'[') => return Err(Fault::Batch),
            (State::MayClose | State::WantsKey, b'"') => {
                self.key.clear();
                self.key.push(byte);
                State::Key
            }
            (State::MayClose | State::After, b'}') => self.object_ends(),
            (State::Colon, b':') => State::Value,
            (State::Value, _) => self.value_begins(byte)?,
            (State::After, b',') => State::WantsKey,
            (State::Over, _) => return Err(Fault::TrailingBytes),
            (State::Before, _) => return Err(Fault::Syntax { wanted: "`{`" }),
            (State::Colon, _) => return Err(Fault::Syntax { wanted: "`:`" }),
            (State::After, _) => return Err(Fault::Syntax { wanted: "`,` or `}`" }),
            _ => return Err(Fault::Syntax { wanted: "a string" }),
        };
        Ok(pos + 1)
    }

    /// A value's first byte.
    fn value_begins(&mut self, byte: u8) -> Result<State, Fault> {
        let kept = !matches!(self.member, Member::Other | Member::Result | Member::Error);
        self.value = kept.then(Vec::new);
        let scalar = !matches!(byte, b'{' | b'[');
        if scalar {
            self.keep(&[byte])?;
        }
        match (self.member, byte) {
            (Member::Result, b'{') => {
                self.found.result = Some(ResultFacts::default());
                self.place = Place::Result;
                return Ok(State::MayClose);
            }
            (Member::Error, b'{') => {
                self.found.error = Some(None);
                self.place = Place::Error;
                return Ok(State::MayClose);
            }
            (Member::Error, _) => return Err(Fault::Syntax { wanted: "`{`" }),
            (Member::Result, _) => self.found.result = Some(ResultFacts::default()),
            _ => {}
        }
        let (kind, state) = match byte {
            b'{' | b'[' => {
                self.closers.push(byte + 2);
                (if byte == b'{' { Kind::Object } else { Kind::Array }, State::Container)
            }
            b'"' => (Kind::String, State::Text),
            b't' => (Kind::Bool, State::Word(b"rue")),
            b'f' => (Kind::Bool, State::Word(b"alse")),
            b'n' => (Kind::Null, State::Word(b"ull")),
            b'-' | b'0'..=b'9' => (Kind::Number, State::Number(Progress::begin(byte))),
            _ => return Err(Fault::Syntax { wanted: "a value" }),
        };
        self.kind = Some(kind);
        Ok(state)
    }
}

fn refused(Finding { fault, offset }: Finding) -> ReadError {
    ReadError { fault, offset, id: None }
}

#[cfg(test)]
mod tests;
