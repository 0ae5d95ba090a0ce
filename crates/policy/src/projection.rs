//! What a policy looks at in the arguments of a call, and nothing else of them.
//!
//! Invariant: a policy judges the projection of arguments as it judges the arguments. What is left out is missing on no path
//! that is read: elements of an array keep their places, and those that no path looks into are null.

use std::collections::{BTreeMap, HashMap};

use crate::json::{self, Node, Value};
use crate::path::Segment;

/// Every path that is read, as a tree in one list, so that however deep it is, dropping it is not.
#[derive(Debug)]
pub(crate) struct Projection(Vec<Step>);

/// A place that paths lead to or through; the first is `args` itself.
#[derive(Debug, Default)]
struct Step {
    /// A path ends here, so all that is here is looked at.
    whole: bool,
    keys: HashMap<Box<str>, usize>,
    indexes: BTreeMap<usize, usize>,
    each: Option<usize>,
}

impl Projection {
    pub(crate) fn new<'p>(paths: impl Iterator<Item = &'p [Segment]>) -> Self {
        let mut steps = vec![Step::default()];
        for path in paths {
            let end = path.iter().fold(0, |at, segment| follow(&mut steps, at, segment));
            steps[end].whole = true;
        }
        Self(steps)
    }

    /// `None` when nothing is read, or the text is not a JSON object without duplicate keys.
    pub(crate) fn of(&self, arguments: &str) -> Option<String> {
        let [_, _, ..] = self.0.as_slice() else { return None };
        let tree = json::parse(arguments).ok()?;
        if tree.has_duplicates || !matches!(tree.root.value, Value::Object(_)) {
            return None;
        }
        let mut out = String::new();
        let root = Pruning { steps: &self.0, text: arguments }.write(&tree.root, &[0], &mut out);
        Some(if root { out } else { "{}".to_owned() })
    }
}

fn follow(steps: &mut Vec<Step>, at: usize, segment: &Segment) -> usize {
    let next = steps.len();
    let step = &mut steps[at];
    let found = match segment {
        Segment::Key(key) => *step.keys.entry(key.clone()).or_insert(next),
        Segment::Index(index) => *step.indexes.entry(*index).or_insert(next),
        Segment::Each => *step.each.get_or_insert(next),
    };
    if found == next {
        steps.push(Step::default());
    }
    found
}

struct Pruning<'a> {
    steps: &'a [Step],
    text: &'a str,
}

impl Pruning<'_> {
    /// Writes what is looked at from these steps on; false, and nothing written, when every path ends before or here.
    fn write(&self, node: &Node<'_>, at: &[usize], out: &mut String) -> bool {
        let steps = || at.iter().filter_map(|index| self.steps.get(*index));
        if steps().any(|step| step.whole) {
            out.push_str(self.text.get(node.start..node.end).unwrap_or("null"));
            return true;
        }
        let before = out.len();
        let found = match &node.value {
            Value::Object(_) => self.write_object(node, at, out),
            Value::Array(items) => self.write_array(items, at, out),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if !found {
            out.truncate(before);
        }
        found
    }

    fn write_object(&self, node: &Node<'_>, at: &[usize], out: &mut String) -> bool {
        let Value::Object(members) = &node.value else { return false };
        let mut found = false;
        out.push('{');
        for member in members {
            let next: Vec<usize> =
                at.iter().filter_map(|step| self.steps[*step].keys.get(&*member.key)).copied().collect();
            if next.is_empty() {
                continue;
            }
            let before = out.len();
            if found {
                out.push(',');
            }
            json::write_string(&member.key, out);
            out.push(':');
            if self.write(&member.node, &next, out) {
                found = true;
            } else {
                out.truncate(before);
            }
        }
        out.push('}');
        found
    }

    fn write_array(&self, items: &[Node<'_>], at: &[usize], out: &mut String) -> bool {
        let each: Vec<usize> = at.iter().filter_map(|step| self.steps[*step].each).collect();
        let last_index = at.iter().filter_map(|step| self.steps[*step].indexes.keys().next_back()).max();
        // An empty array under a wildcard is not a missing one.
        let mut found = !each.is_empty();
        let kept =
            if found { items.len() } else { last_index.map_or(0, |last| last.saturating_add(1).min(items.len())) };
        out.push('[');
        for (index, item) in items.iter().enumerate().take(kept) {
            if index > 0 {
                out.push(',');
            }
            let mut next = each.clone();
            next.extend(at.iter().filter_map(|step| self.steps[*step].indexes.get(&index)));
            if self.write(item, &next, out) {
                found = true;
            } else {
                out.push_str("null");
            }
        }
        out.push(']');
        found
    }
}

#[cfg(test)]
mod tests;
