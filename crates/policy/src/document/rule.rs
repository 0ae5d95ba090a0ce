//! Reads one rule, wherever it stands.

use std::sync::Arc;

use super::field::{Choice, Field, Object, Shape, choice, words};
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

    fn fields(&self) -> &'static [Field] {
        match self {
            Self::AllTools => ALL_TOOLS.fields,
            Self::Tool(_) | Self::Class(_) => RULE.fields,
        }
    }
}

/// The rule of a tool, pattern or class.
pub(crate) const RULE: Object = Object {
    name: "rule",
    title: "Rule",
    text: "What is done with calls of the tools that it is for. `{}` allows them.",
    fields: FIELDS,
    together: None,
};

/// The rule that is added to every call.
pub(crate) const ALL_TOOLS: Object = Object {
    name: "all_tools",
    title: "Rule for every call",
    text: "Checks and limits added to every call, whatever else matched.",
    fields: FIELDS.split_at(2).1,
    together: None,
};

const ACTIONS: &[Choice<Action>] = &[
    choice("allow", Action::Allow, "Calls pass, subject to the checks and limits here."),
    choice("deny", Action::Deny, "Every call is denied; the tool stays listed, unless the server says otherwise."),
    choice(
        "hide",
        Action::Hide,
        "The tool is not listed, and calling it is answered as for a tool that does not exist.",
    ),
    choice("require_approval", Action::RequireApproval, "A person has to approve each call before it is forwarded."),
];
const MODES: &[Choice<Mode>] = &[
    choice("enforce", Mode::Enforce, "The rule decides."),
    choice("shadow", Mode::Shadow, "The rule is evaluated, counted apart and recorded, and never stops a call."),
];

/// The first two are not for `all_tools`.
const FIELDS: &[Field] = &[
    Field::optional("action", "Action", "What happens to calls of these tools.", Shape::Choice(|| words(ACTIONS)))
        .or("\"allow\""),
    Field::optional(
        "reason",
        "Reason",
        "Told to the caller with a denial, a full limit or a request for approval.",
        Shape::Text(Some(MAX_REASON)),
    )
    .like(&["\"Ask the model owner.\""]),
    Field::optional(
        "require",
        "Required",
        "Each of these checks has to hold, or the call is denied. A wildcard in a path means every element.",
        Shape::List(&Shape::Object(&check::CHECK)),
    )
    .or("[]"),
    Field::optional(
        "deny_if",
        "Denied if",
        "Any of these checks that holds denies the call. A wildcard in a path means any element.",
        Shape::List(&Shape::Object(&check::CHECK)),
    )
    .or("[]"),
    Field::optional(
        "approve_if",
        "Approval if",
        "Any of these checks that holds makes the call wait for a person's approval. A wildcard in a path means any element.",
        Shape::List(&Shape::Object(&check::CHECK)),
    )
    .or("[]"),
    Field::optional(
        "limits",
        "Limits",
        "How often, or for how much, these tools may be called. All of a call's limits are charged, or none.",
        Shape::List(&Shape::Object(&limit::LIMIT)),
    )
    .or("[]"),
    Field::optional(
        "rate_limit",
        "Rate limit",
        "Short for one limit, counted as `<pattern>_rate`.",
        Shape::Object(&limit::RATE_LIMIT),
    )
    .like(&["{\"max\": 30, \"window\": \"minute\"}"]),
    Field::optional(
        "approval",
        "Approval",
        "Who may approve a call that needs it, and how long a request stands.",
        Shape::Object(&approval::APPROVAL),
    )
    .like(&["{\"timeout\": 600, \"approvers\": {\"team\": \"finance\"}}"]),
    Field::optional("mode", "Mode", "Whether the rule decides or is only watched.", Shape::Choice(|| words(MODES)))
        .or("\"enforce\""),
];

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, kind: &Kind<'_>) -> Option<Rule> {
    let fields = reader.object(at, kind.fields())?;
    let allowed = |name: &str| kind.fields().iter().any(|field| field.name == name);
    let known = |name: &str| fields.get(name).filter(|_| allowed(name));
    let action = known("action").and_then(|at| reader.one_of(&at, ACTIONS)).unwrap_or(Action::Allow);
    let reason = known("reason").and_then(|at| read_reason(reader, &at));
    let mode = known("mode").and_then(|at| reader.one_of(&at, MODES)).unwrap_or(Mode::Enforce);
    let mut checks = |name| known(name).map(|at| check::read_all(reader, &at)).unwrap_or_default();
    let (require, deny_if, approve_if) = (checks("require"), checks("deny_if"), checks("approve_if"));
    let context = limit::Context { prefix: kind.counter_prefix(), reason: reason.clone(), mode };
    let mut limits = known("limits").map(|at| limit::read_all(reader, &at, &context)).unwrap_or_default();
    limits.extend(known("rate_limit").and_then(|at| limit::read_rate_limit(reader, &at, &context)));
    let approval = known("approval").map(|at| approval::read(reader, &at)).unwrap_or_default();
    let rule = Rule {
        pointer: at.pointer.as_str().into(),
        action,
        action_rule: format!("{}/action", at.pointer).into(),
        reason,
        require,
        deny_if,
        approve_if,
        limits,
        charges: None,
        approval,
        mode,
        reads_arguments: false,
    };
    Some(rule.prepared())
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
        charges: None,
        approval: crate::ApprovalTerms::default(),
        mode: Mode::Enforce,
        reads_arguments: false,
    }
    .prepared()
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
