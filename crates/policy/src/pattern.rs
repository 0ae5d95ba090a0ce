//! Patterns for tool names: an exact name, or a glob of `*` (any run of characters) and `?` (one character).
//! There is no escape; every other character stands for itself and case matters (POLICY.md §1).

use std::iter;

#[cfg(test)]
mod tests;

/// A pattern, as an entry of a policy is for it.
#[derive(Debug)]
pub(crate) enum Name {
    Exact(Box<str>),
    Glob(Glob),
}

/// A pattern with `*` or `?` in it, split at its stars.
#[derive(Debug)]
pub(crate) struct Glob {
    /// The pieces between stars. One piece: no star. The first and last are anchored, and may be empty.
    pieces: Vec<Piece>,
    literals: usize,
}

#[derive(Debug)]
enum Piece {
    Plain(Box<str>),
    /// With `?`, as `None`.
    Mixed(Box<[Option<char>]>),
}

/// Work that may be spent on comparing globs with each other, in character comparisons. Honest documents stay far
/// below.
#[derive(Debug)]
pub(crate) struct Effort(u64);

impl Effort {
    pub(crate) fn new() -> Self {
        Self(100_000_000)
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.0 = self.0.checked_sub(steps as u64)?;
        Some(())
    }
}

impl Glob {
    /// `None` for an exact name.
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        if !pattern.contains(['*', '?']) {
            return None;
        }
        let literals = pattern.chars().filter(|c| !matches!(c, '*' | '?')).count();
        Some(Self { pieces: pattern.split('*').map(Piece::parse).collect(), literals })
    }

    /// The pattern with its literal parts in another form; as specific as it was.
    pub(crate) fn shaped(&self, shape: fn(&str) -> String) -> Self {
        Self { pieces: self.pieces.iter().map(|piece| piece.shaped(shape)).collect(), literals: self.literals }
    }

    /// How specific: the number of literal characters.
    pub(crate) fn literals(&self) -> usize {
        self.literals
    }

    /// The character that every matching name begins with, if the pattern begins with one.
    pub(crate) fn first_char(&self) -> Option<char> {
        match self.pieces.first()? {
            Piece::Plain(text) => text.chars().next(),
            Piece::Mixed(chars) => chars.first().copied().flatten(),
        }
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some(mut tail) = first.strip_from(name) else { return false };
        let Some((last, middle)) = rest.split_last() else { return tail.is_empty() };
        for piece in middle {
            let Some(after) = piece.skip_to(tail) else { return false };
            tail = after;
        }
        last.ends(tail)
    }

    /// Whether some name matches both. `None` when that takes more effort than is left.
    ///
    /// Two globs with stars meet exactly when their anchored ends are compatible: everything between can be written one
    /// after the other. A glob without a star has a fixed length, and the other is laid over it piece by piece,
    /// leftmost first, which finds a way if there is one.
    pub(crate) fn meets(&self, other: &Self, effort: &mut Effort) -> Option<bool> {
        match (self.pieces.as_slice(), other.pieces.as_slice()) {
            ([fixed], _) => other.covers(&fixed.chars(), effort),
            (_, [fixed]) => self.covers(&fixed.chars(), effort),
            ([first, .., last], [other_first, .., other_last]) => {
                effort.spend(first.len().min(other_first.len()) + last.len().min(other_last.len()))?;
                let heads = first.chars().iter().zip(&other_first.chars()).all(compatible);
                let tails = last.chars().iter().rev().zip(other_last.chars().iter().rev()).all(compatible);
                Some(heads && tails)
            }
            ([], _) | (_, []) => Some(false),
        }
    }

    /// Whether some name of the shape `fixed` (`None` is any one character) matches.
    fn covers(&self, fixed: &[Option<char>], effort: &mut Effort) -> Option<bool> {
        let Some((first, rest)) = self.pieces.split_first() else { return Some(false) };
        effort.spend(fixed.len() + 1)?;
        let Some((last, middle)) = rest.split_last() else {
            return Some(first.len() == fixed.len() && lies_at(&first.chars(), fixed));
        };
        if first.len() + last.len() > fixed.len() || !lies_at(&first.chars(), fixed) {
            return Some(false);
        }
        let mut from = first.len();
        let until = fixed.len() - last.len();
        for piece in middle.iter().map(Piece::chars) {
            let found = loop {
                if from + piece.len() > until {
                    return Some(false);
                }
                effort.spend(piece.len() + 1)?;
                if lies_at(&piece, &fixed[from..]) {
                    break from;
                }
                from += 1;
            };
            from = found + piece.len();
        }
        Some(lies_at(&last.chars(), &fixed[until..]))
    }
}

fn compatible((a, b): (&Option<char>, &Option<char>)) -> bool {
    a.is_none() || b.is_none() || a == b
}

fn lies_at(piece: &[Option<char>], fixed: &[Option<char>]) -> bool {
    piece.len() <= fixed.len() && piece.iter().zip(fixed).all(compatible)
}

impl Piece {
    fn parse(text: &str) -> Self {
        if text.contains('?') {
            Self::Mixed(text.chars().map(|c| (c != '?').then_some(c)).collect())
        } else {
            Self::Plain(text.into())
        }
    }

    fn shaped(&self, shape: fn(&str) -> String) -> Self {
        match self {
            Self::Plain(text) => Self::Plain(shape(text).into()),
            Self::Mixed(chars) => {
                let mut out = Vec::new();
                for run in chars.chunk_by(|a, b| a.is_some() && b.is_some()) {
                    let text: String = run.iter().flatten().collect();
                    let wild = run.iter().filter(|c| c.is_none());
                    out.extend(shape(&text).chars().map(Some).chain(wild.copied()));
                }
                Self::Mixed(out.into())
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(text) => text.chars().count(),
            Self::Mixed(chars) => chars.len(),
        }
    }

    fn chars(&self) -> Vec<Option<char>> {
        match self {
            Self::Plain(text) => text.chars().map(Some).collect(),
            Self::Mixed(chars) => chars.to_vec(),
        }
    }

    /// What follows the piece at the start of `text`.
    fn strip_from<'n>(&self, text: &'n str) -> Option<&'n str> {
        match self {
            Self::Plain(piece) => text.strip_prefix(&**piece),
            Self::Mixed(chars) => {
                let mut rest = text.chars();
                let fits = chars.iter().all(|want| {
                    let found = rest.next();
                    found.is_some() && (want.is_none() || found == *want)
                });
                fits.then_some(rest.as_str())
            }
        }
    }

    /// What follows the leftmost place of the piece in `text`.
    fn skip_to<'n>(&self, text: &'n str) -> Option<&'n str> {
        match self {
            Self::Plain(piece) => text.find(&**piece).map(|at| &text[at + piece.len()..]),
            Self::Mixed(_) => starts(text).find_map(|at| self.strip_from(&text[at..])),
        }
    }

    /// Whether `text` ends with the piece.
    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Plain(piece) => text.ends_with(&**piece),
            Self::Mixed(chars) => {
                let from = text.char_indices().rev().nth(chars.len() - 1);
                from.is_some_and(|(at, _)| self.strip_from(&text[at..]) == Some(""))
            }
        }
    }
}

fn starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.char_indices().map(|(at, _)| at).chain(iter::once(text.len()))
}
