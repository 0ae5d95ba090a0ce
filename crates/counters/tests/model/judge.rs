//! Section 3 of the language, step by step.

use super::{
    check::{Scene, Wildcard},
    entry::{self, Rule},
    json::Tree,
    limits::{self, Limit},
};

/// What the gateway knows beside the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Step 3.
    pub definition_held: bool,
    /// Step 5.
    pub schema_misfit: bool,
}

/// A code, and the members of which each may be told to have decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct No {
    pub code: &'static str,
    pub rules: Vec<String>,
}

/// Who may approve, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub rule: String,
    pub timeout_seconds: u32,
    pub approvers: Tree,
    pub by_self: bool,
}

/// What a call takes if its limits have room.
#[derive(Clone, Debug)]
pub struct Leave {
    pub entry: String,
    pub limits: Vec<Limit>,
    pub would_deny: Option<No>,
    pub shadow_limits: Vec<Limit>,
}

#[derive(Clone, Debug)]
pub enum Judged {
    No(No),
    /// With what it takes once it is approved.
    Ask(Ask, Leave),
    Leave(Leave),
}

/// How a tool shows before anything but its name and class is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Listed,
    Denied,
    Hidden,
}

pub fn shown(policy: Option<&Tree>, tool: &str, class: &str) -> Shown {
    let Some(policy) = policy else { return Shown::Denied };
    let entry = entry::of_tool(policy, tool, class);
    match entry.as_ref().filter(|entry| !entry.is_shadow()).map(|entry| entry.action) {
        Some("hide") => Shown::Hidden,
        Some("deny") => Shown::Denied,
        None if entry.is_none() && policy.word("default") == Some("deny") => Shown::Denied,
        _ => Shown::Listed,
    }
}

pub fn judge(policy: Option<&Tree>, tool: &str, scene: &Scene<'_>, known: Known) -> Judged {
    let Some(policy) = policy else { return Judged::No(no("no_policy", "")) };
    let entry = entry::of_tool(policy, tool, scene.facts.class);
    let rules: Vec<&Rule<'_>> = entry.iter().collect();
    let all_tools = entry::all_tools(policy);
    let (shadow, enforced): (Vec<&Rule<'_>>, Vec<&Rule<'_>>) =
        rules.into_iter().chain(&all_tools).partition(|rule| rule.is_shadow());

    if let Some(hidden) = enforced.iter().find(|rule| rule.action == "hide") {
        return Judged::No(no("hidden", &hidden.action_pointer));
    }
    if known.definition_held {
        return Judged::No(no("tool_changed", ""));
    }
    if let Some(denied) = enforced.iter().find(|rule| rule.action == "deny") {
        return Judged::No(no("denied", &denied.action_pointer));
    }
    if entry.is_none() && policy.word("default") == Some("deny") {
        return Judged::No(no("default_deny", "/default"));
    }
    if known.schema_misfit {
        return Judged::No(no("invalid_arguments", ""));
    }
    if let Some(no) = invalid(&enforced, scene).or_else(|| argument_denied(&enforced, scene)) {
        return Judged::No(no);
    }
    let asked = asks(&enforced, scene);
    // Step 7 of the shadow rules: what is approved need not be asked for again.
    let would_ask =
        if asked.is_some() { None } else { asks(&shadow, scene).map(|ask| no("approval_required", &ask.rule)) };
    let would_deny = would_deny(&shadow, scene).or(would_ask);
    let shadow_limits = if would_deny.is_none() { limits::of(&shadow, scene) } else { Vec::new() };
    let entry = entry.as_ref().map_or_else(|| "/default".to_owned(), |entry| entry.pointer.clone());
    let leave = Leave { entry, limits: limits::of(&enforced, scene), would_deny, shadow_limits };
    match asked {
        Some(ask) => Judged::Ask(ask, leave),
        None => Judged::Leave(leave),
    }
}

fn would_deny(shadow: &[&Rule<'_>], scene: &Scene<'_>) -> Option<No> {
    let action = |word: &str, code| {
        let rule = shadow.iter().find(|rule| rule.action == word)?;
        Some(no(code, &rule.action_pointer))
    };
    action("hide", "hidden")
        .or_else(|| action("deny", "denied"))
        .or_else(|| invalid(shadow, scene))
        .or_else(|| argument_denied(shadow, scene))
}

fn no(code: &'static str, rule: &str) -> No {
    No { code, rules: vec![rule.to_owned()] }
}

/// Step 5: numbers and amounts that cannot be judged exactly. Which of several members is told is nowhere said.
fn invalid(rules: &[&Rule<'_>], scene: &Scene<'_>) -> Option<No> {
    let mut found = Vec::new();
    for rule in rules {
        for kind in ["require", "deny_if", "approve_if"] {
            for (i, check) in rule.body.list(kind).iter().enumerate() {
                let paths = check.list("conditions").iter().filter_map(|condition| condition.word("path"));
                if paths.into_iter().any(|path| scene.reads_wide(path)) {
                    found.push(format!("{}/{kind}/{i}", rule.pointer));
                }
            }
        }
        found.extend(limits::without_amount(rule, scene));
    }
    (!found.is_empty()).then_some(No { code: "invalid_arguments", rules: found })
}

/// Step 6.
fn argument_denied(rules: &[&Rule<'_>], scene: &Scene<'_>) -> Option<No> {
    for (kind, wildcard, denies) in [("require", Wildcard::Every, false), ("deny_if", Wildcard::Any, true)] {
        for rule in rules {
            for (i, check) in rule.body.list(kind).iter().enumerate() {
                if scene.holds(check, wildcard) == denies {
                    return Some(no("argument_denied", &format!("{}/{kind}/{i}", rule.pointer)));
                }
            }
        }
    }
    None
}

/// Step 7.
fn asks(rules: &[&Rule<'_>], scene: &Scene<'_>) -> Option<Ask> {
    for rule in rules {
        if rule.action == "require_approval" {
            return Some(ask(rule, rule.action_pointer.clone()));
        }
        let checks = rule.body.list("approve_if");
        if let Some(i) = checks.iter().position(|check| scene.holds(check, Wildcard::Any)) {
            return Some(ask(rule, format!("{}/approve_if/{i}", rule.pointer)));
        }
    }
    None
}

fn ask(rule: &Rule<'_>, pointer: String) -> Ask {
    let terms = rule.body.get("approval").unwrap_or(&Tree::Null);
    Ask {
        rule: pointer,
        timeout_seconds: terms
            .get("timeout")
            .and_then(Tree::as_number)
            .map_or(1800, |text| text.parse::<f64>().unwrap_or(0.0) as u32),
        approvers: terms.get("approvers").cloned().unwrap_or_else(|| Tree::text("admin")),
        by_self: terms.get("self") == Some(&Tree::Bool(true)),
    }
}
