//! Approvals: recorded once, answered once, by those who may, and told as they stand.

use accounts::{
    Accounts, Answer, AnswerForm, ApprovalFilter, ApprovalStanding, ApprovalView, ArgumentsShown, Config, Error,
    MayAnswer, PolicyEdit, Rule, Wiring,
};
use bus::Durability;
use counters::{AskApproval, Counters, GiveBack, Reserve, Reserved};
use domain::{
    ApprovalAsked, ApprovalBinding, ApprovalId, BoundCall, CallDecided, CallId, DataKey, Event, GrantId, Outcome,
    Principal, Settlement,
};
use policy::{Approvers, SelfApproval};
use test_support::{Fixture, Person, TempFolder};
use upstream::{Dialer, DialerConfig, Egress, PrivateAddresses};

use crate::{
    calls::{decided, settled},
    support::{Gateway, SEED, Work},
};

const ARGUMENTS: &str = "{ \"to\": \"\u{202e}evil\", \"amount\": 1.50 }";
const SHA256_OF_ARGUMENTS: &str = "fcfea1451fa12bdf7e49c0c0a310ef4cd27e31a9c94c37c333b356edc4589ce4";
const STANDS_SECONDS: u32 = 1800;

/// A gateway and what it asks for.
struct Desk {
    work: Work,
    gateway: Gateway,
    key: DataKey,
}

impl Desk {
    async fn new() -> Self {
        let work = Work::new().await;
        let gateway = Gateway::new(&work.fixture.clock, &work.fixture.entropy);
        let snapshot = work.snapshot().await;
        let key = work.fixture.key.open_data_key(snapshot.account, &snapshot.data_key).expect("the account's key");
        Self { work, gateway, key }
    }

    /// What our agent asks for, to be answered by admins.
    fn request(&self, arguments: &str) -> ApprovalAsked {
        let (ours, set) = (&self.work.fixture.ours, &self.work.ours);
        let (clock, entropy) = (&self.work.fixture.clock, &self.work.fixture.entropy);
        let policy = (set.policy, 1);
        let bound = BoundCall { grant: set.grant.id, policy, tool: "pay", arguments: Some(arguments) };
        let approval = ApprovalId::new(clock, entropy);
        ApprovalAsked {
            approval,
            binding: ApprovalBinding::of(&bound).expect("strict JSON"),
            call: CallId::new(clock, entropy),
            at: clock.now(),
            expires_at: clock.now().plus_seconds(i64::from(STANDS_SECONDS)),
            server: set.server.id,
            principal: Principal::Agent(ours.agent),
            key: Some(ours.agent_key),
            app: None,
            grant: set.grant.id,
            policy,
            rule: "/tools/pay/action".to_owned(),
            message: "Needs approval.".to_owned(),
            tool: "pay".to_owned(),
            class: policy::RiskClass::Financial,
            arguments: self.key.seal(&ApprovalAsked::context(approval), arguments.as_bytes(), entropy),
            approvers: Approvers::Admin,
            self_approval: SelfApproval::Forbidden,
            client: Some(domain::Client { name: "py\0".to_owned(), version: "1".to_owned() }),
        }
    }

    /// Opens the request in the counter store, as a gateway does.
    async fn reserve(&self, asked: &ApprovalAsked) -> Reserved {
        self.reserve_in(&self.work.fixture.counters, asked).await
    }

    async fn reserve_in(&self, counters: &Counters, asked: &ApprovalAsked) -> Reserved {
        let approval = AskApproval {
            binding: asked.binding,
            grant: asked.grant,
            id: asked.approval,
            stands_seconds: STANDS_SECONDS,
        };
        let account = self.work.fixture.ours.owner.caller.scope().account();
        let reserve = Reserve { account, charges: &[], stream: "", record: None, approval: Some(approval) };
        counters.reserve(reserve).await.expect("counted")
    }

