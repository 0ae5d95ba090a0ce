//! Conditions and checks.

use std::cmp::Ordering;

use super::{address, facts::Facts, json::Tree, number, path};

/// What a call brings that conditions can read.
pub struct Scene<'c> {
    pub arguments: Option<&'c Tree>,
    pub facts: &'c Facts,
}

/// Which way a wildcard is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wildcard {
    /// Under `require`.
    Every,
    /// Under `deny_if` and `approve_if`.
    Any,
}

impl Scene<'_> {
    pub fn holds(&self, check: &Tree, wildcard: Wildcard) -> bool {
        check.list("conditions").iter().all(|condition| self.condition(condition, wildcard))
    }

    fn condition(&self, condition: &Tree, wildcard: Wildcard) -> bool {
        let (Some(op), Some(value)) = (condition.word("op"), condition.get("value")) else { panic!("{condition:?}") };
        let verdicts: Vec<bool> = match condition.word("path").and_then(path::steps) {
            Some(steps) => path::find(self.arguments, &steps).into_iter().map(|at| holds(op, at, value)).collect(),
            None => vec![holds(op, self.facts.get(condition.word("path").unwrap_or_default()).as_ref(), value)],
        };
        match wildcard {
            Wildcard::Every => verdicts.into_iter().all(|yes| yes),
            Wildcard::Any => verdicts.into_iter().any(|yes| yes),
        }
    }

    /// Whether a number that cannot be compared stands at or below a path.
    pub fn reads_wide(&self, path: &str) -> bool {
        let Some(steps) = path::steps(path) else { return false };
        path::find(self.arguments, &steps).into_iter().flatten().any(has_wide)
    }
}

fn has_wide(tree: &Tree) -> bool {
    match tree {
        Tree::Number(text) => number::is_wide(text),
        Tree::List(items) => items.iter().any(has_wide),
        Tree::Object(members) => members.iter().any(|(_, value)| has_wide(value)),
        _ => false,
    }
}

pub fn same(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Number(a), Tree::Number(b)) => number::compare(a, b) == Ordering::Equal,
        (Tree::List(a), Tree::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Tree::Object(a), Tree::Object(members)) => {
            a.len() == members.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Tree::Number(_) | Tree::List(_) | Tree::Object(_), _) => false,
        (a, b) => a == b,
    }
}

fn holds(op: &str, found: Option<&Tree>, value: &Tree) -> bool {
    if op == "exists" {
        return Tree::Bool(found.is_some()) == *value;
    }
    let Some(found) = found else { return false };
    match op {
        "eq" => same(found, value),
        "neq" => !same(found, value),
        "in" => value.items().iter().any(|item| same(found, item)),
        "not_in" => !value.items().iter().any(|item| same(found, item)),
        "lt" | "lte" | "gt" | "gte" => ordered(op, found, value),
        "contains" => contains(found, value) == Some(true),
        "not_contains" => contains(found, value) == Some(false),
        "len_lte" => length(found).is_some_and(|length| compare(&length, value) != Ordering::Greater),
        "len_gte" => length(found).is_some_and(|length| compare(&length, value) != Ordering::Less),
        "cidr" => address::of(found).is_some_and(|address| address::inside_any(address, value)),
        "not_cidr" => address::of(found).is_some_and(|address| !address::inside_any(address, value)),
        _ => {
            let (Some(found), Some(value)) = (found.as_text(), value.as_text()) else { return false };
            match op {
                "starts_with" => found.starts_with(value),
                "ends_with" => found.ends_with(value),
                "regex" => regex(found, value),
                "not_regex" => !regex(found, value),
                other => panic!("no operator: {other}"),
            }
        }
    }
}

fn ordered(op: &str, found: &Tree, value: &Tree) -> bool {
    let Tree::Number(found) = found else { return false };
    match compare(found, value) {
        Ordering::Less => op.starts_with("lt"),
        Ordering::Equal => op.ends_with("te"),
        Ordering::Greater => op.starts_with("gt"),
    }
}

/// None where the question makes no sense.
fn contains(found: &Tree, value: &Tree) -> Option<bool> {
    match (found, value) {
        (Tree::Text(found), Tree::Text(value)) => Some(found.contains(value.as_str())),
        (Tree::List(items), value) => Some(items.iter().any(|item| same(item, value))),
        _ => None,
    }
}

fn length(found: &Tree) -> Option<String> {
    let length = match found {
        Tree::Text(text) => text.chars().count(),
        Tree::List(items) => items.len(),
        Tree::Object(members) => members.len(),
        _ => return None,
    };
    Some(length.to_string())
}

fn compare(found: &str, value: &Tree) -> Ordering {
    number::compare(found, value.as_number().unwrap_or_else(|| panic!("a number: {value:?}")))
}

thread_local! {
    static REGEXES: std::cell::RefCell<std::collections::HashMap<String, regex::Regex>> = std::cell::RefCell::default();
}

fn regex(found: &str, pattern: &str) -> bool {
    REGEXES.with_borrow_mut(|known| {
        let made = || regex::Regex::new(pattern).unwrap_or_else(|error| panic!("a regular expression: {error}"));
        known.entry(pattern.to_owned()).or_insert_with(made).is_match(found)
    })
}
