//! A virtual world for one policy: calls are judged, counted and approved as a gateway would, on a clock that the caller
//! sets. The tests of a document run in it, and so does the question what recorded calls would come to under a draft.
//!
//! The order of a gateway is kept: a call that needs an approval is judged again as if it had one, and what that costs
//! goes to the [`Ledger`], which uses the approval up in the same step as it reserves.

use std::fmt;

use crate::window::Full;
use crate::{
    Approval, Call, Code, CompiledPolicy, Denial, OnUnavailable, Permit, Timestamp, Verdict, canonical_json, judge,
};

mod ledger;
mod rings;

pub use ledger::{Ask, Entered, GiveBack, Ledger, Reserve, SimPayer};
pub use rings::Rings;

/// How long an approval stands that nothing asked for, in seconds.
const UNASKED_SECONDS: u32 = 1_800;

/// One policy, what was counted under it, and which approvals stand.
#[derive(Debug)]
pub struct Simulation<'p, L = Rings> {
    policy: &'p CompiledPolicy,
    ledger: L,
}

/// How the upstream takes a call that is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upstream {
    /// With a result.
    #[default]
    Ok,
    /// With a protocol error.
    Error,
    /// With a result that says `isError`.
    IsError,
    /// It was never delivered.
    Unreachable,
    /// It was delivered, and no answer came in time.
    Timeout,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is forwarded.
    Allow,
    /// It is not.
    Deny,
    /// It waits for a person.
    Approval,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimOutcome {
    /// What happened to it.
    pub outcome: Outcome,
    /// Why it was not forwarded.
    pub code: Option<Code>,
    /// JSON Pointer of the member that decided.
    pub rule: String,
    /// What a shadow rule would have answered.
    pub would_deny: Option<(Code, String)>,
    /// What the caller is told, without prefix; empty when the call was forwarded.
    pub message: String,
    /// After this wait, with nobody else calling, the same call passes; in milliseconds.
    pub retry_after_ms: Option<i64>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Approval => "approval",
        })
    }
}

impl<'p> Simulation<'p> {
    /// With nothing counted and nothing approved.
    pub fn new(policy: &'p CompiledPolicy) -> Self {
        Self::on(policy, Rings::default())
    }
}

impl<'p, L: Ledger> Simulation<'p, L> {
    /// On a ledger of the caller's, as it stands.
    pub fn on(policy: &'p CompiledPolicy, ledger: L) -> Self {
        Self { policy, ledger }
    }

    /// A person approves this very call: the request that is pending for it, or one that was made and answered unseen.
    pub fn approve(&mut self, at: Timestamp, call: &Call<'_>, payer: SimPayer<'_>) {
        let stands_seconds = match judge(Some(self.policy), &Call { approved: Approval::None, ..*call }, at) {
            Verdict::NeedsApproval(need) => need.terms.timeout_seconds,
            Verdict::Deny(_) | Verdict::Permit(_) => UNASKED_SECONDS,
        };
        let binding = binding(call, payer);
        self.ledger.approve(at, &Ask { binding: &binding, stands_seconds });
    }

    /// Makes a call and settles it at once. `call.approved` is not read: what was approved is in the ledger.
    pub fn call(&mut self, at: Timestamp, call: &Call<'_>, payer: SimPayer<'_>, upstream: Upstream) -> SimOutcome {
        let judged = |approved| judge(Some(self.policy), &Call { approved, ..*call }, at);
        let (permit, need) = match judged(Approval::None) {
            Verdict::Deny(denial) => return SimOutcome::denied(denial),
            Verdict::Permit(permit) => (permit, None),
            Verdict::NeedsApproval(need) => match judged(Approval::Granted) {
                Verdict::Permit(permit) => (permit, Some(need)),
                Verdict::Deny(denial) => return SimOutcome::denied(denial),
                Verdict::NeedsApproval(need) => return SimOutcome::denied(need.denial()),
            },
        };
        let binding = need.as_ref().map(|_| binding(call, payer)).unwrap_or_default();
        let ask = need.as_ref().map(|need| Ask { binding: &binding, stands_seconds: need.terms.timeout_seconds });
        let entered = self.ledger.reserve(at, &Reserve { permit: &permit, payer, ask });
        let shadow_full = match (entered, need) {
            (Entered::Granted { shadow_full }, _) => shadow_full,
            (Entered::Full { index, retry_after_us }, _) => return SimOutcome::full(&permit, index, retry_after_us),
            (Entered::NotApproved, Some(need)) => {
                return SimOutcome { outcome: Outcome::Approval, ..SimOutcome::denied(need.denial()) };
            }
            (Entered::Refused, Some(need)) => return SimOutcome::refused(need.rule),
            (Entered::Unavailable, None) => return SimOutcome::unavailable(&permit),
            (Entered::Unavailable | Entered::NotApproved | Entered::Refused, _) => {
                return SimOutcome::denied(no_counters());
            }
        };
        self.settle(at, upstream);
        SimOutcome::allowed(&permit, shadow_full.first().copied())
    }

    fn settle(&mut self, at: Timestamp, upstream: Upstream) {
        match upstream {
            Upstream::Unreachable => self.ledger.give_back(at, GiveBack::All),
            Upstream::Error | Upstream::IsError => self.ledger.give_back(at, GiveBack::NotSuccessful),
            Upstream::Ok | Upstream::Timeout => {}
        }
    }
}

impl SimOutcome {
    fn denied(denial: Denial) -> Self {
        Self {
            outcome: Outcome::Deny,
            code: Some(denial.code),
            rule: denial.rule,
            would_deny: None,
            message: denial.message,
            retry_after_ms: None,
        }
    }

    fn full(permit: &Permit, index: usize, retry_after_us: Option<i64>) -> Self {
        let full = Full { retry_after_us };
        match permit.charges().get(index) {
            Some(charge) => Self { retry_after_ms: full.retry_after_ms(), ..Self::denied(charge.rate_limited(full)) },
            None => Self::denied(no_counters()),
        }
    }

    fn refused(rule: String) -> Self {
        let message = "A person was asked to approve this call and refused it.".to_owned();
        Self::denied(Denial { code: Code::Denied, rule, message })
    }

    /// Without a counter store, the first limit that says so denies; otherwise the call passes uncounted.
    fn unavailable(permit: &Permit) -> Self {
        match permit.charges().iter().find(|charge| charge.on_unavailable == OnUnavailable::Deny) {
            Some(charge) => Self::denied(charge.unavailable()),
            None => Self::allowed(permit, None),
        }
    }

    fn allowed(permit: &Permit, shadow_full: Option<usize>) -> Self {
        let told = |denial: &Denial| (denial.code, denial.rule.clone());
        let full = shadow_full.and_then(|index| permit.shadow_charges().get(index));
        Self {
            outcome: Outcome::Allow,
            code: None,
            rule: permit.rule().to_owned(),
            would_deny: permit
                .would_deny()
                .map(told)
                .or_else(|| full.map(|charge| (Code::RateLimited, charge.rule.to_string()))),
            message: String::new(),
            retry_after_ms: None,
        }
    }
}

fn no_counters() -> Denial {
    let message = "A limit of this tool cannot be checked at the moment.".to_owned();
    Denial { code: Code::CounterUnavailable, rule: String::new(), message }
}

/// What an approval is bound to; the policy is the same for all of a simulation.
fn binding(call: &Call<'_>, payer: SimPayer<'_>) -> String {
    let arguments = canonical_json(call.arguments.unwrap_or("{}")).unwrap_or_default();
    format!("{}\0{}\0{arguments}", payer.grant, call.tool)
}

#[cfg(test)]
mod tests;
