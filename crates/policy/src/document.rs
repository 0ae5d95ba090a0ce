//! From the text of a policy to its rules, with every problem placed.
//!
//! Reading goes on after a problem: a member that is wrong is left out, and the rest is still looked at. Only a text
//! that is not JSON stops at its first error. What comes out of here is used only if there was no problem at all.

use crate::RiskClass;
use crate::json::{self, Tree};
use crate::problem::{Problems, Unplaced};
use crate::rule::{Action, Rule};

mod approval;
mod check;
mod entries;
mod limit;
mod reader;
mod regexes;
mod rule;
mod scenario;

pub(crate) use entries::{Entries, Name};
pub(crate) use reader::{At, Reader};
pub(crate) use scenario::{Expectation, Scenario, ScenarioCall, read_scenarios};

/// Largest document, in bytes (POLICY.md §1).
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// A policy document, read and free of problems.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) default: Action,
    pub(crate) description: Option<String>,
    pub(crate) entries: Entries,
    pub(crate) classes: Vec<(RiskClass, Rule)>,
    pub(crate) all_tools: Option<Rule>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// Parses a text, turning a syntax error into the one problem it is.
pub(crate) fn parse(text: &str) -> Result<Tree<'_>, Problems> {
    json::parse(text).map_err(|error| {
        Problems::place(text, vec![Unplaced { offset: error.offset, pointer: String::new(), message: error.message }])
    })
}

/// Reads a document whose text is nothing but the policy.
pub(crate) fn read(text: &str) -> Result<Document, Problems> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_BYTES {
        reader.problem_at(0, "", too_large(text.len()));
        return Err(reader.finish());
    }
    let tree = parse(text)?;
    let document = read_node(&mut reader, At::root(&tree.root), tree.has_duplicates);
    document.filter(|_| reader.is_clean()).ok_or_else(|| reader.finish())
}

/// Reads a policy that is part of a larger text; places are those of the larger text, pointers those of the policy.
pub(crate) fn read_within(text: &str, tree: &Tree<'_>, policy: &json::Node<'_>) -> Result<Document, Problems> {
    let mut reader = Reader::new(text);
    let length = policy.end - policy.start;
    if length > MAX_BYTES {
        reader.problem_at(policy.start, "", too_large(length));
        return Err(reader.finish());
    }
    let document = read_node(&mut reader, At::root(policy), tree.has_duplicates);
    document.filter(|_| reader.is_clean()).ok_or_else(|| reader.finish())
}

fn too_large(length: usize) -> String {
    format!("found a document of {length} bytes; allowed: at most {MAX_BYTES}")
}

const FIELDS: &[&str] = &["version", "default", "description", "hide", "tools", "classes", "all_tools", "tests"];

fn read_node(reader: &mut Reader<'_>, root: At<'_>, may_have_duplicates: bool) -> Option<Document> {
    if may_have_duplicates {
        reader.duplicates(&root);
    }
    let fields = reader.object(&root, FIELDS)?;
    if let Some(version) = reader.required(&fields, "version") {
        reader.one_of(&version, &[("1", ())]);
    }
    let default = reader
        .required(&fields, "default")
        .and_then(|at| reader.one_of(&at, &[("allow", Action::Allow), ("deny", Action::Deny)]));
    let description = fields.get("description").and_then(|at| reader.string(&at));
    let entries = entries::read(reader, fields.get("hide"), fields.get("tools"));
    let classes = fields.get("classes").map(|at| read_classes(reader, &at)).unwrap_or_default();
    let all_tools = fields.get("all_tools").and_then(|at| rule::read(reader, &at, &rule::Kind::AllTools));
    let scenarios = fields.get("tests").map(|at| read_scenarios(reader, &at)).unwrap_or_default();
    Some(Document { default: default?, description, entries, classes, all_tools, scenarios })
}

fn read_classes(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(RiskClass, Rule)> {
    let names = RiskClass::ALL.map(RiskClass::as_str);
    let Some(fields) = reader.object(at, &names) else { return Vec::new() };
    RiskClass::ALL
        .into_iter()
        .filter_map(|class| {
            let at = fields.get(class.as_str())?;
            Some((class, rule::read(reader, &at, &rule::Kind::Class(class))?))
        })
        .collect()
}
