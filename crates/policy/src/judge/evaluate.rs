//! Steps 5 to 8 for the rules of one mode: the entry's first, then those of `all_tools`.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use super::{Approval, Call};
use crate::charge::Charge;
use crate::condition::Condition;
use crate::json::{Tree, Value};
use crate::path::{self, Fact, Path, Quantifier, Root};
use crate::rule::{Action, Check, Limit, Rule};
use crate::{ApprovalNeed, Code, Decimal, Denial, Mode, Timestamp};

/// Why a call does not pass.
#[derive(Debug)]
pub(super) enum Stop {
    Deny(Denial),
    Approval(ApprovalNeed),
}

impl Stop {
    pub(super) fn into_denial(self) -> Denial {
        match self {
            Self::Deny(denial) => denial,
            Self::Approval(need) => need.denial(),
        }
    }
}

/// How much the conditions of a call may look at, in steps of some nanoseconds. Only a policy with thousands of conditions and
/// arguments of many thousand elements come near; without a bound, such a call would hold a thread for minutes.
const MOST_STEPS: usize = 4_000_000;
/// Bytes of arguments that finding the ends of a path goes through in a step.
const BYTES_PER_STEP: usize = 64;

/// What conditions look at.
pub(super) struct Subject<'a> {
    call: &'a Call<'a>,
    arguments: Option<&'a Value<'a>>,
    /// What finding the ends of one path costs at most.
    path_steps: usize,
    /// Some number in the arguments may be beyond what can be compared exactly.
    has_wide_numbers: bool,
    now: Timestamp,
    /// None once they are used up.
    steps_left: Cell<Option<usize>>,
}

/// What passing costs.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) charges: Charges,
    pub(super) spends_approval: bool,
}

/// Charges of a call. Those of one rule without amounts are the rule's own.
#[derive(Debug, Default)]
pub(super) enum Charges {
    #[default]
    None,
    Shared(Arc<[Charge]>),
    Own(Vec<Charge>),
}

impl Charges {
    pub(super) fn as_slice(&self) -> &[Charge] {
        match self {
            Self::None => &[],
            Self::Shared(charges) => charges,
            Self::Own(charges) => charges,
        }
    }

    fn add(&mut self, rule: &Rule, subject: &Subject<'_>) -> Result<(), Stop> {
        if rule.limits.is_empty() {
            return Ok(());
        }
        if let (Self::None, Some(charges)) = (&self, &rule.charges) {
            *self = Self::Shared(Arc::clone(charges));
            return Ok(());
        }
        let earlier = self.as_slice();
        let mut charges = Vec::with_capacity(earlier.len() + rule.limits.len());
        charges.extend_from_slice(earlier);
        for limit in &rule.limits {
            charges.push(charge(limit, subject)?);
        }
        *self = Self::Own(charges);
        Ok(())
    }
}

impl Evaluation {
    pub(super) fn of(rules: &[Option<&Rule>; 2], mode: Mode, subject: &Subject<'_>) -> Result<Self, Stop> {
        let evaluated = Self::within_steps(rules, mode, subject);
        // What was not looked at seems not to hold, so nothing that was found out counts.
        if subject.steps_left.get().is_none() { Err(too_much()) } else { evaluated }
    }

    fn within_steps(rules: &[Option<&Rule>; 2], mode: Mode, subject: &Subject<'_>) -> Result<Self, Stop> {
        let applying = || rules.iter().flatten().filter(|rule| rule.mode == mode);
        let mut charges = Charges::None;
        for rule in applying() {
            if subject.has_wide_numbers {
                numbers(rule, subject)?;
            }
            charges.add(rule, subject)?;
        }
        for rule in applying() {
            let failing = rule.require.iter().find(|check| !subject.passes(check, Quantifier::Every));
            failing.map_or(Ok(()), |check| Err(argument_denied(rule, check)))?;
        }
        for rule in applying() {
            let holding = rule.deny_if.iter().find(|check| subject.passes(check, Quantifier::Any));
            holding.map_or(Ok(()), |check| Err(argument_denied(rule, check)))?;
        }
        let need = applying().find_map(|rule| approval_need(rule, subject));
        match need {
            Some(need) if subject.call.approved == Approval::None => Err(Stop::Approval(need)),
            need => Ok(Self { charges, spends_approval: need.is_some() }),
        }
    }
}

fn approval_need(rule: &Rule, subject: &Subject<'_>) -> Option<ApprovalNeed> {
    let by_check = || rule.approve_if.iter().find(|check| subject.passes(check, Quantifier::Any));
    let (pointer, told) = if rule.action == Action::RequireApproval {
        (&rule.action_rule, None)
    } else {
        by_check().map(|check| (&check.rule, check.on_deny.as_deref()))?
    };
    let told = told.or(rule.reason.as_deref());
    let message = match told {
        Some(told) => format!("This call has to be approved by a person first. {told}"),
        None => "This call has to be approved by a person first.".to_owned(),
    };
    Some(ApprovalNeed { rule: pointer.to_string(), message, terms: rule.approval.clone() })
}

