//! The small editor on a server's page: line numbers, and the problems at their lines while one types.

use accounts::SaveError;
use askama::Template;
use domain::Permission;
use policy::Problems;
use serde::Deserialize;
use web_kit::{Answer, Form, Member, Path, Problem, Visit};

use super::server::Named;
use crate::{
    page::page,
    routes::{Routes, Who},
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
        Self::made(base, String::new(), ProblemList { checked: false, faults: Vec::new() })
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

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    document: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.post("/app/{account}/servers/{server}/policies/check", Who::Member(Permission::WritePolicies), check)
}

/// While one types: the problems alone.
async fn check(visit: Visit<Member>, Path(_): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    super::needs(&visit, Permission::WritePolicies)?;
    let document = typed.document.replace("\r\n", "\n");
    let problems = match visit.accounts().check_policy(&document).await {
        Ok(()) => None,
        Err(SaveError::Problems(problems)) => Some(problems),
        Err(SaveError::Other(error)) => return Err(error.into()),
        Err(SaveError::Conflict { .. }) => return Err(Problem::Internal),
    };
    page(&ProblemList::of(&document, problems.as_ref()))
}
