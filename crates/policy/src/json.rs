//! A strict JSON reader that keeps places: every value knows its bytes, every key its offset. It borrows from the text
//! and keeps numbers as they are written, so nothing is rounded.
//!
//! Not here: any meaning. Duplicate keys are marked and counted, not refused, because a policy document reports all of
//! its problems at once; whoever reads a tree decides.

use std::borrow::Cow;
use std::collections::HashSet;

mod parser;
#[cfg(test)]
mod tests;

pub(crate) use parser::parse;

/// Deepest nesting that is read; calls are limited to 64 before they are judged (POLICY.md §2).
pub(crate) const MAX_DEPTH: usize = 128;

/// A number token up to this length without an exponent is always within the bounds of [`crate::Decimal::parse`].
const PLAIN_NUMBER: usize = 34;

#[derive(Debug)]
pub(crate) struct Tree<'t> {
    pub(crate) root: Node<'t>,
    pub(crate) has_duplicates: bool,
    /// Some number is long or has an exponent, so it may be out of the bounds that can be compared exactly.
    pub(crate) has_wide_numbers: bool,
}

#[derive(Debug)]
pub(crate) struct Node<'t> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) value: Value<'t>,
}

#[derive(Debug)]
pub(crate) enum Value<'t> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'t str),
    String(Cow<'t, str>),
    Array(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

#[derive(Debug)]
pub(crate) struct Member<'t> {
    pub(crate) key: Cow<'t, str>,
    pub(crate) key_start: usize,
    /// An earlier member of the same object has this key.
    pub(crate) duplicate: bool,
    pub(crate) node: Node<'t>,
}

#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl<'t> Value<'t> {
    pub(crate) fn member(&self, key: &str) -> Option<&Value<'t>> {
        match self {
            Value::Object(members) => members.iter().find(|member| member.key == key).map(|member| &member.node.value),
            _ => None,
        }
    }
}

/// The text with keys sorted and insignificant space gone; number tokens stay as written, so two texts with the same
/// canonical form are the same call to any upstream. `None` when the text is not strict JSON.
pub fn canonical_json(text: &str) -> Option<String> {
    let tree = parse(text).ok()?;
    if tree.has_duplicates {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    write_canonical(&tree.root.value, &mut out);
    Some(out)
}

fn write_canonical(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(&item.value, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<&Member<'_>> = members.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (index, member) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(&member.key, out);
                out.push(':');
                write_canonical(&member.node.value, out);
            }
            out.push('}');
        }
    }
}

/// The shortest JSON form of a string: only quotes, backslashes and controls are escaped.
pub(crate) fn write_string(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Marks members whose key came before. Small objects are compared pairwise, larger ones through a set.
fn mark_duplicates(members: &mut [Member<'_>]) -> bool {
    const SMALL: usize = 12;
    let mut later = Vec::new();
    if members.len() <= SMALL {
        for index in 1..members.len() {
            if members[..index].iter().any(|earlier| earlier.key == members[index].key) {
                later.push(index);
            }
        }
    } else {
        let mut seen = HashSet::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            if !seen.insert(member.key.as_ref()) {
                later.push(index);
            }
        }
    }
    for &index in &later {
        members[index].duplicate = true;
    }
    !later.is_empty()
}
