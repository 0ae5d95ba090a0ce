//! What every place that takes a policy shares: the editor with its line numbers, and the problems at their lines.

use askama::Template;
use policy::Problems;

use crate::{
    show,
    source::{self, Fault, Line},
};

/// The editor and the problems of what stands in it.
#[derive(Template)]
#[template(path = "policies/editor.html")]
pub(crate) struct Editor {
    document: String,
    check: String,
    numbers: Vec<Line>,
    rows: usize,
    problems: ProblemList,
}

/// The problems of a document, or that there are none.
#[derive(Template)]
#[template(path = "policies/problems.html")]
pub(crate) struct ProblemList {
    checked: bool,
    faults: Vec<Fault>,
}

impl Editor {
    /// An empty one. `base` is the server's address.
    pub(crate) fn fresh(base: &str) -> Self {
        Self::with(base, String::new())
    }

    /// One with a document in it that nothing is said about yet.
    pub(crate) fn with(base: &str, document: String) -> Self {
        Self::made(base, document, ProblemList { checked: false, faults: Vec::new() })
    }

    /// One with a document in it and what is wrong with it.
    pub(crate) fn refused(base: &str, document: String, problems: &Problems) -> Self {
        let list = ProblemList::of(&document, Some(problems));
        Self::made(base, document, list)
    }

    fn made(base: &str, document: String, problems: ProblemList) -> Self {
        Self {
            check: format!("{base}/policies/check"),
            numbers: source::numbers(&document, &problems.faults),
            rows: source::rows(&document),
            problems,
            document,
        }
    }

    fn wrong(&self) -> bool {
        !self.problems.faults.is_empty()
    }
}

impl ProblemList {
    fn heading(&self) -> String {
        show::count(self.faults.len(), "problem", "problems")
    }

    /// The outcome of checking a document.
    pub(crate) fn of(document: &str, problems: Option<&Problems>) -> Self {
        Self { checked: true, faults: problems.map(|problems| source::faults(document, problems)).unwrap_or_default() }
    }
}

/// A posted document as it was pasted: browsers send every line's end as CR LF.
pub(crate) fn pasted(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// "2 problems: they stand below the text, each with its line."
pub(crate) fn how_many(problems: &Problems) -> String {
    match problems.0.len() {
        1 => "The policy was not saved: one problem stands below the text, with its line".to_owned(),
        many => format!("The policy was not saved: {many} problems stand below the text, each with its line"),
    }
}
