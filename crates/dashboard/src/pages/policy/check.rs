//! What is wrong with a text, and how its tests end: while one types, and for the whole page without script.

use accounts::{CheckReport, CheckedTest};
use askama::Template;
use domain::Permission;
use http::HeaderMap;
use policy::{Problem as Wrong, Problems};
use serde_json::json;
use web_kit::{Answer, Form, Member, Path, Problem, Visit};

use super::{Bench, Extra, Named, Subject, Typed, data, part_alone};
use crate::{
    page::page,
    routes::{Routes, Who},
    show,
    source::{self, Fault},
    words,
};

/// The part below the text.
#[derive(Template, Default)]
#[template(path = "policies/check.html")]
pub(crate) struct CheckPart {
    checked: bool,
    pub(super) faults: Vec<Fault>,
    tests: Vec<TestLine>,
    /// The problems for the editor's script.
    data: String,
}

struct TestLine {
    name: String,
    pointer: String,
    line: u32,
    failure: Option<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post(
        "/app/{account}/servers/{server}/policies/{policy}/check",
        Who::Member(Permission::WritePolicies),
        check,
    )
}

async fn check(visit: Visit<Member>, Path(named): Path<Named>, headers: HeaderMap, Form(typed): Form<Typed>) -> Answer {
    super::super::needs(&visit, Permission::WritePolicies)?;
    let subject = Subject::find(&visit, &named, None).await?;
    let typed = typed.pasted();
    let part = CheckPart::run(&visit, &typed.document).await?;
    if part_alone(&headers) {
        return page(&part);
    }
    page(&Bench::make(&visit, subject, typed, Extra { check: part, ..Extra::default() }).await?)
}

impl CheckPart {
    /// Checks a text.
    pub(super) async fn run(visit: &Visit<Member>, document: &str) -> Result<Self, Problem> {
        let report = visit.accounts().check_report(document).await?;
        Ok(Self::of(document, &report))
    }

    fn of(document: &str, report: &CheckReport) -> Self {
        let test = |test: &CheckedTest| TestLine {
            name: words::visible(&test.name),
            pointer: test.pointer.clone(),
            line: test.line,
            failure: test.failure.as_deref().map(words::visible),
        };
        let tests = report.tests.iter().map(test).collect();
        Self { tests, ..Self::wrong(document, &Problems(report.problems.clone())) }
    }

    /// What kept a text from being saved.
    pub(crate) fn wrong(document: &str, problems: &Problems) -> Self {
        let marker = |wrong: &Wrong| json!({ "pointer": wrong.pointer, "line": wrong.line, "column": wrong.column, "message": wrong.message });
        Self {
            checked: true,
            faults: source::faults(document, problems),
            tests: Vec::new(),
            data: data::for_script(&problems.0.iter().map(marker).collect()),
        }
    }

    fn heading(&self) -> String {
        show::count(self.faults.len(), "problem", "problems")
    }

    fn failing(&self) -> usize {
        self.tests.iter().filter(|test| test.failure.is_some()).count()
    }

    fn tests_said(&self) -> String {
        match (self.tests.len(), self.failing()) {
            (all, 0) => format!("{}: all pass", show::count(all, "test", "tests")),
            (all, failing) => {
                let fail = if failing == 1 { "fails" } else { "fail" };
                format!("{}: {failing} {fail}, so it cannot be published", show::count(all, "test", "tests"))
            }
        }
    }
}
