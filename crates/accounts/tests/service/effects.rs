//! What publishing a document would change: tools, and the calls of the last week decided again.

use accounts::{Direction, Effect, EffectForm, Error, Replay, SaveError};
use domain::{ApprovalId, CallDecided, Outcome, Settlement};
use serde_json::json;

use crate::{
    recorded::{Recorder, ago, denied},
    support::{SEED, Work},
};

const DAY: i64 = 86_400;

async fn effect(work: &Work, document: &str) -> Effect {
    let form = EffectForm { policy: work.ours.policy, document: document.to_owned() };
    work.fixture.accounts.policy_effect(&work.fixture.ours.policy_manager.caller, &form).await.expect("an effect")
}

/// same, now denied, now allowed, now approval, unknown
fn sums(replay: &Replay) -> [u64; 5] {
    let sums = [replay.same, replay.now_denied, replay.now_allowed, replay.now_approval, replay.unknown];
    assert_eq!(sums.iter().sum::<u64>(), replay.calls, "every call is counted once");
    sums
}

/// By a version that is not the published one.
fn by_another(work: &Work, call: CallDecided) -> CallDecided {
    CallDecided { policy: Some((work.ours.policy, 9)), ..call }
}

fn with_tools(tools: &str) -> String {
    format!("{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{tools}}}")
}

#[tokio::test]
async fn tools_that_gain_or_lose_are_told_and_others_are_not() {
    let work = Work::new().await;
    let same = effect(&work, SEED).await;
    assert_eq!((same.changes, same.replay.calls), (Vec::new(), 0));
    let document = with_tools(
        r#"{"set_model_alias":{"limits":[{"counter":"set_model_alias_rate","window":"minute","max":5}]},
            "get_run":{},"delete_run":{"action":"hide"},"to_come":{}}"#,
    );
    let effect = effect(&work, &document).await;
    let changes: Vec<_> = effect.changes.iter().map(|change| (change.tool.as_str(), change.direction)).collect();
    assert_eq!(
        changes,
        [
            ("delete_run", Direction::Differs),
            ("get_run", Direction::Gains),
            ("set_model_alias", Direction::Differs),
            ("to_come", Direction::Gains)
        ]
    );
    let alias = &effect.changes[2];
    assert_eq!(
        (alias.before.limits[0].as_str(), alias.after.limits[0].as_str()),
        ("at most 30 a minute per grant", "at most 5 a minute per grant")
    );
    assert_eq!(effect.grants.len(), 1);
    assert_eq!((effect.grants[0].label.as_str(), effect.grants[0].subject_name.as_str()), ("ci-runner", "ci-runner"));
}

#[tokio::test]
async fn a_document_with_problems_has_none() {
    let work = Work::new().await;
    let form = EffectForm { policy: work.ours.policy, document: "{".to_owned() };
    let owner = &work.fixture.ours.owner.caller;
    assert!(matches!(work.fixture.accounts.policy_effect(owner, &form).await, Err(SaveError::Problems(_))));
    let viewer = &work.fixture.ours.viewer.caller;
    let asked = work.fixture.accounts.policy_effect(viewer, &form).await;
    assert!(matches!(asked, Err(SaveError::Other(Error::NotAllowed { .. }))), "a document can ask after arguments");
}

#[tokio::test]
async fn recorded_calls_are_decided_again_in_their_order() {
    let work = Work::new().await;
    let mut recorder = Recorder::ours(&work).await;
    let alias = |recorder: &Recorder<'_>, at| recorder.call("set_model_alias", at);
    let mut calls: Vec<CallDecided> = (0..10).map(|i| alias(&recorder, -600 + i)).collect();
    calls.push(alias(&recorder, -8 * DAY));
    calls.push(denied(recorder.call("get_run", -500), "default_deny", "/default"));
    calls.push(denied(recorder.call("delete_run", -400), "default_deny", "/default"));
    calls.push(CallDecided { method: "tools/list".to_owned(), tool: None, ..alias(&recorder, -300) });
    recorder.record(calls.clone()).await;

    assert_eq!(sums(&effect(&work, SEED).await.replay), [12, 0, 0, 0, 0], "the same document decides the same");
    let document = with_tools(
        r#"{"set_model_alias":{"limits":[{"window":"minute","max":4}]},"get_run":{},"delete_run":{"action":"require_approval"}}"#,
    );
    let replay = effect(&work, &document).await.replay;
    assert_eq!(sums(&replay), [4, 6, 1, 1, 0]);
    assert_eq!((replay.since, replay.cut), (ago(&work, 7 * DAY), false));
    let shown: Vec<_> =
        replay.examples.iter().map(|e| (e.tool.as_str(), e.before.as_str(), e.after.as_str())).collect();
    assert_eq!(
        shown[..3],
        [
            ("delete_run", "default_deny", "approval_required"),
            ("get_run", "default_deny", "allow"),
            ("set_model_alias", "allow", "rate_limited")
        ],
        "the newest first"
    );
    let last = replay.examples.last().expect("there");
    assert_eq!((last.call, last.at), (calls[4].call, calls[4].at), "the fifth in a minute is the first over four");
    assert_eq!(last.rule, "/tools/set_model_alias/limits/0");
    assert_eq!(last.grant.as_ref().map(domain::Name::as_str), Some("ci-runner"));
}

