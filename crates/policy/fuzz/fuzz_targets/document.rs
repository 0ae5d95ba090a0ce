//! Any bytes as a policy document: nothing panics, problems stand where they say, and what compiles does so again from
//! other spellings of the same, agrees with the schema, and can be watched only.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use policy::{CompiledPolicy, Problem};
use policy_fuzz::json::{self, Tree};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    examine(text);
    // A vector file carries a policy, and so the seeds do.
    if let Some(policy) = json::parse(text).as_ref().and_then(|tree| tree.get("policy")) {
        examine(&policy.render());
    }
    let _ = policy::vectors::run_file(text);
});

fn examine(text: &str) {
    match CompiledPolicy::compile(text) {
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused without a reason");
            let places: Vec<_> = problems.0.iter().map(|problem| (problem.line, problem.column)).collect();
            assert!(places.is_sorted(), "problems come in the order of the text");
            problems.0.iter().for_each(|problem| placed(text, problem));
        }
        Ok(compiled) => sound(text, &compiled),
    }
    let _ = policy::shadowed(text);
}

fn placed(text: &str, problem: &Problem) {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let line = text.split('\n').nth(problem.line as usize - 1).unwrap_or_else(|| panic!("no such line: {problem:?}"));
    let columns = line.chars().count() as u32 + 1;
    assert!((1..=columns).contains(&problem.column), "no such column: {problem:?} of {columns}");
    assert!(!problem.message.is_empty(), "nothing is told: {problem:?}");
    assert!(problem.pointer.is_empty() || problem.pointer.starts_with('/'), "no pointer: {problem:?}");
    let escapes = problem.pointer.split('~').skip(1);
    assert!(escapes.into_iter().all(|after| after.starts_with(['0', '1'])), "escapes: {problem:?}");
}

fn sound(text: &str, compiled: &CompiledPolicy) {
    let value: serde_json::Value = serde_json::from_str(text).expect("what compiles is JSON");
    let schema = schema().iter_errors(&value).next();
    assert!(schema.is_none(), "sound, but not by the schema: {schema:?}");
    let tree = json::parse(text).expect("what compiles is JSON");
    let again = CompiledPolicy::compile(&tree.render()).expect("another spelling of a sound document");
    assert_eq!(compiled.argument_paths(), again.argument_paths());
    assert_eq!(compiled.description(), again.description());
    assert_eq!(compiled.test_count(), again.test_count());
    assert_eq!(tree.word("description"), compiled.description());
    let _ = compiled.run_tests();
    if let Ok(watching) = policy::shadowed(text) {
        let watching = CompiledPolicy::compile(&watching).expect("the watching policy is sound");
        let _ = watching.project(r#"{"a":[1,{"b":"c"}]}"#);
    }
    let named = tree.get("tools").map_or(&[][..], Tree::members).iter();
    for (name, _) in named.take(20) {
        let _ = policy::visibility(Some(compiled), name, policy::RiskClass::Read);
        let _ = policy::standings(Some(compiled), name, policy::RiskClass::Financial);
    }
}

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| jsonschema::validator_for(&policy::schema()).expect("the schema is sound"))
}
