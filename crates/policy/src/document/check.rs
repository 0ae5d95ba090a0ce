//! Reads checks and their conditions.

use ipnet::IpNet;
use regex::Regex;
use serde_json::{Value as Json, json};

use super::field::{Choice, Field, Object, Shape, Word, choice, words};
use super::{At, Reader};
use crate::condition::{Comparison, Condition, Literal, Test};
use crate::json::Value;
use crate::path::{self, Path};
use crate::rule::Check;
use crate::schema;

/// Longest regular expression, in characters.
const MAX_PATTERN: usize = 1_000;

/// Operators, before their value is read.
#[derive(Clone, Copy)]
enum Op {
    Eq,
    In,
    Compare(Comparison),
    Exists,
    Regex,
    Contains,
    StartsWith,
    EndsWith,
    Cidr,
    Length(Comparison),
}

const YES: bool = false;
const NOT: bool = true;
const OPS: &[Choice<(Op, bool)>] = &[
    choice(
        "eq",
        (Op::Eq, YES),
        "Same JSON type and value; numbers by exact decimal value, so 1 is 1.0, and \"1\" is not 1.",
    ),
    choice("neq", (Op::Eq, NOT), "Another JSON type or value."),
    choice("in", (Op::In, YES), "Equal to an element of the list."),
    choice("not_in", (Op::In, NOT), "Equal to no element of the list."),
    choice("lt", (Op::Compare(Comparison::Less), YES), "A number less than this one, compared exactly."),
    choice(
        "lte",
        (Op::Compare(Comparison::LessOrEqual), YES),
        "A number less than or equal to this one, compared exactly.",
    ),
    choice("gt", (Op::Compare(Comparison::Greater), YES), "A number greater than this one, compared exactly."),
    choice(
        "gte",
        (Op::Compare(Comparison::GreaterOrEqual), YES),
        "A number greater than or equal to this one, compared exactly.",
    ),
    choice("exists", (Op::Exists, YES), "Whether there is a value at the path, even null, is what `value` says."),
    choice(
        "regex",
        (Op::Regex, YES),
        "A string that the regular expression matches anywhere. RE2 syntax; anchor it with ^ and $.",
    ),
    choice("not_regex", (Op::Regex, NOT), "A string that the regular expression matches nowhere."),
    choice("contains", (Op::Contains, YES), "A string with this text in it, or an array with an equal element."),
    choice(
        "not_contains",
        (Op::Contains, NOT),
        "A string without this text in it, or an array without an equal element.",
    ),
    choice("starts_with", (Op::StartsWith, YES), "A string that starts with this text."),
    choice("ends_with", (Op::EndsWith, YES), "A string that ends with this text."),
    choice("cidr", (Op::Cidr, YES), "An IP address, or a URL with one as its host, inside one of the networks."),
    choice("not_cidr", (Op::Cidr, NOT), "An IP address, or a URL with one as its host, outside all of the networks."),
    choice(
        "len_lte",
        (Op::Length(Comparison::LessOrEqual), YES),
        "A string of at most so many characters, or an array or object of at most so many elements.",
    ),
    choice(
        "len_gte",
        (Op::Length(Comparison::GreaterOrEqual), YES),
        "A string of at least so many characters, or an array or object of at least so many elements.",
    ),
];

/// A check of a rule.
pub(crate) const CHECK: Object = Object {
    name: "check",
    title: "Check",
    text: "Holds when all of its conditions hold; one without conditions always does.",
    fields: CHECK_FIELDS,
    together: None,
};

const CHECK_FIELDS: &[Field] = &[
    Field::required(
        "conditions",
        "Conditions",
        "All of them have to hold. An empty list always does.",
        Shape::List(&Shape::Object(&CONDITION)),
    )
    .like(&["[{\"path\": \"args.amount\", \"op\": \"gt\", \"value\": 100}]"]),
    Field::optional(
        "on_deny",
        "Text",
        "Told to the caller when this check decides, in place of the rule's reason.",
        Shape::Text(None),
    )
    .like(&["\"Amounts over 100 are not for agents.\""]),
    Field::optional("name", "Name", "Told with a denial that has no text.", Shape::Text(None))
        .like(&["\"small-amounts\""]),
];

pub(super) const CONDITION: Object = Object {
    name: "condition",
    title: "Condition",
    text: "An operator over what lies at a path. A missing value makes every operator false, except `exists`.",
    fields: CONDITION_FIELDS,
    together: Some(values),
};

const CONDITION_FIELDS: &[Field] = &[
    Field::required("path", "Path", PATH, Shape::Other(paths)).like(&[
        "\"args.amount\"",
        "\"args.files[*].path\"",
        "\"args[\\\"odd.key\\\"]\"",
        "\"client.ip\"",
    ]),
    Field::required("op", "Operator", "What has to be true of the value at the path.", Shape::Choice(|| words(OPS))),
    Field::required("value", "Value", "What the operator compares with.", Shape::Other(anything)),
];

const PATH: &str = "Into the arguments: `args.a.b`, an index `args.files[0]`, a wildcard `args.files[*].path`, a quoted key \
                    `args[\"odd.key\"]`. Or a fact about the call, such as `client.ip`.";

fn paths() -> Json {
    let facts: Vec<Word> = path::facts().collect();
    json!({ "anyOf": [{ "type": "string", "pattern": path::SHAPE }, schema::words(&facts)] })
}

