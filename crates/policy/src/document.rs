//! From the text of a policy to its rules, with every problem placed.
//!
//! Reading goes on after a problem: a member that is wrong is left out, and the rest is still looked at. Only a text
//! that is not JSON stops at its first error. What comes out of here is used only if there was no problem at all.

use crate::RiskClass;
use crate::json::{self, Tree};
use crate::problem::{Problems, Unplaced};
use crate::rule::{Action, Rule};

use field::{Choice, Field, Object, Shape, choice, words};

mod approval;
mod check;
mod entries;
pub(crate) mod field;
mod limit;
mod reader;
mod regexes;
mod rule;
mod scenario;
mod slips;

pub(crate) use entries::Entries;
pub(crate) use reader::{At, Reader};
pub(crate) use scenario::{Expectation, Scenario, ScenarioCall, read_scenarios};

/// Largest document, in bytes (POLICY.md §1).
pub const MAX_BYTES: usize = 256 * 1024;

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

/// A whole policy document.
pub(crate) const POLICY: Object = Object {
    name: "policy",
    title: "Policy",
    text: "Which tools of a server a grant may see and call, with which arguments, how often, and which calls a person must \
           approve first.",
    fields: FIELDS,
    together: None,
};

/// Every other object of the language.
pub(crate) const OBJECTS: &[&Object] = &[
    &CLASSES,
    &rule::RULE,
    &rule::ALL_TOOLS,
    &check::CHECK,
    &check::CONDITION,
    &limit::LIMIT,
    &limit::RATE_LIMIT,
    &approval::APPROVAL,
    &scenario::TEST,
    &scenario::CALL,
];

const VERSIONS: &[Choice<()>] = &[choice("1", (), "The one version of the language.")];
const DEFAULTS: &[Choice<Action>] = &[
    choice("allow", Action::Allow, "They may be called."),
    choice("deny", Action::Deny, "Every call of them is denied."),
];

const FIELDS: &[Field] = &[
    Field::required("version", "Version", "The version of the language.", Shape::Choice(|| words(VERSIONS))),
    Field::required(
        "default",
        "Default",
        "What happens to tools that no entry of `tools`, `hide` and `classes` matches.",
        Shape::Choice(|| words(DEFAULTS)),
    )
    .like(&["\"deny\""]),
    Field::optional("description", "Description", "For the people who read this policy.", Shape::Text(None)),
    Field::optional(
        "hide",
        "Hidden tools",
        "Tool names or patterns with `*` (any run of characters) and `?` (one character). Hidden tools are not listed, and \
         calling one is answered as for a tool that does not exist.",
        Shape::List(&Shape::Text(Some(entries::MAX_PATTERN))),
    )
    .or("[]")
    .like(&["[\"delete_*\", \"debug\"]"]),
    Field::optional(
        "tools",
        "Tools",
        "Rules by tool name or pattern. An exact name beats a pattern; among patterns, the one with more literal characters. \
         Case matters.",
        Shape::Other(entries::rules),
    )
    .or("{}")
    .like(&["{\"search\": {}, \"delete_*\": {\"action\": \"require_approval\"}}"]),
    Field::optional(
        "classes",
        "Risk classes",
        "Rules by risk class, for tools that no entry of `tools` and no pattern of `hide` matches.",
        Shape::Object(&CLASSES),
    )
    .or("{}")
    .like(&["{\"read\": {}, \"financial\": {\"action\": \"require_approval\"}}"]),
    Field::optional(
        "all_tools",
        "All tools",
        "Checks and limits added to every call, whatever else matched. Its limits are shared by all tools.",
        Shape::Object(&rule::ALL_TOOLS),
    )
    .like(&["{\"limits\": [{\"counter\": \"all\", \"window\": \"hour\", \"max\": 1000}]}"]),
    Field::optional(
        "tests",
        "Tests",
        "Sequences of calls with what has to become of them. A policy whose tests fail cannot be published.",
        Shape::List(&Shape::Object(&scenario::TEST)),
    )
    .or("[]"),
];

const CLASSES: Object = Object {
    name: "classes",
    title: "Risk classes",
    text: "A rule for each risk class.",
    fields: CLASS_FIELDS,
    together: None,
};

const CLASS_FIELDS: &[Field] = &[
    class("read", "Tools that look and change nothing."),
    class("write", "Tools that create or change, reversibly."),
    class("execute", "Tools that run code or commands."),
    class("destructive", "Tools that delete or overwrite for good."),
    class("financial", "Tools that move money."),
];

const fn class(name: &'static str, text: &'static str) -> Field {
    Field::optional(name, "Rule for a risk class", text, Shape::Object(&rule::RULE))
}

fn read_node(reader: &mut Reader<'_>, root: At<'_>, may_have_duplicates: bool) -> Option<Document> {
    if may_have_duplicates {
        reader.duplicates(&root);
    }
    let fields = reader.object(&root, FIELDS)?;
    if let Some(version) = reader.required(&fields, FIELDS, "version") {
        reader.one_of(&version, VERSIONS);
    }
    let default = reader.required(&fields, FIELDS, "default").and_then(|at| reader.one_of(&at, DEFAULTS));
    let description = fields.get("description").and_then(|at| reader.string(&at));
    let entries = entries::read(reader, fields.get("hide"), fields.get("tools"));
    let classes = fields.get("classes").map(|at| read_classes(reader, &at)).unwrap_or_default();
    let all_tools = fields.get("all_tools").and_then(|at| rule::read(reader, &at, &rule::Kind::AllTools));
    let scenarios = fields.get("tests").map(|at| read_scenarios(reader, &at)).unwrap_or_default();
    Some(Document { default: default?, description, entries, classes, all_tools, scenarios })
}

fn read_classes(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(RiskClass, Rule)> {
    let Some(fields) = reader.object(at, CLASS_FIELDS) else { return Vec::new() };
    RiskClass::ALL
        .into_iter()
        .filter_map(|class| {
            let at = fields.get(class.as_str())?;
            Some((class, rule::read(reader, &at, &rule::Kind::Class(class))?))
        })
        .collect()
}
