//! Two texts compared, line by line.

use similar::{ChangeTag, DiffOp, TextDiff};

/// Lines around a change that stay the same and are shown.
const AROUND: usize = 3;

/// What became of one text in another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    /// Runs of lines around the changes; what lies between them is the same.
    pub(crate) hunks: Vec<Hunk>,
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// Lines that stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// How many lines before it are the same and not shown.
    pub(crate) skipped: usize,
    pub(crate) lines: Vec<DiffLine>,
}

/// One line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiffLine {
    pub(crate) change: Change,
    /// Its number in the old text.
    pub(crate) old: Option<usize>,
    /// Its number in the new text.
    pub(crate) new: Option<usize>,
    pub(crate) text: String,
}

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Same,
    Added,
    Removed,
}

impl Change {
    /// The look: a class of the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }

    /// The sign before the line, so that colour is never the only one.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Same => " ",
            Self::Added => "+",
            Self::Removed => "−",
        }
    }

    /// The same for who hears the page.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Added => "added: ",
            Self::Removed => "removed: ",
        }
    }
}

impl Diff {
    /// What became of `old` in `new`.
    pub(crate) fn of(old: &str, new: &str) -> Self {
        let diff = TextDiff::from_lines(old, new);
        let mut made = Self::default();
        let mut shown = 0;
        for group in diff.grouped_ops(AROUND) {
            let first = group.first().map_or(0, |op| op.old_range().start);
            let hunk = Hunk { skipped: first.saturating_sub(shown), lines: lines(&diff, &group) };
            made.added += hunk.lines.iter().filter(|line| line.change == Change::Added).count();
            made.removed += hunk.lines.iter().filter(|line| line.change == Change::Removed).count();
            shown = group.last().map_or(shown, |op| op.old_range().end);
            made.hunks.push(hunk);
        }
        made
    }

    /// Whether the texts are the same.
    pub(crate) fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }

    /// "2 lines added, 1 removed".
    pub(crate) fn counted(&self) -> String {
        let lines = |count: usize| if count == 1 { "line" } else { "lines" };
        match (self.added, self.removed) {
            (0, 0) => "The two texts are the same".to_owned(),
            (added, 0) => format!("{added} {} added", lines(added)),
            (0, removed) => format!("{removed} {} removed", lines(removed)),
            (added, removed) => format!("{added} {} added, {removed} removed", lines(added)),
        }
    }
}

fn lines(diff: &TextDiff<'_, '_, str>, group: &[DiffOp]) -> Vec<DiffLine> {
    let changes = group.iter().flat_map(|op| diff.iter_changes(op));
    let line = |change: similar::Change<&str>| DiffLine {
        change: match change.tag() {
            ChangeTag::Equal => Change::Same,
            ChangeTag::Insert => Change::Added,
            ChangeTag::Delete => Change::Removed,
        },
        old: change.old_index().map(|index| index + 1),
        new: change.new_index().map(|index| index + 1),
        text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
    };
    changes.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_stands_with_what_is_around_it() {
        let old: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let new = old.replace("line 10\n", "line ten\nand a half\n");
        let diff = Diff::of(&old, &new);
        assert_eq!((diff.added, diff.removed, diff.hunks.len()), (2, 1, 1));
        assert_eq!(diff.counted(), "2 lines added, 1 removed");
        let hunk = &diff.hunks[0];
        assert_eq!((hunk.skipped, hunk.lines.len()), (6, 9));
        let signs: String = hunk.lines.iter().map(|line| line.change.sign()).collect();
        assert_eq!(signs, "   −++   ");
        assert_eq!((hunk.lines[3].old, hunk.lines[3].new), (Some(10), None));
        assert_eq!((hunk.lines[4].old, hunk.lines[4].new, hunk.lines[4].text.as_str()), (None, Some(10), "line ten"));
    }

    #[test]
    fn the_same_text_has_no_hunks_and_a_lost_last_line_end_is_seen() {
        assert!(Diff::of("a\nb\n", "a\nb\n").is_empty());
        assert_eq!(Diff::of("", "").counted(), "The two texts are the same");
        assert!(!Diff::of("a\nb\n", "a\nb").is_empty());
        assert_eq!(Diff::of("a\n", "").counted(), "1 line removed");
    }
}