fn anything() -> Json {
    json!({})
}

/// The value that each operator takes.
fn values() -> Json {
    let by_op = OPS.iter().filter_map(|op| {
        let value = value_of(op.value.0)?;
        Some(json!({
            "if": { "properties": { "op": { "const": op.word } }, "required": ["op"] },
            "then": { "properties": { "value": value } },
        }))
    });
    json!({ "allOf": by_op.collect::<Vec<Json>>() })
}

/// Nothing where any value will do.
fn value_of(op: Op) -> Option<Json> {
    let text = json!({ "type": "string" });
    Some(match op {
        Op::Eq | Op::Contains => return None,
        Op::In => json!({ "type": "array" }),
        Op::Compare(_) => json!({ "type": "number" }),
        Op::Exists => json!({ "type": "boolean" }),
        Op::Regex => json!({ "type": "string", "maxLength": MAX_PATTERN }),
        Op::StartsWith | Op::EndsWith => text,
        Op::Cidr => json!({ "anyOf": [text, { "type": "array", "items": text }] }),
        Op::Length(_) => json!({ "type": "integer" }),
    })
}

pub(super) fn read_all(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Check> {
    let items = reader.items(at).unwrap_or_default();
    items.iter().filter_map(|item| read(reader, item)).collect()
}

fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Check> {
    let fields = reader.object(at, CHECK_FIELDS)?;
    let conditions =
        reader.required(&fields, CHECK_FIELDS, "conditions").and_then(|at| reader.items(&at)).unwrap_or_default();
    let conditions = conditions.iter().filter_map(|item| read_condition(reader, item)).collect();
    let mut text = |name| fields.get(name).and_then(|at| reader.string(&at)).map(Into::into);
    Some(Check { rule: at.pointer.as_str().into(), on_deny: text("on_deny"), name: text("name"), conditions })
}

fn read_condition(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Condition> {
    let fields = reader.object(at, CONDITION_FIELDS)?;
    let path = reader.required(&fields, CONDITION_FIELDS, "path").and_then(|at| read_path(reader, &at));
    let op = reader.required(&fields, CONDITION_FIELDS, "op").and_then(|at| reader.one_of(&at, OPS));
    let value = reader.required(&fields, CONDITION_FIELDS, "value");
    let (op, negated) = op?;
    let value = value?;
    let test = read_test(reader, op, &value)?;
    let negated = negated || matches!((op, &value.node.value), (Op::Exists, Value::Bool(false)));
    Some(Condition { path: path?, test, negated })
}

fn read_path(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Path> {
    let text = reader.text_of(at, "a path")?;
    match Path::parse(&text) {
        Ok(path) => Some(path),
        Err(allowed) => {
            reader.refuse(at, &allowed);
            None
        }
    }
}

fn read_test(reader: &mut Reader<'_>, op: Op, at: &At<'_>) -> Option<Test> {
    Some(match op {
        Op::Eq => Test::Eq(read_literal(reader, at)?),
        Op::Contains => Test::Contains(read_literal(reader, at)?),
        Op::In => {
            let items = reader.items(at)?;
            reader.numbers(at);
            Test::In(items.iter().filter_map(|item| Literal::read(&item.node.value).ok()).collect())
        }
        Op::Compare(comparison) => Test::Compare(comparison, reader.decimal(at, "a number")?),
        Op::Exists => reader.boolean(at).map(|_| Test::Exists)?,
        Op::Regex => Test::Regex(read_regex(reader, at)?),
        Op::StartsWith => Test::StartsWith(reader.string(at)?.into()),
        Op::EndsWith => Test::EndsWith(reader.string(at)?.into()),
        Op::Cidr => Test::Cidr(read_nets(reader, at)?),
        Op::Length(comparison) => {
            let length = reader.decimal(at, "an integer")?;
            if !length.is_integer() {
                reader.refuse(at, "an integer");
            }
            Test::Length(comparison, length)
        }
    })
}

fn read_literal(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Literal> {
    reader.numbers(at);
    Literal::read(&at.node.value).ok()
}

fn read_regex(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Regex> {
    let pattern = reader.text_of(at, "a regular expression in a string")?;
    let length = pattern.chars().count();
    if length > MAX_PATTERN {
        let message = format!("found {length} characters; allowed: a regular expression of at most {MAX_PATTERN}");
        reader.problem_at(at.node.start, &at.pointer, message);
        return None;
    }
    match reader.regexes.compile(&pattern) {
        Ok(regex) => Some(regex),
        Err(why) => {
            reader.refuse(at, &format!("a regular expression in RE2 syntax of bounded size ({why})"));
            None
        }
    }
}

fn read_nets(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<IpNet>> {
    if !matches!(at.node.value, Value::Array(_)) {
        return Some(vec![read_net(reader, at)?]);
    }
    let items = reader.items(at)?;
    Some(items.iter().filter_map(|item| read_net(reader, item)).collect())
}

fn read_net(reader: &mut Reader<'_>, at: &At<'_>) -> Option<IpNet> {
    let allowed = "a network such as \"10.0.0.0/8\" or \"2001:db8::/32\", or an array of them";
    let net = reader.text_of(at, allowed)?.parse().ok();
    if net.is_none() {
        reader.refuse(at, allowed);
    }
    net
}
