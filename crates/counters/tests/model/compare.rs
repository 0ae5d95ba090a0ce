//! What must be equal, and what may differ: which of several full limits is named, and calls at the edge of a window.

use std::fmt::{self, Debug};

use policy::{Approvers, Permit, SelfApproval, Verdict, Visibility};

use super::{
    case::Event,
    json::Tree,
    judge::{Ask, Judged, Leave, No, Shown},
    limits::{self, Counted, Room},
    number::Number,
    world::Asked,
};

pub struct Disagreement {
    expected: String,
    came: String,
    place: String,
}

impl Disagreement {
    pub fn new(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self { expected: expected.into(), came: came.into(), place: String::new() }
    }

    pub fn at(self, index: usize, event: &Event) -> Self {
        Self { place: format!("event {index}: {event:?}"), ..self }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the model: {}\nthe real:  {}\n{}", self.expected, self.came, self.place)
    }
}

fn differ<T>(expected: impl Debug, came: impl Debug) -> Result<T, Disagreement> {
    Err(Disagreement::new(format!("{expected:?}"), format!("{came:?}")))
}

pub fn same(what: &str, expected: &str, came: &str) -> Result<(), Disagreement> {
    if expected == came { Ok(()) } else { Err(Disagreement::new(format!("{what}: {expected}"), came)) }
}

pub fn shown(expected: Shown, asked: &Asked<'_>) -> Result<(), Disagreement> {
    let came = match policy::visibility(asked.policy, &asked.call.tool, asked.class()) {
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

/// A refusal names a limit that may be full, and tells a wait that can be true.
pub fn full(
    now_us: i64,
    limits: &[Counted],
    room: &[Room],
    (index, retry_after_us): (usize, Option<i64>),
    permit: &Permit,
) -> Result<(), Disagreement> {
    let Some(charge) = permit.charges().get(index) else {
        return differ("an enforced limit is full", index);
    };
    let named = limits.iter().position(|counted| counted.limit.rule == *charge.rule);
    if named.is_none_or(|named| room[named] == Room::Yes) {
        return differ(("room", limits, room), ("full", &charge.rule, retry_after_us));
    }
    let never = limits.iter().any(|counted| alone(limits, counted).compare(&counted.limit.max).is_gt());
    let waits = limits.iter().zip(room).filter(|(_, room)| **room != Room::Yes);
    let longest = waits.map(|(counted, _)| limits::longest_wait_us(now_us, counted.key.window)).max().unwrap_or(0);
    match retry_after_us {
        None if never => Ok(()),
        Some(wait) if !never && wait > 0 && wait <= longest => Ok(()),
        told => differ(("never", never, "at most", longest, limits), told),
    }
}

/// What a call adds to a counter by itself.
fn alone(limits: &[Counted], counted: &Counted) -> Number {
    let same = limits.iter().filter(|other| other.key == counted.key).map(|other| &other.limit.amount);
    same.max_by(|a, b| a.compare(b)).cloned().unwrap_or_else(Number::zero)
}

pub fn granted(limits: &[Counted], room: &[Room]) -> Result<(), Disagreement> {
    match room.iter().position(|room| *room == Room::None) {
        Some(full) => differ(("full", &limits[full]), "granted"),
        None => Ok(()),
    }
}

pub fn shadow_full(limits: &[Counted], room: &[Room], came: &[usize], permit: &Permit) -> Result<(), Disagreement> {
    let first = permit.charges().len();
    let named = came.iter().map(|index| {
        let charge = index.checked_sub(first).and_then(|index| permit.shadow_charges().get(index))?;
        limits.iter().position(|counted| counted.limit.rule == *charge.rule)
    });
    let may_be_full = |at: Option<usize>| at.is_some_and(|at| room[at] != Room::Yes);
    let misses = room.contains(&Room::None) && came.is_empty();
    if misses || !named.into_iter().all(may_be_full) {
        return differ((limits, room), ("shadow full", came, permit.shadow_charges()));
    }
    Ok(())
}
