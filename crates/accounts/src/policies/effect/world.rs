//! One recorded call decided again: the policy, what was counted under it since, and how the call was decided then.

use std::collections::HashMap;

use domain::{GrantId, Name, Outcome, Principal, Settlement, UserId};
use policy::{
    Code, CompiledPolicy, RiskClass,
    simulation::{self, Ask, Entered, GiveBack, Ledger, Reserve, Rings, SimOutcome, SimPayer, Simulation, Upstream},
};
use storage::PastCall;

/// What a policy is told of those behind the calls, as they are now.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Labels of grants.
    pub(crate) grants: HashMap<GrantId, Name>,
    /// E-mail addresses and roles.
    pub(crate) members: HashMap<UserId, (String, String)>,
}

/// How a call was decided, as far as a policy can decide it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Allowed,
    /// After a person had approved it.
    Approved,
    Denied,
    Asked,
    /// A person refused to approve it.
    Refused,
    /// Whatever the policy says.
    Regardless,
    /// For want of a counter store: nobody knows what the policy said.
    Lost,
}

/// A policy, and what was counted under it.
pub(super) struct World {
    policy: CompiledPolicy,
    counts: Counts,
}

/// Rings, with approvals as they were given at the time.
#[derive(Debug, Default)]
struct Counts {
    rings: Rings,
    approved: bool,
}

impl World {
    /// A policy under which nothing has been counted yet.
    pub(super) fn new(policy: CompiledPolicy) -> Self {
        Self { policy, counts: Counts::default() }
    }

    /// Decides a call again.
    pub(super) fn decide(
        &mut self,
        people: &People,
        call: &PastCall,
        arguments: Option<&str>,
        before: Before,
    ) -> SimOutcome {
        let member = match call.principal {
            Some(Principal::Member(user)) => people.members.get(&user),
            _ => None,
        };
        let label = call.grant.and_then(|grant| people.grants.get(&grant));
        let facts = policy::Facts {
            grant_label: label.map_or("", Name::as_str),
            member_email: member.map(|(email, _)| email.as_str()),
            member_role: member.map(|(_, role)| role.as_str()),
            client_name: call.client.as_ref().map(|client| client.name.as_str()),
            client_version: call.client.as_ref().map(|client| client.version.as_str()),
            client_ip: None,
            session_id: None,
        };
        let approved = policy::Approval::None;
        let judged = policy::Call { tool: &call.tool, arguments, class: class(call), facts, approved };
        let text = |id: Option<String>| id.unwrap_or_default();
        let grant = text(call.grant.map(|grant| grant.to_string()));
        let member = text(call.principal.map(|principal| principal.to_string()));
        // Records do not name sessions; the key or app is what they have in common.
        let credential = call.key.map(domain::Credential::Key).or(call.app.map(domain::Credential::App));
        let session = text(credential.map(|credential| credential.to_string()));
        let payer = SimPayer { grant: &grant, member: &member, session: &session };
        self.counts.approved = before == Before::Approved;
        let mut simulation = Simulation::on(&self.policy, &mut self.counts);
        simulation.call(call.place.at.into(), &judged, payer, upstream(call.settlement))
    }
}

impl Before {
    pub(super) fn of(call: &PastCall) -> Self {
        let code = call.code.as_deref().and_then(Code::parse);
        match (call.outcome, code) {
            (Outcome::Allow, _) if call.approval.is_some() => Self::Approved,
            (Outcome::Allow, _) => Self::Allowed,
            (Outcome::ApprovalRequired, _) => Self::Asked,
            (Outcome::Refused, _) => Self::Regardless,
            (Outcome::Deny, Some(Code::GrantSuspended | Code::ToolChanged)) => Self::Regardless,
            // It did not fit the tool's schema.
            (Outcome::Deny, Some(Code::InvalidArguments)) if call.rule.is_empty() => Self::Regardless,
            (Outcome::Deny, Some(Code::CounterUnavailable)) => Self::Lost,
            (Outcome::Deny, Some(Code::Denied)) if call.approval.is_some() => Self::Refused,
            (Outcome::Deny, _) => Self::Denied,
        }
    }

    /// Whether it comes to the same.
    pub(super) fn is_the_same(self, after: simulation::Outcome) -> bool {
        match after {
            simulation::Outcome::Allow => matches!(self, Self::Allowed | Self::Approved),
            simulation::Outcome::Deny => matches!(self, Self::Denied | Self::Refused),
            simulation::Outcome::Approval => matches!(self, Self::Asked | Self::Refused),
        }
    }
}

impl Ledger for Counts {
    fn fresh(&mut self) {
        *self = Self::default();
    }

    /// What a person approved then is approved now; everything else waits, and leaves nothing behind.
    fn reserve(&mut self, at: policy::Timestamp, reserve: &Reserve<'_>) -> Entered {
        if reserve.ask.is_some() && !self.approved {
            return Entered::NotApproved;
        }
        self.rings.reserve(at, &Reserve { ask: None, ..*reserve })
    }

    fn give_back(&mut self, at: policy::Timestamp, what: GiveBack) {
        self.rings.give_back(at, what);
    }

    fn approve(&mut self, _: policy::Timestamp, _: &Ask<'_>) {}
}

/// The class that a gateway takes for a tool it does not know.
pub(super) fn class(call: &PastCall) -> RiskClass {
    call.class.unwrap_or(RiskClass::Destructive)
}

fn upstream(settlement: Option<Settlement>) -> Upstream {
    match settlement {
        Some(Settlement::Ok) | None => Upstream::Ok,
        Some(Settlement::IsError) => Upstream::IsError,
        Some(Settlement::Error) => Upstream::Error,
        Some(Settlement::Unreachable) => Upstream::Unreachable,
        Some(Settlement::Timeout | Settlement::Broken | Settlement::Cancelled) => Upstream::Timeout,
    }
}
