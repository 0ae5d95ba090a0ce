//! What has to be known of a recorded call to decide it again. Records keep of the arguments only what the policy that
//! decided looked at; a new document may look at more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{MOST_ARGUMENT_KEYS, MOST_RECORDED_CHARS};
use policy::{CompiledPolicy, RiskClass, StandingKind};
use serde_json::value::RawValue;
use storage::PastCall;

use super::path::ArgumentPath;

/// Facts that records do not keep.
const UNRECORDED: [&str; 2] = ["client.ip", "session.id"];
/// Stands in records for what a database does not take.
const REPLACED: char = '\u{2400}';

/// Tools that are told apart. Records name whatever was asked for, so there may be as many names as calls.
const MOST_TOOLS: usize = 1_000;
/// The shortest condition or limit that can be written.
const CONDITION_BYTES: usize = 24;

/// What the rules of a document look at, by tool.
#[derive(Debug)]
pub(super) struct Needs {
    policy: CompiledPolicy,
    /// Rules by pointer, as written.
    rules: HashMap<String, String>,
    all_tools: Arc<Looked>,
    by_rule: HashMap<String, Arc<Looked>>,
    by_tool: HashMap<(String, RiskClass), Need>,
}

/// What the rules for one tool look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Need {
    entry: Arc<Looked>,
    all_tools: Arc<Looked>,
}

/// What one rule looks at.
#[derive(Debug, Default)]
struct Looked {
    paths: Vec<ArgumentPath>,
    /// Something that no record keeps.
    unrecorded: bool,
    /// At least as many conditions and limits as it has.
    conditions: usize,
}

impl Needs {
    pub(super) fn new(policy: CompiledPolicy, document: &str) -> Self {
        let members = members(document);
        let mut rules = HashMap::new();
        for of_many in ["tools", "classes"] {
            let Some(entries) = members.get(of_many) else { continue };
            for (name, rule) in self::members(entries.get()) {
                rules.insert(
                    format!("/{of_many}/{}", name.replace('~', "~0").replace('/', "~1")),
                    rule.get().to_owned(),
                );
            }
        }
        let all_tools = members.get("all_tools").map(|rule| Looked::of(rule.get(), &policy)).unwrap_or_default();
        Self { policy, rules, all_tools: Arc::new(all_tools), by_rule: HashMap::new(), by_tool: HashMap::new() }
    }

    /// None for a tool too many.
    pub(super) fn of(&mut self, tool: &str, class: RiskClass) -> Option<Need> {
        let key = (tool.to_owned(), class);
        if let Some(need) = self.by_tool.get(&key) {
            return Some(need.clone());
        }
        if self.by_tool.len() == MOST_TOOLS {
            return None;
        }
        let need = self.find(tool, class);
        self.by_tool.insert(key, need.clone());
        Some(need)
    }

    fn find(&mut self, tool: &str, class: RiskClass) -> Need {
        let standing = policy::standings(Some(&self.policy), tool, class);
        if matches!(standing.kind, StandingKind::Hidden | StandingKind::Denied) {
            return Need::default();
        }
        let all_tools = Arc::clone(&self.all_tools);
        let entry = self.rules.iter().find(|(pointer, _)| is_within(&standing.rule, pointer));
        let Some((pointer, rule)) = entry else { return Need { entry: Arc::default(), all_tools } };
        let looked = || Arc::new(Looked::of(rule, &self.policy));
        let entry = Arc::clone(self.by_rule.entry(pointer.clone()).or_insert_with(looked));
        Need { entry, all_tools }
    }
}

impl Looked {
    fn of(rule: &str, policy: &CompiledPolicy) -> Self {
        let alone = format!("{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"x\":{rule}}}}}");
        let mut paths = match CompiledPolicy::compile(&alone) {
            Ok(compiled) => paths(&compiled),
            Err(_) => paths(policy),
        };
        paths.sort_unstable();
        paths.dedup();
        let unrecorded = UNRECORDED.iter().any(|fact| rule.contains(fact));
        Self { paths, unrecorded, conditions: rule.len() / CONDITION_BYTES }
    }
}

impl Need {
    fn rules(&self) -> [&Looked; 2] {
        [&self.entry, &self.all_tools]
    }

