//! One strict pass over JSON text (RFC 8259), handing out slices of the input.
//!
//! Here: the grammar, the depth limit, duplicate keys and keys that only look like a known one. Not here: what the
//! members of a message mean. Invariant: a value handed out is exactly the bytes that were checked.
//!
//! Faults that leave the text readable (a duplicate key, say) are noted with [`Scanner::note`] and the scan goes on, so
//! that an answer can still carry the message's id; faults of the grammar stop it.

pub(crate) mod fold;
pub(crate) mod number;
pub(crate) mod string;
mod tokens;

use std::borrow::Cow;
use std::ops::Range;

use crate::fault::{Fault, Finding};
use fold::lookalike;
use tokens::Spelling;

pub(crate) use number::{is_number, same_number};
pub(crate) use string::{decode, push_quoted};
pub(crate) use tokens::is_structural;

/// Nesting that no limit may exceed, so that recursion stays far from the end of any thread's stack.
pub(crate) const DEPTH_CEILING: usize = 512;

/// Up to this many keys of one object are compared pairwise; beyond it they are sorted when the object closes.
const PAIRWISE_KEYS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// The key that servers in JavaScript lose, or take for the prototype of the object, instead of reading it as a member: the
/// official TypeScript SDK drops it from `arguments` (seen by the differential test).
pub(crate) const PROTOTYPE: &str = "__proto__";

/// How much is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rigour {
    /// As [`Rigour::Strict`], and the key [`PROTOTYPE`]: what is judged must arrive.
    Judged,
    /// Everything that two parsers could read differently.
    Strict,
    /// What it takes to find the end of a value that is passed on and never judged: brackets that match, strings.
    Lenient,
}

/// One value: where it stands, what it is, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    pub kind: Kind,
    pub start: usize,
    pub text: &'a str,
}

