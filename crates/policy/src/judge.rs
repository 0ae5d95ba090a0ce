//! The judgement of one call: steps 1 to 7 of POLICY.md §3, and the list of reservations for step 8. Reads nothing but
//! what it is given.

use std::sync::Arc;

use crate::charge::Charge;
use crate::compiled::Standing;
use crate::json::{self, Tree, Value};
use crate::rule::{Action, Rule};
use crate::{ApprovalNeed, Code, CompiledPolicy, Denial, Mode, RiskClass, Timestamp, Visibility};

mod evaluate;

use evaluate::{Charges, Evaluation, Stop, Subject};

/// What is known about a call besides its tool and arguments. `None` where there is no such thing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// `grant.label`
    pub grant_label: &'a str,
    /// `member.email`
    pub member_email: Option<&'a str>,
    /// `member.role`
    pub member_role: Option<&'a str>,
    /// `client.name`
    pub client_name: Option<&'a str>,
    /// `client.version`
    pub client_version: Option<&'a str>,
    /// `client.ip`
    pub client_ip: Option<&'a str>,
    /// `session.id`
    pub session_id: Option<&'a str>,
}

/// Whether this very call has an approved, unused approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// No.
    None,
    /// Yes; [`Permit::spends_approval`] tells whether it is used up by this call.
    Granted,
}

/// A call to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The tool's name as the upstream knows it.
    pub tool: &'a str,
    /// The bytes of `arguments` as they will be sent: strict JSON, an object.
    pub arguments: Option<&'a str>,
    /// The tool's risk class.
    pub class: RiskClass,
    /// What else is known.
    pub facts: Facts<'a>,
    /// Whether it was approved.
    pub approved: Approval,
}

/// What the gateway found out about the tool and the arguments before policy is asked. The default is that nothing
/// speaks against the call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    /// Step 2.
    pub identity: Identity,
    /// Step 3.
    pub definition: Definition,
    /// Step 5.
    pub arguments: Arguments,
}

/// Whether the server is known to have a tool of exactly this name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// It has, or nothing is said of it: the name is judged byte by byte and nothing else.
    #[default]
    Known,
    /// It is not known to. A name that would be open is hidden if it looks like one that the policy has an entry for: the
    /// server may well take the one for the other.
    Unknown,
    /// It is not, and the name looks like one that it is known to have: hidden where it would be open, unless an entry of the
    /// policy spells it.
    LookAlike,
}

/// The state of a tool's definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Definition {
    /// As last accepted, or the server does not hold changed tools back.
    #[default]
    Accepted,
    /// New or changed, and held back until somebody accepts it.
    Held,
}

/// What the tool's `inputSchema` says about the arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arguments {
    /// They fit, or no schema is known.
    #[default]
    Acceptable,
    /// They do not fit.
    Invalid,
}

/// The result of judging a call.
#[derive(Debug)]
pub enum Verdict {
    /// Do not forward; nothing is charged.
    Deny(Denial),
    /// Do not forward before a person approved it; nothing is charged.
    NeedsApproval(ApprovalNeed),
    /// Reserve every charge, then forward.
    Permit(Permit),
}

/// Leave to forward one call once its charges are reserved. Only [`judge`] makes one.
#[derive(Debug)]
pub struct Permit {
    /// None for `/default`.
    rule: Option<Arc<str>>,
    charges: Charges,
    shadow_charges: Charges,
    would_deny: Option<Denial>,
    spends_approval: bool,
}

impl Permit {
    /// What to reserve, all or nothing. The limits of the entry come first, then those of `all_tools`.
    pub fn charges(&self) -> &[Charge] {
        self.charges.as_slice()
    }

    /// What shadow rules count, all or nothing among themselves. One that is full is recorded, never enforced.
    pub fn shadow_charges(&self) -> &[Charge] {
        self.shadow_charges.as_slice()
    }

    /// What a shadow rule would have answered for another reason than a limit.
    pub fn would_deny(&self) -> Option<&Denial> {
        self.would_deny.as_ref()
    }

    /// JSON Pointer of the entry that allowed the call: `/tools/x`, `/classes/read` or `/default`.
    pub fn rule(&self) -> &str {
        self.rule.as_deref().unwrap_or("/default")
    }

    /// The call passes only because it was approved, so the approval is used up with the reservation.
    pub fn spends_approval(&self) -> bool {
        self.spends_approval
    }
}

/// Judges a call against the policy of one grant, with nothing known against the tool or its arguments.
///
/// `now` is only for the facts `time.hour` and `time.weekday`; counters have a clock of their own.
pub fn judge(policy: Option<&CompiledPolicy>, call: &Call<'_>, now: Timestamp) -> Verdict {
    judge_with(policy, call, Findings::default(), now)
}

/// [`judge`], with what the gateway found out about the tool's definition and the arguments.
pub fn judge_with(policy: Option<&CompiledPolicy>, call: &Call<'_>, findings: Findings, now: Timestamp) -> Verdict {
    match decide(policy, call, findings, now) {
        Ok(permit) => Verdict::Permit(permit),
        Err(Stop::Deny(denial)) => Verdict::Deny(denial),
        Err(Stop::Approval(need)) => Verdict::NeedsApproval(need),
    }
}

