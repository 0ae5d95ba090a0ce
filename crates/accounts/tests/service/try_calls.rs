//! Calls that are only tried: decided as a gateway would, held against the counters as they are, and nothing changed.

use accounts::{Error, SaveError, Tried, TriedCounter, TriedOutcome, TryForm};
use counters::{Payer, Reserve, Reserved};
use domain::{GrantId, Principal};
use policy::{Approval, Call, Code, CompiledPolicy, Facts, Verdict};
use test_support::Person;

use crate::support::{SEED, Work, inventory, to_agent, tool};

const ALIAS: &str = r#"{"name":"m","alias":"a","version":"1"}"#;

fn form(work: &Work, document: &str, tool: &str, arguments: &str) -> TryForm {
    TryForm {
        server: work.ours.server.id,
        document: document.to_owned(),
        grant: Some(work.ours.grant.id),
        tool: tool.to_owned(),
        arguments: arguments.to_owned(),
    }
}

async fn tried_by(work: &Work, person: &Person, form: &TryForm) -> Tried {
    work.fixture.accounts.try_call(&person.caller, form).await.expect("tried")
}

async fn tried(work: &Work, form: &TryForm) -> Tried {
    tried_by(work, &work.fixture.ours.viewer, form).await
}

/// Calls really made, as a gateway charges them.
async fn called(work: &Work, document: &str, tool: &str, arguments: &str, times: usize) {
    let policy = CompiledPolicy::compile(document).expect("sound");
    let facts = Facts { grant_label: "ci-runner", ..Facts::default() };
    let call =
        Call { tool, arguments: Some(arguments), class: policy::RiskClass::Write, facts, approved: Approval::None };
    let now = work.fixture.clock.now();
    let Verdict::Permit(permit) = policy::judge(Some(&policy), &call, now.into()) else { panic!("permitted") };
    let account = work.fixture.ours.owner.caller.scope().account();
    let payer = Payer {
        account,
        server: work.ours.server.id,
        grant: work.ours.grant.id,
        principal: Principal::Agent(work.fixture.ours.agent),
        session: "s",
    };
    let charges = counters::charges(&payer, &permit);
    for _ in 0..times {
        let reserve = Reserve { account, charges: &charges, stream: "", record: None, approval: None };
        let reserved = work.fixture.counters.reserve(reserve).await.expect("asked");
        assert!(matches!(reserved, Reserved::Granted { .. }), "{reserved:?}");
    }
}

/// The counters of a result: rule, before, after, full.
fn sums(counters: &[TriedCounter]) -> Vec<(&str, String, String, bool)> {
    counters.iter().map(|c| (c.rule.as_str(), c.before.to_string(), c.after.to_string(), c.full)).collect()
}

#[tokio::test]
async fn a_tried_call_is_held_against_the_counters_and_changes_none() {
    let work = Work::new().await;
    let form = form(&work, SEED, "set_model_alias", ALIAS);
    let rule = "/tools/set_model_alias/limits/0";
    for _ in 0..2 {
        let first = tried(&work, &form).await;
        assert_eq!(
            (first.outcome, first.code, first.rule.as_str()),
            (TriedOutcome::Allowed, None, "/tools/set_model_alias")
        );
        assert_eq!(sums(&first.counters), [(rule, "0".to_owned(), "1".to_owned(), false)], "trying charges nothing");
        assert_eq!((first.counters[0].words.as_str(), first.counters[0].shadow), ("30 a minute per grant", false));
    }
    called(&work, SEED, "set_model_alias", ALIAS, 30).await;
    let full = tried(&work, &form).await;
    assert_eq!((full.outcome, full.code, full.rule.as_str()), (TriedOutcome::Denied, Some(Code::RateLimited), rule));
    assert_eq!(full.message, "Rate limit reached: 30 per minute.");
    assert_eq!(sums(&full.counters), [(rule, "30".to_owned(), "30".to_owned(), true)]);
    assert!(full.test.contains(r#""repeat": 30"#), "{}", full.test);
    work.fixture.clock.advance_seconds(120);
    assert_eq!(tried(&work, &form).await.outcome, TriedOutcome::Allowed, "the window is over");
}

#[tokio::test]
async fn without_a_grant_it_is_oneself_with_counters_that_nobody_has_used() {
    let work = Work::new().await;
    called(&work, SEED, "set_model_alias", ALIAS, 30).await;
    let alone = TryForm { grant: None, ..form(&work, SEED, "set_model_alias", ALIAS) };
    let result = tried(&work, &alone).await;
    assert_eq!((result.outcome, result.counters[0].before.to_string()), (TriedOutcome::Allowed, "0".to_owned()));
    let document = r#"{"version":"1","default":"deny","tools":{"x":{"require":[{"conditions":[
        {"path":"member.email","op":"eq","value":"viewer@ours.example"},
        {"path":"member.role","op":"eq","value":"viewer"},{"path":"client.name","op":"eq","value":"try"}]}]}}}"#;
    let about_me = TryForm { grant: None, ..form(&work, document, "x", "") };
    assert_eq!(tried(&work, &about_me).await.outcome, TriedOutcome::Allowed);
    let other = tried_by(&work, &work.fixture.ours.admin, &about_me).await;
    assert_eq!((other.outcome, other.rule.as_str()), (TriedOutcome::Denied, "/tools/x/require/0"));
    let agent = TryForm { grant: Some(work.ours.grant.id), ..about_me };
    assert_eq!(tried(&work, &agent).await.code, Some(Code::ArgumentDenied), "an agent is no member");
}