fn argument_denied(rule: &Rule, check: &Check) -> Stop {
    let told = check.on_deny.as_deref().or(rule.reason.as_deref());
    let message = match (told, &check.name) {
        (Some(told), _) => told.to_owned(),
        (None, Some(name)) => format!("The policy does not allow this call with these arguments ({name})."),
        (None, None) => "The policy does not allow this call with these arguments.".to_owned(),
    };
    Stop::Deny(Denial { code: Code::ArgumentDenied, rule: check.rule.to_string(), message })
}

fn invalid(pointer: &str, path: &Path, what: &str) -> Stop {
    let message = format!("{path} {what}.");
    Stop::Deny(Denial { code: Code::InvalidArguments, rule: pointer.to_owned(), message })
}

fn too_much() -> Stop {
    let message = "The arguments are too large to be judged by this policy.".to_owned();
    Stop::Deny(Denial { code: Code::InvalidArguments, rule: String::new(), message })
}

/// Step 5: no number that a condition or amount reads may be beyond exact comparison.
fn numbers(rule: &Rule, subject: &Subject<'_>) -> Result<(), Stop> {
    for (path, pointer) in rule.argument_paths() {
        let Some(segments) = path.segments() else { continue };
        subject.spend(subject.path_steps);
        let sound = |end: Option<&Value<'_>>| end.is_none_or(|end| comparable(end, subject));
        if !path::holds(subject.arguments, segments, Quantifier::Every, &sound) {
            return Err(invalid(pointer, path, "has a number with too many digits or too large an exponent"));
        }
    }
    Ok(())
}

fn comparable(value: &Value<'_>, subject: &Subject<'_>) -> bool {
    subject.spend(1)
        && match value {
            Value::Number(text) => Decimal::parse(text).is_ok(),
            Value::Array(items) => items.iter().all(|item| comparable(&item.value, subject)),
            Value::Object(members) => members.iter().all(|member| comparable(&member.node.value, subject)),
            Value::Null | Value::Bool(_) | Value::String(_) => true,
        }
}

fn charge(limit: &Limit, subject: &Subject<'_>) -> Result<Charge, Stop> {
    let mut charge = limit.charge.clone();
    let Some(path) = &limit.amount else { return Ok(charge) };
    let refuse = |what| invalid(&limit.charge.rule, path, what);
    let found = path.segments().and_then(|segments| find(subject.arguments?, segments));
    let Some(found) = found else { return Err(refuse("is missing")) };
    let Value::Number(text) = found else { return Err(refuse("is not a number")) };
    let amount = Decimal::parse(text).map_err(|_| refuse("has too many digits or too large an exponent"))?;
    if amount.is_negative() {
        return Err(refuse("is negative"));
    }
    charge.amount = amount;
    Ok(charge)
}

/// The one value at a path without wildcards.
fn find<'v, 't>(value: &'v Value<'t>, segments: &[path::Segment]) -> Option<&'v Value<'t>> {
    segments.iter().try_fold(value, |value, segment| match (segment, value) {
        (path::Segment::Key(key), _) => value.member(key),
        (path::Segment::Index(index), Value::Array(items)) => items.get(*index).map(|item| &item.value),
        _ => None,
    })
}

impl<'a> Subject<'a> {
    pub(super) fn new(call: &'a Call<'a>, tree: Option<&'a Tree<'a>>, now: Timestamp) -> Self {
        Self {
            call,
            arguments: tree.map(|tree| &tree.root.value),
            path_steps: tree.map_or(0, |tree| (tree.root.end - tree.root.start) / BYTES_PER_STEP),
            has_wide_numbers: tree.is_some_and(|tree| tree.has_wide_numbers),
            now,
            steps_left: Cell::new(Some(MOST_STEPS)),
        }
    }

    fn passes(&self, check: &Check, quantifier: Quantifier) -> bool {
        check.conditions.iter().all(|condition| self.holds(condition, quantifier))
    }

    fn holds(&self, condition: &Condition, quantifier: Quantifier) -> bool {
        let holds_for = |end: Option<&Value<'_>>| self.spend(condition.steps(end)) && condition.holds_for(end);
        match &condition.path.root {
            Root::Arguments(segments) => {
                self.spend(self.path_steps) && path::holds(self.arguments, segments, quantifier, &holds_for)
            }
            Root::Fact(fact) => holds_for(self.fact(*fact).as_ref()),
        }
    }

    /// False, from then on, when there are not that many steps left.
    fn spend(&self, steps: usize) -> bool {
        self.steps_left.set(self.steps_left.get().and_then(|left| left.checked_sub(steps)));
        self.steps_left.get().is_some()
    }

    fn fact(&self, fact: Fact) -> Option<Value<'_>> {
        let facts = &self.call.facts;
        let text = match fact {
            Fact::GrantLabel => Some(facts.grant_label),
            Fact::MemberEmail => facts.member_email,
            Fact::MemberRole => facts.member_role,
            Fact::ClientName => facts.client_name,
            Fact::ClientVersion => facts.client_version,
            Fact::ClientIp => facts.client_ip,
            Fact::SessionId => facts.session_id,
            Fact::ToolClass => Some(self.call.class.as_str()),
            Fact::TimeHour => return Some(Value::Number(self.now.hour())),
            Fact::TimeWeekday => Some(self.now.weekday()),
        };
        text.map(|text| Value::String(Cow::Borrowed(text)))
    }
}