/// How a tool is to show in `tools/list`. A tool that is [`Visibility::Hidden`] is denied by [`judge`] whatever the
/// call.
pub fn visibility(policy: Option<&CompiledPolicy>, tool: &str, class: RiskClass) -> Visibility {
    visibility_as(policy, (tool, Identity::Known), class)
}

/// [`visibility`], with what the gateway found out about the tool's name. One that looks like a known one is in no list,
/// whatever denies its calls.
pub fn visibility_as(policy: Option<&CompiledPolicy>, tool: (&str, Identity), class: RiskClass) -> Visibility {
    match policy.map(|policy| policy.standing(tool, class)) {
        Some(Standing::Open(_)) => Visibility::Listed,
        Some(Standing::Hidden(_) | Standing::LookAlike(_)) => Visibility::Hidden,
        _ if tool.1 == Identity::LookAlike => Visibility::Hidden,
        Some(Standing::Denied(_) | Standing::DefaultDeny) | None => Visibility::Denied,
    }
}

fn deny(code: Code, rule: &str, message: &str) -> Stop {
    Stop::Deny(Denial { code, rule: rule.to_owned(), message: message.to_owned() })
}

fn decide(
    policy: Option<&CompiledPolicy>,
    call: &Call<'_>,
    findings: Findings,
    now: Timestamp,
) -> Result<Permit, Stop> {
    let Some(policy) = policy else {
        return Err(deny(Code::NoPolicy, "", "No policy is attached to this grant."));
    };
    let entry = match policy.standing((call.tool, findings.identity), call.class) {
        Standing::Hidden(rule) => return Err(hidden(rule)),
        Standing::LookAlike(other) => return Err(unlisted(other)),
        _ if findings.definition == Definition::Held => {
            let message = "This tool is new or has changed; somebody has to accept it before it can be called.";
            return Err(deny(Code::ToolChanged, "", message));
        }
        Standing::Denied(rule) => return Err(denied(rule)),
        Standing::DefaultDeny => {
            return Err(deny(Code::DefaultDeny, "/default", "This tool is not allowed by policy."));
        }
        Standing::Open(entry) => entry,
    };
    if findings.arguments == Arguments::Invalid {
        let message = "The arguments do not fit the tool's input schema.";
        return Err(deny(Code::InvalidArguments, "", message));
    }
    permit(&[entry, policy.all_tools()], call, now)
}

/// Steps 5 to 7 for the enforced rules, and then, for the record, for the shadow rules.
fn permit(rules: &[Option<&Rule>; 2], call: &Call<'_>, now: Timestamp) -> Result<Permit, Stop> {
    let tree = arguments(rules, call)?;
    let subject = Subject::new(call, tree.as_ref(), now);
    let enforced = Evaluation::of(rules, Mode::Enforce, &subject)?;
    let shadow = shadow(rules, &subject);
    let (shadow_charges, would_deny) = match shadow {
        Ok(evaluation) => (evaluation.charges, None),
        Err(stop) => (Charges::None, Some(stop.into_denial())),
    };
    Ok(Permit {
        rule: rules[0].map(|entry| Arc::clone(&entry.pointer)),
        charges: enforced.charges,
        shadow_charges,
        would_deny,
        spends_approval: enforced.spends_approval,
    })
}

fn shadow(rules: &[Option<&Rule>; 2], subject: &Subject<'_>) -> Result<Evaluation, Stop> {
    for rule in rules.iter().flatten().filter(|rule| rule.mode == Mode::Shadow) {
        match rule.action {
            Action::Hide => return Err(hidden(rule)),
            Action::Deny => return Err(denied(rule)),
            Action::Allow | Action::RequireApproval => {}
        }
    }
    Evaluation::of(rules, Mode::Shadow, subject)
}

fn hidden(rule: &Rule) -> Stop {
    deny(Code::Hidden, &rule.action_rule, "There is no such tool.")
}

fn unlisted(other: Option<&Rule>) -> Stop {
    let pointer = other.map_or("", |rule| &rule.pointer);
    deny(Code::Hidden, pointer, "There is no such tool; its name only looks like that of another one.")
}

fn denied(rule: &Rule) -> Stop {
    deny(Code::Denied, &rule.action_rule, rule.reason.as_deref().unwrap_or("This tool is denied by policy."))
}

/// The arguments as a tree, if some rule reads them.
fn arguments<'a>(rules: &[Option<&Rule>; 2], call: &Call<'a>) -> Result<Option<Tree<'a>>, Stop> {
    let not_sound = || deny(Code::InvalidArguments, "", "The arguments are not a JSON object that can be judged.");
    let Some(text) = call.arguments else { return Ok(None) };
    if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return Err(not_sound());
    }
    if !rules.iter().flatten().any(|rule| rule.reads_arguments) {
        return Ok(None);
    }
    match json::parse(text) {
        Ok(tree) if !tree.has_duplicates && matches!(tree.root.value, Value::Object(_)) => Ok(Some(tree)),
        _ => Err(not_sound()),
    }
}