#[tokio::test]
async fn an_approval_shows_its_terms_and_what_the_call_will_cost() {
    let work = Work::new().await;
    let document = r#"{"version":"1","default":"deny","tools":{"set_model_alias":{"action":"require_approval",
        "approval":{"timeout":60,"approvers":{"team":"data"},"self":true},
        "limits":[{"window":"day","align":"calendar","max":10.5,"amount":"args.n","scope":"account"}]}}}"#;
    let asks = tried(&work, &form(&work, document, "set_model_alias", r#"{"n":2.5}"#)).await;
    assert_eq!((asks.outcome, asks.rule.as_str()), (TriedOutcome::NeedsApproval, "/tools/set_model_alias/action"));
    assert_eq!(asks.code, Some(Code::ApprovalRequired));
    assert_eq!(asks.approval.map(|terms| terms.timeout_seconds), Some(60));
    let [counter] = asks.counters.as_slice() else { panic!("{:?}", asks.counters) };
    assert_eq!((counter.after.to_string(), counter.max.to_string()), ("2.5".to_owned(), "10.5".to_owned()));
    assert_eq!(counter.words, "an amount of 10.5 a calendar day per account");
    assert!(asks.test.contains(r#""expect": "approval""#), "{}", asks.test);
}

#[tokio::test]
async fn limits_are_all_or_nothing_and_shadow_ones_apart() {
    let work = Work::new().await;
    let document = r#"{"version":"1","default":"deny","tools":{"set_model_alias":{"limits":[
        {"counter":"a","window":"hour","max":2},{"counter":"b","window":"minute","max":100}]}},
        "all_tools":{"mode":"shadow","limits":[{"counter":"c","window":"minute","max":1}]}}"#;
    let form = form(&work, document, "set_model_alias", "{}");
    called(&work, document, "set_model_alias", "{}", 1).await;
    let second = tried(&work, &form).await;
    assert_eq!(
        (second.outcome, second.would_deny),
        (TriedOutcome::Allowed, Some((Code::RateLimited, "/all_tools/limits/0".to_owned())),)
    );
    let shown: Vec<_> = second.counters.iter().map(|c| (c.after.to_string(), c.full, c.shadow)).collect();
    let row = |after: &str, full, shadow| (after.to_owned(), full, shadow);
    assert_eq!(shown, [row("2", false, false), row("2", false, false), row("1", true, true)]);
    called(&work, document, "set_model_alias", "{}", 1).await;
    let third = tried(&work, &form).await;
    assert_eq!((third.outcome, third.rule.as_str()), (TriedOutcome::Denied, "/tools/set_model_alias/limits/0"));
    let after: Vec<_> = third.counters.iter().map(|c| (c.before == c.after, c.full)).collect();
    assert_eq!(after, [(true, true), (true, false), (true, true)], "nothing would be charged");
}

