//! How a tool stands under a policy, in words for people: what a builder shows beside a tool, and what two versions of a
//! policy are compared by. From the same step as the judgement, so it never says other than what happens.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::compiled::Standing;
use crate::rule::{Action, Rule};
use crate::{ApprovalTerms, Approvers, CompiledPolicy, Identity, Mode, RiskClass, SelfApproval};

#[cfg(test)]
mod tests;
mod words;

/// Longest text of one limit or check, in characters; longer ones end in `…`.
const MAX_WORDS: usize = 300;

/// What happens to calls of a tool. Two that are equal treat every call alike, whatever the rules are called and wherever
/// they stand, with one exception: `on_deny`, `name` and `reason` texts are not compared.
#[derive(Clone, Debug)]
pub struct ToolStanding {
    /// Before anything about a call is known.
    pub kind: StandingKind,
    /// JSON Pointer of the member that decides that; empty without a policy.
    pub rule: String,
    /// The entry is only watched; `watched` says what it would do.
    pub shadow: bool,
    /// "at most 30 a minute per grant"; the entry's, then those of `all_tools`.
    pub limits: Vec<String>,
    /// "amount over 100 is refused"; in the order in which they decide.
    pub checks: Vec<String>,
    /// "an admin approves within 30 minutes", where some call needs it.
    pub approval: Option<String>,
    /// What shadow rules would do, each in the same words.
    pub watched: Vec<String>,
    /// The entry's `reason`.
    pub reason: Option<String>,
    /// Of everything that decides, unshortened.
    fingerprint: u64,
}

/// What happens to a call of a tool that no check and no limit stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandingKind {
    /// Never listed, and never callable.
    Hidden,
    /// Every call is denied.
    Denied,
    /// Every call waits for a person.
    Approval,
    /// It is forwarded.
    Open,
}

impl PartialEq for ToolStanding {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.fingerprint == other.fingerprint
    }
}

impl Eq for ToolStanding {}

/// How a tool of this class stands.
pub fn standings(policy: Option<&CompiledPolicy>, tool: &str, class: RiskClass) -> ToolStanding {
    let Some(policy) = policy else { return ToolStanding::closed(StandingKind::Denied, "", None) };
    match policy.standing((tool, Identity::Known), class) {
        Standing::Hidden(rule) => ToolStanding::closed(StandingKind::Hidden, &rule.action_rule, Some(rule)),
        Standing::LookAlike(rule) => ToolStanding::closed(StandingKind::Hidden, "", rule),
        Standing::Denied(rule) => ToolStanding::closed(StandingKind::Denied, &rule.action_rule, Some(rule)),
        Standing::DefaultDeny => ToolStanding::closed(StandingKind::Denied, "/default", None),
        Standing::Open(entry) => ToolStanding::open(entry, policy.all_tools()),
    }
}

impl ToolStanding {
    fn closed(kind: StandingKind, rule: &str, entry: Option<&Rule>) -> Self {
        Self {
            kind,
            rule: rule.to_owned(),
            shadow: false,
            limits: Vec::new(),
            checks: Vec::new(),
            approval: None,
            watched: Vec::new(),
            reason: entry.and_then(|entry| entry.reason.as_deref()).map(str::to_owned),
            fingerprint: 0,
        }
    }

    fn open(entry: Option<&Rule>, all_tools: Option<&Rule>) -> Self {
        let rules = [entry, all_tools];
        let enforced = Said::by(&rules, Mode::Enforce);
        let shadow = Said::by(&rules, Mode::Shadow);
        let asks = entry.filter(|rule| rule.mode == Mode::Enforce && rule.action == Action::RequireApproval);
        let mut hasher = DefaultHasher::new();
        (&enforced, &shadow).hash(&mut hasher);
        let rule = match (asks, entry) {
            (Some(asks), _) => &asks.action_rule,
            (None, Some(entry)) => &entry.pointer,
            (None, None) => "/default",
        };
        let all_shadow =
            shadow.actions.into_iter().chain(shadow.checks).chain(shadow.limits.into_iter().map(|l| l.words));
        Self {
            kind: if asks.is_some() { StandingKind::Approval } else { StandingKind::Open },
            shadow: entry.is_some_and(|entry| entry.mode == Mode::Shadow),
            limits: enforced.limits.into_iter().map(|limit| shortened(limit.words)).collect(),
            checks: enforced.checks.into_iter().map(shortened).collect(),
            approval: enforced.approvals.first().cloned(),
            watched: all_shadow.map(shortened).collect(),
            ..Self::closed(StandingKind::Open, rule, entry)
        }
        .with(hasher.finish())
    }

    fn with(self, fingerprint: u64) -> Self {
        Self { fingerprint, ..self }
    }
}

/// What the rules of one mode say.
#[derive(Debug, Default, Hash)]
struct Said {
    actions: Vec<String>,
    checks: Vec<String>,
    limits: Vec<Limit>,
    approvals: Vec<String>,
}

#[derive(Debug, Hash)]
struct Limit {
    words: String,
    /// What the words leave out.
    counter: String,
}

impl Said {
    fn by(rules: &[Option<&Rule>; 2], mode: Mode) -> Self {
        let applying = || rules.iter().flatten().filter(|rule| rule.mode == mode);
        let mut said = Self::default();
        for rule in applying() {
            said.actions.extend(words::action(rule.action));
            said.approvals.extend(rule.needs_approvals().then(|| approval(&rule.approval)));
            said.limits.extend(
                rule.limits
                    .iter()
                    .map(|limit| Limit { words: words::limit(limit, &rule.pointer), counter: limit.charge.identity() }),
            );
        }
        said.checks.extend(applying().flat_map(|rule| rule.require.iter().filter_map(words::require)));
        said.checks.extend(applying().flat_map(|rule| rule.deny_if.iter().map(words::deny_if)));
        said.checks.extend(applying().flat_map(|rule| rule.approve_if.iter().map(words::approve_if)));
        said
    }
}

fn approval(terms: &ApprovalTerms) -> String {
    let who = match &terms.approvers {
        Approvers::Admin => "an admin approves".to_owned(),
        Approvers::PolicyManager => "a policy manager approves".to_owned(),
        Approvers::Team(slug) => format!("a member of the team {slug} approves"),
    };
    let caller = if terms.self_approval == SelfApproval::Allowed { ", who may be the caller" } else { "" };
    format!("{who} within {}{caller}", words::duration(terms.timeout_seconds))
}

fn shortened(words: String) -> String {
    if words.chars().count() <= MAX_WORDS {
        return words;
    }
    words.chars().take(MAX_WORDS - 1).chain(['…']).collect()
}
