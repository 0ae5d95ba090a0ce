//! What a name may be taken for: by a server that does not mind case or width, and by whoever reads it.
//!
//! Matching never looks here: it goes byte by byte (POLICY.md §1). This is only for names that nobody listed, so that none
//! of them stands for a tool that has rules. Alike are names that are equal under NFKC and case folding, or whose skeletons
//! (UTS #39, "Confusable Detection") are.

use std::{collections::HashSet, sync::LazyLock};

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

#[cfg(test)]
mod tests;

/// A longer name, in bytes, is compared with none, and taken to be like one.
const MOST_BYTES: usize = 1_024;

/// Names, to be found by what they look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Likenesses(HashSet<Box<str>>);

impl Likenesses {
    /// Takes a name in. Whether another was there that it looks like, or it is too long to tell.
    pub fn insert(&mut self, name: &str) -> bool {
        let was = self.has(name);
        if let Some(shapes) = Shapes::of(name) {
            self.0.extend(shapes.seen().map(Box::from));
        }
        was
    }

    /// Whether a name looks like one of these, or is one. A name of more than 1,024 bytes counts as one that does.
    pub fn has(&self, name: &str) -> bool {
        let Some(shapes) = Shapes::of(name) else { return true };
        shapes.seen().into_iter().any(|shape| self.0.contains(shape))
    }
}

impl<'n> FromIterator<&'n str> for Likenesses {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut all = Self::default();
        for name in names {
            all.insert(name);
        }
        all
    }
}

/// The forms by which a name is compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shapes {
    /// As a server reads it that minds neither case nor width.
    pub folded: String,
    /// What that looks like.
    small: String,
    /// What the name looks like as it is written: capitals look like other letters than small ones.
    written: String,
}

impl Shapes {
    /// None: the name is too long.
    pub(crate) fn of(name: &str) -> Option<Self> {
        (name.len() <= MOST_BYTES).then(|| Self { folded: folded(name), small: small(name), written: written(name) })
    }

    /// What is seen of it.
    pub(crate) fn seen(&self) -> [&str; 2] {
        [&self.small, &self.written]
    }
}

/// NFKC and case folding, without what is not seen.
pub(crate) fn folded(name: &str) -> String {
    if name.is_ascii() {
        name.chars().filter(is_seen).map(|c| c.to_ascii_lowercase()).collect()
    } else {
        fold(name.nfkc())
    }
}

/// The skeleton of the folded name.
pub(crate) fn small(name: &str) -> String {
    if name.is_ascii() { ASCII.small.of(name) } else { small_of_any(name) }
}

fn written(name: &str) -> String {
    if name.is_ascii() { ASCII.written.of(name) } else { written_of_any(name) }
}

fn small_of_any(name: &str) -> String {
    fold(skeleton(&fold(name.nfkc())))
}

fn written_of_any(name: &str) -> String {
    fold(skeleton(&name.nfkc().collect::<String>()))
}

/// Full case folding, character by character: through capitals, so that letters with several small forms become one.
fn fold(chars: impl Iterator<Item = char>) -> String {
    chars.flat_map(char::to_uppercase).flat_map(char::to_lowercase).filter(is_seen).collect()
}

/// Space and control characters are trimmed or lost on the way to many servers; what patterns are written with is in no name.
fn is_seen(c: &char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '*' | '?')
}

/// The shapes of each ASCII character: names have little else, and lists have many names.
struct Ascii {
    small: Table,
    written: Table,
}

struct Table(Vec<String>);

static ASCII: LazyLock<Ascii> =
    LazyLock::new(|| Ascii { small: Table::by(small_of_any), written: Table::by(written_of_any) });

impl Table {
    fn by(shape: fn(&str) -> String) -> Self {
        Self((0..128_u8).map(|byte| shape(char::from(byte).encode_utf8(&mut [0; 4]))).collect())
    }

    fn of(&self, name: &str) -> String {
        name.bytes().filter_map(|byte| self.0.get(usize::from(byte))).map(String::as_str).collect()
    }
}
