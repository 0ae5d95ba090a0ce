use super::*;
use crate::{Facts, RiskClass};

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp(START + seconds * 1_000_000)
}

fn policy(rule: &str) -> CompiledPolicy {
    let text = format!(r#"{{"version":"1","default":"deny","tools":{{"t":{rule}}}}}"#);
    CompiledPolicy::compile(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn call() -> Call<'static> {
    Call { tool: "t", arguments: None, class: RiskClass::Write, facts: Facts::default(), approved: Approval::Granted }
}

/// A store that always answers the same.
struct Always(Entered);

impl Ledger for Always {
    fn fresh(&mut self) {}
    fn reserve(&mut self, _: Timestamp, _: &Reserve<'_>) -> Entered {
        self.0.clone()
    }
    fn give_back(&mut self, _: Timestamp, _: GiveBack) {}
    fn approve(&mut self, _: Timestamp, _: &Ask<'_>) {}
}

fn told(rule: &str, answer: Entered) -> (Outcome, Option<Code>, String) {
    let policy = policy(rule);
    let mut store = Always(answer);
    let store: &mut dyn Ledger = &mut store;
    let got = Simulation::on(&policy, store).call(at(0), &call(), SimPayer::default(), Upstream::Ok);
    (got.outcome, got.code, got.rule)
}

#[test]
fn what_a_store_answers_is_told_as_a_gateway_tells_it() {
    let limits = |on: &str| format!(r#"{{"limits":[{{"window":"day","max":1,"on_unavailable":"{on}"}}]}}"#);
    let ask = r#"{"action":"require_approval"}"#;
    let away = Some(Code::CounterUnavailable);
    let rule = str::to_owned;
    assert_eq!(told(&limits("deny"), Entered::Unavailable), (Outcome::Deny, away, rule("/tools/t/limits/0")));
    assert_eq!(told(&limits("allow"), Entered::Unavailable), (Outcome::Allow, None, rule("/tools/t")));
    assert_eq!(told(ask, Entered::Unavailable), (Outcome::Deny, away, rule("")));
    let asked = (Outcome::Approval, Some(Code::ApprovalRequired), rule("/tools/t/action"));
    assert_eq!(told(ask, Entered::NotApproved), asked);
    assert_eq!(told(ask, Entered::Refused), (Outcome::Deny, Some(Code::Denied), rule("/tools/t/action")));
}

#[test]
fn a_refusal_names_the_first_full_limit_and_the_longest_wait() {
    let policy = policy(
        r#"{"limits":[{"window":"minute","max":1,"align":"calendar"},{"window":"hour","max":1,"align":"calendar"}]}"#,
    );
    let mut world = Simulation::new(&policy);
    let mut call_at = |seconds| world.call(at(seconds), &call(), SimPayer::default(), Upstream::Ok);
    assert_eq!(call_at(0).outcome, Outcome::Allow);
    let refused = call_at(10);
    assert_eq!((refused.rule.as_str(), refused.retry_after_ms), ("/tools/t/limits/0", Some(3_590_000)));
    assert_eq!(refused.message, "Rate limit reached: 1 per minute. Try again in 60 min.");
    let later = call_at(70);
    assert_eq!((later.rule.as_str(), later.retry_after_ms), ("/tools/t/limits/1", Some(3_530_000)));
    assert_eq!(call_at(3_600).outcome, Outcome::Allow);
}

#[test]
fn what_the_caller_says_was_approved_is_not_believed() {
    let policy = policy(r#"{"action":"require_approval","approval":{"timeout":10}}"#);
    let mut world = Simulation::new(&policy);
    let payer = SimPayer::default();
    assert_eq!(world.call(at(0), &call(), payer, Upstream::Ok).outcome, Outcome::Approval);
    world.approve(at(9), &call(), payer);
    let other = SimPayer { grant: "other", ..payer };
    assert_eq!(world.call(at(9), &call(), other, Upstream::Ok).outcome, Outcome::Approval, "another grant");
    assert_eq!(world.call(at(10), &call(), payer, Upstream::Ok).outcome, Outcome::Approval, "it has expired");
    world.approve(at(11), &call(), payer);
    assert_eq!(world.call(at(19), &call(), payer, Upstream::Ok).outcome, Outcome::Allow);
    assert_eq!(world.call(at(19), &call(), payer, Upstream::Ok).outcome, Outcome::Approval, "it is used up");
}

#[test]
fn counts_are_kept_by_scope_and_subject() {
    for (scope, other, shared) in [
        ("grant", SimPayer { grant: "h", member: "m", session: "s" }, false),
        ("member", SimPayer { grant: "g", member: "n", session: "s" }, false),
        ("session", SimPayer { grant: "g", member: "m", session: "r" }, false),
        ("grant", SimPayer { grant: "g", member: "n", session: "r" }, true),
        ("server", SimPayer { grant: "h", member: "n", session: "r" }, true),
        ("account", SimPayer { grant: "h", member: "n", session: "r" }, true),
    ] {
        let policy = policy(&format!(r#"{{"rate_limit":{{"window":"day","max":1,"scope":"{scope}"}}}}"#));
        let mut world = Simulation::new(&policy);
        let first = SimPayer { grant: "g", member: "m", session: "s" };
        assert_eq!(world.call(at(0), &call(), first, Upstream::Ok).outcome, Outcome::Allow);
        let second = world.call(at(0), &call(), other, Upstream::Ok).outcome;
        assert_eq!(second == Outcome::Deny, shared, "{scope} {other:?}");
    }
}
