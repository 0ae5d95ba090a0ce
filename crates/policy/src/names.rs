//! The names and patterns of a policy's entries, indexed for looking a tool up.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::likeness::{self, Shapes};
use crate::pattern::{Glob, Name};

#[cfg(test)]
mod tests;

/// Entries by name, each an index that its owner knows.
#[derive(Debug, Default)]
pub(crate) struct Names {
    exact: HashMap<Box<str>, usize>,
    /// By the character that a matching name begins with (`None`: any), most specific first.
    globs: HashMap<Option<char>, Vec<(Glob, usize)>>,
}

/// The same entries by what their names look like.
#[derive(Debug, Default)]
pub(crate) struct LikeNames(Names);

impl Names {
    pub(crate) fn insert(&mut self, name: Name, entry: usize) {
        match name {
            Name::Exact(name) => _ = self.exact.insert(name, entry),
            Name::Glob(glob) => self.globs.entry(glob.first_char()).or_default().push((glob, entry)),
        }
    }

    /// To be called when all are in.
    pub(crate) fn sort(&mut self) {
        for alike in self.globs.values_mut() {
            alike.sort_by_key(|(glob, _)| Reverse(glob.literals()));
        }
    }

    pub(crate) fn exact(&self, tool: &str) -> Option<usize> {
        self.exact.get(tool).copied()
    }

    /// Two globs of one document that both match are never equally specific: such a document is refused.
    pub(crate) fn by_glob(&self, tool: &str) -> Option<usize> {
        self.best_glob(tool).map(|(_, entry)| entry)
    }

    /// The most specific pattern that matches: its literal characters, and its entry.
    fn best_glob(&self, tool: &str) -> Option<(usize, usize)> {
        let first_match = |first| {
            let candidates = self.globs.get(&first)?;
            candidates.iter().find(|(glob, _)| glob.matches(tool))
        };
        let found = [tool.chars().next().and_then(|c| first_match(Some(c))), first_match(None)];
        found.into_iter().flatten().map(|(glob, entry)| (glob.literals(), *entry)).max_by_key(|(literals, _)| *literals)
    }

    /// The entry that a name without an exact one looks like it were for, when that is more specific than its own.
    pub(crate) fn look_alike(&self, like: &LikeNames, tool: &str) -> Option<usize> {
        let shapes = Shapes::of(tool)?;
        let [small, written] = shapes.seen();
        if let Some(entry) = [small, written].into_iter().find_map(|shape| like.0.exact(shape)) {
            return Some(entry);
        }
        let own = self.best_glob(tool).map(|(literals, _)| literals);
        let likely = [small, written, &shapes.folded].into_iter().filter_map(|shape| like.0.best_glob(shape));
        let (literals, entry) = likely.max_by_key(|(literals, _)| *literals)?;
        own.is_none_or(|own| own < literals).then_some(entry)
    }
}

impl LikeNames {
    pub(crate) fn insert(&mut self, name: &Name, entry: usize) {
        match name {
            // A name that is too long to have shapes is too long for one that is taken for it.
            Name::Exact(name) => {
                let shapes = Shapes::of(name);
                let seen = shapes.iter().flat_map(Shapes::seen);
                seen.for_each(|shape| self.0.insert(Name::Exact(shape.into()), entry));
            }
            Name::Glob(glob) => {
                for shape in [likeness::small, likeness::folded] {
                    self.0.insert(Name::Glob(glob.shaped(shape)), entry);
                }
            }
        }
    }

    /// To be called when all are in.
    pub(crate) fn sort(&mut self) {
        self.0.sort();
    }
}