    async fn record(&mut self, event: Event) {
        let fixture = &self.work.fixture;
        let envelope = self.gateway.says(&fixture.ours, event);
        fixture.bus.append(&envelope, Durability::Durable).await.expect("appended");
        fixture.accounts.record_waiting().await.expect("stored");
    }

    /// Asks: in the store and for the record.
    async fn ask(&mut self, asked: &ApprovalAsked) {
        assert!(matches!(self.reserve(asked).await, Reserved::NotApproved(_)));
        self.record(Event::ApprovalAsked(Box::new(asked.clone()))).await;
    }

    /// The record of the call that uses it.
    fn use_of(&self, asked: &ApprovalAsked) -> domain::CallDecided {
        let mut call = decided(&self.work, &self.work.fixture.ours, &self.work.ours, "pay");
        call.approval = Some(asked.approval);
        call
    }

    async fn see(&self, person: &Person, asked: &ApprovalAsked) -> ApprovalView {
        self.work.fixture.accounts.approval(&person.caller, asked.approval).await.expect("there")
    }

    async fn standing(&self, asked: &ApprovalAsked) -> ApprovalStanding {
        self.see(&self.work.fixture.ours.owner, asked).await.standing
    }

    async fn answer(&self, person: &Person, asked: &ApprovalAsked, answer: Answer) -> Result<ApprovalView, Error> {
        let form = AnswerForm { answer, reason: " because ".to_owned() };
        self.work.fixture.accounts.answer_approval(&person.caller, asked.approval, &form).await
    }

    async fn events(&self) -> Vec<(String, serde_json::Value)> {
        let owner = &self.work.fixture.ours.owner.caller;
        let events = self.work.fixture.accounts.admin_events(owner).await.expect("asked").into_iter();
        events.filter(|e| e.action.starts_with("approval.")).map(|e| (e.action, e.detail)).collect()
    }
}

#[tokio::test]
async fn a_request_told_twice_is_one_and_shows_the_exact_arguments_to_those_concerned() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    let again = ApprovalAsked { message: "another".to_owned(), call: desk.request("{}").call, ..asked.clone() };
    desk.record(Event::ApprovalAsked(Box::new(again))).await;
    let accounts = &desk.work.fixture.accounts;
    let ours = &desk.work.fixture.ours;
    let listed = accounts.approvals(&ours.admin.caller, &ApprovalFilter::default()).await.expect("asked");
    assert_eq!(listed.len(), 1);
    let view = &listed[0];
    assert_eq!((view.standing, view.may_answer, view.call), (ApprovalStanding::Open, MayAnswer::Yes, asked.call));
    assert_eq!(
        (view.arguments.as_deref(), view.shown),
        (Some(ARGUMENTS), ArgumentsShown::Yes),
        "the bytes as they are"
    );
    assert_eq!(view.server.as_ref().map(|(slug, _)| slug.as_str()), Some("mlflow"));
    assert_eq!(view.principal_name.as_deref(), Some("ci-runner"));
    assert_eq!(view.grant_label.as_ref().map(domain::Name::as_str), Some("ci-runner"));
    assert_eq!(view.policy.1.as_ref().map(domain::Name::as_str), Some("Default"));
    assert_eq!(view.client.as_ref().map(|client| client.name.as_str()), Some("py\u{2400}"));
    assert_eq!((view.message.as_str(), view.rule.as_str()), ("Needs approval.", "/tools/pay/action"));
    for person in [&ours.viewer, &ours.policy_manager] {
        let view = desk.see(person, &asked).await;
        assert_eq!((view.arguments, view.shown), (None, ArgumentsShown::NotForReader));
        assert_eq!(view.may_answer, MayAnswer::NotApprover);
        assert_eq!(accounts.approvals_to_answer(&person.caller).await.expect("asked"), 0);
    }
    for person in [&ours.admin, &ours.owner] {
        assert_eq!(accounts.approvals_to_answer(&person.caller).await.expect("asked"), 1);
    }
}

