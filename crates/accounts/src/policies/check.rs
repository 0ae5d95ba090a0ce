//! Whether a document can be published: the language's own problems, its tests, and the teams it names.

use std::collections::BTreeSet;

use policy::{CompiledPolicy, Problem, vectors::Outcome};
use serde_json::Value;

use super::place::{place, place_items};
use crate::{Accounts, Error};

/// At most so many unknown teams are placed: finding a place reads the text once.
const MAX_UNKNOWN_TEAMS: usize = 20;

/// What is to be said about a document.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// What is wrong with it as a policy.
    pub problems: Vec<Problem>,
    /// How its tests went, in their order; empty while there are problems.
    pub tests: Vec<CheckedTest>,
}

/// How a test in a document went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedTest {
    /// As it is named, else `test N`.
    pub name: String,
    /// Where it stands.
    pub pointer: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// The first call that did not come out as expected; none: it passed.
    pub failure: Option<String>,
}

/// Which teams there are, for a document that may name some.
#[derive(Clone, Debug)]
pub(super) enum Teams {
    /// It does not matter.
    Any,
    /// These, by slug.
    These(BTreeSet<String>),
}

/// Examines a document off the async threads.
pub(super) async fn examine(accounts: &Accounts, document: &str, teams: Teams) -> Result<CheckReport, Error> {
    let document = document.to_owned();
    accounts.off_threads(move || report(&document, &teams)).await
}

impl CheckReport {
    /// Everything that keeps the document from being published, in the order of the text.
    pub(super) fn obstacles(self) -> Vec<Problem> {
        let failing = |test: CheckedTest| {
            let message = format!("the test {:?} fails: {}", test.name, test.failure?);
            Some(Problem { pointer: test.pointer, line: test.line, column: test.column, message })
        };
        let mut found = self.problems;
        found.extend(self.tests.into_iter().filter_map(failing));
        found.sort_by_key(|problem| (problem.line, problem.column));
        found
    }
}

fn report(document: &str, teams: &Teams) -> CheckReport {
    let compiled = match CompiledPolicy::compile(document) {
        Ok(compiled) => compiled,
        Err(problems) => return CheckReport { problems: problems.0, tests: Vec::new() },
    };
    let problems = match teams {
        Teams::These(there) if compiled.needs_approvals() => unknown_teams(document, there),
        Teams::These(_) | Teams::Any => Vec::new(),
    };
    CheckReport { problems, tests: tests(document, &compiled) }
}

fn tests(document: &str, compiled: &CompiledPolicy) -> Vec<CheckedTest> {
    if compiled.test_count() == 0 {
        return Vec::new();
    }
    let places = place_items(document, &["tests"]);
    let checked = |(index, test): (usize, policy::vectors::TestReport)| {
        let (line, column) = places.get(index).copied().unwrap_or((1, 1));
        let failure = match test.outcome {
            Outcome::Pass => None,
            Outcome::Fail(why) => Some(why),
        };
        CheckedTest { name: test.name, pointer: format!("/tests/{index}"), line, column, failure }
    };
    compiled.run_tests().tests.into_iter().enumerate().map(checked).collect()
}

/// Every team that is to answer and is not there: nobody ever could. The document compiled, so its members are what they
/// should be.
fn unknown_teams(document: &str, there: &BTreeSet<String>) -> Vec<Problem> {
    let Ok(Value::Object(root)) = serde_json::from_str(document) else { return Vec::new() };
    let many = ["tools", "classes"].into_iter().flat_map(|name| {
        let rules = root.get(name).and_then(Value::as_object).into_iter().flatten();
        rules.map(move |(key, rule)| (vec![name, key.as_str()], rule))
    });
    let all = many.chain(root.get("all_tools").map(|rule| (vec!["all_tools"], rule)));
    let unknown = all.filter_map(|(path, rule)| {
        let team = rule.pointer("/approval/approvers/team")?.as_str()?;
        (!there.contains(team)).then(|| no_team(document, &path, team))
    });
    unknown.take(MAX_UNKNOWN_TEAMS).collect()
}

fn no_team(document: &str, path: &[&str], team: &str) -> Problem {
    let path = [path, &["approval", "approvers", "team"]].concat();
    let (line, column) = place(document, &path);
    let pointer = path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
    let message = format!("found {team:?}; allowed: the slug of a team of this account, whose members are to answer");
    Problem { pointer, line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacles(document: &str, teams: &[&str]) -> Vec<(String, u32, u32)> {
        let teams = Teams::These(teams.iter().map(|team| (*team).to_owned()).collect());
        report(document, &teams).obstacles().into_iter().map(|p| (p.pointer, p.line, p.column)).collect()
    }

    #[test]
    fn teams_that_are_not_there_are_refused_where_they_are_named() {
        let document = "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\n  \
            \"a/b~c\": {\"action\": \"require_approval\", \"approval\": {\"approvers\": {\"team\": \"gone\"}}},\n  \
            \"ok\": {\"action\": \"require_approval\", \"approval\": {\"approvers\": {\"team\": \"data\"}}}},\n  \
            \"classes\": {\"write\": {\"approve_if\": [{\"conditions\": []}], \"approval\": {\"approvers\": {\"team\": \"nope\"}}}}}";
        assert_eq!(
            obstacles(document, &["data"]),
            [
                ("/tools/a~1b~0c/approval/approvers/team".to_owned(), 2, 78),
                ("/classes/write/approval/approvers/team".to_owned(), 4, 96)
            ]
        );
        assert_eq!(obstacles(document, &["data", "gone", "nope"]), []);
        assert!(report(document, &Teams::Any).obstacles().is_empty());
    }

    #[test]
    fn a_policy_whose_tests_fail_is_refused_at_the_test() {
        let document = r#"{"version":"1","default":"deny","tests":[
            {"name":"fine","calls":[{"at":0,"tool":"x","expect":"deny"}]},
            {"name":"wrong","calls":[{"at":0,"tool":"x","expect":"allow"}]}]}"#;
        let report = report(document, &Teams::Any);
        let passed: Vec<_> = report.tests.iter().map(|test| (test.name.as_str(), test.failure.is_none())).collect();
        assert_eq!(passed, [("fine", true), ("wrong", false)]);
        let obstacles = report.obstacles();
        assert_eq!((obstacles[0].pointer.as_str(), obstacles[0].line), ("/tests/1", 3));
        assert!(obstacles[0].message.contains("\"wrong\""), "{}", obstacles[0].message);
        assert_eq!(obstacles.len(), 1);
    }

    #[test]
    fn the_languages_own_problems_come_first() {
        assert_eq!(obstacles(r#"{"version":"2","default":"deny"}"#, &[])[0].0, "/version");
        assert!(obstacles(r#"{"version":"1","default":"deny"}"#, &[]).is_empty());
    }
}
