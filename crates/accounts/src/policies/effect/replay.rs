//! Decides recorded calls again under a new document: in their order, on a virtual clock, with counters of their own.

use std::collections::{HashMap, VecDeque};

use domain::{CallDecided, DataKey, Outcome, PolicyId, Timestamp};
use policy::{
    CompiledPolicy,
    simulation::{self, SimOutcome},
};
use storage::PastCall;

use super::{
    Replay, ReplayedCall,
    needs::{self, Needs},
    path::ArgumentPath,
    world::{Before, People, World, class},
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

impl Replayer {
    pub(super) fn new(documents: Documents, people: People, key: DataKey, since: Timestamp) -> Self {
        let Documents { next, text, published } = documents;
        let needs = Needs::new(next.clone(), &text);
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
            next: World::new(next),
            published: published.map(|(version, policy, text)| {
                let needs = Needs::new(policy.clone(), &text);
                (version, World::new(policy), needs)
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

/// What it takes at most to find out whether a record tells enough, and to decide its call again.
fn steps(call: &PastCall, weight: usize, kept: usize) -> usize {
    // Sealed and as text they are longer than they are.
    let arguments = call.arguments.as_ref().map_or(0, |sealed| sealed.0.len());
    let compared = weight.saturating_mul(1 + kept + call.argument_keys.len()).saturating_add(arguments);
    1 + compared / PER_STEP + weight.saturating_mul(arguments) / LOOKED_AT_PER_STEP
}

#[cfg(test)]
mod tests {
    use domain::{CallId, Clock, Entropy, GrantId, Settlement};
    use policy::RiskClass;
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