#[tokio::test]
async fn an_approval_lets_the_call_pass_once_and_is_told_with_who_why_and_what_exactly() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    let (admin, owner) = (&desk.work.fixture.ours.admin.clone(), &desk.work.fixture.ours.owner.clone());
    let view = desk.answer(admin, &asked, Answer::Approve).await.expect("approved");
    assert_eq!((view.standing, view.may_answer), (ApprovalStanding::Approved, MayAnswer::Closed));
    let answer = view.answer.expect("the answer");
    assert_eq!((answer.by.as_str(), answer.approved, answer.reason.as_str()), ("admin@ours.example", true, "because"));
    let late = desk.answer(owner, &asked, Answer::Refuse).await;
    assert!(matches!(late, Err(Error::Rule(Rule::ApprovalClosed))), "{late:?}");
    assert_eq!(desk.see(owner, &asked).await.answer.expect("who was first").by.as_str(), "admin@ours.example");
    let events = desk.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].0.as_str(), &events[0].1["reason"]), ("approval.approved", &"because".into()));
    // Of the text as it is, byte for byte.
    assert_eq!(events[0].1["arguments_sha256"], SHA256_OF_ARGUMENTS);
    assert!(!events[0].1.to_string().contains("evil"), "never the arguments themselves");

    assert!(matches!(desk.reserve(&asked).await, Reserved::Granted { .. }));
    assert!(matches!(desk.reserve(&asked).await, Reserved::NotApproved(_)), "once");
    let call = desk.use_of(&asked);
    desk.record(Event::Decided(Box::new(call.clone()))).await;
    let view = desk.see(owner, &asked).await;
    assert_eq!((view.standing, view.used_by), (ApprovalStanding::Used, Some(call.call)));
    desk.work.fixture.clock.advance_seconds(86_400);
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Used, "for good");
}

#[tokio::test]
async fn a_refusal_needs_a_reason_and_stands() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    let (accounts, admin) = (&desk.work.fixture.accounts, &desk.work.fixture.ours.admin);
    for (answer, reason) in [(Answer::Refuse, "  "), (Answer::Approve, &*"x".repeat(501)), (Answer::Approve, "a\0b")] {
        let form = AnswerForm { answer, reason: reason.to_owned() };
        let refused = accounts.answer_approval(&admin.caller, asked.approval, &form).await;
        let Err(Error::Invalid(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(faults[0].field, "reason");
    }
    let view = desk.answer(admin, &asked, Answer::Refuse).await.expect("refused");
    assert_eq!((view.standing, view.answer.map(|a| a.approved)), (ApprovalStanding::Refused, Some(false)));
    let Reserved::NotApproved(standing) = desk.reserve(&asked).await else { panic!("it passed") };
    assert_eq!(standing.state, counters::ApprovalState::Refused);
    desk.work.fixture.clock.advance_seconds(86_400);
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Refused);
}

#[tokio::test]
async fn of_two_who_answer_at_once_the_first_counts() {
    for _ in 0..5 {
        let mut desk = Desk::new().await;
        let asked = desk.request(ARGUMENTS);
        desk.ask(&asked).await;
        let (admin, owner) = (&desk.work.fixture.ours.admin, &desk.work.fixture.ours.owner);
        let (one, two) =
            tokio::join!(desk.answer(admin, &asked, Answer::Approve), desk.answer(owner, &asked, Answer::Refuse));
        let closed = |result: &Result<ApprovalView, Error>| matches!(result, Err(Error::Rule(Rule::ApprovalClosed)));
        assert!((one.is_ok() && closed(&two)) || (two.is_ok() && closed(&one)), "{one:?} {two:?}");
        let passes = matches!(desk.reserve(&asked).await, Reserved::Granted { .. });
        assert_eq!(passes, one.is_ok(), "the store holds the answer that is told");
        assert_eq!(desk.see(owner, &asked).await.answer.expect("an answer").approved, one.is_ok());
        assert_eq!(desk.events().await.len(), 1);
    }
}

