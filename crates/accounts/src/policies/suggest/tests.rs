use domain::{CallDecided, CallId, DataKey, DeploymentKey, Entropy, GrantId, PolicyId, Sealed, ServerId};
use policy::{
    Approval, Call, Facts, RiskClass,
    simulation::{self, SimPayer, Simulation, Upstream},
};
use serde_json::Value;
use storage::{CallPlace, PastCall};
use uuid::Uuid;

use super::*;

const START: Timestamp = Timestamp(1_767_225_600_000_000);

fn key() -> DataKey {
    DeploymentKey::new(&Entropy::seeded(1)).derive("a test")
}

fn row(name: &str, class: RiskClass) -> ToolRow {
    ToolRow {
        server: ServerId::from_uuid(Uuid::nil()),
        name: name.to_owned(),
        definition: "{}".to_owned(),
        pin: String::new(),
        accepted_pin: None,
        class,
        evidence: vec!["the name says “delete”".to_owned()],
        first_seen_at: START,
        changed_at: START,
    }
}

fn call(grant: u128, tool: &str, class: RiskClass, at: Timestamp) -> PastCall {
    PastCall {
        place: CallPlace { at, id: CallId::from_uuid(Uuid::from_u128(u128::from(at.0.unsigned_abs()))) },
        principal: None,
        key: None,
        app: None,
        grant: Some(GrantId::from_uuid(Uuid::from_u128(grant))),
        policy: Some((PolicyId::from_uuid(Uuid::nil()), 1)),
        tool: tool.to_owned(),
        class: Some(class),
        outcome: Outcome::Allow,
        code: None,
        rule: String::new(),
        argument_keys: Vec::new(),
        arguments: None,
        approval: None,
        client: None,
        settlement: None,
    }
}

fn with_arguments(mut call: PastCall, arguments: &str) -> PastCall {
    let context = CallDecided::arguments_context(call.place.id);
    let sealed: Sealed = key().seal(&context, arguments.as_bytes(), &Entropy::seeded(7));
    call.arguments = Some(sealed);
    call
}

fn suggested(tools: &[ToolRow], calls: &[PastCall]) -> Suggestion {
    let mut observer = Observer::new(key());
    calls.iter().for_each(|call| observer.see(call));
    suggest(tools, &observer.done(), START)
}

fn compiled(suggestion: &Suggestion) -> CompiledPolicy {
    match CompiledPolicy::compile(&suggestion.document) {
        Ok(policy) => policy,
        Err(problems) => panic!("{problems:?}\n{}", suggestion.document),
    }
}

/// Every line that is explained is there.
fn explained(suggestion: &Suggestion) {
    let document: Value = serde_json::from_str(&suggestion.document).unwrap();
    for line in &suggestion.why {
        assert!(document.pointer(&line.pointer).is_some(), "{}\n{}", line.pointer, suggestion.document);
        assert!(line.why.ends_with('.'), "{}", line.why);
    }
}

#[test]
fn a_suggested_policy_reads_like_one_that_a_person_wrote() {
    let tools = [
        row("set_model_alias", RiskClass::Write),
        row("get_run", RiskClass::Read),
        row("delete_run", RiskClass::Destructive),
        row("log_metric", RiskClass::Write),
        row("list_runs", RiskClass::Read),
    ];
    let at = |seconds: i64| START.plus_seconds(seconds);
    let mut calls: Vec<PastCall> = (0..14).map(|i| call(1, "set_model_alias", RiskClass::Write, at(i))).collect();
    calls.extend((0..40).map(|i| call(2, "get_run", RiskClass::Read, at(100 + 600 * i))));
    let suggestion = suggested(&tools, &calls);
    assert_eq!(
        suggestion.document,
        r#"{
  "version": "1",
  "default": "deny",
  "hide": [
    "delete_run"
  ],
  "tools": {
    "get_run": {
      "limits": [
        { "counter": "get_run_per_minute", "window": "minute", "max": 2, "scope": "grant" }
      ]
    },
    "set_model_alias": {
      "limits": [
        { "counter": "set_model_alias_per_minute", "window": "minute", "max": 30, "scope": "grant" },
        { "counter": "set_model_alias_per_hour", "window": "hour", "max": 30, "scope": "grant" }
      ]
    }
  }
}
"#
    );
    compiled(&suggestion);
    explained(&suggestion);
    assert_eq!(suggestion.source, SuggestionSource::Calls { calls: 54, since: START });
    let why = |pointer: &str| suggestion.why.iter().find(|line| line.pointer == pointer).unwrap().why.as_str();
    assert_eq!(
        why("/default"),
        "What was not called in the last 30 days is denied. These read only, and were left out because nobody called them: \
         list_runs. These change something, and nobody called them: log_metric."
    );
    assert_eq!(
        why("/tools/set_model_alias/limits/0"),
        "At most 14 in any minute were seen under one grant; 30 leaves room for twice that."
    );
    assert_eq!(why("/tools/get_run"), "40 calls in the last 30 days, under 1 grant.");
}

