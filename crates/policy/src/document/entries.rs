//! Reads `hide` and `tools` together, because their patterns must not clash.

use std::collections::HashMap;

use serde_json::json;

use super::{At, Reader, rule};
use crate::json::Value;
use crate::pattern::{Effort, Glob, Name};
use crate::rule::Rule;
use crate::schema;

/// Most entries of `hide` and `tools` together: a hide pattern is short for a tool entry (POLICY.md §1).
const MAX_ENTRIES: usize = 1_000;
/// Longest pattern, in characters: eight times what the protocol recommends for a tool's name. Pointers repeat it.
pub(super) const MAX_PATTERN: usize = 1_024;
/// How many clashing patterns one problem names.
const NAMED_CLASHES: usize = 3;

pub(crate) type Entries = Vec<(Name, Rule)>;

/// What `tools` takes.
pub(super) fn rules() -> serde_json::Value {
    json!({
        "type": "object",
        "propertyNames": { "maxLength": MAX_PATTERN },
        "maxProperties": MAX_ENTRIES,
        "additionalProperties": schema::reference(&rule::RULE),
    })
}

/// A pattern with its place in the document; `offset` is that of the key or list element.
struct Pattern<'t> {
    text: &'t str,
    glob: Option<Glob>,
    pointer: String,
    offset: usize,
}

impl Pattern<'_> {
    fn name(self) -> Name {
        match self.glob {
            Some(glob) => Name::Glob(glob),
            None => Name::Exact(self.text.into()),
        }
    }
}

pub(super) fn read<'t>(reader: &mut Reader<'_>, hide: Option<At<'t>>, tools: Option<At<'t>>) -> Entries {
    let mut entries = Vec::new();
    if let Some(hide) = &hide {
        read_hide(reader, hide, &mut entries);
    }
    let hidden = entries.len();
    if let Some(tools) = &tools {
        read_tools(reader, tools, &mut entries);
    }
    let listed = entries.len() - hidden;
    let mut too_many = |at: &Option<At<'t>>, count: usize| {
        if let Some(at) = at {
            let message = format!("found {count} entries in `hide` and `tools`; allowed: at most {MAX_ENTRIES}");
            reader.problem_at(at.node.start, &at.pointer, message);
        }
    };
    if hidden > MAX_ENTRIES {
        too_many(&hide, hidden);
    }
    if listed > MAX_ENTRIES || (hidden <= MAX_ENTRIES && hidden + listed > MAX_ENTRIES) {
        too_many(&tools, hidden + listed);
    }
    if hidden.max(listed).max(hidden + listed) <= MAX_ENTRIES {
        report_clashes(reader, &entries);
    }
    entries.into_iter().filter_map(|(pattern, rule)| Some((pattern.name(), rule?))).collect()
}

type Found<'t> = Vec<(Pattern<'t>, Option<Rule>)>;

fn read_hide<'t>(reader: &mut Reader<'_>, at: &At<'t>, entries: &mut Found<'t>) {
    for item in reader.items(at).unwrap_or_default() {
        let Value::String(text) = &item.node.value else {
            reader.refuse(&item, "a tool name or a pattern with * and ?");
            continue;
        };
        let rule = fits(reader, text, &item.pointer, item.node.start).then(|| rule::hidden(&item));
        let pattern = Pattern { text, glob: Glob::parse(text), pointer: item.pointer.clone(), offset: item.node.start };
        entries.push((pattern, rule));
    }
}

fn read_tools<'t>(reader: &mut Reader<'_>, at: &At<'t>, entries: &mut Found<'t>) {
    for member in reader.members(at).unwrap_or_default().iter().filter(|member| !member.duplicate) {
        let place = at.member(member);
        let text: &'t str = &member.key;
        let fits = fits(reader, text, &place.pointer, member.key_start);
        let rule = if fits { rule::read(reader, &place, &rule::Kind::Tool(text)) } else { None };
        let pattern = Pattern { text, glob: Glob::parse(text), pointer: place.pointer, offset: member.key_start };
        entries.push((pattern, rule));
    }
}

fn fits(reader: &mut Reader<'_>, pattern: &str, pointer: &str, offset: usize) -> bool {
    let length = pattern.chars().count();
    if length > MAX_PATTERN {
        let message = format!("found a pattern of {length} characters; allowed: at most {MAX_PATTERN}");
        reader.problem_at(offset, pointer, message);
    }
    length <= MAX_PATTERN
}

/// Two entries clash when neither is more specific and some name matches both. Reported at the later one, naming the
/// earlier ones.
fn report_clashes(reader: &mut Reader<'_>, entries: &Found<'_>) {
    let mut exact: HashMap<&str, &Pattern<'_>> = HashMap::new();
    let mut globs: HashMap<usize, Vec<(&Pattern<'_>, &Glob)>> = HashMap::new();
    let mut effort = Effort::new();
    for (pattern, _) in entries {
        let Some(glob) = &pattern.glob else {
            match exact.get(pattern.text) {
                Some(earlier) => report(reader, pattern, &[earlier]),
                None => _ = exact.insert(pattern.text, pattern),
            }
            continue;
        };
        let equals = globs.entry(glob.literals()).or_default();
        let mut clashing = Vec::new();
        for (earlier, other) in equals.iter() {
            match glob.meets(other, &mut effort) {
                Some(true) => clashing.push(*earlier),
                Some(false) => {}
                None => return report_effort(reader, pattern),
            }
        }
        if !clashing.is_empty() {
            report(reader, pattern, &clashing);
        }
        equals.push((pattern, glob));
    }
}

fn report(reader: &mut Reader<'_>, pattern: &Pattern<'_>, earlier: &[&Pattern<'_>]) {
    let named: Vec<String> =
        earlier.iter().take(NAMED_CLASHES).map(|other| format!("{:?} at {}", other.text, other.pointer)).collect();
    let more = match earlier.len().saturating_sub(NAMED_CLASHES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "found {:?}, which can match the same tools as {}{more} and is no more specific; \
         allowed: one entry for a tool, or patterns with different numbers of literal characters",
        pattern.text,
        named.join(", ")
    );
    reader.problem_at(pattern.offset, &pattern.pointer, message);
}

fn report_effort(reader: &mut Reader<'_>, pattern: &Pattern<'_>) {
    let message = "found patterns too long and too alike to be compared with each other; allowed: shorter ones";
    reader.problem_at(pattern.offset, &pattern.pointer, message.to_owned());
}
