//! Suggested policies from recorded calls, reports of shadow rules, and tests made of recorded calls.

use accounts::{CallFilter, EffectForm, Error, PolicyEdit, SuggestionSource, WouldDenyFilter};
use domain::{ApprovalId, CallDecided, Outcome, WouldDeny};
use policy::{CompiledPolicy, vectors};
use serde_json::{Value, json};

use crate::{
    recorded::{Recorder, ago, denied, found},
    support::{SEED, Work},
};

async fn publish(work: &Work, based_on: u32, document: &str) {
    let edit = PolicyEdit { based_on, revision: 0, document: document.to_owned(), note: String::new() };
    let owner = &work.fixture.ours.owner.caller;
    work.fixture.accounts.publish_policy(owner, work.ours.policy, &edit).await.expect("published");
}

#[tokio::test]
async fn a_suggestion_comes_from_what_was_called_and_changes_none_of_it() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let server = work.ours.server.id;
    let classes = accounts.suggest_policy(manager, server, None).await.expect("suggested");
    assert_eq!(classes.source, SuggestionSource::Classes);

    let mut theirs = Recorder::of(&work, &work.fixture.neighbour, &work.theirs).await;
    theirs.record([theirs.call("get_run", -60)]).await;
    let classes = accounts.suggest_policy(manager, server, Some(work.ours.grant.id)).await.expect("suggested");
    assert_eq!(classes.source, SuggestionSource::Classes, "the neighbour's calls are not ours");

    let mut recorder = Recorder::ours(&work).await;
    let mut calls: Vec<CallDecided> = (0..25).map(|i| recorder.call("set_model_alias", -900 + i)).collect();
    calls = calls
        .into_iter()
        .map(|call| recorder.with(call, &json!({"alias": "dev"}), Some(r#"{"alias":"dev"}"#)))
        .collect();
    calls.push(denied(recorder.call("get_run", -500), "default_deny", "/default"));
    calls.push(recorder.call("get_run", -31 * 86_400));
    recorder.record(calls).await;
    let suggestion = accounts.suggest_policy(manager, server, Some(work.ours.grant.id)).await.expect("suggested");
    assert_eq!(suggestion.source, SuggestionSource::Calls { calls: 25, since: ago(&work, 30 * 86_400) });
    let document: Value = serde_json::from_str(&suggestion.document).expect("json");
    assert_eq!(document["hide"], json!(["delete_run"]));
    assert_eq!(document["tools"].as_object().expect("tools").keys().collect::<Vec<_>>(), ["set_model_alias"]);
    let rule = &document["tools"]["set_model_alias"];
    assert_eq!(rule["limits"][0]["max"], json!(50), "25 in a minute, twice that");
    assert_eq!(rule["require"][0]["conditions"][0], json!({"path": "args.alias", "op": "in", "value": ["dev"]}));
    assert!(suggestion.why[0].why.contains("get_run"), "{:?}", suggestion.why[0]);
    for line in &suggestion.why {
        assert!(document.pointer(&line.pointer).is_some(), "{}", line.pointer);
    }
    let of_tool = |why: &[accounts::SuggestedLine]| {
        why.iter().find(|line| line.pointer == "/tools/set_model_alias").expect("there").why.clone()
    };
    assert_eq!(of_tool(&suggestion.why), "25 calls in the last 30 days, under 1 grant.");
    let checked = SEED.replace(
        "\"limits\"",
        r#""deny_if":[{"conditions":[{"path":"args.alias","op":"eq","value":"champion"}]}],"limits""#,
    );
    publish(&work, 1, &checked).await;
    let again = accounts.suggest_policy(manager, server, Some(work.ours.grant.id)).await.expect("suggested");
    assert_eq!(again.document, suggestion.document);
    let why = of_tool(&again.why);
    assert!(why.contains("not taken over") && why.contains("champion"), "{why}");
    // Under it, nothing that was allowed would be denied.
    let form = EffectForm { policy: work.ours.policy, document: suggestion.document };
    let replay = accounts.policy_effect(manager, &form).await.expect("an effect").replay;
    assert_eq!((replay.calls, replay.now_denied, replay.now_approval), (26, 0, 0));

    let viewer = &work.fixture.ours.viewer.caller;
    assert!(matches!(accounts.suggest_policy(viewer, server, None).await, Err(Error::NotAllowed { .. })));
}

#[tokio::test]
async fn a_shadow_report_counts_what_the_published_version_would_have_denied() {
    let work = Work::new().await;
    let (accounts, viewer) = (&work.fixture.accounts, &work.fixture.ours.viewer.caller);
    assert!(accounts.shadow_report(viewer, work.ours.policy).await.expect("asked").is_none(), "nothing is in shadow");
    work.fixture.clock.advance_seconds(10);
    publish(&work, 1, r#"{"version":"1","default":"allow","tools":{"get_run":{"mode":"shadow","action":"deny"}}}"#)
        .await;
    let published_at = work.fixture.clock.now();
    let mut recorder = Recorder::ours(&work).await;
    let by = |call: CallDecided, version, rule: &str| CallDecided {
        policy: Some((work.ours.policy, version)),
        would_deny: Some(WouldDeny { code: "denied".to_owned(), rule: rule.to_owned() }),
        ..call
    };
    let (a, b) = ("/tools/get_run/action", "/all_tools/limits/0");
    let calls = [
        by(recorder.call("get_run", 1), 2, a),
        by(recorder.call("get_run", 2), 2, a),
        by(recorder.call("get_run", 3), 2, b),
        by(recorder.call("get_run", -5), 1, a),
        CallDecided { policy: Some((work.ours.policy, 2)), ..recorder.call("get_run", 4) },
    ];
    recorder.record(calls).await;
    let report = accounts.shadow_report(viewer, work.ours.policy).await.expect("asked").expect("in shadow");
    assert_eq!((report.since, report.calls, report.would_deny), (published_at, 4, 3));
    let rows = [(a.to_owned(), "denied".to_owned(), 2), (b.to_owned(), "denied".to_owned(), 1)];
    assert_eq!(report.by_rule, rows);

    let any = CallFilter::default;
    let would = |rule: Option<&str>| Some(WouldDenyFilter { rule: rule.map(str::to_owned) });
    assert_eq!(found(&work, CallFilter { would_deny: would(None), ..any() }).await, 4);
    assert_eq!(found(&work, CallFilter { would_deny: would(Some(a)), ..any() }).await, 3);
    assert_eq!(found(&work, CallFilter { would_deny: would(Some(a)), version: Some(2), ..any() }).await, 2);
    assert_eq!(found(&work, CallFilter { policy: Some(work.ours.policy), ..any() }).await, 5);
    assert_eq!(found(&work, CallFilter { policy: Some(work.ours.policy), version: Some(1), ..any() }).await, 1);
    assert_eq!(found(&work, CallFilter { policy: Some(work.theirs.policy), ..any() }).await, 0);
}

#[tokio::test]
async fn a_recorded_call_becomes_a_test_that_passes_under_the_version_that_decided() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let document = r#"{"version":"1","default":"deny","tools":{"pay":{
        "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":100}]}],
        "limits":[{"window":"day","max":120,"amount":"args.amount"}]},"ask":{"action":"require_approval"}}}"#;
    publish(&work, 1, document).await;
    let mut recorder = Recorder::ours(&work).await;
    let by_2 = |call| CallDecided { policy: Some((work.ours.policy, 2)), ..call };
    let pay = |recorder: &Recorder<'_>, amount: u32| {
        recorder.with(
            by_2(recorder.call("pay", -60)),
            &json!({"amount": amount}),
            Some(&format!("{{\"amount\":{amount}}}")),
        )
    };
    let approval = Some(ApprovalId::new(&work.fixture.clock, &work.fixture.entropy));
    let ask = CallDecided { rule: "/tools/ask/action".to_owned(), ..by_2(recorder.call("ask", -50)) };
    let calls = [
        pay(&recorder, 50),
        denied(pay(&recorder, 500), "argument_denied", "/tools/pay/deny_if/0"),
        denied(pay(&recorder, 50), "rate_limited", "/tools/pay/limits/0"),
        denied(by_2(recorder.call("other", -50)), "default_deny", "/default"),
        CallDecided {
            outcome: Outcome::ApprovalRequired,
            code: Some("approval_required".to_owned()),
            approval,
            ..ask.clone()
        },
        CallDecided {
            call: domain::CallId::new(&work.fixture.clock, &work.fixture.entropy),
            rule: "/tools/ask".to_owned(),
            approval,
            ..ask
        },
    ];
    recorder.record(calls.clone()).await;
    CompiledPolicy::compile(document).expect("sound");
    for call in &calls {
        let test = accounts.test_of_call(owner, work.ours.policy, call.call).await.expect("a test");
        let report = vectors::run_file(&format!("{{\"policy\":{document},\"tests\":[{test}]}}"));
        assert!(report.is_ok_and(|report| (report.passed(), report.failed()) == (1, 0)), "{test}");
        assert!(test.contains("ci-runner"), "{test}");
    }
    let viewer = &work.fixture.ours.viewer.caller;
    let asked = accounts.test_of_call(viewer, work.ours.policy, calls[0].call).await;
    assert!(matches!(asked, Err(Error::NotAllowed { .. })), "it tells recorded values");
    let neighbour = &work.fixture.neighbour.owner.caller;
    let asked = accounts.test_of_call(neighbour, work.theirs.policy, calls[0].call).await;
    assert!(matches!(asked, Err(Error::NotFound)));
    let mut elsewhere = recorder.call("pay", -1);
    elsewhere.server = Some(domain::ServerId::new(&work.fixture.clock, &work.fixture.entropy));
    let id = elsewhere.call;
    recorder.record([elsewhere]).await;
    assert!(
        matches!(accounts.test_of_call(owner, work.ours.policy, id).await, Err(Error::NotFound)),
        "another server's"
    );
    assert_eq!(found(&work, CallFilter { code: Some("rate_limited".to_owned()), ..CallFilter::default() }).await, 1);
}