#[tokio::test]
async fn ones_own_request_is_anothers_to_answer_unless_the_policy_lets_one() {
    let mut desk = Desk::new().await;
    let (admin, owner) = (desk.work.fixture.ours.admin.clone(), desk.work.fixture.ours.owner.clone());
    let own = |asked: ApprovalAsked| ApprovalAsked { principal: Principal::Member(admin.caller.user()), ..asked };
    let asked = own(desk.request(ARGUMENTS));
    desk.ask(&asked).await;
    let refused = desk.answer(&admin, &asked, Answer::Approve).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::OwnRequest))), "{refused:?}");
    assert_eq!(desk.see(&admin, &asked).await.may_answer, MayAnswer::OwnRequest);
    desk.answer(&owner, &asked, Answer::Approve).await.expect("somebody else's answer");

    let let_self = ApprovalAsked { self_approval: SelfApproval::Allowed, ..own(desk.request("{}")) };
    desk.ask(&let_self).await;
    desk.answer(&admin, &let_self, Answer::Approve).await.expect("the policy lets them");

    // A team's request that somebody else made first, and the admin repeated: their own as well.
    let repeated = desk.request(r#"{"a":1}"#);
    desk.ask(&repeated).await;
    let mut call = desk.use_of(&repeated);
    call.principal = Some(Principal::Member(admin.caller.user()));
    call.outcome = Outcome::ApprovalRequired;
    desk.record(Event::Decided(Box::new(call))).await;
    assert_eq!(desk.see(&admin, &repeated).await.may_answer, MayAnswer::OwnRequest);
    assert_eq!(desk.see(&owner, &repeated).await.may_answer, MayAnswer::Yes);

    // The caller sees what they asked for, whatever their role.
    let viewer = desk.work.fixture.ours.viewer.clone();
    let theirs = desk.request(r#"{"b":1}"#);
    let theirs = ApprovalAsked { principal: Principal::Member(viewer.caller.user()), ..theirs };
    desk.ask(&theirs).await;
    let view = desk.see(&viewer, &theirs).await;
    assert_eq!((view.arguments.as_deref(), view.may_answer), (Some(r#"{"b":1}"#), MayAnswer::NotApprover));
}

#[tokio::test]
async fn a_teams_request_is_answered_by_its_members_of_the_moment() {
    let mut desk = Desk::new().await;
    let asked = ApprovalAsked { approvers: Approvers::Team("data".to_owned()), ..desk.request(ARGUMENTS) };
    desk.ask(&asked).await;
    let ours = desk.work.fixture.ours.clone();
    let refused = desk.answer(&ours.owner, &asked, Answer::Approve).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::NotApprover))), "not even an owner: {refused:?}");
    let view = desk.see(&ours.viewer, &asked).await;
    assert_eq!((view.may_answer, view.arguments.as_deref()), (MayAnswer::Yes, Some(ARGUMENTS)));
    let accounts = &desk.work.fixture.accounts;
    accounts.remove_team_member(&ours.owner.caller, ours.team, ours.viewer.caller.user()).await.expect("removed");
    let refused = desk.answer(&ours.viewer, &asked, Answer::Approve).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::NotApprover))), "{refused:?}");
    accounts.add_team_member(&ours.owner.caller, ours.team, ours.owner.caller.user()).await.expect("added");
    desk.answer(&ours.owner, &asked, Answer::Approve).await.expect("a member by now");
}

