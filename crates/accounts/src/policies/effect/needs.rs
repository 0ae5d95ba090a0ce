//! What has to be known of a recorded call to decide it again. Records keep of the arguments only what the policy that
//! decided looked at; a new document may look at more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use policy::{CompiledPolicy, RiskClass};
use serde_json::value::RawValue;
use storage::PastCall;

/// Facts that records do not keep.
const UNRECORDED: [&str; 2] = ["client.ip", "session.id"];
/// From so many on, keys of a record may have been left out.
const MOST_KEYS: usize = 50;
const ARGUMENTS: &str = "args";

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
    /// Paths of arguments.
    paths: Vec<String>,
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
        let entry = self.rules.iter().find(|(pointer, _)| is_within(&standing.rule, pointer)).map(|(_, rule)| rule);
        let rules: Vec<&String> = entry.into_iter().chain(&self.all_tools).collect();
        let mut need = Need::default();
        for rule in rules {
            need.unrecorded |= UNRECORDED.iter().any(|fact| rule.contains(fact));
            // A rule of its own, so that its paths come in the one way to write them.
            let alone = format!("{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"x\":{rule}}}}}");
            need.paths.extend(match CompiledPolicy::compile(&alone) {
                Ok(compiled) => compiled.argument_paths(),
                Err(_) => self.policy.argument_paths(),
            });
        }
        need.paths.sort_unstable();
        need.paths.dedup();
        need
    }
}

impl Need {
    /// Whether a record that kept these paths tells all that is looked at.
    pub(super) fn is_met(&self, call: &PastCall, kept: Option<&[String]>) -> bool {
        !self.unrecorded && self.paths.iter().all(|path| is_absent(path, call) || is_kept(path, call, kept))
    }
}

/// The call did not have the top-level argument that the path begins with.
fn is_absent(path: &str, call: &PastCall) -> bool {
    let all_keys = call.argument_keys.len() < MOST_KEYS;
    all_keys && !call.argument_keys.iter().any(|key| begins_with(path, key))
}

fn is_kept(path: &str, call: &PastCall, kept: Option<&[String]>) -> bool {
    call.arguments.is_some() && kept.unwrap_or_default().iter().any(|kept| is_at_or_below(path, kept))
}

/// Whether a path's first step is this key, however it is written; a path to all arguments begins with each.
fn begins_with(path: &str, key: &str) -> bool {
    let Some(rest) = path.strip_prefix(ARGUMENTS) else { return true };
    let quoted = serde_json::Value::from(key).to_string();
    let after = match rest.strip_prefix('.') {
        Some(rest) => rest.strip_prefix(key),
        None => rest.strip_prefix('[').and_then(|rest| rest.strip_prefix(quoted.as_str())),
    };
    // What cannot be told apart counts as the same.
    rest.is_empty()
        || rest.contains('\\')
        || after.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ']']))
}

fn is_at_or_below(path: &str, kept: &str) -> bool {
    path.strip_prefix(kept).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn is_within(pointer: &str, entry: &str) -> bool {
    pointer.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn members(json: &str) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_str(json).unwrap_or_default()
}
