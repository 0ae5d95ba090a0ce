//! Edits of an answer while its bytes pass, in bounded memory: for answers too large to be held.
//!
//! The edits are those of [`with_id`](crate::with_id), [`completed`](crate::completed), [`plain`](crate::plain) and
//! [`rename_in`](crate::rename_in), with the same bytes as their outcome; properties say so. One thing differs: a member that an answer has already, where it was to be added, is taken out, and the one that is
//! added stands in front. Here is no check of the text: it must be the start of a response that a
//! [`FrameScanner`](crate::FrameScanner) has read.

mod level;
mod output;
mod tokens;
mod values;

use std::fmt;

use bytes::Bytes;

use crate::bridge::{STATELESS_RESULT, added_to_result};
use crate::id::Id;
use crate::json::push_quoted;
use crate::method::Method;
use crate::qualify::{self, Name, NewName, Part, Rule};
use crate::read::ReadError;
use level::{Act, Level, Plan};
use output::Output;

/// Most bytes of a key, of a value that is replaced, and of an entry whose type comes after what the type gives a meaning.
const HELD: usize = 1 << 20;

/// Why an answer cannot be edited while it passes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassingError {
    /// Something that is to be replaced is too long to be held.
    #[error("a name or an entry that is to be rewritten is over {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// What was held could not be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

type Rename = Box<dyn FnMut(&Name<'_>) -> NewName + Send + Sync>;

/// Edits one answer piece by piece.
#[derive(Default)]
pub struct AnswerEditor {
    edits: Edits,
    rename: Option<Rename>,
    state: State,
    levels: Vec<Level>,
    /// The key that was read last, with its quotes.
    key: Vec<u8>,
    /// What stands between the last value and the next, as long as it is not known whether it passes.
    pending: Vec<u8>,
    /// What becomes of the value that is being read.
    act: Act,
    sink: Sink,
    /// The value, if it is kept.
    value: Vec<u8>,
    /// After a backslash.
    escaped: bool,
}

/// What is changed besides names.
#[derive(Debug, Default)]
struct Edits {
    id: Option<String>,
    /// Members that a result gets.
    added: String,
    /// Members that a result loses.
    removed: Vec<&'static str>,
    names: Option<&'static Rule>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value.
    #[default]
    Value,
    /// After the bracket that opens.
    Open,
    /// After a comma in an object.
    WantsKey,
    Key,
    Colon,
    Text,
    Scalar,
    /// In brackets that are not looked into, so deep.
    Container(usize),
    ContainerText(usize),
    After,
}

/// Where the bytes of a value go.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sink {
    #[default]
    Out,
    Value,
    /// To what its level puts off.
    Level,
    Nowhere,
}

impl AnswerEditor {
    /// The answer gets another id.
    #[must_use]
    pub fn with_id(mut self, id: &Id<'_>) -> Self {
        self.edits.id = Some(id.raw().to_owned());
        self
    }

    /// See [`completed`](crate::completed).
    #[must_use]
    pub fn completed(mut self, method: Method) -> Self {
        let members = added_to_result(method);
        for (key, raw) in members {
            let comma = if self.edits.added.is_empty() { "" } else { "," };
            self.edits.added.push_str(comma);
            push_quoted(&mut self.edits.added, key);
            self.edits.added.push(':');
            self.edits.added.push_str(raw);
        }
        self.edits.removed.extend(members.iter().map(|(key, _)| *key));
        self
    }

