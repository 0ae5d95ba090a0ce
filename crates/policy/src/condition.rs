//! Conditions: an operator over what lies at the end of a path (the table in POLICY.md §1).
//!
//! A test says yes, no, or that it does not apply to a value of this type; a negated operator (`neq`, `not_in`, …)
//! holds only where its test applies and says no. Nothing applies to a missing path, except `exists`.

use std::cmp::Ordering;

use ipnet::IpNet;
use regex::Regex;

use crate::Decimal;
use crate::json::Value;
use crate::path::Path;

mod address;
mod literal;
#[cfg(test)]
mod tests;

pub(crate) use literal::Literal;

#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) path: Path,
    pub(crate) test: Test,
    pub(crate) negated: bool,
}

#[derive(Debug)]
pub(crate) enum Test {
    Eq(Literal),
    In(Vec<Literal>),
    Compare(Comparison, Decimal),
    /// Present, even null: what `exists: false` negates.
    Exists,
    Regex(Regex),
    Contains(Literal),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    /// An address inside any of these.
    Cidr(Vec<IpNet>),
    Length(Comparison, Decimal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn accepts(self, found: Ordering) -> bool {
        match self {
            Self::Less => found == Ordering::Less,
            Self::LessOrEqual => found != Ordering::Greater,
            Self::Greater => found == Ordering::Greater,
            Self::GreaterOrEqual => found != Ordering::Less,
        }
    }
}

impl Condition {
    /// About how much work [`Condition::holds_for`] is, in steps of some nanoseconds.
    pub(crate) fn steps(&self, end: Option<&Value<'_>>) -> usize {
        let of_value = match end {
            Some(Value::String(text)) => text.len() / 8,
            Some(Value::Number(text)) => text.len() / 8,
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(members)) => members.len(),
            Some(Value::Null | Value::Bool(_)) | None => 0,
        };
        let of_test = match &self.test {
            // Numbers are read again for each.
            Test::In(list) => list.len() * 4,
            Test::Cidr(nets) => nets.len(),
            _ => 0,
        };
        1 + of_value + of_test
    }

    /// Whether the condition holds for one end of its path; `None` is a missing one.
    pub(crate) fn holds_for(&self, end: Option<&Value<'_>>) -> bool {
        match end {
            Some(value) => self.test.says(value).is_some_and(|yes| yes != self.negated),
            None => self.negated && matches!(self.test, Test::Exists),
        }
    }
}

impl Test {
    /// `None` when the test does not apply to a value of this type.
    fn says(&self, value: &Value<'_>) -> Option<bool> {
        match (self, value) {
            (Self::Exists, _) => Some(true),
            (Self::Eq(literal), _) => Some(literal.equals(value)),
            (Self::In(list), _) => Some(list.iter().any(|literal| literal.equals(value))),
            (Self::Compare(comparison, than), Value::Number(text)) => {
                Decimal::parse(text).ok().map(|number| comparison.accepts(number.cmp(than)))
            }
            (Self::Regex(regex), Value::String(text)) => Some(regex.is_match(text)),
            (Self::Contains(literal), Value::Array(items)) => {
                Some(items.iter().any(|item| literal.equals(&item.value)))
            }
            (Self::Contains(Literal::String(part)), Value::String(text)) => Some(text.contains(&**part)),
            (Self::StartsWith(part), Value::String(text)) => Some(text.starts_with(&**part)),
            (Self::EndsWith(part), Value::String(text)) => Some(text.ends_with(&**part)),
            (Self::Cidr(nets), Value::String(text)) => address::inside_any(text, nets),
            (Self::Length(comparison, than), _) => {
                length(value).map(|length| comparison.accepts(Decimal::from(length).cmp(than)))
            }
            _ => None,
        }
    }
}

/// Characters of a string, elements of an array, members of an object.
fn length(value: &Value<'_>) -> Option<u64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(length).ok()
}