#[tokio::test]
async fn whether_it_was_used_is_told_rightly_in_whatever_order_records_come_and_how_often() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    let (first, second) = (desk.use_of(&asked), desk.use_of(&asked));
    let end = |call: &domain::CallDecided, settlement| domain::CallSettled { settlement, ..settled(call) };
    let used = Event::Decided(Box::new(first.clone()));
    let undelivered = Event::Settled(end(&first, Settlement::Unreachable));
    // The use is recorded before the request itself.
    desk.record(used.clone()).await;
    desk.ask(&asked).await;
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Used);
    desk.record(undelivered.clone()).await;
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Open);
    desk.record(used).await;
    desk.record(undelivered).await;
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Open, "told again, nothing changes");
    // Its end comes before it does.
    desk.record(Event::Settled(end(&second, Settlement::Timeout))).await;
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Open);
    desk.record(Event::Decided(Box::new(second.clone()))).await;
    assert_eq!(desk.see(&desk.work.fixture.ours.owner, &asked).await.used_by, Some(second.call));
    let mut waiting = desk.use_of(&asked);
    waiting.outcome = Outcome::ApprovalRequired;
    let other = desk.request("{}");
    waiting.approval = Some(other.approval);
    desk.ask(&other).await;
    desk.record(Event::Decided(Box::new(waiting))).await;
    assert_eq!(desk.standing(&other).await, ApprovalStanding::Open, "waiting is no use");
}

#[tokio::test]
async fn an_undelivered_call_leaves_the_approval_for_the_next() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    desk.answer(&desk.work.fixture.ours.admin, &asked, Answer::Approve).await.expect("approved");
    let Reserved::Granted { reservation, .. } = desk.reserve(&asked).await else { panic!("it did not pass") };
    let call = desk.use_of(&asked);
    desk.record(Event::Decided(Box::new(call.clone()))).await;
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Used);
    desk.work.fixture.counters.give_back(reservation, GiveBack::All).await.expect("given back");
    desk.record(Event::Settled(domain::CallSettled { settlement: Settlement::Unreachable, ..settled(&call) })).await;
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Approved);
    assert!(matches!(desk.reserve(&asked).await, Reserved::Granted { .. }));
}

