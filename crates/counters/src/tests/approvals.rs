//! Approvals: asked for, answered, used up in one step with the limits, put back, over.

use std::collections::HashSet;

use domain::{AccountId, ApprovalBinding, ApprovalId, Clock, Entropy, GrantId, Timestamp};

use super::fixture::{Fixture, SECOND_US, START_US, charge, ids, sliding};
use crate::{
    Answered, ApprovalAnswer, ApprovalStanding, ApprovalState, AskApproval, Charge, Counters, GiveBack,
    MAX_OPEN_REQUESTS, Reservation, Reserve, Reserved,
};

super::on_each! {
    asked_once_then_pending_then_passes_once
    a_full_limit_leaves_the_approval_unused
    what_is_not_approved_charges_nothing
    a_refusal_stands_until_the_request_is_over
    a_request_is_over_at_its_expiry
    an_approval_is_over_at_the_request_s_expiry
    an_undelivered_call_has_its_approval_back
    an_approval_does_not_come_back_over_another_request
    an_approval_does_not_come_back_after_its_expiry
    an_error_of_the_upstream_does_not_bring_it_back
    answers_that_come_too_late_or_to_another_request
    a_refusal_takes_an_unused_approval_back_and_is_final
    a_withdrawn_request_is_asked_anew
    what_waits_is_bounded_in_each_grant
    answers_and_withdrawals_make_room_and_a_used_approval_s_way_back_takes_none
    a_request_that_may_never_have_been_recorded_is_told_again
    bindings_accounts_and_calls_without_limits
}

/// Names in a repeatable order.
pub(super) struct Names(Clock, Entropy);

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self(Clock::fixed(Timestamp(START_US)), Entropy::seeded(seed))
    }

    pub(super) fn approval(&self) -> ApprovalId {
        ApprovalId::new(&self.0, &self.1)
    }

    pub(super) fn grant(&self) -> GrantId {
        GrantId::new(&self.0, &self.1)
    }

    /// An ask for a call of its own, which stands for 100 s.
    pub(super) fn ask(&self) -> AskApproval {
        let binding = ApprovalBinding::from_bytes(self.1.bytes());
        AskApproval { binding, grant: self.grant(), id: self.approval(), stands_seconds: 100 }
    }
}

impl Fixture {
    async fn ask(&self, charges: &[Charge], ask: AskApproval) -> Reserved {
        self.ask_in(self.account, charges, ask).await
    }

    async fn ask_in(&self, account: AccountId, charges: &[Charge], ask: AskApproval) -> Reserved {
        let reserve = Reserve { account, charges, stream: "events", record: None, approval: Some(ask) };
        self.counters.reserve(reserve).await.unwrap()
    }

    async fn standing(&self, charges: &[Charge], ask: AskApproval) -> ApprovalStanding {
        match self.ask(charges, ask).await {
            Reserved::NotApproved(standing) => standing,
            other => panic!("no approval was expected, not {other:?}"),
        }
    }

    /// Of a call without limits.
    pub(super) async fn state_of(&self, ask: AskApproval) -> ApprovalState {
        self.state(&[], ask).await
    }

    async fn state(&self, charges: &[Charge], ask: AskApproval) -> ApprovalState {
        self.standing(charges, ask).await.state
    }

    async fn passes(&self, charges: &[Charge], ask: AskApproval) -> Reservation {
        match self.ask(charges, ask).await {
            Reserved::Granted { reservation, .. } => reservation,
            other => panic!("granted was expected, not {other:?}"),
        }
    }

    async fn answer(&self, ask: AskApproval, answer: ApprovalAnswer) -> Answered {
        self.counters.answer_approval(self.account, ask.binding, ask.id, answer).await.unwrap()
    }

    async fn approve(&self, ask: AskApproval) {
        assert_eq!(self.answer(ask, ApprovalAnswer::Approved).await, Answered::Done);
    }

    async fn approved(&self, charges: &[Charge], ask: AskApproval) {
        assert_eq!(self.state(charges, ask).await, ApprovalState::Asked);
        self.approve(ask).await;
    }
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp(START_US + seconds * SECOND_US)
}

async fn asked_once_then_pending_then_passes_once(f: &Fixture) {
    let names = Names::new(1);
    let (ask, call) = (names.ask(), [f.one_of(9, sliding(60))]);
    let repeat = AskApproval { id: names.approval(), ..ask };
    let told = |state| ApprovalStanding { id: Some(ask.id), state, expires_at: in_seconds(100) };
    assert_eq!(f.standing(&call, ask).await, told(ApprovalState::Asked));
    f.at(5.0);
    assert_eq!(f.standing(&call, repeat).await, told(ApprovalState::Pending), "the first id, the first expiry");
    f.approve(ask).await;
    assert_eq!(f.passes(&call, repeat).await.approval(), Some(ask.id));
    let standing = f.standing(&call, repeat).await;
    assert_eq!((standing.id, standing.state), (Some(repeat.id), ApprovalState::Asked), "used up: asked anew");
    assert_eq!(f.sum(&call[0].key).await, "1");
}

