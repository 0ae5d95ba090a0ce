//! Whether a document can be saved as a policy: the language's own problems, its tests, and what is not there yet.

use std::sync::Arc;

use policy::{CompiledPolicy, Problem, Problems, vectors::Outcome};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{SaveError, place::place};
use crate::Error;

const NOT_YET: &str = "approvals are not available in this version of Portcullis, so a call that needs one could never pass; \
                       use \"deny\" with a reason, or deny_if, instead";

/// Checks a document off the async threads, a few at a time.
pub(super) async fn check(places: Arc<Semaphore>, document: &str) -> Result<(), SaveError> {
    let place = places.acquire_owned().await.map_err(|_| Error::Busy)?;
    let document = document.to_owned();
    let checked = tokio::task::spawn_blocking(move || {
        let result = problems(&document);
        drop(place);
        result
    });
    match checked.await {
        Ok(found) if found.is_empty() => Ok(()),
        Ok(found) => Err(SaveError::Problems(Problems(found))),
        Err(_) => Err(Error::Busy.into()),
    }
}

/// Everything that keeps a document from being saved, in the order of the text.
fn problems(document: &str) -> Vec<Problem> {
    let compiled = match CompiledPolicy::compile(document) {
        Ok(compiled) => compiled,
        Err(problems) => return problems.0,
    };
    let mut found = if compiled.needs_approvals() { approvals(document) } else { Vec::new() };
    if found.is_empty() {
        found = failing_tests(document, &compiled);
    }
    found.sort_by_key(|problem| (problem.line, problem.column));
    found
}

fn failing_tests(document: &str, compiled: &CompiledPolicy) -> Vec<Problem> {
    let failing = |(index, test): (usize, policy::vectors::TestReport)| match test.outcome {
        Outcome::Pass => None,
        Outcome::Fail(why) => {
            Some(problem(document, &["tests", &index.to_string()], format!("the test {:?} fails: {why}", test.name)))
        }
    };
    compiled.run_tests().tests.into_iter().enumerate().filter_map(failing).collect()
}

/// Every member that asks for an approval. The document compiled, so its members are what they should be.
fn approvals(document: &str) -> Vec<Problem> {
    let Ok(Value::Object(root)) = serde_json::from_str(document) else { return Vec::new() };
    let mut found = Vec::new();
    for of_many in ["tools", "classes"] {
        for (name, rule) in root.get(of_many).and_then(Value::as_object).into_iter().flatten() {
            of_rule(document, &[of_many, name], rule, &mut found);
        }
    }
    if let Some(rule) = root.get("all_tools") {
        of_rule(document, &["all_tools"], rule, &mut found);
    }
    found
}

fn of_rule(document: &str, path: &[&str], rule: &Value, found: &mut Vec<Problem>) {
    let mut note = |member: &str| found.push(problem(document, &[path, &[member]].concat(), NOT_YET.to_owned()));
    if rule.get("action").is_some_and(|action| action == "require_approval") {
        note("action");
    }
    if rule.get("approve_if").and_then(Value::as_array).is_some_and(|checks| !checks.is_empty()) {
        note("approve_if");
    }
}

fn problem(document: &str, path: &[&str], message: String) -> Problem {
    let (line, column) = place(document, path);
    let pointer = path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
    Problem { pointer, line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str) -> Vec<(String, u32, u32)> {
        problems(document).into_iter().map(|p| (p.pointer, p.line, p.column)).collect()
    }

    #[test]
    fn approvals_are_refused_where_they_stand() {
        let document = "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\n  \"a/b~c\": {\"action\": \"require_approval\"},\n  \
                        \"é\": {\"approve_if\": [{\"conditions\": []}]}, \"ok\": {\"approve_if\": []}\n}}";
        assert_eq!(
            found(document),
            [("/tools/a~1b~0c/action".to_owned(), 2, 23), ("/tools/é/approve_if".to_owned(), 3, 23)]
        );
        assert!(problems(document)[0].message.contains("not available"));
    }

    #[test]
    fn a_policy_whose_tests_fail_is_refused_at_the_test() {
        let document = r#"{"version":"1","default":"deny","tests":[
            {"name":"fine","calls":[{"at":0,"tool":"x","expect":"deny"}]},
            {"name":"wrong","calls":[{"at":0,"tool":"x","expect":"allow"}]}]}"#;
        let found = problems(document);
        assert_eq!((found[0].pointer.as_str(), found[0].line), ("/tests/1", 3));
        assert!(found[0].message.contains("\"wrong\""), "{}", found[0].message);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn the_languages_own_problems_come_first() {
        assert_eq!(found(r#"{"version":"2","default":"deny"}"#)[0].0, "/version");
        assert!(found(r#"{"version":"1","default":"deny"}"#).is_empty());
    }
}
