//! What is wrong with a document, and where.

use std::fmt;

use serde::Serialize;

/// One thing wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) of the offending member; of the missing one where a required member is absent.
    pub pointer: String,
    /// Line of the member's key or value, from 1. `\n`, `\r\n` and a lone `\r` end a line.
    pub line: u32,
    /// Column in Unicode characters, from 1.
    pub column: u32,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything wrong with a document, in the order of the text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// A problem whose place is still a byte offset; lines and columns are counted once, for all of them.
#[derive(Debug)]
pub(crate) struct Unplaced {
    pub(crate) offset: usize,
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Problems {
    /// Sorts by place and counts lines and columns in one sweep, so that thousands of problems in one line stay cheap.
    pub(crate) fn place(text: &str, mut unplaced: Vec<Unplaced>) -> Self {
        unplaced.sort_by_key(|problem| problem.offset);
        let mut sweep = Sweep { rest: text, offset: 0, line: 1, column: 1 };
        Self(unplaced.into_iter().map(|problem| sweep.place(problem)).collect())
    }
}

struct Sweep<'t> {
    rest: &'t str,
    offset: usize,
    line: u32,
    column: u32,
}

impl Sweep<'_> {
    fn place(&mut self, problem: Unplaced) -> Problem {
        while self.offset < problem.offset && self.step() {}
        Problem { pointer: problem.pointer, line: self.line, column: self.column, message: problem.message }
    }

    fn step(&mut self) -> bool {
        let mut chars = self.rest.chars();
        let Some(c) = chars.next() else { return false };
        self.rest = chars.as_str();
        self.offset += c.len_utf8();
        let ends_line = c == '\n' || (c == '\r' && !self.rest.starts_with('\n'));
        if ends_line {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(text: &str, offset: usize) -> (u32, u32) {
        let placed = Problems::place(text, vec![Unplaced { offset, pointer: String::new(), message: String::new() }]);
        (placed.0[0].line, placed.0[0].column)
    }

    #[test]
    fn columns_count_characters_and_every_line_ending_counts_once() {
        assert_eq!(place_of("abc", 0), (1, 1));
        assert_eq!(place_of("é日x", 5), (1, 3));
        assert_eq!(place_of("a\r\nb", 3), (2, 1));
        assert_eq!(place_of("a\rb\nc", 2), (2, 1));
        assert_eq!(place_of("a\rb\nc", 4), (3, 1));
        assert_eq!(place_of("ab", 2), (1, 3), "the end of the text has a place too");
    }

    #[test]
    fn sorted_by_place_and_shown_one_per_line() {
        let at = |offset, pointer: &str| Unplaced { offset, pointer: pointer.to_owned(), message: "m".to_owned() };
        let placed = Problems::place("x\ny", vec![at(2, "/b"), at(0, "")]);
        assert_eq!(placed.to_string(), "1:1: m\n2:1: /b: m");
    }
}