#[tokio::test]
async fn a_changed_policy_a_revoked_grant_and_passed_time_close_a_request() {
    let mut desk = Desk::new().await;
    let (owner, accounts) = (desk.work.fixture.ours.owner.clone(), desk.work.fixture.accounts.clone());
    let (expiring, approved, waiting) = (desk.request("{}"), desk.request(r#"{"a":1}"#), desk.request(r#"{"b":1}"#));
    for asked in [&expiring, &approved] {
        desk.ask(asked).await;
    }
    desk.answer(&owner, &approved, Answer::Approve).await.expect("approved");
    desk.work.fixture.clock.advance_seconds(i64::from(STANDS_SECONDS));
    assert_eq!(desk.standing(&expiring).await, ApprovalStanding::Expired);
    assert_eq!(desk.standing(&approved).await, ApprovalStanding::Expired, "approved, and not used in time");
    let late = desk.answer(&owner, &expiring, Answer::Approve).await;
    assert!(matches!(late, Err(Error::Rule(Rule::ApprovalClosed))), "{late:?}");

    let waiting = ApprovalAsked {
        at: desk.work.fixture.clock.now(),
        expires_at: desk.work.fixture.clock.now().plus_seconds(i64::from(STANDS_SECONDS)),
        ..waiting
    };
    desk.ask(&waiting).await;
    let open = ApprovalFilter { open: true, limit: 0 };
    assert_eq!(accounts.approvals(&owner.caller, &open).await.expect("asked").len(), 1);
    accounts.suspend_grant(&owner.caller, desk.work.ours.grant.id).await.expect("suspended");
    assert_eq!(desk.standing(&waiting).await, ApprovalStanding::Open, "a suspended grant may be resumed");
    let edit = PolicyEdit { based_on: 1, revision: 0, document: SEED.to_owned(), note: String::new() };
    accounts.publish_policy(&owner.caller, desk.work.ours.policy, &edit).await.expect("published");
    assert_eq!(desk.standing(&waiting).await, ApprovalStanding::Void);
    assert_eq!(accounts.approvals(&owner.caller, &open).await.expect("asked").len(), 0);
    assert_eq!(accounts.approvals_to_answer(&owner.caller).await.expect("asked"), 0);
    let refused = desk.answer(&owner, &waiting, Answer::Approve).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::ApprovalClosed))), "{refused:?}");
    assert!(matches!(desk.reserve(&waiting).await, Reserved::NotApproved(_)));

    let under_second = ApprovalAsked { policy: (desk.work.ours.policy, 2), ..desk.request(r#"{"c":1}"#) };
    let under_second = ApprovalAsked { expires_at: waiting.expires_at, at: waiting.at, ..under_second };
    desk.ask(&under_second).await;
    assert_eq!(desk.standing(&under_second).await, ApprovalStanding::Open);
    desk.answer(&owner, &under_second, Answer::Approve).await.expect("approved");
    accounts.revoke_grant(&owner.caller, desk.work.ours.grant.id).await.expect("revoked");
    assert_eq!(desk.standing(&under_second).await, ApprovalStanding::Void);
    desk.work.fixture.clock.advance_seconds(86_400);
    assert_eq!(desk.standing(&under_second).await, ApprovalStanding::Void, "it was void before its time was over");
}

#[tokio::test]
async fn a_grant_that_was_given_another_policy_voids_what_the_old_one_asked() {
    let mut desk = Desk::new().await;
    let (owner, accounts) = (desk.work.fixture.ours.owner.clone(), desk.work.fixture.accounts.clone());
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    accounts.attach_policy(&owner.caller, desk.work.ours.grant.id, None).await.expect("detached");
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Void);
    accounts.attach_policy(&owner.caller, desk.work.ours.grant.id, Some(desk.work.ours.policy)).await.expect("back");
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Open, "the binding fits again");
    let foreign = ApprovalAsked { grant: GrantId::new(&desk.work.fixture.clock, &desk.work.fixture.entropy), ..asked };
    let foreign = ApprovalAsked { approval: desk.request("{}").approval, ..foreign };
    desk.record(Event::ApprovalAsked(Box::new(foreign.clone()))).await;
    let view = desk.see(&owner, &foreign).await;
    assert_eq!(view.standing, ApprovalStanding::Void, "a grant that is not there");
    assert_eq!((view.arguments, view.shown), (None, ArgumentsShown::Damaged), "sealed for another request");
    assert_eq!(accounts.approvals(&owner.caller, &ApprovalFilter::default()).await.expect("listed").len(), 2);
}

#[tokio::test]
async fn what_does_not_open_is_not_answered() {
    let mut desk = Desk::new().await;
    let asked = ApprovalAsked { approval: desk.request("{}").approval, ..desk.request(ARGUMENTS) };
    desk.ask(&asked).await;
    let refused = desk.answer(&desk.work.fixture.ours.owner, &asked, Answer::Approve).await;
    assert!(matches!(refused, Err(Error::Sealed(_))), "nobody approves what they cannot see: {refused:?}");
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Open);
    assert!(matches!(desk.reserve(&asked).await, Reserved::NotApproved(_)));
}

#[tokio::test]
async fn long_arguments_are_left_out_of_lists_and_shown_by_themselves() {
    let mut desk = Desk::new().await;
    let arguments = format!(r#"{{"text":"{}"}}"#, "x".repeat(60 * 1024));
    let asked = desk.request(&arguments);
    desk.ask(&asked).await;
    let owner = &desk.work.fixture.ours.owner;
    let listed = desk.work.fixture.accounts.approvals(&owner.caller, &ApprovalFilter::default()).await.expect("asked");
    assert_eq!((listed[0].arguments.as_deref(), listed[0].shown), (None, ArgumentsShown::TooLong));
    assert_eq!(desk.see(owner, &asked).await.arguments.as_deref(), Some(&*arguments));
    desk.answer(owner, &asked, Answer::Approve).await.expect("approved");
}

#[tokio::test]
async fn an_answer_to_what_the_store_does_not_know_is_not_told_as_given() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.record(Event::ApprovalAsked(Box::new(asked.clone()))).await;
    let refused = desk.answer(&desk.work.fixture.ours.admin, &asked, Answer::Approve).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::ApprovalGone))), "{refused:?}");
    let view = desk.see(&desk.work.fixture.ours.owner, &asked).await;
    assert_eq!((view.standing, view.answer, view.may_answer), (ApprovalStanding::Expired, None, MayAnswer::Closed));
    let actions: Vec<String> = desk.events().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions.len(), 2);
    assert!(actions.contains(&"approval.answer_gone".to_owned()), "{actions:?}");
}

