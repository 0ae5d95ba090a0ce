//! What a policy in force would stop to enforce, were it replaced by one that only watches.

use accounts::{PolicyView, ToolView};
use policy::{CompiledPolicy, StandingKind, ToolStanding};

use super::Subject;
use crate::{show, words};

/// Tools named in one line at most.
const NAMED: usize = 12;

/// What would be lifted.
pub(super) struct Lift {
    /// The version in force.
    pub(super) version: u32,
    /// How many grants it decides for.
    pub(super) grants: String,
    pub(super) lines: Vec<LiftLine>,
}

/// What would happen to some tools.
pub(super) struct LiftLine {
    pub(super) says: &'static str,
    pub(super) tools: Vec<String>,
}

impl Lift {
    /// None where nothing is enforced: nothing is published yet, no grant has it, or it watches already.
    pub(super) fn of(subject: &Subject) -> Option<Self> {
        let view = subject.view.as_ref().filter(|view| view.policy.version > 0 && view.policy.grants > 0)?;
        let watches = policy::shadowed(&view.document).is_ok_and(|watching| watching == view.document);
        let compiled = CompiledPolicy::compile(&view.document).ok().filter(|_| !watches)?;
        Some(Self {
            version: view.policy.version,
            grants: grants(view),
            lines: lines(&compiled, &subject.server.tools),
        })
    }

    /// Why nothing was done yet.
    pub(super) fn asks(&self) -> String {
        format!(
            "Not published yet: it would lift what version {} enforces. What that is stands above the buttons",
            self.version
        )
    }
}

fn grants(view: &PolicyView) -> String {
    show::count(usize::try_from(view.policy.grants).unwrap_or(usize::MAX), "grant", "grants")
}

fn lines(compiled: &CompiledPolicy, tools: &[ToolView]) -> Vec<LiftLine> {
    let stands = |tool: &ToolView| policy::standings(Some(compiled), &tool.name, tool.class);
    let all: Vec<(&ToolView, ToolStanding)> = tools.iter().map(|tool| (tool, stands(tool))).collect();
    let line = |says, holds: fn(&ToolStanding) -> bool| LiftLine {
        says,
        tools: named(all.iter().filter(|(_, standing)| holds(standing)).map(|(tool, _)| tool.name.as_str())),
    };
    let mut lines = vec![
        line("Denied now, would be called", |standing| standing.kind == StandingKind::Denied),
        line("Hidden now, would be listed and called", |standing| standing.kind == StandingKind::Hidden),
        line("Waiting for a person now, would be called at once", |standing| standing.approval.is_some()),
        line("Held to rules on arguments now, would take any", |standing| !standing.checks.is_empty()),
        line("Limited now, would not be", |standing| !standing.limits.is_empty()),
    ];
    lines.retain(|line| !line.tools.is_empty());
    lines.push(LiftLine {
        says: "Whatever else it says, also of tools that the server has not shown",
        tools: Vec::new(),
    });
    lines
}

fn named<'a>(tools: impl Iterator<Item = &'a str>) -> Vec<String> {
    let all: Vec<&str> = tools.collect();
    let mut named: Vec<String> = all.iter().take(NAMED).map(|tool| words::visible(tool)).collect();
    if all.len() > NAMED {
        named.push(format!("{} more", all.len() - NAMED));
    }
    named
}
