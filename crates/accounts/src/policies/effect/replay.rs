//! Decides recorded calls again under a new document: in their order, on a virtual clock, with counters of their own.

use std::collections::{HashMap, VecDeque};

use domain::{CallDecided, DataKey, GrantId, Name, Outcome, PolicyId, Principal, Settlement, Timestamp, UserId};
use policy::{
    Code, CompiledPolicy, RiskClass,
    simulation::{self, Ask, Entered, GiveBack, Ledger, Reserve, Rings, SimOutcome, SimPayer, Simulation, Upstream},
};
use storage::PastCall;

use super::{
    Replay, ReplayedCall,
    needs::{self, Needs},
    path::ArgumentPath,
};
use crate::policies::history::Page;

/// Calls shown that differ.
const MOST_EXAMPLES: usize = 50;
/// Work that is done for one effect, in steps of some microseconds: far more than the calls of a week make under a usual
/// policy. Calls that come when it is used up are not known.
const STEPS: usize = 8_000_000;
/// So many comparisons of paths, conditions or bytes of arguments make a step.
const PER_STEP: usize = 256;
/// So many bytes that conditions may go through make another one: each may look at all of the arguments.
const LOOKED_AT_PER_STEP: usize = 4_096;

/// What a policy is told of those behind the calls, as they are now.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Labels of grants.
    pub(crate) grants: HashMap<GrantId, Name>,
    /// E-mail addresses and roles.
    pub(crate) members: HashMap<UserId, (String, String)>,
}

/// What calls are decided again by.
pub(super) struct Documents {
    /// The document that is thought of.
    pub(super) next: CompiledPolicy,
    /// Its text.
    pub(super) text: String,
    /// The published version with its text, for telling what makes no difference to it.
    pub(super) published: Option<((PolicyId, u32), CompiledPolicy, String)>,
}

pub(super) struct Replayer {
    next: World,
    published: Option<((PolicyId, u32), World, Needs)>,
    needs: Needs,
    steps_left: usize,
    people: People,
    key: DataKey,
    /// The paths of arguments that a version has its records keep.
    kept: HashMap<(PolicyId, u32), Vec<ArgumentPath>>,
    replay: Replay,
    examples: VecDeque<ReplayedCall>,
}

/// How a call was decided, as far as a policy can decide it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
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
struct World {
    policy: CompiledPolicy,
    counts: Counts,
}

/// Rings, with approvals as they were given at the time.
#[derive(Debug, Default)]
struct Counts {
    rings: Rings,
    approved: bool,
}

impl Replayer {
    pub(super) fn new(documents: Documents, people: People, key: DataKey, since: Timestamp) -> Self {
        let Documents { next, text, published } = documents;
        let needs = Needs::new(next.clone(), &text);
        let world = |policy| World { policy, counts: Counts::default() };
        let replay = Replay {
            since,
            calls: 0,
            same: 0,
            now_denied: 0,
            now_allowed: 0,
            now_approval: 0,
            unknown: 0,
            examples: Vec::new(),
            cut: false,
        };
        Self {
            next: world(next),
            published: published.map(|(version, policy, text)| {
                let needs = Needs::new(policy.clone(), &text);
                (version, world(policy), needs)
            }),
            needs,
            steps_left: STEPS,
            people,
            key,
            kept: HashMap::new(),
            replay,
            examples: VecDeque::new(),
        }
    }

    pub(super) fn take(&mut self, page: Page) {
        for (version, document) in page.documents {
            if let Ok(compiled) = CompiledPolicy::compile(&document) {
                self.kept.insert(version, needs::paths(&compiled));
            }
        }
        for call in &page.calls {
            self.replay.calls += 1;
            self.decide(call);
        }
    }

    pub(super) fn done(self) -> Replay {
        Replay { examples: self.examples.into_iter().rev().collect(), ..self.replay }
    }

    fn decide(&mut self, call: &PastCall) {
        let before = Before::of(call);
        if before == Before::Regardless {
            self.replay.same += 1;
            return;
        }
        let arguments = if before == Before::Lost { None } else { self.arguments(call) };
        let Some(arguments) = arguments else {
            self.replay.unknown += 1;
            return;
        };
        let after = self.next.decide(&self.people, call, arguments.as_deref(), before);
        let published = self.published.as_mut();
        let published = published.map(|(version, world, _)| {
            (*version, world.decide(&self.people, call, arguments.as_deref(), before).outcome)
        });
        // Where the very version that decided comes to the same here as the document, what differs from the record is only
        // what this knows less of: counts from before, other sessions, the store's own clock.
        let no_difference =
            published.is_some_and(|(version, outcome)| call.policy == Some(version) && outcome == after.outcome);
        if no_difference || before.is_the_same(after.outcome) {
            self.replay.same += 1;
            return;
        }
        match after.outcome {
            simulation::Outcome::Allow => self.replay.now_allowed += 1,
            simulation::Outcome::Deny => self.replay.now_denied += 1,
            simulation::Outcome::Approval => self.replay.now_approval += 1,
        }
        if self.examples.len() == MOST_EXAMPLES {
            self.examples.pop_front();
        }
        self.examples.push_back(self.example(call, after));
    }

