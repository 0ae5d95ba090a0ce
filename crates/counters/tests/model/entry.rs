//! Which entry of a policy a tool falls under, and whether the entries of a policy clash.

use super::{json::Tree, pattern};

/// One rule that applies to a call.
#[derive(Clone, Debug)]
pub struct Rule<'p> {
    /// `/tools/x`, `/classes/read`, `/all_tools`, `/hide/0`.
    pub pointer: String,
    /// What a counter without a name is called after.
    pub called: String,
    pub action: &'p str,
    /// What names the action.
    pub action_pointer: String,
    /// Nothing for a `hide` pattern.
    pub body: &'p Tree,
}

const NOTHING: &Tree = &Tree::Null;

impl<'p> Rule<'p> {
    fn new(pointer: String, called: &str, body: &'p Tree) -> Self {
        let action_pointer = format!("{pointer}/action");
        Self {
            pointer,
            called: called.to_owned(),
            action: body.word("action").unwrap_or("allow"),
            action_pointer,
            body,
        }
    }

    fn hide(index: usize) -> Self {
        let pointer = format!("/hide/{index}");
        Self { pointer: pointer.clone(), called: String::new(), action: "hide", action_pointer: pointer, body: NOTHING }
    }

    pub fn is_shadow(&self) -> bool {
        self.body.word("mode") == Some("shadow")
    }
}

pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Every pattern of `hide`, then of `tools`, with its rule.
fn patterns(policy: &Tree) -> Vec<(&str, Rule<'_>)> {
    let hidden = policy.list("hide").iter().enumerate();
    let hidden = hidden.map(|(i, pattern)| (pattern.as_text().unwrap_or_default(), Rule::hide(i)));
    let tools = policy.get("tools").map_or(&[][..], Tree::members).iter();
    let tools = tools.map(|(name, body)| (name.as_str(), Rule::new(format!("/tools/{}", escape(name)), name, body)));
    hidden.chain(tools).collect()
}

/// Exact beats glob, more literal characters beat fewer, a class is asked last.
pub fn of_tool<'p>(policy: &'p Tree, tool: &str, class: &str) -> Option<Rule<'p>> {
    let matching = patterns(policy).into_iter().filter(|(pattern, _)| pattern::matches(pattern, tool));
    let best = matching.max_by_key(|(pattern, _)| (!pattern::is_glob(pattern), pattern::literals(pattern)));
    best.map(|(_, rule)| rule).or_else(|| {
        let body = policy.get("classes")?.get(class)?;
        let pointer = format!("/classes/{class}");
        Some(Rule::new(pointer.clone(), &pointer, body))
    })
}

pub fn all_tools(policy: &Tree) -> Option<Rule<'_>> {
    policy.get("all_tools").map(|body| Rule::new("/all_tools".to_owned(), "/all_tools", body))
}

/// The pointers of the patterns that clash with an earlier one, in the order of the document's members.
pub fn clashes(policy: &Tree) -> Vec<String> {
    let mut all = patterns(policy);
    all.retain(|(pattern, _)| !pattern.is_empty());
    let clash = |later: usize| all[..later].iter().any(|(earlier, _)| clash(earlier, all[later].0));
    (0..all.len()).filter(|later| clash(*later)).map(|later| all[later].1.pointer.clone()).collect()
}

fn clash(a: &str, b: &str) -> bool {
    match (pattern::is_glob(a), pattern::is_glob(b)) {
        (true, true) => pattern::literals(a) == pattern::literals(b) && pattern::meet(a, b),
        (false, false) => a == b,
        _ => false,
    }
}
