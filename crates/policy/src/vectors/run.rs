//! One test: its calls in order, on a clock and counters of its own.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::charge::Charge;
use crate::document::{Expectation, Outcome, Scenario, ScenarioCall, Upstream};
use crate::window::{Ring, Slot};
use crate::{
    Approval, Call, Code, CompiledPolicy, Decimal, Facts, Permit, Refund, Scope, Timestamp, Verdict, canonical_json,
    judge,
};

/// Work that the tests of one document may make together, so that publishing one cannot take for ever.
pub(super) struct Budget {
    left: usize,
    policy_weight: usize,
}

/// About as many calls with a usual policy and usual arguments.
const STEPS: usize = 250_000;
/// How many conditions or bytes of arguments make another step.
const PER_STEP: usize = 256;

/// How long an approval stands that nobody had asked for, in microseconds.
const UNASKED_APPROVAL_US: i64 = 1_800_000_000;

impl Budget {
    pub(super) fn new(policy: &CompiledPolicy) -> Self {
        Self { left: STEPS, policy_weight: policy.weight() }
    }

    fn spend(&mut self, call: &ScenarioCall) -> Result<(), String> {
        let arguments = call.arguments.as_ref().map_or(0, String::len);
        let steps = 1 + (self.policy_weight + arguments) / PER_STEP;
        self.left = self.left.checked_sub(steps).ok_or("the tests of this document make too many calls to run")?;
        Ok(())
    }
}

/// Runs a test; the error tells the first call that did not come out as expected.
pub(super) fn run_scenario(policy: &CompiledPolicy, scenario: &Scenario, budget: &mut Budget) -> Result<(), String> {
    let mut world = World { policy, scenario, rings: HashMap::new(), asked: HashMap::new(), approved: HashMap::new() };
    for (index, call) in scenario.calls.iter().enumerate() {
        for round in 1..=call.repeat {
            budget.spend(call)?;
            let got = world.call(call);
            if !got.meets(&call.expect) {
                return Err(failure(index, round, call, &got));
            }
        }
    }
    Ok(())
}

/// What a call came to.
struct Got {
    outcome: Outcome,
    code: Option<Code>,
    rule: String,
    would_deny: bool,
}

impl Got {
    fn meets(&self, expect: &Expectation) -> bool {
        self.outcome == expect.outcome
            && expect.code.is_none_or(|code| self.code == Some(code))
            && expect.rule.as_ref().is_none_or(|rule| *rule == self.rule)
            && expect.would_deny.is_none_or(|would_deny| would_deny == self.would_deny)
    }

    fn stopped(outcome: Outcome, code: Code, rule: String) -> Self {
        Self { outcome, code: Some(code), rule, would_deny: false }
    }
}

/// Everything that outlives a call in a test.
struct World<'t> {
    policy: &'t CompiledPolicy,
    scenario: &'t Scenario,
    /// By identity and scope subject.
    rings: HashMap<String, Ring>,
    /// Pending approval requests and when they expire.
    asked: HashMap<String, Timestamp>,
    /// Approvals that were given and not used, and when they expire.
    approved: HashMap<String, Timestamp>,
}

