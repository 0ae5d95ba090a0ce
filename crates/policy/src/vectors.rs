//! Vector files and the tests inside policies (POLICY.md §8), run on a virtual clock and empty counters.
//!
//! A vector file is `{"policy", "tests"}`, or `{"policy", "invalid"}` for a document that must be refused with problems
//! at exactly those pointers; it may carry a `name` and a `description`. A file without `policy` is taken as a policy
//! document, and the tests in it are run.

use std::collections::BTreeSet;

use crate::document::{self, At, Reader, Scenario, read_scenarios};
use crate::json::{Node, Tree, Value};
use crate::simulation::{Ledger, Rings};
use crate::{CompiledPolicy, Problem, Problems};

mod run;

use run::{Budget, Run};

/// The result of every test of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// In the order of the file.
    pub tests: Vec<TestReport>,
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// As the test is named, else `test N`.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How a test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every call came out as expected.
    Pass,
    /// The first call that did not, what was expected and what came.
    Fail(String),
}

impl FileReport {
    /// How many tests passed.
    pub fn passed(&self) -> usize {
        self.tests.iter().filter(|test| test.outcome == Outcome::Pass).count()
    }

    /// How many did not.
    pub fn failed(&self) -> usize {
        self.tests.len() - self.passed()
    }
}

impl CompiledPolicy {
    /// Runs the tests in the document; a policy with a failing one must not be published.
    pub fn run_tests(&self) -> FileReport {
        self.run_tests_with(&mut Rings::default())
    }

    /// The same, counted in a ledger of the caller's, which is made fresh before each test.
    pub fn run_tests_with(&self, ledger: &mut dyn Ledger) -> FileReport {
        run_all(self, self.scenarios(), ledger)
    }
}

/// Runs the tests of a vector file or of a policy document.
///
/// # Errors
/// Every problem of the file, placed in the file; a policy that should have been valid is one of them.
pub fn run_file(text: &str) -> Result<FileReport, Problems> {
    run_file_with(text, &mut Rings::default())
}

/// [`run_file`], counted in a ledger of the caller's, which is made fresh before each test.
///
/// # Errors
/// As [`run_file`].
pub fn run_file_with(text: &str, ledger: &mut dyn Ledger) -> Result<FileReport, Problems> {
    let tree = document::parse(text)?;
    let Value::Object(members) = &tree.root.value else { return CompiledPolicy::compile(text).map(|_| empty()) };
    match members.iter().find(|member| member.key == "policy") {
        Some(policy) => run_vector(text, &tree, &policy.node, ledger),
        None => CompiledPolicy::compile(text).map(|policy| policy.run_tests_with(ledger)),
    }
}

fn empty() -> FileReport {
    FileReport::default()
}

/// The part of a vector file beside its policy.
struct Vector {
    tests: Vec<Scenario>,
    /// Pointers, when the policy must be refused.
    invalid: Option<BTreeSet<String>>,
}

fn run_vector(text: &str, tree: &Tree<'_>, policy: &Node<'_>, ledger: &mut dyn Ledger) -> Result<FileReport, Problems> {
    let vector = read_vector(text, tree);
    let policy = document::read_within(text, tree, policy);
    let (vector, policy) = match (vector, policy) {
        (Ok(Vector { invalid: Some(expected), .. }), policy) => {
            return Ok(FileReport { tests: vec![refusal(&expected, policy.err())] });
        }
        (Ok(vector), Ok(policy)) => (vector, CompiledPolicy::from_document(policy)),
        (vector, policy) => {
            let mut problems = vector.err().map(|problems| problems.0).unwrap_or_default();
            problems.extend(policy.err().map(within_policy).unwrap_or_default());
            problems.sort_by_key(|problem| (problem.line, problem.column));
            return Err(Problems(problems));
        }
    };
    let mut report = policy.run_tests_with(ledger);
    report.tests.extend(run_all(&policy, &vector.tests, ledger).tests);
    Ok(report)
}

/// Problems of the policy as problems of the file around it.
fn within_policy(problems: Problems) -> Vec<Problem> {
    let outer = |problem: Problem| Problem { pointer: format!("/policy{}", problem.pointer), ..problem };
    problems.0.into_iter().map(outer).collect()
}

fn read_vector(text: &str, tree: &Tree<'_>) -> Result<Vector, Problems> {
    let mut reader = Reader::new(text);
    let root = At::root(&tree.root);
    let fields = reader.object(&root, &["name", "description", "policy", "tests", "invalid"]);
    for member in reader.members(&root).unwrap_or_default() {
        let at = root.member(member);
        if member.duplicate {
            let message = format!("found the key {:?} again; allowed: each key once", member.key);
            reader.problem_at(member.key_start, &at.pointer, message);
        } else if member.key != "policy" {
            reader.duplicates(&at);
        }
    }
    let get = |name: &str| fields.as_ref().and_then(|fields| fields.get(name));
    let tests = get("tests").map(|at| read_scenarios(&mut reader, &at)).unwrap_or_default();
    let invalid = get("invalid").map(|at| read_pointers(&mut reader, &at));
    if let (Some(_), Some(tests)) = (&invalid, get("tests")) {
        let message = "found both \"tests\" and \"invalid\"; allowed: one of them".to_owned();
        reader.problem_at(tests.node.start, &tests.pointer, message);
    }
    if reader.is_clean() { Ok(Vector { tests, invalid }) } else { Err(reader.finish()) }
}

fn read_pointers(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeSet<String> {
    let items = reader.items(at).unwrap_or_default();
    let mut pointers = BTreeSet::new();
    for item in &items {
        let Some(fields) = reader.object(item, &["pointer"]) else { continue };
        pointers.extend(reader.required(&fields, &["pointer"], "pointer").and_then(|at| reader.string(&at)));
    }
    pointers
}

/// The one test of a document that must be refused.
fn refusal(expected: &BTreeSet<String>, problems: Option<Problems>) -> TestReport {
    let problems = problems.map(|problems| problems.0).unwrap_or_default();
    let missing = expected.iter().filter(|pointer| !problems.iter().any(|problem| problem.pointer == **pointer));
    let missing: Vec<String> = missing.map(|pointer| format!("expected a problem at {pointer:?}")).collect();
    let surprising = problems.iter().filter(|problem| !expected.contains(&problem.pointer));
    let surprising: Vec<String> = surprising.map(|problem| format!("did not expect {problem}")).collect();
    let accepted = problems.is_empty().then(|| "the policy was accepted".to_owned());
    let faults: Vec<String> = accepted.into_iter().chain(missing).chain(surprising).collect();
    let outcome = if faults.is_empty() { Outcome::Pass } else { Outcome::Fail(faults.join("\n")) };
    TestReport { name: "refused with these problems".to_owned(), outcome }
}

fn run_all(policy: &CompiledPolicy, scenarios: &[Scenario], ledger: &mut dyn Ledger) -> FileReport {
    let mut run = Run { policy, ledger, budget: Budget::new(policy) };
    let report = |scenario: &Scenario| TestReport {
        name: scenario.name.clone(),
        outcome: run.scenario(scenario).map_or_else(Outcome::Fail, |()| Outcome::Pass),
    };
    FileReport { tests: scenarios.iter().map(report).collect() }
}