#[test]
fn what_was_seen_would_pass_again() {
    let entropy = Entropy::seeded(20_261_122);
    let draw = |below: u64| u64::from_le_bytes(entropy.bytes()) % below;
    let names = ["get_run", "a/b~c", "a_b~c", "we\"ird", "größe", "delete_it", "pay"];
    for round in 0..150 {
        let mut at = START;
        let calls: Vec<PastCall> = (0..=draw(120))
            .map(|_| {
                at.0 += i64::try_from(draw(if draw(4) == 0 { 2_000_000_000 } else { 5_000_000 })).unwrap();
                let tool = names[usize::try_from(draw(names.len() as u64)).unwrap()];
                let class = RiskClass::ALL[tool.len() % RiskClass::ALL.len()];
                let call = call(u128::from(draw(2)), tool, class, at);
                if draw(2) == 0 { call } else { with_arguments(call, &format!("{{\"env\":\"e{}\"}}", draw(2))) }
            })
            .collect();
        let suggestion = suggested(&[row("idle", RiskClass::Destructive)], &calls);
        explained(&suggestion);
        let policy = compiled(&suggestion);
        let mut again = Simulation::new(&policy);
        for past in &calls {
            let opened = past.arguments.as_ref().map(|sealed| {
                let opened = key().open(&CallDecided::arguments_context(past.place.id), sealed).unwrap();
                String::from_utf8(opened).unwrap()
            });
            let call = Call {
                tool: &past.tool,
                arguments: opened.as_deref(),
                class: past.class.unwrap(),
                facts: Facts::default(),
                approved: Approval::None,
            };
            let grant = past.grant.unwrap().to_string();
            let payer = SimPayer { grant: &grant, member: "", session: "" };
            let got = again.call(past.place.at.into(), &call, payer, Upstream::Ok);
            assert_eq!(got.outcome, simulation::Outcome::Allow, "round {round}: {got:?}\n{}", suggestion.document);
        }
    }
}

#[test]
fn arguments_are_held_to_the_few_values_that_every_call_had() {
    let call = |i: i64, arguments: &str| {
        with_arguments(call(1, "deploy", RiskClass::Execute, START.plus_seconds(60 * i)), arguments)
    };
    let usual = |i: i64| {
        format!(
            r#"{{"env":"{}","dry_run":true,"id":"run-{i}","n":1,"od d":"x"}}"#,
            if i % 2 == 0 { "dev" } else { "staging" }
        )
    };
    let calls: Vec<PastCall> = (0..20).map(|i| call(i, &usual(i))).collect();
    let suggestion = suggested(&[], &calls);
    let document: Value = serde_json::from_str(&suggestion.document).unwrap();
    let require = document.pointer("/tools/deploy/require").unwrap();
    assert_eq!(
        *require,
        serde_json::json!([
            {"conditions": [{"path": "args.dry_run", "op": "in", "value": [true]}]},
            {"conditions": [{"path": "args.env", "op": "in", "value": ["dev", "staging"]}]}
        ])
    );
    explained(&suggestion);
    assert!(!suggested(&[], &calls[1..]).document.contains("require"), "too few to be sure");
    let odd: Vec<PastCall> = (0..20).map(|i| call(i, "{\"env\":\"a\u{202e}b\"}")).collect();
    assert!(!suggested(&[], &odd).document.contains("require"), "a text that shows as another is no choice");
    let one_without: Vec<PastCall> = calls.iter().cloned().chain([call(20, "{}")]).collect();
    assert!(!suggested(&[], &one_without).document.contains("require"), "not every call had them");
}

#[test]
fn without_calls_the_classes_decide() {
    let tools = [
        row("delete_run", RiskClass::Destructive),
        row("*", RiskClass::Destructive),
        row("get_run", RiskClass::Read),
        row("run_sql", RiskClass::Execute),
        row("pay", RiskClass::Financial),
    ];
    let suggestion = suggested(&tools, &[]);
    compiled(&suggestion);
    explained(&suggestion);
    assert_eq!(suggestion.source, SuggestionSource::Classes);
    let pointers: Vec<&str> = suggestion.why.iter().map(|line| line.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/default",
            "/hide/0",
            "/classes/read",
            "/classes/write/limits/0",
            "/classes/execute/limits/0",
            "/classes/financial"
        ]
    );
    assert!(suggestion.why[1].why.contains("the name says"), "{}", suggestion.why[1].why);
    explained(&suggested(&[], &[]));
}

#[test]
fn odd_and_many_names_still_make_a_policy() {
    let long = |i: usize| format!("{}{i}", "🦀".repeat(190));
    let mut calls: Vec<PastCall> = (0..1_100).map(|i| call(1, &long(i), RiskClass::Write, START)).collect();
    calls.push(call(1, "get_*", RiskClass::Read, START));
    calls.push(call(1, &"x".repeat(200), RiskClass::Read, START));
    let tools: Vec<ToolRow> = (0..300).map(|i| row(&format!("delete_{i}"), RiskClass::Destructive)).collect();
    let suggestion = suggested(&tools, &calls);
    let policy = compiled(&suggestion);
    explained(&suggestion);
    assert_ne!(policy::visibility(Some(&policy), "get_secret", RiskClass::Read), policy::Visibility::Listed);
    assert!(suggestion.why[0].why.contains("no entry can name them alone"), "{}", suggestion.why[0].why);
}