    /// Whether a record that kept these paths tells all that is looked at.
    pub(super) fn is_met(&self, call: &PastCall, kept: &[ArgumentPath]) -> bool {
        let known = |path: &ArgumentPath| {
            is_absent(path, call) || (call.arguments.is_some() && kept.iter().any(|kept| kept.covers(path)))
        };
        self.rules().iter().all(|rule| !rule.unrecorded && rule.paths.iter().all(known))
    }

    /// How many paths and conditions there are to look at, at most.
    pub(super) fn weight(&self) -> usize {
        self.rules().iter().map(|rule| rule.paths.len() + rule.conditions).sum()
    }
}

/// Whether the call is known not to have had the argument that the path leads into.
fn is_absent(path: &ArgumentPath, call: &PastCall) -> bool {
    // Of many keys some were left out, and long or odd ones were changed.
    let kept_as_it_was = |key: &String| key.chars().count() < MOST_RECORDED_CHARS && !key.contains(REPLACED);
    let all_known = call.argument_keys.len() < MOST_ARGUMENT_KEYS && call.argument_keys.iter().all(kept_as_it_was);
    all_known && path.argument().is_some_and(|argument| !call.argument_keys.iter().any(|key| key == argument))
}

/// The arguments that a policy looks at, which are those that records keep.
pub(super) fn paths(policy: &CompiledPolicy) -> Vec<ArgumentPath> {
    policy.argument_paths().iter().filter_map(|text| ArgumentPath::read(text)).collect()
}

fn is_within(pointer: &str, entry: &str) -> bool {
    pointer.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn members(json: &str) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"version":"1","default":"allow","hide":["gone"],
        "tools":{"a":{"deny_if":[{"conditions":[{"path":"args.x","op":"exists","value":true}]}]},
                 "a/b":{"limits":[{"window":"day","max":1e400,"amount":"args[\"n\"]"}]},
                 "by_*":{"require":[{"conditions":[{"path":"client.ip","op":"cidr","value":"10.0.0.0/8"}]}]}},
        "classes":{"read":{"approve_if":[{"conditions":[{"path":"args.y[*].z","op":"eq","value":1}]}]}},
        "all_tools":{"deny_if":[{"conditions":[{"path":"args.force","op":"eq","value":true}]}]}}"#;

    fn needs() -> Needs {
        Needs::new(CompiledPolicy::compile(DOCUMENT).unwrap(), DOCUMENT)
    }

    #[test]
    fn only_the_rules_of_a_tool_are_needed() {
        let need = |tool: &str, class| {
            let need = needs().of(tool, class).unwrap();
            let looks_at =
                |text| need.rules().iter().any(|rule| rule.paths.contains(&ArgumentPath::read(text).unwrap()));
            (
                ["args.x", "args.n", "args.y[*].z", "args.force"].map(looks_at),
                need.rules().iter().any(|rule| rule.unrecorded),
            )
        };
        assert_eq!(need("a", RiskClass::Read), ([true, false, false, true], false));
        assert_eq!(need("a/b", RiskClass::Read), ([false, true, false, true], false));
        assert_eq!(need("by_hand", RiskClass::Read), ([false, false, false, true], true));
        assert_eq!(need("other", RiskClass::Read), ([false, false, true, true], false));
        assert_eq!(need("other", RiskClass::Write), ([false, false, false, true], false));
        assert_eq!(need("gone", RiskClass::Read), ([false; 4], false), "whatever is asked, it is denied");
    }
    #[test]
    fn what_a_rule_looks_at_is_held_once_and_not_for_every_name_that_was_called() {
        let mut needs = needs();
        let first = needs.of("by_0", RiskClass::Read).unwrap();
        for n in 1..MOST_TOOLS {
            let need = needs.of(&format!("by_{n}"), RiskClass::Read).unwrap();
            assert!(Arc::ptr_eq(&need.entry, &first.entry) && Arc::ptr_eq(&need.all_tools, &first.all_tools));
        }
        assert!(needs.of("one_too_many", RiskClass::Read).is_none());
        assert!(needs.of("by_7", RiskClass::Read).is_some(), "those that were seen stay");
    }
}
