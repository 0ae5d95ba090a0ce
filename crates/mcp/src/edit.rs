//! Byte-preserving edits: parts of a text are replaced, the rest stays as it is.

use std::ops::Range;

use bytes::Bytes;

use crate::json;

/// Replacements in one text, in any order, not overlapping.
#[derive(Debug)]
pub(crate) struct Edits<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    pub fn new(text: &'a str) -> Self {
        Edits { text, edits: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    pub fn replace(&mut self, at: Range<usize>, with: String) {
        self.edits.push((at, with));
    }

    pub fn remove(&mut self, at: Range<usize>) {
        self.replace(at, String::new());
    }

    pub fn replace_with_string(&mut self, at: Range<usize>, text: &str) {
        let mut quoted = String::with_capacity(text.len() + 2);
        json::push_quoted(&mut quoted, text);
        self.replace(at, quoted);
    }

    pub fn apply(mut self) -> Bytes {
        self.edits.sort_by_key(|(at, _)| at.start);
        let grown: usize = self.edits.iter().map(|(_, with)| with.len()).sum();
        let mut out = String::with_capacity(self.text.len() + grown);
        let mut done = 0;
        for (at, with) in self.edits {
            debug_assert!(at.start >= done, "edits overlap");
            out.push_str(&self.text[done..at.start]);
            out.push_str(&with);
            done = at.end;
        }
        out.push_str(&self.text[done..]);
        Bytes::from(out)
    }
}
