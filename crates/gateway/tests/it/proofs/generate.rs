//! Chance that repeats, and policies made by it.

use domain::Entropy;
use serde_json::{Map, Value, json};

/// Names that patterns can tell apart, or not.
pub const TOOLS: &[&str] = &[
    "get_run",
    "get_runs",
    "get_run_artifact",
    "list_runs",
    "delete_run",
    "delete_runs",
    "delete_experiment",
    "set_alias",
    "set_tag",
    "set_tags",
    "run",
    "runs",
    "a",
    "ab",
    "abc",
    "pay",
    "pay_out",
    "Pay",
    "exec",
    "exec_run",
];

/// The class of each of [`TOOLS`], by its place.
pub const CLASSES: [policy::RiskClass; 5] = policy::RiskClass::ALL;

pub struct Chance(Entropy);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(Entropy::seeded(seed))
    }

    /// Below `most`.
    pub fn below(&self, most: usize) -> usize {
        let drawn = u64::from_le_bytes(self.0.bytes());
        usize::try_from(drawn % most as u64).unwrap()
    }

    pub fn one_in(&self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A name, or a name with a part of it left open.
    fn pattern(&self) -> String {
        let name = *self.pick(TOOLS);
        let (from, to) = (self.below(name.len() + 1), self.below(name.len() + 1));
        match self.below(4) {
            0 => name.to_owned(),
            1 => format!("{}*", &name[..from]),
            2 => format!("{}*{}", &name[..from.min(to)], &name[from.max(to)..]),
            _ => name.char_indices().map(|(at, c)| if at == from || at == to { '?' } else { c }).collect(),
        }
    }

    fn rule(&self) -> Value {
        let mut rule = Map::new();
        if !self.one_in(4) {
            rule.insert("action".to_owned(), json!(self.pick(&["allow", "deny", "hide", "hide", "require_approval"])));
        }
        if self.one_in(5) {
            rule.insert("mode".to_owned(), json!(self.pick(&["shadow", "enforce"])));
        }
        Value::Object(rule)
    }

    /// A policy that compiles.
    pub fn policy(&self) -> Value {
        loop {
            let hide: Vec<String> = (0..self.below(5)).map(|_| self.pattern()).collect();
            let tools: Map<_, _> = (0..self.below(9)).map(|_| (self.pattern(), self.rule())).collect();
            let mut document =
                json!({"version": "1", "default": self.pick(&["allow", "deny"]), "hide": hide, "tools": tools});
            if self.one_in(2) {
                let of = |class: &policy::RiskClass| (class.as_str().to_owned(), self.rule());
                let classes = CLASSES.iter().filter(|_| self.one_in(2)).map(of).collect();
                document["classes"] = Value::Object(classes);
            }
            if policy::CompiledPolicy::compile(&document.to_string()).is_ok() {
                return document;
            }
        }
    }
}
