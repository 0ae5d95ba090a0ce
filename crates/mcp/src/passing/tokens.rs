//! Strings, numbers and brackets, up to their end or that of the piece.

use super::output::Output;
use super::{AnswerEditor, PassingError, Sink, State, extend};
use crate::json::string::plain_run;
use crate::json::{decode, is_structural};

impl AnswerEditor {
    pub(super) fn key(&mut self, bytes: &[u8], pos: usize) -> Result<usize, PassingError> {
        let (end, closed) = self.string_run(bytes, pos);
        extend(&mut self.key, &bytes[pos..end])?;
        extend(&mut self.pending, &bytes[pos..end])?;
        if closed {
            let text = String::from_utf8_lossy(&self.key);
            if let Some(level) = self.levels.last_mut() {
                self.act = level.member(&decode(&text), &self.edits);
            }
            self.state = State::Colon;
        }
        Ok(end)
    }

    /// A string, up to its end or that of the bytes.
    pub(super) fn text(&mut self, bytes: &[u8], pos: usize, out: &mut Output<'_>) -> Result<usize, PassingError> {
        let (end, closed) = self.string_run(bytes, pos);
        self.take(&bytes[pos..end], pos, out)?;
        match self.state {
            _ if !closed => {}
            State::ContainerText(depth) => self.state = State::Container(depth),
            _ => self.value_ends(out)?,
        }
        Ok(end)
    }

    /// How far a string goes on, and whether it ends there.
    pub(super) fn string_run(&mut self, bytes: &[u8], pos: usize) -> (usize, bool) {
        if std::mem::take(&mut self.escaped) {
            return (pos + 1, false);
        }
        let end = plain_run(bytes, pos);
        match bytes.get(end) {
            None => (end, false),
            Some(b'"') => (end + 1, true),
            Some(b'\\') => {
                self.escaped = true;
                (end + 1, false)
            }
            Some(_) => (end + 1, false),
        }
    }

    pub(super) fn container(
        &mut self,
        depth: usize,
        bytes: &[u8],
        pos: usize,
        out: &mut Output<'_>,
    ) -> Result<usize, PassingError> {
        let at = bytes[pos..].iter().position(|byte| is_structural(*byte));
        let end = at.map_or(bytes.len(), |at| pos + at + 1);
        self.take(&bytes[pos..end], pos, out)?;
        if at.is_none() {
            return Ok(end);
        }
        match (bytes[end - 1], depth) {
            (b'"', _) => self.state = State::ContainerText(depth),
            (b'{' | b'[', _) => self.state = State::Container(depth + 1),
            (_, 1) => self.value_ends(out)?,
            _ => self.state = State::Container(depth - 1),
        }
        Ok(end)
    }

    /// A number or a word, up to the first byte that is not of it, which is read again.
    pub(super) fn scalar(&mut self, bytes: &[u8], pos: usize, out: &mut Output<'_>) -> Result<usize, PassingError> {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let at = bytes[pos..].iter().position(ends);
        let end = at.map_or(bytes.len(), |at| pos + at);
        self.take(&bytes[pos..end], pos, out)?;
        if at.is_some() {
            self.value_ends(out)?;
        }
        Ok(end)
    }

    /// Some of the value that is being read.
    pub(super) fn take(&mut self, bytes: &[u8], pos: usize, out: &mut Output<'_>) -> Result<(), PassingError> {
        match self.sink {
            Sink::Out => out.pass(pos..pos + bytes.len()),
            Sink::Nowhere => {}
            Sink::Value => extend(&mut self.value, bytes)?,
            Sink::Level => {
                let deferred = self.levels.last_mut().and_then(|level| level.deferred.as_mut());
                deferred.map_or(Ok(()), |deferred| extend(deferred, bytes))?;
            }
        }
        Ok(())
    }
}