#[tokio::test]
async fn an_answer_while_the_store_is_away_is_not_given_and_may_be_given_again() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    let fixture = &desk.work.fixture;
    let folder = TempFolder::new("closed");
    let away = Counters::durable(folder.path(), fixture.clock.clone()).expect("counters");
    assert!(matches!(desk.reserve_in(&away, &asked).await, Reserved::NotApproved(_)));
    away.close().await;
    let form = AnswerForm { answer: Answer::Approve, reason: "yes".to_owned() };
    let refused = with_counters(fixture, away).answer_approval(&fixture.ours.admin.caller, asked.approval, &form).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::AnswerNotGiven))), "{refused:?}");
    let view = desk.see(&fixture.ours.owner, &asked).await;
    assert_eq!((view.standing, view.answer, view.may_answer), (ApprovalStanding::Open, None, MayAnswer::Yes));
    let mut actions: Vec<String> = desk.events().await.into_iter().map(|(action, _)| action).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["approval.answer_not_given", "approval.approved"]);
    desk.work.fixture.clock.advance_seconds(60);
    assert_eq!(desk.work.fixture.accounts.put_waiting_answers().await.expect("looked"), 0, "nothing is given unasked");
    assert!(matches!(desk.reserve(&asked).await, Reserved::NotApproved(_)));
    let view = desk.answer(&desk.work.fixture.ours.owner, &asked, Answer::Approve).await.expect("given now");
    assert_eq!(view.answer.expect("an answer").by.as_str(), "owner@ours.example");
    assert!(matches!(desk.reserve(&asked).await, Reserved::Granted { .. }));
}

#[tokio::test]
async fn an_answer_whose_way_was_cut_off_is_put_by_the_background_job() {
    let mut desk = Desk::new().await;
    let (asked, gone) = (desk.request(ARGUMENTS), desk.request("{}"));
    desk.ask(&asked).await;
    desk.record(Event::ApprovalAsked(Box::new(gone.clone()))).await;
    // As a process leaves them that dies between writing an answer down and putting it.
    let (fixture, owner) = (&desk.work.fixture, &desk.work.fixture.ours.owner);
    let mut tx = fixture.test.db.account(owner.caller.scope()).await.expect("a transaction");
    for approval in [asked.approval, gone.approval] {
        let (by, at) = (owner.caller.user(), fixture.clock.now());
        let new = storage::NewAnswer { approval, answer: storage::AnswerKind::Approved, by, at, reason: "yes" };
        assert!(tx.put_answer(&new).await.expect("written"));
        assert!(!tx.put_answer(&new).await.expect("asked"), "once");
    }
    tx.commit().await.expect("committed");
    assert_eq!(fixture.accounts.put_waiting_answers().await.expect("looked"), 0, "it may be on its way");
    let view = desk.see(&fixture.ours.admin, &asked).await;
    assert_eq!((view.standing, view.may_answer), (ApprovalStanding::Open, MayAnswer::Closed));
    assert_eq!(view.answer.expect("who is answering").by.as_str(), "owner@ours.example");
    fixture.clock.advance_seconds(11);
    assert_eq!(fixture.accounts.put_waiting_answers().await.expect("put"), 2);
    assert_eq!(fixture.accounts.put_waiting_answers().await.expect("put"), 0);
    assert_eq!(desk.standing(&asked).await, ApprovalStanding::Approved);
    let view = desk.see(&fixture.ours.admin, &gone).await;
    assert_eq!((view.standing, view.answer), (ApprovalStanding::Expired, None));
    assert!(matches!(desk.reserve(&asked).await, Reserved::Granted { .. }));
}