#[tokio::test]
async fn what_the_record_does_not_keep_is_unknown() {
    let work = Work::new().await;
    let mut recorder = Recorder::ours(&work).await;
    let owner = &work.fixture.ours.owner.caller;
    // Version 2 looks at `amount` of one tool, so records keep it.
    let kept = with_tools(
        r#"{"pay":{"deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":100}]}]},"set_model_alias":{}}"#,
    );
    let edit = accounts::PolicyEdit { based_on: 1, revision: 0, document: kept.clone(), note: String::new() };
    work.fixture.accounts.publish_policy(owner, work.ours.policy, &edit).await.expect("published");
    let pay = |recorder: &Recorder<'_>, amount: u32| {
        let call = CallDecided { policy: Some((work.ours.policy, 2)), ..recorder.call("pay", -60) };
        let arguments = json!({"amount": amount, "to": {"iban": "x"}});
        recorder.with(call, &arguments, Some(&format!("{{\"amount\":{amount}}}")))
    };
    let unkept = recorder.with(recorder.call("pay", -59), &json!({"amount": 3}), None);
    let without = CallDecided { policy: Some((work.ours.policy, 2)), ..recorder.call("pay", -58) };
    let calls = [pay(&recorder, 20), pay(&recorder, 60), unkept, without, recorder.call("set_model_alias", -50)];
    recorder.record(calls).await;

    let over_50 = kept.replace("100", "50");
    assert_eq!(sums(&effect(&work, &over_50).await.replay), [3, 1, 0, 0, 1], "version 1 did not look at the amount");
    let spend =
        with_tools(r#"{"pay":{"limits":[{"window":"day","max":70,"amount":"args.amount"}]},"set_model_alias":{}}"#);
    assert_eq!(sums(&effect(&work, &spend).await.replay), [2, 2, 0, 0, 1], "20 and 60 are over 70; none is invalid");
    let to = kept.replace("args.amount", "args.to.iban").replace("\"gt\",\"value\":100", "\"eq\",\"value\":\"x\"");
    assert_eq!(
        sums(&effect(&work, &to).await.replay),
        [3, 0, 0, 0, 2],
        "only a call without `to` is known to have none"
    );
    let ip =
        kept.replace("args.amount", "client.ip").replace("\"gt\",\"value\":100", "\"cidr\",\"value\":\"10.0.0.0/8\"");
    assert_eq!(sums(&effect(&work, &ip).await.replay), [1, 0, 0, 0, 4], "addresses are not recorded");
}