async fn a_full_limit_leaves_the_approval_unused(f: &Fixture) {
    let (ask, call) = (Names::new(1).ask(), [f.one_of(5, sliding(60)), charge(f.key("d", sliding(10)), "1", "1")]);
    f.approved(&call, ask).await;
    f.granted(&call[1..]).await;
    match f.ask(&call, ask).await {
        Reserved::Full { index, retry_after_us } => {
            assert_eq!(index, 1);
            f.set_us(START_US + retry_after_us.unwrap());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(f.sum(&call[0].key).await, "0", "all or nothing");
    f.passes(&call, ask).await;
    assert_eq!(f.sum(&call[0].key).await, "1");
}

async fn what_is_not_approved_charges_nothing(f: &Fixture) {
    let (ask, call) = (Names::new(1).ask(), [f.one_of(1, sliding(60))]);
    for state in [ApprovalState::Asked, ApprovalState::Pending, ApprovalState::Pending] {
        assert_eq!(f.state(&call, ask).await, state);
    }
    assert_eq!(f.sum(&call[0].key).await, "0");
    f.granted(&call).await;
    assert_eq!(f.state(&call, ask).await, ApprovalState::Pending, "told before the limit, which is full now");
}

async fn a_refusal_stands_until_the_request_is_over(f: &Fixture) {
    let names = Names::new(1);
    let (ask, call) = (names.ask(), [f.one_of(9, sliding(60))]);
    assert_eq!(f.state(&call, ask).await, ApprovalState::Asked);
    assert_eq!(f.answer(ask, ApprovalAnswer::Refused).await, Answered::Done);
    let repeat = AskApproval { id: names.approval(), ..ask };
    for seconds in [0.0, 70.0, 99.999_999] {
        f.at(seconds);
        let standing = f.standing(&call, repeat).await;
        assert_eq!((standing.id, standing.state), (Some(ask.id), ApprovalState::Refused), "{seconds}");
    }
    f.at(100.0);
    assert_eq!(f.standing(&call, repeat).await.id, Some(repeat.id));
    assert_eq!(f.sum(&call[0].key).await, "0");
}

async fn a_request_is_over_at_its_expiry(f: &Fixture) {
    let names = Names::new(1);
    let ask = names.ask();
    assert_eq!(f.state(&[], ask).await, ApprovalState::Asked);
    f.at(100.0);
    assert_eq!(f.answer(ask, ApprovalAnswer::Approved).await, Answered::Gone);
    let again = AskApproval { id: names.approval(), stands_seconds: 10, ..ask };
    let standing = f.standing(&[], again).await;
    assert_eq!(standing.state, ApprovalState::Asked);
    assert_eq!((standing.id, standing.expires_at), (Some(again.id), in_seconds(110)));
    assert_eq!(f.answer(ask, ApprovalAnswer::Approved).await, Answered::Gone, "another request stands there");
}

async fn an_approval_is_over_at_the_request_s_expiry(f: &Fixture) {
    let names = Names::new(1);
    let (last, late) = (names.ask(), names.ask());
    f.approved(&[], last).await;
    f.approved(&[], late).await;
    f.at(99.999_999);
    f.passes(&[], last).await;
    f.at(100.0);
    assert_eq!(f.state(&[], late).await, ApprovalState::Asked);
}

async fn an_undelivered_call_has_its_approval_back(f: &Fixture) {
    let (ask, call) = (Names::new(1).ask(), [f.one_of(9, sliding(60))]);
    f.approved(&call, ask).await;
    for _ in 0..3 {
        let reservation = f.passes(&call, ask).await;
        f.give_back(reservation, GiveBack::All).await;
    }
    f.at(99.0);
    f.passes(&call, ask).await;
    assert_eq!(f.state(&call, ask).await, ApprovalState::Asked);
    assert_eq!(f.sum(&call[0].key).await, "1");
}

async fn an_approval_does_not_come_back_over_another_request(f: &Fixture) {
    let names = Names::new(1);
    let ask = names.ask();
    f.approved(&[], ask).await;
    let reservation = f.passes(&[], ask).await;
    let again = AskApproval { id: names.approval(), ..ask };
    assert_eq!(f.state(&[], again).await, ApprovalState::Asked);
    assert_eq!(f.answer(again, ApprovalAnswer::Refused).await, Answered::Done);
    f.give_back(reservation, GiveBack::All).await;
    assert_eq!(f.state(&[], again).await, ApprovalState::Refused);
}

async fn an_approval_does_not_come_back_after_its_expiry(f: &Fixture) {
    let ask = Names::new(1).ask();
    f.approved(&[], ask).await;
    let reservation = f.passes(&[], ask).await;
    f.at(100.0);
    f.give_back(reservation, GiveBack::All).await;
    assert_eq!(f.state(&[], ask).await, ApprovalState::Asked);
}

async fn an_error_of_the_upstream_does_not_bring_it_back(f: &Fixture) {
    let (ask, mut call) = (Names::new(1).ask(), [f.one_of(9, sliding(60))]);
    call[0].refund = policy::Refund::NotSuccessful;
    f.approved(&call, ask).await;
    let reservation = f.passes(&call, ask).await;
    f.give_back(reservation, GiveBack::NotSuccessful).await;
    assert_eq!(f.sum(&call[0].key).await, "0");
    assert_eq!(f.state(&call, ask).await, ApprovalState::Asked);
}

async fn answers_that_come_too_late_or_to_another_request(f: &Fixture) {
    let names = Names::new(1);
    let ask = names.ask();
    assert_eq!(f.answer(ask, ApprovalAnswer::Approved).await, Answered::Gone, "never asked");
    assert_eq!(f.state(&[], ask).await, ApprovalState::Asked);
    let other = AskApproval { id: names.approval(), ..ask };
    assert_eq!(f.answer(other, ApprovalAnswer::Approved).await, Answered::Gone, "another id");
    let elsewhere = ids(2).0;
    let answered = f.counters.answer_approval(elsewhere, ask.binding, ask.id, ApprovalAnswer::Approved).await;
    assert_eq!(answered.unwrap(), Answered::Gone, "another account");
    assert_eq!(f.state(&[], ask).await, ApprovalState::Pending);
    f.approve(ask).await;
    f.passes(&[], ask).await;
    assert_eq!(f.answer(ask, ApprovalAnswer::Approved).await, Answered::Gone, "used");
}

async fn a_refusal_takes_an_unused_approval_back_and_is_final(f: &Fixture) {
    let ask = Names::new(1).ask();
    f.approved(&[], ask).await;
    f.approve(ask).await;
    for _ in 0..2 {
        assert_eq!(f.answer(ask, ApprovalAnswer::Refused).await, Answered::Done);
    }
    assert_eq!(f.answer(ask, ApprovalAnswer::Approved).await, Answered::Gone);
    assert_eq!(f.state(&[], ask).await, ApprovalState::Refused);
}

async fn a_withdrawn_request_is_asked_anew(f: &Fixture) {
    let names = Names::new(1);
    let ask = names.ask();
    assert_eq!(f.state(&[], ask).await, ApprovalState::Asked);
    let withdraw = async |id| f.counters.withdraw_approval(f.account, ask.binding, id).await.unwrap();
    withdraw(names.approval()).await;
    assert_eq!(f.state(&[], ask).await, ApprovalState::Pending, "another id withdraws nothing");
    withdraw(ask.id).await;
    assert_eq!(f.answer(ask, ApprovalAnswer::Approved).await, Answered::Gone);
    let again = AskApproval { id: names.approval(), ..ask };
    assert_eq!(f.standing(&[], again).await.id, Some(again.id));
    f.approve(again).await;
    withdraw(again.id).await;
    f.passes(&[], again).await;
}

/// An ask of the same grant for a call of its own.
fn of(names: &Names, grant: GrantId, stands_seconds: u32) -> AskApproval {
    AskApproval { grant, stands_seconds, ..names.ask() }
}

/// A grant in which as many requests wait as may: the first until 30 s after the start, the others until 101 s after it.
async fn crowded(f: &Fixture, names: &Names) -> (GrantId, Vec<AskApproval>) {
    let grant = names.grant();
    let mut open = Vec::new();
    for n in 0..MAX_OPEN_REQUESTS {
        f.at(if n == 0 { 0.0 } else { 1.0 });
        open.push(of(names, grant, if n == 0 { 30 } else { 100 }));
        assert_eq!(f.state(&[], open[n]).await, ApprovalState::Asked);
    }
    (grant, open)
}

async fn what_waits_is_bounded_in_each_grant(f: &Fixture) {
    let names = Names::new(1);
    let (grant, open) = crowded(f, &names).await;
    let too_many = ApprovalStanding { id: None, state: ApprovalState::TooMany, expires_at: in_seconds(30) };
    assert_eq!(f.standing(&[], of(&names, grant, 100)).await, too_many);
    assert_eq!(f.state(&[], open[0]).await, ApprovalState::Pending, "one that waits is told as ever");
    assert_eq!(f.state(&[], of(&names, names.grant(), 100)).await, ApprovalState::Asked, "another grant");
    f.at(30.0);
    assert_eq!(f.state(&[], of(&names, grant, 100)).await, ApprovalState::Asked);
    assert_eq!(f.standing(&[], of(&names, grant, 100)).await.expires_at, in_seconds(101));
}

async fn answers_and_withdrawals_make_room_and_a_used_approval_s_way_back_takes_none(f: &Fixture) {
    let names = Names::new(1);
    let (grant, open) = crowded(f, &names).await;
    let asks_one_more = async |room: ApprovalState| {
        assert_eq!(f.state(&[], of(&names, grant, 100)).await, room);
    };
    f.approve(open[1]).await;
    asks_one_more(ApprovalState::Asked).await;
    let reservation = f.passes(&[], open[1]).await;
    f.give_back(reservation, GiveBack::All).await;
    asks_one_more(ApprovalState::TooMany).await;
    assert_eq!(f.answer(open[2], ApprovalAnswer::Refused).await, Answered::Done);
    asks_one_more(ApprovalState::Asked).await;
    asks_one_more(ApprovalState::TooMany).await;
    f.counters.withdraw_approval(f.account, open[3].binding, open[3].id).await.unwrap();
    asks_one_more(ApprovalState::Asked).await;
    asks_one_more(ApprovalState::TooMany).await;
}

/// Whoever opened it may have died before it was recorded; nobody would ever see it.
async fn a_request_that_may_never_have_been_recorded_is_told_again(f: &Fixture) {
    let names = Names::new(1);
    let ask = names.ask();
    let mut told = Vec::new();
    for seconds in [0.0, 59.0, 60.0, 61.0, 99.0] {
        f.at(seconds);
        let standing = f.standing(&[], AskApproval { id: names.approval(), ..ask }).await;
        told.push((standing.id, standing.expires_at, standing.state == ApprovalState::Asked));
    }
    assert!(told.iter().all(|(id, expires_at, _)| *id == told[0].0 && *expires_at == in_seconds(100)), "{told:?}");
    assert_eq!(told.iter().map(|told| told.2).collect::<Vec<_>>(), [true, false, true, false, false]);
}

async fn bindings_accounts_and_calls_without_limits(f: &Fixture) {
    let names = Names::new(1);
    let (ask, other) = (names.ask(), names.ask());
    f.approved(&[], ask).await;
    assert_eq!(f.state(&[], other).await, ApprovalState::Asked, "another call");
    let elsewhere = f.ask_in(ids(2).0, &[], ask).await;
    assert!(matches!(elsewhere, Reserved::NotApproved(ApprovalStanding { state: ApprovalState::Asked, .. })));
    f.passes(&[], ask).await;
    assert_eq!(f.granted(&[]).await.approval(), None, "a call that needs none");
}

/// 100 repeats of an approved call at once, over the given clients.
pub(super) async fn one_of_a_hundred(clients: &[Counters]) {
    let (account, server) = ids(1);
    let subject = "grant:g1".to_owned();
    let (counter, window) = ("c".into(), sliding(3600));
    let key = crate::CounterKey { account, server, subject, counter, window, shadow: crate::Shadow::No };
    for round in 0..10 {
        let names = Names::new(round);
        let ask = names.ask();
        assert!(matches!(repeat(clients[0].clone(), key.clone(), ask).await, Reserved::NotApproved(_)));
        let answered = clients[0].answer_approval(account, ask.binding, ask.id, ApprovalAnswer::Approved).await;
        assert_eq!(answered.unwrap(), Answered::Done);
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..100 {
            let ask = AskApproval { id: names.approval(), ..ask };
            calls.spawn(repeat(clients[n % clients.len()].clone(), key.clone(), ask));
        }
        let answers = calls.join_all().await;
        let passed = answers.iter().filter(|answer| matches!(answer, Reserved::Granted { .. })).count();
        let told: Vec<_> = answers.iter().filter_map(told).collect();
        assert_eq!((passed, told.len()), (1, 99), "round {round}");
        assert_eq!(told.iter().map(|standing| standing.id).collect::<HashSet<_>>().len(), 1, "one new request");
        assert_eq!(told.iter().filter(|standing| standing.state == ApprovalState::Asked).count(), 1);
    }
    assert_eq!(clients[0].read(&[key]).await.unwrap(), [10.into()], "the others charged nothing");
}

async fn repeat(counters: Counters, key: crate::CounterKey, ask: AskApproval) -> Reserved {
    let account = key.account;
    let charges = [charge(key, "1", "1000")];
    let reserve = Reserve { account, charges: &charges, stream: "events", record: None, approval: Some(ask) };
    counters.reserve(reserve).await.unwrap()
}

fn told(answer: &Reserved) -> Option<ApprovalStanding> {
    match answer {
        Reserved::NotApproved(standing) => Some(*standing),
        Reserved::Granted { .. } | Reserved::Full { .. } => None,
    }
}