impl<'a> Raw<'a> {
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The unescaped text, when this is a string.
    pub fn as_string(&self) -> Option<Cow<'a, str>> {
        (self.kind == Kind::String).then(|| decode(self.text))
    }

    pub fn is_true(&self) -> bool {
        self.text == "true"
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    pos: usize,
    depth: usize,
    max_depth: usize,
    rigour: Rigour,
    keys: Vec<(Cow<'a, str>, usize)>,
    noted: Option<Finding>,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str, rigour: Rigour, max_depth: usize) -> Self {
        let max_depth = max_depth.min(DEPTH_CEILING);
        Scanner { text, pos: 0, depth: 0, max_depth, rigour, keys: Vec::new(), noted: None }
    }

    /// For text that a strict pass has already accepted.
    pub fn again(text: &'a str) -> Self {
        Scanner::new(text, Rigour::Lenient, DEPTH_CEILING)
    }

    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Remembers the first fault that does not stop the scan.
    pub fn note(&mut self, fault: Fault, offset: usize) {
        self.noted.get_or_insert(Finding { fault, offset });
    }

    pub fn take_noted(&mut self) -> Option<Finding> {
        self.noted.take()
    }

    /// The kind of the value that comes next, judged by its first byte.
    pub fn peek(&mut self) -> Result<Kind, Finding> {
        self.skip_space();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.syntax("a value")),
        }
    }

    /// Reads one value of any kind.
    pub fn value(&mut self) -> Result<Raw<'a>, Finding> {
        let kind = self.peek()?;
        let start = self.pos;
        match kind {
            Kind::Object | Kind::Array if self.rigour == Rigour::Lenient => self.skip_container()?,
            Kind::Object => return self.object(&[], |scanner, _| scanner.value().map(drop)),
            Kind::Array => return self.array(|scanner| scanner.value().map(drop)),
            Kind::String => self.skip_string().map(drop)?,
            Kind::Number => self.number()?,
            Kind::Bool if self.byte() == Some(b't') => self.literal("true")?,
            Kind::Bool => self.literal("false")?,
            Kind::Null => self.literal("null")?,
        }
        Ok(self.raw(kind, start))
    }

    /// Reads one object; `each` is called at every member's value and must read exactly that value. Keys that equal
    /// one of `known` only after case folding are faults.
    pub fn object<F>(&mut self, known: &[&'static str], mut each: F) -> Result<Raw<'a>, Finding>
    where
        F: FnMut(&mut Self, &str) -> Result<(), Finding>,
    {
        self.skip_space();
        let start = self.pos;
        self.open(b'{')?;
        let frame = self.keys.len();
        if !self.closes(b'}') {
            loop {
                self.skip_space();
                let at = self.pos;
                let key = match self.skip_string()? {
                    Spelling::Plain => Cow::Borrowed(&self.text[at + 1..self.pos - 1]),
                    Spelling::Escaped => decode(&self.text[at..self.pos]),
                };
                self.check_lookalike(known, &key, at);
                self.skip_space();
                self.expect(b':', "`:`")?;
                self.skip_space();
                each(self, &key)?;
                self.add_key(frame, key, at);
                if !self.goes_on(b'}', "`,` or `}`")? {
                    break;
                }
            }
        }
        self.check_many_keys(frame);
        self.keys.truncate(frame);
        self.depth -= 1;
        Ok(self.raw(Kind::Object, start))
    }

    /// Reads one array; `each` is called at every element and must read exactly that element.
    pub fn array<F>(&mut self, mut each: F) -> Result<Raw<'a>, Finding>
    where
        F: FnMut(&mut Self) -> Result<(), Finding>,
    {
        self.skip_space();
        let start = self.pos;
        self.open(b'[')?;
        if !self.closes(b']') {
            loop {
                self.skip_space();
                each(self)?;
                if !self.goes_on(b']', "`,` or `]`")? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(self.raw(Kind::Array, start))
    }

    /// After the value nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), Finding> {
        self.skip_space();
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.finding(Fault::TrailingBytes)),
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Finding> {
        if self.byte() != Some(bracket) {
            return Err(self.syntax(if bracket == b'{' { "`{`" } else { "`[`" }));
        }
        if self.depth == self.max_depth {
            return Err(self.finding(Fault::TooDeep { limit: self.max_depth }));
        }
        self.depth += 1;
        self.pos += 1;
        Ok(())
    }

    /// Whether the container is empty; takes the bracket if so.
    fn closes(&mut self, bracket: u8) -> bool {
        self.skip_space();
        let closes = self.byte() == Some(bracket);
        self.pos += usize::from(closes);
        closes
    }

    /// After a member or element: a comma means there is another, the bracket means there is none.
    fn goes_on(&mut self, bracket: u8, wanted: &'static str) -> Result<bool, Finding> {
        self.skip_space();
        let more = match self.byte() {
            Some(b',') => true,
            Some(byte) if byte == bracket => false,
            _ => return Err(self.syntax(wanted)),
        };
        self.pos += 1;
        Ok(more)
    }

    fn check_lookalike(&mut self, known: &[&'static str], key: &str, at: usize) {
        if self.rigour == Rigour::Lenient || known.contains(&key) {
            return;
        }
        if let Some(known) = known.iter().find(|known| lookalike(key, known)) {
            self.note(Fault::LookalikeKey { found: key.to_owned(), known }, at);
        }
    }

    fn add_key(&mut self, frame: usize, key: Cow<'a, str>, at: usize) {
        if self.rigour == Rigour::Lenient {
            return;
        }
        if self.rigour == Rigour::Judged && key == PROTOTYPE {
            self.note(Fault::PrototypeKey, at);
        }
        let few = self.keys.len() - frame < PAIRWISE_KEYS;
        if few && self.keys[frame..].iter().any(|(other, _)| *other == key) {
            self.note(Fault::DuplicateKey { key: key.clone().into_owned() }, at);
        }
        self.keys.push((key, at));
    }

    fn check_many_keys(&mut self, frame: usize) {
        if self.keys.len() - frame <= PAIRWISE_KEYS {
            return;
        }
        self.keys[frame..].sort_unstable();
        let pairs = self.keys[frame..].windows(2);
        let again = pairs.filter(|pair| pair[0].0 == pair[1].0).map(|pair| &pair[1]).min_by_key(|(_, at)| *at);
        if let Some((key, at)) = again.cloned() {
            self.note(Fault::DuplicateKey { key: key.into_owned() }, at);
        }
    }

    fn expect(&mut self, byte: u8, wanted: &'static str) -> Result<(), Finding> {
        if self.byte() != Some(byte) {
            return Err(self.syntax(wanted));
        }
        self.pos += 1;
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.pos += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn raw(&self, kind: Kind, start: usize) -> Raw<'a> {
        Raw { kind, start, text: &self.text[start..self.pos] }
    }

    fn finding(&self, fault: Fault) -> Finding {
        Finding { fault, offset: self.pos }
    }

    fn syntax(&self, wanted: &'static str) -> Finding {
        self.finding(Fault::Syntax { wanted })
    }
}

/// Reads a whole text as one value.
#[cfg(test)]
pub(crate) fn check(text: &str, rigour: Rigour, max_depth: usize) -> Result<(), Finding> {
    let mut scanner = Scanner::new(text, rigour, max_depth);
    scanner.value()?;
    scanner.end()?;
    scanner.take_noted().map_or(Ok(()), Err)
}

/// One member of an object that a strict pass has accepted.
pub(crate) fn member<'a>(object: &'a str, wanted: &str) -> Option<Raw<'a>> {
    let mut found = None;
    let mut scanner = Scanner::again(object);
    let read = scanner.object(&[], |scanner, key| {
        let value = scanner.value()?;
        if key == wanted {
            found = Some(value);
        }
        Ok(())
    });
    read.ok().and(found)
}

#[cfg(test)]
mod tests;
