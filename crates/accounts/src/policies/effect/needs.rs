//! What has to be known of a recorded call to decide it again. Records keep of the arguments only what the policy that
//! decided looked at; a new document may look at more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use policy::{CompiledPolicy, RiskClass, StandingKind};
use serde_json::value::RawValue;
use storage::PastCall;

use super::path::ArgumentPath;

/// Facts that records do not keep.
const UNRECORDED: [&str; 2] = ["client.ip", "session.id"];
/// From so many on, keys of a record may have been left out.
const MOST_KEYS: usize = 50;
/// From so many characters on, a key may have been cut.
const CUT_CHARS: usize = 200;
/// Stands in records for what a database does not take.
const REPLACED: char = '\u{2400}';

/// What the rules of a document look at, by tool.
#[derive(Debug)]
pub(super) struct Needs {
    policy: CompiledPolicy,
    /// Rules by pointer, as written.
    rules: HashMap<String, String>,
    all_tools: Option<String>,
    found: HashMap<(String, RiskClass), Arc<Need>>,
}

/// What the rules for one tool look at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    paths: Vec<ArgumentPath>,
    /// Something that no record keeps.
    unrecorded: bool,
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
        let all_tools = members.get("all_tools").map(|rule| rule.get().to_owned());
        Self { policy, rules, all_tools, found: HashMap::new() }
    }

    pub(super) fn of(&mut self, tool: &str, class: RiskClass) -> Arc<Need> {
        let key = (tool.to_owned(), class);
        if let Some(need) = self.found.get(&key) {
            return Arc::clone(need);
        }
        let need = Arc::new(self.find(tool, class));
        self.found.insert(key, Arc::clone(&need));
        need
    }

    fn find(&self, tool: &str, class: RiskClass) -> Need {
        let standing = policy::standings(Some(&self.policy), tool, class);
        if matches!(standing.kind, StandingKind::Hidden | StandingKind::Denied) {
            return Need::default();
        }
        let entry = self.rules.iter().find(|(pointer, _)| is_within(&standing.rule, pointer)).map(|(_, rule)| rule);
        let rules: Vec<&String> = entry.into_iter().chain(&self.all_tools).collect();
        let mut need = Need::default();
        for rule in rules {
            need.unrecorded |= UNRECORDED.iter().any(|fact| rule.contains(fact));
            let alone = format!("{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"x\":{rule}}}}}");
            need.paths.extend(match CompiledPolicy::compile(&alone) {
                Ok(compiled) => paths(&compiled),
                Err(_) => paths(&self.policy),
            });
        }
        need.paths.sort_unstable();
        need.paths.dedup();
        need
    }
}

impl Need {
    /// Whether a record that kept these paths tells all that is looked at.
    pub(super) fn is_met(&self, call: &PastCall, kept: &[ArgumentPath]) -> bool {
        let known = |path: &ArgumentPath| {
            is_absent(path, call) || (call.arguments.is_some() && kept.iter().any(|kept| kept.covers(path)))
        };
        !self.unrecorded && self.paths.iter().all(known)
    }
}

/// Whether the call is known not to have had the argument that the path leads into.
fn is_absent(path: &ArgumentPath, call: &PastCall) -> bool {
    // Of many keys some were left out, and long or odd ones were changed.
    let kept_as_it_was = |key: &String| key.chars().count() < CUT_CHARS && !key.contains(REPLACED);
    let all_known = call.argument_keys.len() < MOST_KEYS && call.argument_keys.iter().all(kept_as_it_was);
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
            let need = needs().find(tool, class);
            let read = |text| ArgumentPath::read(text).unwrap();
            (
                ["args.x", "args.n", "args.y[*].z", "args.force"].map(|path| need.paths.contains(&read(path))),
                need.unrecorded,
            )
        };
        assert_eq!(need("a", RiskClass::Read), ([true, false, false, true], false));
        assert_eq!(need("a/b", RiskClass::Read), ([false, true, false, true], false));
        assert_eq!(need("by_hand", RiskClass::Read), ([false, false, false, true], true));
        assert_eq!(need("other", RiskClass::Read), ([false, false, true, true], false));
        assert_eq!(need("other", RiskClass::Write), ([false, false, false, true], false));
        assert_eq!(need("gone", RiskClass::Read), ([false; 4], false), "whatever is asked, it is denied");
    }
}
