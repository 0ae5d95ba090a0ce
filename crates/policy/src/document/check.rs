//! Reads checks and their conditions.

use ipnet::IpNet;
use regex::Regex;

use super::{At, Reader};
use crate::condition::{Comparison, Condition, Literal, Test};
use crate::json::Value;
use crate::path::Path;
use crate::rule::Check;

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
const OPS: &[(&str, (Op, bool))] = &[
    ("eq", (Op::Eq, YES)),
    ("neq", (Op::Eq, NOT)),
    ("in", (Op::In, YES)),
    ("not_in", (Op::In, NOT)),
    ("lt", (Op::Compare(Comparison::Less), YES)),
    ("lte", (Op::Compare(Comparison::LessOrEqual), YES)),
    ("gt", (Op::Compare(Comparison::Greater), YES)),
    ("gte", (Op::Compare(Comparison::GreaterOrEqual), YES)),
    ("exists", (Op::Exists, YES)),
    ("regex", (Op::Regex, YES)),
    ("not_regex", (Op::Regex, NOT)),
    ("contains", (Op::Contains, YES)),
    ("not_contains", (Op::Contains, NOT)),
    ("starts_with", (Op::StartsWith, YES)),
    ("ends_with", (Op::EndsWith, YES)),
    ("cidr", (Op::Cidr, YES)),
    ("not_cidr", (Op::Cidr, NOT)),
    ("len_lte", (Op::Length(Comparison::LessOrEqual), YES)),
    ("len_gte", (Op::Length(Comparison::GreaterOrEqual), YES)),
];

pub(super) fn read_all(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Check> {
    let items = reader.items(at).unwrap_or_default();
    items.iter().filter_map(|item| read(reader, item)).collect()
}

fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Check> {
    let fields = reader.object(at, &["conditions", "on_deny", "name"])?;
    let conditions = reader.required(&fields, "conditions").and_then(|at| reader.items(&at)).unwrap_or_default();
    let conditions = conditions.iter().filter_map(|item| read_condition(reader, item)).collect();
    let mut text = |name| fields.get(name).and_then(|at| reader.string(&at)).map(Into::into);
    Some(Check { rule: at.pointer.as_str().into(), on_deny: text("on_deny"), name: text("name"), conditions })
}

fn read_condition(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Condition> {
    let fields = reader.object(at, &["path", "op", "value"])?;
    let path = reader.required(&fields, "path").and_then(|at| read_path(reader, &at));
    let op = reader.required(&fields, "op").and_then(|at| reader.one_of(&at, OPS));
    let value = reader.required(&fields, "value");
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
