//! The pieces of JSON text that a frame is read by: strings, numbers, words, and containers that are passed over.

use super::{Escape, FrameScanner, KEY_BYTES, Place, State, VALUE_BYTES};
use crate::fault::Fault;
use crate::json::number::Progress;
use crate::json::string::plain_run;
use crate::json::{DEPTH_CEILING, is_structural};

impl FrameScanner {
    /// A string of any place, up to its end or that of the bytes.
    pub(super) fn string(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
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
    pub(super) fn container(&mut self, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
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
    pub(super) fn number(&mut self, progress: Progress, bytes: &[u8], pos: usize) -> Result<usize, Fault> {
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

    pub(super) fn word(&mut self, rest: &'static [u8], byte: u8, pos: usize) -> Result<usize, Fault> {
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

    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Some(value) = &mut self.value else { return Ok(()) };
        if value.len() + bytes.len() > VALUE_BYTES {
            return Err(Fault::TooLarge { limit: VALUE_BYTES });
        }
        value.extend_from_slice(bytes);
        Ok(())
    }
}
