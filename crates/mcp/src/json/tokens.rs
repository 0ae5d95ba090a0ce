//! The scanner's smallest parts: strings, numbers and the three words; and passing over a container as a whole.

use super::string::{self, plain_run};
use super::{DEPTH_CEILING, Rigour, Scanner, number};
use crate::fault::{Fault, Finding};

/// How a string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// With escapes.
    Escaped,
}

/// The bytes that matter when a container is passed over.
const STRUCTURAL: [bool; 256] = {
    let mut table = [false; 256];
    table[b'"' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table
};

/// Whether the byte matters when a container is passed over.
pub(crate) fn is_structural(byte: u8) -> bool {
    STRUCTURAL[usize::from(byte)]
}

impl Scanner<'_> {
    /// Passes over an object or array without a look at its members. Large results are mostly this.
    pub(super) fn skip_container(&mut self) -> Result<(), Finding> {
        let bytes = self.text.as_bytes();
        let mut closers = [0u8; DEPTH_CEILING];
        let mut open = 0;
        loop {
            let next = bytes[self.pos..].iter().position(|byte| is_structural(*byte));
            self.pos = next.map_or(bytes.len(), |next| self.pos + next);
            match self.byte() {
                Some(b'"') => {
                    self.skip_string()?;
                    continue;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    if self.depth + open >= self.max_depth {
                        return Err(self.finding(Fault::TooDeep { limit: self.max_depth }));
                    }
                    // In ASCII a closing bracket follows its opening one by two.
                    closers[open] = bracket + 2;
                    open += 1;
                }
                Some(bracket) if bracket == closers[open - 1] => open -= 1,
                _ => return Err(self.syntax("the bracket that closes")),
            }
            self.pos += 1;
            if open == 0 {
                return Ok(());
            }
        }
    }

    /// Passes over one string; tells whether anything in it is escaped.
    pub(super) fn skip_string(&mut self) -> Result<Spelling, Finding> {
        self.expect(b'"', "a string")?;
        let mut spelling = Spelling::Plain;
        loop {
            self.pos = plain_run(self.text.as_bytes(), self.pos);
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    spelling = Spelling::Escaped;
                    self.escape()?;
                }
                Some(_) => return Err(self.finding(Fault::ControlCharacter)),
                None => return Err(self.finding(Fault::UnfinishedString)),
            }
        }
        self.pos += 1;
        Ok(spelling)
    }

    fn escape(&mut self) -> Result<(), Finding> {
        match self.text.as_bytes().get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.finding(Fault::BadEscape)),
        }
    }

    fn unicode_escape(&mut self) -> Result<(), Finding> {
        let Some(unit) = string::unit_at(self.text.as_bytes(), self.pos) else {
            return Err(self.finding(Fault::BadEscape));
        };
        let pair = string::is_high(unit)
            && string::unit_at(self.text.as_bytes(), self.pos + string::UNIT).is_some_and(string::is_low);
        if self.rigour != Rigour::Lenient && !pair && (string::is_high(unit) || string::is_low(unit)) {
            return Err(self.finding(Fault::LoneSurrogate));
        }
        self.pos += if pair { 2 * string::UNIT } else { string::UNIT };
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<(), Finding> {
        match number::length(&self.text.as_bytes()[self.pos..]) {
            Ok(length) => {
                self.pos += length;
                Ok(())
            }
            Err(length) => {
                self.pos += length;
                Err(self.finding(Fault::BadNumber))
            }
        }
    }

    pub(super) fn literal(&mut self, word: &'static str) -> Result<(), Finding> {
        if !self.text[self.pos..].starts_with(word) {
            return Err(self.syntax("a value"));
        }
        self.pos += word.len();
        Ok(())
    }
}
