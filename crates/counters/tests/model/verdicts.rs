//! The real verdict on a call beside the model's.

use std::fmt::{self, Debug};

use policy::{Approvers, CompiledPolicy, Permit, RiskClass, SelfApproval, Verdict, Visibility};

use super::{
    json::Tree,
    judge::{Ask, Judged, Leave, No, Shown},
};

#[derive(Debug)]
pub struct Disagreement {
    expected: String,
    came: String,
    place: String,
}

impl Disagreement {
    pub fn new(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self { expected: expected.into(), came: came.into(), place: String::new() }
    }

    pub fn at(self, place: String) -> Self {
        Self { place, ..self }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the model: {}\nthe real:  {}\n{}", self.expected, self.came, self.place)
    }
}

pub fn differ<T>(expected: impl Debug, came: impl Debug) -> Result<T, Disagreement> {
    Err(Disagreement::new(format!("{expected:?}"), format!("{came:?}")))
}

pub fn shown(
    expected: Shown,
    policy: Option<&CompiledPolicy>,
    tool: &str,
    class: RiskClass,
) -> Result<(), Disagreement> {
    let came = match policy::visibility(policy, tool, class) {
        Visibility::Listed => Shown::Listed,
        Visibility::Denied => Shown::Denied,
        Visibility::Hidden => Shown::Hidden,
    };
    if expected == came { Ok(()) } else { differ(expected, came) }
}

pub fn judged(expected: &Judged, verdict: &Verdict) -> Result<(), Disagreement> {
    match (expected, verdict) {
        (Judged::No(expected), Verdict::Deny(denial)) if told(expected, denial) => Ok(()),
        (Judged::Ask(expected, _), Verdict::NeedsApproval(need)) if asked(expected, need) => Ok(()),
        (Judged::Leave(expected), Verdict::Permit(permit)) => leave(expected, permit, false),
        (expected, verdict) => differ(expected, verdict),
    }
}

fn told(expected: &No, denial: &policy::Denial) -> bool {
    expected.code == denial.code.as_str() && expected.rules.contains(&denial.rule)
}

fn asked(expected: &Ask, need: &policy::ApprovalNeed) -> bool {
    let approvers = match &need.terms.approvers {
        Approvers::Admin => Tree::text("admin"),
        Approvers::PolicyManager => Tree::text("policy_manager"),
        Approvers::Team(slug) => Tree::object(vec![("team", Tree::text(slug))]),
    };
    let by_self = need.terms.self_approval == SelfApproval::Allowed;
    let came = Ask { rule: need.rule.clone(), timeout_seconds: need.terms.timeout_seconds, approvers, by_self };
    *expected == came
}

pub fn leave(expected: &Leave, permit: &Permit, approved: bool) -> Result<(), Disagreement> {
    let would_deny = match (&expected.would_deny, permit.would_deny()) {
        (None, None) => true,
        (Some(expected), Some(denial)) => told(expected, denial),
        _ => false,
    };
    if would_deny && expected.entry == permit.rule() && permit.spends_approval() == approved {
        return Ok(());
    }
    differ(expected, permit)
}