/// The same use cases over other counters.
fn with_counters(fixture: &Fixture, counters: Counters) -> Accounts {
    let config = Config {
        gateway_origin: String::new(),
        internal_gateway: String::new(),
        issuer: String::new(),
        client_documents: accounts::ClientDocuments::Public,
        retention: accounts::Retention::default(),
    };
    let dialer = Dialer::new(DialerConfig::new(Egress { private_addresses: PrivateAddresses::Allowed }));
    Accounts::new(Wiring {
        db: fixture.test.db.clone(),
        bus: fixture.bus.clone(),
        counters,
        dialer: dialer.expect("a dialer"),
        key: fixture.key.clone(),
        clock: fixture.clock.clone(),
        entropy: fixture.entropy.clone(),
        config,
    })
}

#[tokio::test]
async fn anothers_requests_are_not_there() {
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    let (accounts, neighbour) = (&desk.work.fixture.accounts, &desk.work.fixture.neighbour.owner.caller);
    assert!(matches!(accounts.approval(neighbour, asked.approval).await, Err(Error::NotFound)));
    assert!(accounts.approvals(neighbour, &ApprovalFilter::default()).await.expect("asked").is_empty());
    assert_eq!(accounts.approvals_to_answer(neighbour).await.expect("asked"), 0);
    let form = AnswerForm { answer: Answer::Approve, reason: String::new() };
    let refused = accounts.answer_approval(neighbour, asked.approval, &form).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    assert!(matches!(desk.reserve(&asked).await, Reserved::NotApproved(_)));
}

#[tokio::test]
async fn what_is_older_than_it_is_kept_is_forgotten_bit_by_bit() {
    const DAY_SECONDS: i64 = 86_400;
    let mut desk = Desk::new().await;
    let asked = desk.request(ARGUMENTS);
    desk.ask(&asked).await;
    let (owner, accounts) = (desk.work.fixture.ours.owner.clone(), desk.work.fixture.accounts.clone());
    let fixture = &desk.work.fixture;
    // More than are forgotten in one go, at a moment each.
    for _ in 0..501 {
        fixture.clock.advance_seconds(1);
        let mut call = decided(&desk.work, &fixture.ours, &desk.work.ours, "set_model_alias");
        call.arguments = Some(desk.key.seal(&CallDecided::arguments_context(call.call), b"{}", &fixture.entropy));
        let envelope = desk.gateway.says(&fixture.ours, Event::Decided(Box::new(call)));
        fixture.bus.append(&envelope, Durability::Durable).await.expect("appended");
    }
    accounts.record_waiting().await.expect("stored");
    assert_eq!(accounts.forget_old().await.expect("looked"), 0, "nothing is old");
    desk.work.fixture.clock.advance_seconds(90 * DAY_SECONDS + 1);
    assert_eq!(
        accounts.forget_old().await.expect("forgotten"),
        501,
        "the request ended half an hour after it was made"
    );
    desk.work.fixture.clock.advance_seconds(3_600);
    assert_eq!(accounts.forget_old().await.expect("forgotten"), 1);
    let view = desk.see(&owner, &asked).await;
    assert_eq!((view.arguments, view.shown), (None, ArgumentsShown::Forgotten));
    assert_eq!(accounts.forget_old().await.expect("looked"), 0);
    desk.work.fixture.clock.advance_seconds(310 * DAY_SECONDS);
    assert_eq!(accounts.forget_old().await.expect("removed"), 1);
    let gone = accounts.approval(&owner.caller, asked.approval).await;
    assert!(matches!(gone, Err(Error::NotFound)), "{gone:?}");
    let calls = accounts.calls(&owner.caller, &accounts::CallFilter::default()).await.expect("asked");
    assert!(!calls.calls.is_empty(), "records stay");
}