    /// As much of the arguments as the new document looks at; none when the record does not tell that.
    fn arguments(&mut self, call: &PastCall) -> Option<Option<String>> {
        let kept = call.policy.and_then(|version| self.kept.get(&version)).map(Vec::as_slice);
        let kept = kept.unwrap_or_default();
        let need = self.needs.of(&call.tool, class(call))?;
        let published = match &mut self.published {
            Some((_, _, needs)) => needs.of(&call.tool, class(call))?.weight(),
            None => 0,
        };
        self.steps_left = self.steps_left.checked_sub(steps(call, need.weight() + published, kept.len()))?;
        if !need.is_met(call, kept) {
            return None;
        }
        let Some(sealed) = &call.arguments else { return Some(None) };
        let opened = self.key.open(&CallDecided::arguments_context(call.place.id), sealed).ok()?;
        String::from_utf8(opened).ok().map(Some)
    }

    fn example(&self, call: &PastCall, after: SimOutcome) -> ReplayedCall {
        let allowed = || "allow".to_owned();
        ReplayedCall {
            call: call.place.id,
            at: call.place.at,
            tool: call.tool.clone(),
            grant: call.grant.and_then(|grant| self.people.grants.get(&grant).cloned()),
            before: call.code.clone().filter(|_| call.outcome != Outcome::Allow).unwrap_or_else(allowed),
            after: after.code.map_or_else(allowed, |code| code.to_string()),
            rule: after.rule,
        }
    }
}

impl World {
    fn decide(&mut self, people: &People, call: &PastCall, arguments: Option<&str>, before: Before) -> SimOutcome {
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
    fn of(call: &PastCall) -> Self {
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

    fn is_the_same(self, after: simulation::Outcome) -> bool {
        match after {
            simulation::Outcome::Allow => matches!(self, Self::Allowed | Self::Approved),
            simulation::Outcome::Deny => matches!(self, Self::Denied | Self::Refused),
            simulation::Outcome::Approval => matches!(self, Self::Asked | Self::Refused),
        }
    }
}

/// What it takes at most to find out whether a record tells enough, and to decide its call again.
fn steps(call: &PastCall, weight: usize, kept: usize) -> usize {
    // Sealed and as text they are longer than they are.
    let arguments = call.arguments.as_ref().map_or(0, |sealed| sealed.0.len());
    let compared = weight.saturating_mul(1 + kept + call.argument_keys.len()).saturating_add(arguments);
    1 + compared / PER_STEP + weight.saturating_mul(arguments) / LOOKED_AT_PER_STEP
}

/// The class that a gateway takes for a tool it does not know.
fn class(call: &PastCall) -> RiskClass {
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

#[cfg(test)]
mod tests {
    use domain::{CallId, Clock, Entropy};
    use storage::CallPlace;

    use super::*;

    const DOCUMENT: &str = r#"{"version":"1","default":"allow","tools":{
        "pay":{"deny_if":[{"conditions":[{"path":"args.to","op":"eq","value":"x"}]}]}}}"#;

    #[test]
    fn calls_beyond_the_work_that_is_done_are_not_known() {
        let (clock, entropy) = (Clock::fixed(Timestamp(1_000_000)), Entropy::seeded(1));
        let call = PastCall {
            place: CallPlace { at: clock.now(), id: CallId::new(&clock, &entropy) },
            principal: None,
            key: None,
            app: None,
            grant: Some(GrantId::new(&clock, &entropy)),
            policy: None,
            tool: "pay".to_owned(),
            class: Some(RiskClass::Write),
            outcome: Outcome::Allow,
            code: None,
            rule: String::new(),
            argument_keys: Vec::new(),
            arguments: None,
            approval: None,
            client: None,
            settlement: Some(Settlement::Ok),
        };
        let next = CompiledPolicy::compile(DOCUMENT).unwrap();
        let documents = Documents { next, text: DOCUMENT.to_owned(), published: None };
        let key = domain::DeploymentKey::new(&entropy).derive("test");
        let mut replayer = Replayer::new(documents, People::default(), key, clock.now());
        replayer.steps_left = 2;
        replayer.take(Page { calls: vec![call.clone(), call.clone(), call], documents: Vec::new() });
        let replay = replayer.done();
        assert_eq!((replay.calls, replay.same, replay.unknown), (3, 2, 1));
    }
}