impl World<'_> {
    fn call(&mut self, call: &ScenarioCall) -> Got {
        let now = Timestamp(self.scenario.start.0.saturating_add(call.at_us));
        let exact_call = self.policy.needs_approvals().then(|| exact_call(call));
        let approved = exact_call.as_ref().map_or(Approval::None, |key| self.approval(call, key, now));
        match judge(Some(self.policy), &self.judged(call, approved), now) {
            Verdict::Deny(denial) => Got::stopped(Outcome::Deny, denial.code, denial.rule),
            Verdict::NeedsApproval(need) => {
                let expires = Timestamp(now.0.saturating_add(i64::from(need.terms.timeout_seconds) * 1_000_000));
                let asked = self.asked.entry(exact_call.unwrap_or_default()).or_insert(expires);
                if *asked <= now {
                    *asked = expires;
                }
                Got::stopped(Outcome::Approval, Code::ApprovalRequired, need.rule)
            }
            Verdict::Permit(permit) => self.forward(call, &permit, exact_call, now),
        }
    }

    fn judged<'c>(&'c self, call: &'c ScenarioCall, approved: Approval) -> Call<'c> {
        let facts = Facts {
            grant_label: &self.scenario.grant_label,
            member_email: call.member.as_deref(),
            member_role: call.role.as_deref(),
            client_name: call.client.name.as_deref(),
            client_version: call.client.version.as_deref(),
            client_ip: call.client.ip.as_deref(),
            session_id: call.session.as_deref(),
        };
        Call { tool: &call.tool, arguments: call.arguments.as_deref(), class: call.class, facts, approved }
    }

    /// `approve` answers the pending request of this call, or one that was made and answered unseen.
    fn approval(&mut self, call: &ScenarioCall, key: &str, now: Timestamp) -> Approval {
        if call.approve {
            let unasked = Timestamp(now.0.saturating_add(UNASKED_APPROVAL_US));
            let expires = self.asked.remove(key).filter(|expires| *expires > now).unwrap_or(unasked);
            self.approved.insert(key.to_owned(), expires);
        }
        let stands = self.approved.get(key).is_some_and(|expires| *expires > now);
        if stands { Approval::Granted } else { Approval::None }
    }

    fn forward(&mut self, call: &ScenarioCall, permit: &Permit, exact_call: Option<String>, now: Timestamp) -> Got {
        let slots = match self.reserve(permit.charges(), call, now) {
            Ok(slots) => slots,
            Err(full) => return Got::stopped(Outcome::Deny, Code::RateLimited, full.rule.to_string()),
        };
        let shadow = match permit.would_deny() {
            Some(_) => Err(()),
            None => self.reserve(permit.shadow_charges(), call, now).map_err(|_| ()),
        };
        let would_deny = shadow.is_err();
        self.settle(permit.charges(), &slots, call);
        self.settle(permit.shadow_charges(), &shadow.unwrap_or_default(), call);
        if permit.spends_approval() && call.upstream != Upstream::Unreachable {
            self.approved.remove(&exact_call.unwrap_or_default());
        }
        Got { outcome: Outcome::Allow, code: None, rule: permit.rule().to_owned(), would_deny }
    }

    fn ring(&mut self, charge: &Charge, call: &ScenarioCall) -> &mut Ring {
        let subject = match charge.scope {
            Scope::Grant | Scope::Server | Scope::Account => "",
            Scope::Member => call.member.as_deref().unwrap_or_default(),
            Scope::Session => call.session.as_deref().unwrap_or_default(),
        };
        let key = format!("{}\0{subject}", charge.identity());
        self.rings.entry(key).or_insert_with(|| Ring::new(charge.window))
    }

    /// All or nothing; the first full one otherwise.
    fn reserve<'c>(
        &mut self,
        charges: &'c [Charge],
        call: &ScenarioCall,
        now: Timestamp,
    ) -> Result<Vec<Slot>, &'c Charge> {
        for charge in charges {
            self.ring(charge, call).check(now, &charge.amount, &charge.max).map_err(|_| charge)?;
        }
        Ok(charges.iter().map(|charge| self.ring(charge, call).add(now, &charge.amount)).collect())
    }

    fn settle(&mut self, charges: &[Charge], slots: &[Slot], call: &ScenarioCall) {
        for (charge, slot) in charges.iter().zip(slots) {
            let back = match call.upstream {
                Upstream::Unreachable => true,
                Upstream::Error | Upstream::IsError => charge.refund == Refund::NotSuccessful,
                Upstream::Ok | Upstream::Timeout => false,
            };
            if back {
                self.ring(charge, call).refund(*slot, &charge.amount);
            }
        }
    }
}

/// What an approval is bound to.
fn exact_call(call: &ScenarioCall) -> String {
    let arguments = call.arguments.as_deref().unwrap_or("{}");
    format!("{}\0{}", call.tool, canonical_json(arguments).unwrap_or_default())
}

fn failure(index: usize, round: u32, call: &ScenarioCall, got: &Got) -> String {
    let mut text = format!("call {} ({} at {} s", index + 1, call.tool, seconds(call.at_us));
    if call.repeat > 1 {
        let _ = write!(text, ", repetition {round} of {}", call.repeat);
    }
    let expect = &call.expect;
    let _ = write!(text, "): expected {}", word(expect.outcome));
    if let Some(code) = expect.code {
        let _ = write!(text, ", code {code}");
    }
    if let Some(rule) = &expect.rule {
        let _ = write!(text, ", rule {rule:?}");
    }
    if let Some(would_deny) = expect.would_deny {
        let _ = write!(text, ", would_deny {would_deny}");
    }
    let _ = write!(text, "; got {}", word(got.outcome));
    if let Some(code) = got.code {
        let _ = write!(text, ", code {code}");
    }
    let _ = write!(text, ", rule {:?}, would_deny {}", got.rule, got.would_deny);
    text
}

fn seconds(micros: i64) -> Decimal {
    Decimal::parse(&format!("{micros}e-6")).unwrap_or(Decimal::ZERO)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
        Outcome::Approval => "approval",
    }
}
