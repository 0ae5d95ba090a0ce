//! Rules as they are judged: the compiled form of `hide` patterns, tool and class entries, and `all_tools`.

use std::sync::Arc;

use crate::condition::Condition;
use crate::path::Path;
use crate::{ApprovalTerms, Charge, Mode};

/// What an entry does with its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Allow,
    Deny,
    Hide,
    RequireApproval,
}

#[derive(Debug)]
pub(crate) struct Rule {
    /// JSON Pointer of the entry: `/tools/x`, `/hide/0`, `/all_tools`.
    pub(crate) pointer: Arc<str>,
    pub(crate) action: Action,
    /// JSON Pointer of what names the action: `/tools/x/action`, `/hide/0`.
    pub(crate) action_rule: Arc<str>,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) require: Vec<Check>,
    pub(crate) deny_if: Vec<Check>,
    pub(crate) approve_if: Vec<Check>,
    pub(crate) limits: Vec<Limit>,
    /// Those of all limits, where none reads an amount: they are the same for every call.
    pub(crate) charges: Option<Arc<[Charge]>>,
    pub(crate) approval: ApprovalTerms,
    pub(crate) mode: Mode,
    /// Some condition or amount has a path under `args`.
    pub(crate) reads_arguments: bool,
}

#[derive(Debug)]
pub(crate) struct Check {
    /// JSON Pointer.
    pub(crate) rule: Arc<str>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) on_deny: Option<Arc<str>>,
    /// All have to hold; none at all always holds.
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Debug)]
pub(crate) struct Limit {
    /// With an amount of one.
    pub(crate) charge: Charge,
    /// Where the amount is instead.
    pub(crate) amount: Option<Path>,
}

impl Rule {
    /// Works out what is the same for every call, once the rule is read.
    pub(crate) fn prepared(mut self) -> Self {
        let reads_arguments = self.argument_paths().next().is_some();
        self.reads_arguments = reads_arguments;
        let same = self.limits.iter().all(|limit| limit.amount.is_none());
        self.charges = same.then(|| self.limits.iter().map(|limit| limit.charge.clone()).collect());
        self
    }

    pub(crate) fn checks(&self) -> impl Iterator<Item = &Check> {
        self.require.iter().chain(&self.deny_if).chain(&self.approve_if)
    }

    /// Every path under `args` that the rule reads, with the pointer of the check or limit that reads it.
    pub(crate) fn argument_paths(&self) -> impl Iterator<Item = (&Path, &Arc<str>)> {
        let checked = self
            .checks()
            .flat_map(|check| check.conditions.iter().map(move |condition| (&condition.path, &check.rule)));
        let counted = self.limits.iter().filter_map(|limit| Some((limit.amount.as_ref()?, &limit.charge.rule)));
        checked.chain(counted).filter(|(path, _)| path.segments().is_some())
    }

    pub(crate) fn needs_approvals(&self) -> bool {
        self.action == Action::RequireApproval || !self.approve_if.is_empty()
    }
}
