//! Reading a server's frame while its bytes pass, in bounded memory: for answers too large to be held.
//!
//! It tells of a frame exactly what [`frame`](crate::frame) tells of the whole text, however the bytes are cut; a property
//! says so. Kept are only the short values that facts are made of; of the rest, where strings end and brackets close. What
//! is known so far can be asked for at any time, so that a list of tools, say, is noticed before it has passed.

mod utf8;

use crate::fault::{Fault, Finding};
use crate::id::Id;
use crate::json::fold::lookalike;
use crate::json::number::Progress;
use crate::json::string::{decode, plain_run};
use crate::json::{DEPTH_CEILING, Kind, Raw, is_structural};
use crate::read::ReadError;
use crate::response::{Frame, Members, ResponseKind};
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

/// What was found of the frame.
#[derive(Debug, Default)]
struct Found {
    jsonrpc: Option<Token>,
    id: Option<Token>,
    method: Option<Token>,
    /// None inside: the value has begun and is no object, or has told nothing yet.
    result: Option<ResultFacts>,
    error: Option<Option<i64>>,
}

#[derive(Debug, Default)]
struct ResultFacts {
    is_error: bool,
    result_type: Option<Token>,
    lists_tools: bool,
}

/// A value that was kept: what it is, and its text if it is a string, a number or a word.
#[derive(Debug)]
struct Token {
    kind: Kind,
    text: String,
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

/// The members that facts are made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Member {
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

    /// A string of any place, up to its end or that of the bytes.
    fn string(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
        if self.escape != Escape::None {
            self.escaped(bytes[pos])?;
            self.keep_text(&bytes[pos..=pos])?;
            return Ok(pos + 1);
        }
        let end = plain_run(bytes, pos);
        self.keep_text(&bytes[pos..end])?;
        match bytes.get(end) {
            None => return Ok(end),
            Some(b'"') => {}
            Some(b'\\') => {
                self.escape = Escape::Begun;
                self.keep_text(b"\\")?;
                return Ok(end + 1);
            }
            Some(_) => return Err(Fault::ControlCharacter),
        }
        self.keep_text(b"\"")?;
        self.state = match self.state {
            State::Key => {
                self.key_ends()?;
                State::Colon
            }
            State::ContainerText => State::Container,
            _ => self.value_ends(),
        };
        Ok(end + 1)
    }

    fn escaped(&mut self, byte: u8) -> Result<(), Fault> {
        self.escape = match (self.escape, byte) {
            (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Escape::None,
            (Escape::Begun, b'u') => Escape::Digits(4),
            (Escape::Digits(1), byte) if byte.is_ascii_hexdigit() => Escape::None,
            (Escape::Digits(left), byte) if byte.is_ascii_hexdigit() => Escape::Digits(left - 1),
            _ => return Err(Fault::BadEscape),
        };
        Ok(())
    }

    /// Passes over an object or array up to its end, a string in it, or the end of the bytes.
    fn container(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
        let around = if self.place == Place::Envelope { 1 } else { 2 };
        let Some(at) = bytes[pos..].iter().position(|byte| is_structural(*byte)) else { return Ok(bytes.len()) };
        let byte = bytes[pos + at];
        match byte {
            b'"' => self.state = State::ContainerText,
            b'{' | b'[' if around + self.closers.len() >= DEPTH_CEILING => {
                return Err(Fault::TooDeep { limit: DEPTH_CEILING });
            }
            b'{' | b'[' => self.closers.push(byte + 2),
            _ if self.closers.pop() != Some(byte) => return Err(Fault::Syntax { wanted: "the bracket that closes" }),
            _ if self.closers.is_empty() => self.state = self.value_ends(),
            _ => {}
        }
        Ok(pos + at + 1)
    }

    /// A number up to the first byte that is not of it, which is read again.
    fn number(&mut self, progress: Progress, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
        match progress.next(bytes[pos]) {
            Some(next) => {
                self.keep(&bytes[pos..=pos])?;
                self.state = State::Number(next);
                Ok(pos + 1)
            }
            None if progress.is_whole() => {
                self.state = self.value_ends();
                // The byte belongs to what follows; reading it takes at least one more step, so this ends.
                self.step(bytes, pos)
            }
            None => Err(Fault::BadNumber),
        }
    }

    fn word(&mut self, rest: &'static [u8], byte: u8, pos: usize) -> Result<usize, Fault> {
        let Some((_, left)) = rest.split_first().filter(|(wanted, _)| **wanted == byte) else {
            return Err(Fault::Syntax { wanted: "a value" });
        };
        self.keep(&[byte])?;
        self.state = if left.is_empty() { self.value_ends() } else { State::Word(left) };
        Ok(pos + 1)
    }

    fn keep_text(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self.state {
            State::Key => {
                let room = KEY_BYTES.saturating_sub(self.key.len());
                self.key.extend_from_slice(&bytes[..bytes.len().min(room)]);
                Ok(())
            }
            State::Text => self.keep(bytes),
            _ => Ok(()),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Some(value) = &mut self.value else { return Ok(()) };
        if value.len() + bytes.len() > VALUE_BYTES {
            return Err(Fault::TooLarge { limit: VALUE_BYTES });
        }
        value.extend_from_slice(bytes);
        Ok(())
    }

    /// A key has been read: which member it names. One of the envelope's may not come twice.
    fn key_ends(&mut self) -> Result<(), Fault> {
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
    fn value_ends(&mut self) -> State {
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
    fn object_ends(&mut self) -> State {
        match std::mem::take(&mut self.place) {
            Place::Envelope => State::Over,
            Place::Result | Place::Error => State::After,
        }
    }
}

impl Found {
    fn frame(self) -> Result<Frame<'static>, Finding> {
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
    fn raw(&self) -> Raw<'_> {
        Raw { kind: self.kind, start: 0, text: &self.text }
    }

    fn as_string(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.raw().as_string()
    }
}

fn refused(Finding { fault, offset }: Finding) -> ReadError {
    ReadError { fault, offset, id: None }
}

#[cfg(test)]
mod tests;
