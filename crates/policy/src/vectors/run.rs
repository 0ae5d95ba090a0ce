//! One test: its calls in order, on a clock and counters of its own.

use std::fmt::Write as _;

use crate::document::{Expectation, Scenario, ScenarioCall};
use crate::simulation::{Ledger, SimOutcome, SimPayer, Simulation};
use crate::{Approval, Call, CompiledPolicy, Decimal, Facts, Timestamp};

/// Work that the tests of one document may make together, so that publishing one cannot take for ever.
pub(super) struct Budget {
    left: usize,
    policy_weight: usize,
}

/// About as many calls with a usual policy and usual arguments.
const STEPS: usize = 250_000;
/// How many conditions or bytes of arguments make another step.
const PER_STEP: usize = 256;
/// How many bytes that conditions may go through make another one: each may look at all of the arguments.
const LOOKED_AT_PER_STEP: usize = 4_096;

impl Budget {
    pub(super) fn new(policy: &CompiledPolicy) -> Self {
        Self { left: STEPS, policy_weight: policy.weight() }
    }

    fn spend(&mut self, call: &ScenarioCall) -> Result<(), String> {
        let arguments = call.arguments.as_ref().map_or(0, String::len);
        let looked_at = self.policy_weight.saturating_mul(arguments) / LOOKED_AT_PER_STEP;
        let steps = looked_at.saturating_add(1 + (self.policy_weight + arguments) / PER_STEP);
        self.left = self.left.checked_sub(steps).ok_or("the tests of this document make too many calls to run")?;
        Ok(())
    }
}

/// A test and what it runs on.
pub(super) struct Run<'r> {
    pub(super) policy: &'r CompiledPolicy,
    pub(super) ledger: &'r mut dyn Ledger,
    pub(super) budget: Budget,
}

impl Run<'_> {
    /// Runs a test; the error tells the first call that did not come out as expected.
    pub(super) fn scenario(&mut self, scenario: &Scenario) -> Result<(), String> {
        self.ledger.fresh();
        let mut world = Simulation::on(self.policy, &mut *self.ledger);
        for (index, call) in scenario.calls.iter().enumerate() {
            let now = Timestamp(scenario.start.0.saturating_add(call.at_us));
            let judged = call.judged(scenario);
            let payer = call.payer(scenario);
            for round in 1..=call.repeat {
                self.budget.spend(call)?;
                if call.approve && self.policy.needs_approvals() {
                    world.approve(now, &judged, payer);
                }
                let got = world.call(now, &judged, payer, call.upstream);
                if !call.expect.is_met_by(&got) {
                    return Err(failure(index, round, call, &got));
                }
            }
        }
        Ok(())
    }
}

impl ScenarioCall {
    fn judged<'c>(&'c self, scenario: &'c Scenario) -> Call<'c> {
        let facts = Facts {
            grant_label: &scenario.grant_label,
            member_email: self.member.as_deref(),
            member_role: self.role.as_deref(),
            client_name: self.client.name.as_deref(),
            client_version: self.client.version.as_deref(),
            client_ip: self.client.ip.as_deref(),
            session_id: self.session.as_deref(),
        };
        Call {
            tool: &self.tool,
            arguments: self.arguments.as_deref(),
            class: self.class,
            facts,
            approved: Approval::None,
        }
    }

    fn payer<'c>(&'c self, scenario: &'c Scenario) -> SimPayer<'c> {
        SimPayer {
            grant: &scenario.grant_label,
            member: self.member.as_deref().unwrap_or_default(),
            session: self.session.as_deref().unwrap_or_default(),
        }
    }
}

impl Expectation {
    fn is_met_by(&self, got: &SimOutcome) -> bool {
        self.outcome == got.outcome
            && self.code.is_none_or(|code| got.code == Some(code))
            && self.rule.as_ref().is_none_or(|rule| *rule == got.rule)
            && self.would_deny.is_none_or(|would_deny| would_deny == got.would_deny.is_some())
    }
}

fn failure(index: usize, round: u32, call: &ScenarioCall, got: &SimOutcome) -> String {
    let mut text = format!("call {} ({} at {} s", index + 1, call.tool, seconds(call.at_us));
    if call.repeat > 1 {
        let _ = write!(text, ", repetition {round} of {}", call.repeat);
    }
    let expect = &call.expect;
    let _ = write!(text, "): expected {}", expect.outcome);
    if let Some(code) = expect.code {
        let _ = write!(text, ", code {code}");
    }
    if let Some(rule) = &expect.rule {
        let _ = write!(text, ", rule {rule:?}");
    }
    if let Some(would_deny) = expect.would_deny {
        let _ = write!(text, ", would_deny {would_deny}");
    }
    let _ = write!(text, "; got {}", got.outcome);
    if let Some(code) = got.code {
        let _ = write!(text, ", code {code}");
    }
    let _ = write!(text, ", rule {:?}, would_deny {}", got.rule, got.would_deny.is_some());
    text
}

fn seconds(micros: i64) -> Decimal {
    Decimal::parse(&format!("{micros}e-6")).unwrap_or(Decimal::ZERO)
}
