//! The real judge and the real counters, behind the few questions that a case asks.

use std::{
    future::Future,
    pin::pin,
    sync::PoisonError,
    task::{Context, Poll, Waker},
};

use counters::{AskApproval, Counters, Reserve, Reserved};
use domain::{
    AccountId, ApprovalBinding, ApprovalId, BoundCall, Clock, GrantId, PolicyId, Principal, ServerId, Timestamp, UserId,
};
use policy::{CompiledPolicy, Findings, RiskClass, Verdict};

use super::{case::Call, facts::Facts, judge::Known};

pub struct World {
    clock: Clock,
    pub counters: Counters,
}

/// A call in the words of the product.
pub struct Asked<'c> {
    pub call: &'c Call,
    pub arguments: Option<&'c str>,
    pub facts: &'c Facts,
    pub policy: Option<&'c CompiledPolicy>,
}

impl World {
    pub fn new() -> Self {
        let clock = Clock::fixed(Timestamp(0));
        Self { counters: Counters::memory(clock.clone()), clock }
    }

    pub fn set_time(&self, at_us: i64) {
        let Clock::Fixed(now) = &self.clock else { unreachable!("made fixed") };
        *now.lock().unwrap_or_else(PoisonError::into_inner) = Timestamp(at_us);
    }

    pub fn reserve(&self, asked: &Asked<'_>, permit: &policy::Permit, approval: Option<AskApproval>) -> Reserved {
        let (call, account) = (asked.call, asked.account());
        let session = format!("s{}", call.session);
        let principal = Principal::Member(UserId::from_uuid(uuid::Uuid::from_u128(call.member as u128)));
        let payer = counters::Payer { account, server: server(call), grant: grant(call), principal, session: &session };
        let charges = counters::charges(&payer, permit);
        let reserve = Reserve { account, charges: &charges, stream: "", record: None, approval };
        at_once(self.counters.reserve(reserve)).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Asked<'_> {
    pub fn account(&self) -> AccountId {
        AccountId::from_uuid(uuid::Uuid::from_u128(self.call.place.0 as u128))
    }

    pub fn judge(&self, approved: policy::Approval) -> Verdict {
        let facts = policy::Facts {
            grant_label: &self.facts.grant_label,
            member_email: self.facts.member_email.as_deref(),
            member_role: self.facts.member_role.as_deref(),
            client_name: self.facts.client_name.as_deref(),
            client_version: self.facts.client_version.as_deref(),
            client_ip: self.facts.client_ip.as_deref(),
            session_id: self.facts.session_id.as_deref(),
        };
        let (tool, arguments) = (self.call.tool.as_str(), self.arguments);
        let call = policy::Call { tool, arguments, class: self.class(), facts, approved };
        policy::judge_with(self.policy, &call, findings(self.call.known), policy::Timestamp(self.facts.at_us))
    }

    pub fn class(&self) -> RiskClass {
        RiskClass::parse(self.call.class).unwrap_or_else(|| panic!("no class: {}", self.call.class))
    }

    pub fn approval(&self, id: u128, stands_seconds: u32) -> AskApproval {
        let policy = (PolicyId::from_uuid(uuid::Uuid::from_u128(1)), self.call.policy as u32 + 1);
        let grant = grant(self.call);
        let bound = BoundCall { grant, policy, tool: &self.call.tool, arguments: self.arguments };
        let binding = ApprovalBinding::of(&bound).unwrap_or_else(|| panic!("strict JSON: {:?}", self.arguments));
        AskApproval { binding, grant, id: approval_id(id), stands_seconds }
    }
}

pub fn approval_id(number: u128) -> ApprovalId {
    ApprovalId::from_uuid(uuid::Uuid::from_u128(number))
}

/// A server has its own grants; accounts have not, so that nothing but the account keeps theirs apart.
fn grant(call: &Call) -> GrantId {
    GrantId::from_uuid(uuid::Uuid::from_u128((call.place.1 * 10 + call.grant) as u128))
}

fn server(call: &Call) -> ServerId {
    ServerId::from_uuid(uuid::Uuid::from_u128(call.place.1 as u128))
}

fn findings(known: Known) -> Findings {
    Findings {
        definition: if known.definition_held { policy::Definition::Held } else { policy::Definition::Accepted },
        arguments: if known.schema_misfit { policy::Arguments::Invalid } else { policy::Arguments::Acceptable },
        ..Findings::default()
    }
}

/// Counters in memory never wait.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("counters in memory wait for nothing"),
    }
}