    /// See [`plain`](crate::plain).
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.edits.removed.extend(STATELESS_RESULT);
        self
    }

    /// See [`rename_in`](crate::rename_in).
    #[must_use]
    pub fn renamed(mut self, part: Part, rename: impl FnMut(&Name<'_>) -> NewName + Send + Sync + 'static) -> Self {
        self.edits.names = qualify::rule_of(part);
        self.rename = Some(Box::new(rename));
        self
    }

    /// Takes the next bytes and gives what of the edited answer is known by them.
    ///
    /// # Errors
    /// When something that is to be replaced is over 1 MiB. The answer cannot be gone on with then.
    pub fn push(&mut self, bytes: &Bytes) -> Result<Bytes, PassingError> {
        let mut out = Output::new(bytes);
        let mut pos = 0;
        while pos < bytes.len() {
            pos = self.step(bytes, pos, &mut out)?;
        }
        Ok(out.finish())
    }

    /// Reads on from `pos`, by one byte or more, or ends a value before it.
    fn step(&mut self, bytes: &[u8], pos: usize, out: &mut Output<'_>) -> Result<usize, PassingError> {
        match self.state {
            State::Key => self.key(bytes, pos),
            State::Text | State::ContainerText(_) => self.text(bytes, pos, out),
            State::Container(depth) => self.container(depth, bytes, pos, out),
            State::Scalar => self.scalar(bytes, pos, out),
            _ => self.between(bytes, pos, out),
        }
    }

    /// White space and punctuation, and the first byte of a key or value.
    fn between(&mut self, bytes: &[u8], pos: usize, out: &mut Output<'_>) -> Result<usize, PassingError> {
        let byte = bytes[pos];
        let in_object = self.levels.last().is_some_and(Level::is_object);
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\n' | b'\r') if in_object => {
                self.put_off(byte)?;
            }
            (_, b' ' | b'\t' | b'\n' | b'\r') => out.pass(pos..pos + 1),
            (State::Open | State::After, b'}' | b']') => self.closes(pos, out)?,
            (State::Open | State::WantsKey, b'"') if in_object => {
                self.key.clear();
                self.key.push(byte);
                self.put_off(byte)?;
                self.state = State::Key;
            }
            (State::Colon, _) => {
                self.put_off(byte)?;
                self.state = State::Value;
            }
            (State::After, _) if in_object => self.comma(byte)?,
            (State::After, _) => {
                out.pass(pos..pos + 1);
                self.state = State::Value;
            }
            _ => self.begins(byte, pos, out)?,
        }
        Ok(pos + 1)
    }

    fn comma(&mut self, byte: u8) -> Result<(), PassingError> {
        self.state = State::WantsKey;
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        if std::mem::take(&mut level.swallows_comma) {
            self.pending.clear();
            return Ok(());
        }
        self.put_off(byte)
    }

    /// A value's first byte.
    fn begins(&mut self, byte: u8, pos: usize, out: &mut Output<'_>) -> Result<(), PassingError> {
        self.act = match self.levels.last() {
            None => Act::Enter(Plan::Envelope),
            Some(level) if level.is_object() => self.act,
            Some(level) => level.plan.entry(),
        };
        self.settle_pending(out)?;
        let deferred = self.levels.last().is_some_and(|level| level.deferred.is_some());
        let act = std::mem::take(&mut self.act);
        if let Act::Enter(plan) = act
            && let Some(plan) = plan.opened_by(byte).filter(|_| !deferred)
        {
            out.pass(pos..pos + 1);
            self.levels.push(self.level(plan, byte));
            self.state = State::Open;
            return Ok(());
        }
        (self.act, self.sink) = match act.of_value(byte) {
            Act::Drop => (Act::Drop, Sink::Nowhere),
            Act::Type => (Act::Type, Sink::Value),
            _ if deferred => (Act::Pass, Sink::Level),
            act @ (Act::Id | Act::Name(_)) => (act, Sink::Value),
            _ => (Act::Pass, Sink::Out),
        };
        self.value.clear();
        self.take(&[byte], pos, out)?;
        self.state = match byte {
            b'{' | b'[' => State::Container(1),
            b'"' => State::Text,
            _ => State::Scalar,
        };
        Ok(())
    }

    fn level(&self, plan: Plan, byte: u8) -> Level {
        let added = if plan.is_result() { Some(self.edits.added.clone()) } else { None };
        Level::new(plan, byte, added.filter(|added| !added.is_empty()))
    }

    /// What stood before a member passes with it, or is left out with it.
    fn settle_pending(&mut self, out: &mut Output<'_>) -> Result<(), PassingError> {
        let Some(level) = self.levels.last_mut().filter(|level| level.is_object()) else { return Ok(()) };
        if self.act == Act::Drop {
            level.swallows_comma = !level.kept;
            self.pending.clear();
            return Ok(());
        }
        level.kept = true;
        if let Some(added) = level.added.take() {
            out.put(added.as_bytes());
            out.put(b",");
        }
        match &mut level.deferred {
            Some(deferred) => extend(deferred, &self.pending)?,
            None => out.put(&self.pending),
        }
        self.pending.clear();
        Ok(())
    }

    fn put_off(&mut self, byte: u8) -> Result<(), PassingError> {
        extend(&mut self.pending, &[byte])
    }
}

fn extend(held: &mut Vec<u8>, bytes: &[u8]) -> Result<(), PassingError> {
    if held.len() + bytes.len() > HELD {
        return Err(PassingError::TooLong { limit: HELD });
    }
    held.extend_from_slice(bytes);
    Ok(())
}

impl fmt::Debug for AnswerEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerEditor").field("edits", &self.edits).field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