#[tokio::test]
async fn arguments_are_held_against_the_tools_schema() {
    let work = Work::new().await;
    work.fixture.clock.advance_seconds(1);
    let mut strict = tool("set_model_alias", "2");
    strict.definition = r#"{"name":"set_model_alias","inputSchema":{"type":"object","required":["alias"],
        "properties":{"alias":{"type":"string","maxLength":3}}}}"#
        .to_owned();
    let scope = work.fixture.ours.owner.caller.scope();
    let inventory = inventory(work.ours.server.id, &work.fixture.clock, Ok(vec![strict]));
    work.fixture.accounts.take_inventory(scope, &inventory).await.expect("taken");
    let fits = tried(&work, &form(&work, SEED, "set_model_alias", r#"{"alias":"abc"}"#)).await;
    assert_eq!((fits.outcome, fits.misfit), (TriedOutcome::Allowed, None));
    for arguments in ["", "{}", r#"{"alias":"a secret"}"#] {
        let misfit = tried(&work, &form(&work, SEED, "set_model_alias", arguments)).await;
        assert_eq!((misfit.outcome, misfit.code), (TriedOutcome::Denied, Some(Code::InvalidArguments)), "{arguments}");
        let told = misfit.misfit.expect("told");
        assert!(told.contains("alias") && !told.contains("secret"), "{told}");
        assert_eq!(misfit.message, format!("The arguments do not fit the tool's input schema. {told}."));
        assert_eq!((misfit.counters.len(), misfit.test.as_str()), (0, ""), "no test of a policy can tell it");
    }
    let elsewhere = form(&work, r#"{"version":"1","default":"deny"}"#, "set_model_alias", "{}");
    let denied = tried(&work, &elsewhere).await;
    assert_eq!((denied.code, denied.misfit), (Some(Code::DefaultDeny), None), "what decided before is told");
}

#[tokio::test]
async fn what_cannot_be_tried_says_why() {
    let work = Work::new().await;
    let (accounts, viewer) = (&work.fixture.accounts, &work.fixture.ours.viewer.caller);
    let base = form(&work, SEED, "set_model_alias", "");
    let problems = accounts.try_call(viewer, &TryForm { document: "{}".to_owned(), ..base.clone() }).await;
    assert!(matches!(problems, Err(SaveError::Problems(found)) if found.0.len() == 2));
    for (tool, arguments, field) in
        [(" ", "", "tool"), ("x", "[1]", "arguments"), ("x", "{", "arguments"), ("x", r#"{"a":1,"a":2}"#, "arguments")]
    {
        let odd = TryForm { tool: tool.to_owned(), arguments: arguments.to_owned(), ..base.clone() };
        match accounts.try_call(viewer, &odd).await {
            Err(SaveError::Other(Error::Invalid(faults))) => assert_eq!(faults[0].field, field),
            other => panic!("{other:?}"),
        }
    }
    let wide = TryForm { arguments: r#"{"n": 1e400, "m": 12345678901234567890123}"#.to_owned(), ..base.clone() };
    let passes = tried(&work, &wide).await.outcome;
    assert_eq!(passes, TriedOutcome::Allowed, "numbers that no rule reads are the upstream's business");
    let unknown = tried(&work, &TryForm { tool: "not_there".to_owned(), ..base.clone() }).await;
    assert_eq!((unknown.code, unknown.class), (Some(Code::DefaultDeny), policy::RiskClass::Destructive));
    assert!(unknown.notes.iter().any(|note| note.contains("no such tool")), "{:?}", unknown.notes);
    let open = r#"{"version":"1","default":"allow","hide":["secret"]}"#;
    for name in ["Set_Model_Alias", "SECRET"] {
        let form = TryForm { tool: name.to_owned(), document: open.to_owned(), ..base.clone() };
        let like = tried(&work, &form).await;
        assert_eq!((like.outcome, like.code), (TriedOutcome::Denied, Some(Code::Hidden)), "{name}");
        assert_eq!(like.test, "", "a policy's tests judge byte by byte");
    }
    let about_address = r#"{"version":"1","default":"allow","all_tools":{"require":[{"conditions":[
        {"path":"client.ip","op":"cidr","value":"10.0.0.0/8"}]}]}}"#;
    let nowhere = tried(&work, &TryForm { document: about_address.to_owned(), ..base.clone() }).await;
    assert_eq!(nowhere.code, Some(Code::ArgumentDenied));
    assert!(nowhere.notes.iter().any(|note| note.contains("client.ip")), "{:?}", nowhere.notes);
    let failing = SEED.trim_end().trim_end_matches('}').to_owned()
        + r#","tests":[{"calls":[{"tool":"set_model_alias","expect":"deny"}]}]}"#;
    let with_tests = tried(&work, &TryForm { document: failing, ..base }).await;
    assert_eq!(with_tests.outcome, TriedOutcome::Allowed, "failing tests do not stand in the way of trying");
    assert!(!with_tests.test.is_empty(), "nor of a new test");
}

#[tokio::test]
async fn a_teams_grant_is_tried_as_oneself_or_as_nobody() {
    let work = Work::new().await;
    let (accounts, ours) = (&work.fixture.accounts, &work.fixture.ours);
    let grant = accounts::NewGrant {
        subject: accounts::NewSubject::Team(ours.team),
        ..to_agent(&work.fixture, work.ours.server.id, Some(work.ours.policy))
    };
    let grant: GrantId = accounts.create_grant(&ours.owner.caller, &grant).await.expect("a grant").id;
    let document = r#"{"version":"1","default":"deny","tools":{"get_run":{"require":[{"conditions":[
        {"path":"member.email","op":"exists","value":true}]}]}}}"#;
    let form = TryForm { grant: Some(grant), ..form(&work, document, "get_run", "") };
    let member = tried_by(&work, &ours.viewer, &form).await;
    assert_eq!((member.outcome, member.notes.len()), (TriedOutcome::Allowed, 0));
    let outsider = tried_by(&work, &ours.admin, &form).await;
    assert_eq!(outsider.outcome, TriedOutcome::Denied);
    assert!(outsider.notes[0].contains("some member"), "{:?}", outsider.notes);
}

#[tokio::test]
async fn a_grant_that_is_not_in_force_is_tried_and_says_so() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let form = form(&work, SEED, "set_model_alias", ALIAS);
    accounts.suspend_grant(owner, work.ours.grant.id).await.expect("suspended");
    let suspended = tried(&work, &form).await;
    assert_eq!(suspended.outcome, TriedOutcome::Allowed, "the document decides");
    assert!(suspended.notes[0].contains("suspended"), "{:?}", suspended.notes);
    let soon = Some(work.fixture.clock.now().plus_seconds(60));
    accounts.update_grant(owner, work.ours.grant.id, "ci-runner", soon).await.expect("changed");
    work.fixture.clock.advance_seconds(61);
    let expired = tried(&work, &form).await;
    assert!(expired.notes[0].contains("expired"), "{:?}", expired.notes);
}