#[tokio::test]
async fn what_a_person_or_a_store_decided_is_told_apart() {
    let work = Work::new().await;
    let mut recorder = Recorder::ours(&work).await;
    let approval = Some(ApprovalId::new(&work.fixture.clock, &work.fixture.entropy));
    let calls = [
        CallDecided { approval, ..recorder.call("pay", -9) },
        CallDecided {
            approval,
            outcome: Outcome::ApprovalRequired,
            code: Some("approval_required".to_owned()),
            ..recorder.call("pay", -8)
        },
        CallDecided { approval, ..denied(recorder.call("pay", -7), "denied", "/tools/pay/action") },
        denied(recorder.call("pay", -6), "grant_suspended", ""),
        denied(recorder.call("pay", -5), "tool_changed", ""),
        denied(recorder.call("pay", -4), "invalid_arguments", ""),
        denied(recorder.call("pay", -3), "counter_unavailable", "/tools/pay/limits/0"),
    ];
    recorder.record(calls.map(|call| by_another(&work, call))).await;
    let asks = with_tools(r#"{"pay":{"action":"require_approval"}}"#);
    assert_eq!(sums(&effect(&work, &asks).await.replay), [6, 0, 0, 0, 1]);
    let allows = with_tools(r#"{"pay":{}}"#);
    assert_eq!(sums(&effect(&work, &allows).await.replay), [4, 0, 2, 0, 1]);
    let denies = with_tools(r#"{"pay":{"action":"deny"}}"#);
    assert_eq!(sums(&effect(&work, &denies).await.replay), [4, 2, 0, 0, 1], "a refusal stays one");
}

#[tokio::test]
async fn calls_that_failed_are_given_back_again() {
    let work = Work::new().await;
    let mut recorder = Recorder::ours(&work).await;
    let calls: Vec<CallDecided> = (0..4).map(|i| by_another(&work, recorder.call("pay", -60 + i))).collect();
    recorder.record(calls.clone()).await;
    recorder.settle(&calls[0], Settlement::Unreachable).await;
    recorder.settle(&calls[1], Settlement::IsError).await;
    recorder.settle(&calls[2], Settlement::Timeout).await;
    let limit =
        |count| with_tools(&format!(r#"{{"pay":{{"limits":[{{"window":"hour","max":2,"count":"{count}"}}]}}}}"#));
    assert_eq!(sums(&effect(&work, &limit("attempts")).await.replay), [3, 1, 0, 0, 0]);
    assert_eq!(sums(&effect(&work, &limit("successes")).await.replay), [4, 0, 0, 0, 0]);
}

#[tokio::test]
async fn each_grant_has_its_own_counters_and_the_neighbours_calls_do_not_count() {
    let work = Work::new().await;
    let mut theirs = Recorder::of(&work, &work.fixture.neighbour, &work.theirs).await;
    let foreign: Vec<CallDecided> = (0..5).map(|i| theirs.call("set_model_alias", -60 + i)).collect();
    theirs.record(foreign).await;
    assert_eq!(effect(&work, SEED).await.replay.calls, 0);
    let owner = &work.fixture.ours.owner.caller;
    let second = accounts::NewGrant {
        subject: accounts::NewSubject::NewAgent("second".to_owned()),
        ..crate::support::to_agent(&work.fixture, work.ours.server.id, Some(work.ours.policy))
    };
    let second = work.fixture.accounts.create_grant(owner, &second).await.expect("a grant").id;
    let mut recorder = Recorder::ours(&work).await;
    let by_turns = |i: i64| {
        let call = recorder.call("set_model_alias", -60 + i);
        if i % 2 == 0 { call } else { CallDecided { grant: Some(second), ..call } }
    };
    let calls: Vec<CallDecided> = (0..6).map(by_turns).collect();
    recorder.record(calls).await;
    let limit = |scope| {
        with_tools(&format!(r#"{{"set_model_alias":{{"limits":[{{"window":"hour","max":3,"scope":"{scope}"}}]}}}}"#))
    };
    assert_eq!(sums(&effect(&work, &limit("grant")).await.replay), [6, 0, 0, 0, 0]);
    assert_eq!(sums(&effect(&work, &limit("server")).await.replay), [3, 3, 0, 0, 0]);
}

#[tokio::test]
async fn what_only_the_record_knows_better_is_no_difference() {
    let work = Work::new().await;
    let mut recorder = Recorder::ours(&work).await;
    // Two sessions, or a window that was not empty: more, or fewer, passed than this would let.
    let mut calls: Vec<CallDecided> = (0..35).map(|_| recorder.call("set_model_alias", -600)).collect();
    calls.push(denied(recorder.call("set_model_alias", -60), "rate_limited", "/tools/set_model_alias/limits/0"));
    recorder.record(calls).await;
    assert_eq!(
        sums(&effect(&work, SEED).await.replay),
        [36, 0, 0, 0, 0],
        "nothing is changed, so nothing is different"
    );
    let wider = SEED.replace("30", "100");
    assert_eq!(sums(&effect(&work, &wider).await.replay), [36, 0, 0, 0, 0]);
    let narrower = SEED.replace("30", "10");
    assert_eq!(
        sums(&effect(&work, &narrower).await.replay),
        [16, 20, 0, 0, 0],
        "10, and the 5 over 30, and the denied one"
    );
}
