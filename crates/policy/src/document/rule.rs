//! Reads one rule, wherever it stands.

use std::sync::Arc;

use super::{At, Reader, approval, check, limit};
use crate::rule::{Action, Rule};
use crate::{Mode, RiskClass};

/// Longest `reason`, in characters.
const MAX_REASON: usize = 500;

/// Where a rule stands, which decides its fields and the default names of its counters.
pub(super) enum Kind<'t> {
    Tool(&'t str),
    Class(RiskClass),
    AllTools,
}

impl Kind<'_> {
    /// What stands for `<pattern>` in default counter names. Classes and `all_tools` have no pattern; the slash keeps them
    /// apart from every counter named in a policy.
    pub(super) fn counter_prefix(&self) -> String {
        match self {
            Self::Tool(pattern) => (*pattern).to_owned(),
            Self::Class(class) => format!("/classes/{class}"),
            Self::AllTools => "/all_tools".to_owned(),
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        const ALL: &[&str] =
            &["action", "reason", "require", "deny_if", "approve_if", "limits", "rate_limit", "approval", "mode"];
        match self {
            Self::AllTools => &ALL[2..],
            Self::Tool(_) | Self::Class(_) => ALL,
        }
    }
}

const ACTIONS: &[(&str, Action)] = &[
    ("allow", Action::Allow),
    ("deny", Action::Deny),
    ("hide", Action::Hide),
    ("require_approval", Action::RequireApproval),
];

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, kind: &Kind<'_>) -> Option<Rule> {
    let fields = reader.object(at, kind.fields())?;
    let known = |name: &str| fields.get(name).filter(|_| kind.fields().contains(&name));
    let action = known("action").and_then(|at| reader.one_of(&at, ACTIONS)).unwrap_or(Action::Allow);
    let reason = known("reason").and_then(|at| read_reason(reader, &at));
    let mode = known("mode")
        .and_then(|at| reader.one_of(&at, &[("enforce", Mode::Enforce), ("shadow", Mode::Shadow)]))
        .unwrap_or(Mode::Enforce);
    let mut checks = |name| known(name).map(|at| check::read_all(reader, &at)).unwrap_or_default();
    let (require, deny_if, approve_if) = (checks("require"), checks("deny_if"), checks("approve_if"));
    let context = limit::Context { prefix: kind.counter_prefix(), reason: reason.clone(), mode };
    let mut limits = known("limits").map(|at| limit::read_all(reader, &at, &context)).unwrap_or_default();
    limits.extend(known("rate_limit").and_then(|at| limit::read_rate_limit(reader, &at, &context)));
    let approval = known("approval").map(|at| approval::read(reader, &at)).unwrap_or_default();
    let mut rule = Rule {
        pointer: at.pointer.as_str().into(),
        action,
        action_rule: format!("{}/action", at.pointer).into(),
        reason,
        require,
        deny_if,
        approve_if,
        limits,
        approval,
        mode,
        reads_arguments: false,
    };
    let reads_arguments = rule.argument_paths().next().is_some();
    rule.reads_arguments = reads_arguments;
    Some(rule)
}

/// The rule that a `hide` pattern is short for.
pub(super) fn hidden(at: &At<'_>) -> Rule {
    let pointer: Arc<str> = at.pointer.as_str().into();
    Rule {
        action_rule: pointer.clone(),
        pointer,
        action: Action::Hide,
        reason: None,
        require: Vec::new(),
        deny_if: Vec::new(),
        approve_if: Vec::new(),
        limits: Vec::new(),
        approval: crate::ApprovalTerms::default(),
        mode: Mode::Enforce,
        reads_arguments: false,
    }
}

fn read_reason(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Arc<str>> {
    let reason = reader.string(at)?;
    let length = reason.chars().count();
    if length > MAX_REASON {
        let message = format!("found {length} characters; allowed: at most {MAX_REASON}");
        reader.problem_at(at.node.start, &at.pointer, message);
        return None;
    }
    Some(reason.into())
}
