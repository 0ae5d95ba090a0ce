//! The runner tells a failing test from a passing one, and says what went wrong.

use policy::CompiledPolicy;
use policy::vectors::{Outcome, run_file};

/// A vector file with this rule for the tool `t` and these calls in its one test.
fn vector(rule: &str, calls: &str) -> String {
    format!(
        r#"{{"policy":{{"version":"1","default":"deny","tools":{{"t":{rule}}}}},"tests":[{{"name":"n","calls":[{calls}]}}]}}"#
    )
}

fn failure(rule: &str, calls: &str) -> String {
    let report = run_file(&vector(rule, calls)).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((report.passed(), report.failed()), (0, 1), "{calls}");
    match &report.tests[0].outcome {
        Outcome::Fail(why) => why.clone(),
        Outcome::Pass => panic!("should fail: {calls}"),
    }
}

#[test]
fn a_failing_test_tells_the_call_the_expectation_and_the_outcome() {
    let limited = r#"{"rate_limit":{"max":2,"window":"minute"}}"#;
    assert_eq!(
        failure(limited, r#"{"at":0,"tool":"t","expect":"allow"},{"at":0.5,"tool":"t","expect":"allow","repeat":3}"#),
        "call 2 (t at 0.5 s, repetition 2 of 3): expected allow; \
         got deny, code rate_limited, rule \"/tools/t/rate_limit\", would_deny false"
    );
    assert_eq!(
        failure("{}", r#"{"at":0,"tool":"t","expect":"deny","code":"denied","rule":"/x","would_deny":true}"#),
        "call 1 (t at 0 s): expected deny, code denied, rule \"/x\", would_deny true; \
         got allow, rule \"/tools/t\", would_deny false"
    );
}

#[test]
fn each_expectation_counts() {
    let denied = r#"{"action":"deny"}"#;
    for (rule, calls) in [
        (denied, r#"{"at":0,"tool":"t","expect":"allow"}"#),
        (denied, r#"{"at":0,"tool":"t","expect":"approval"}"#),
        (denied, r#"{"at":0,"tool":"t","expect":"deny","code":"hidden"}"#),
        (denied, r#"{"at":0,"tool":"t","expect":"deny","rule":"/tools/t"}"#),
        (denied, r#"{"at":0,"tool":"t","expect":"deny","would_deny":true}"#),
        ("{}", r#"{"at":0,"tool":"t","expect":"allow","code":"denied"}"#),
        (r#"{"action":"require_approval"}"#, r#"{"at":0,"tool":"t","expect":"deny"}"#),
        (
            r#"{"action":"require_approval"}"#,
            r#"{"at":0,"tool":"t","expect":"allow","approve":true},{"at":0,"tool":"t","expect":"allow"}"#,
        ),
        (r#"{"mode":"shadow","action":"deny"}"#, r#"{"at":0,"tool":"t","expect":"allow","would_deny":false}"#),
    ] {
        failure(rule, calls);
    }
}

#[test]
fn a_refusal_has_to_match_exactly() {
    let refusal = |pointers: &str| {
        let text = format!(r#"{{"policy":{{"version":"1","default":5,"x":1}},"invalid":[{pointers}]}}"#);
        let report = run_file(&text).unwrap();
        assert_eq!(report.tests.len(), 1);
        report.tests[0].outcome.clone()
    };
    assert_eq!(refusal(r#"{"pointer":"/x"},{"pointer":"/default"}"#), Outcome::Pass);
    let Outcome::Fail(missing) = refusal(r#"{"pointer":"/x"},{"pointer":"/y"},{"pointer":"/default"}"#) else {
        panic!("one is missing")
    };
    assert_eq!(missing, "expected a problem at \"/y\"");
    let Outcome::Fail(surprising) = refusal(r#"{"pointer":"/x"}"#) else { panic!("one is not expected") };
    assert_eq!(surprising, "did not expect 1:36: /default: found 5; allowed: \"allow\", \"deny\"");
    let sound = r#"{"policy":{"version":"1","default":"deny"},"invalid":[]}"#;
    let report = run_file(sound).unwrap();
    assert_eq!(report.tests[0].outcome, Outcome::Fail("the policy was accepted".to_owned()));
}

#[test]
fn problems_of_a_file_are_placed_in_the_file() {
    let problems =
        run_file("{\"policy\": {\"version\": \"1\",\n \"default\": 5},\n \"tests\": [{\"calls\": 1}],\n \"x\": 1}");
    let shown = problems.unwrap_err().to_string();
    assert_eq!(
        shown,
        "2:13: /policy/default: found 5; allowed: \"allow\", \"deny\"\n\
         3:22: /tests/0/calls: found 1; allowed: an array\n\
         4:2: /x: found the unknown field \"x\"; allowed: name, description, policy, tests, invalid"
    );
    for bad in [
        "",
        "{",
        "[]",
        r#"{"policy":{"version":"1","default":"deny"},"tests":[],"invalid":[]}"#,
        r#"{"policy":{"version":"1","default":"deny"},"tests":[],"tests":[]}"#,
        r#"{"policy":{"version":"1","default":"deny"},"tests":[{"calls":[{"tool":"t","args":{"a":1,"a":1},"expect":"deny"}]}]}"#,
        r#"{"policy":{"version":"1","default":"deny"},"invalid":[{"pointer":1}]}"#,
        r#"{"policy":{"version":"1","default":"deny"},"invalid":[{}]}"#,
    ] {
        assert!(run_file(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_policy_document_runs_its_own_tests() {
    let document = r#"{"version":"1","default":"deny","tests":[
        {"calls":[{"at":0,"tool":"t","expect":"deny"}]},
        {"name":"wrong","calls":[{"at":0,"tool":"t","expect":"allow"}]},
        {"calls":[]}]}"#;
    let report = run_file(document).unwrap();
    assert_eq!((report.passed(), report.failed()), (2, 1));
    let names: Vec<&str> = report.tests.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["test 1", "wrong", "test 3"]);
    assert_eq!(CompiledPolicy::compile(document).unwrap().run_tests(), report);
    assert!(run_file(r#"{"version":"1","default":"deny"}"#).unwrap().tests.is_empty());
}

#[test]
fn a_document_cannot_run_for_ever() {
    let calls = r#"{"at":0,"tool":"x","expect":"deny","repeat":100000}"#;
    let report = run_file(&vector("{}", &format!("{calls},{calls},{calls}"))).unwrap();
    let Outcome::Fail(why) = &report.tests[0].outcome else { panic!("too many calls") };
    assert!(why.contains("too many calls"), "{why}");
    let condition = r#"{"path":"args.a[*]","op":"eq","value":2}"#;
    let rule = format!(r#"{{"require":[{{"conditions":[{}]}}]}}"#, vec![condition; 1_000].join(","));
    let call =
        format!(r#"{{"tool":"t","args":{{"a":[{}]}},"expect":"deny","repeat":100}}"#, vec!["1"; 50_000].join(","));
    let report = run_file(&vector(&rule, &call)).unwrap();
    let Outcome::Fail(why) = &report.tests[0].outcome else { panic!("too much to look at") };
    assert!(why.contains("too many calls"), "{why}");
}
