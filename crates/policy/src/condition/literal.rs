//! Values written in a policy, compared with values in a call.

use crate::json::Value;
use crate::{Decimal, DecimalError};

#[derive(Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(Decimal),
    String(Box<str>),
    Array(Vec<Literal>),
    Object(Vec<(Box<str>, Literal)>),
}

impl Literal {
    /// The literal for a JSON value without duplicate keys.
    ///
    /// Fails on a number that cannot be compared exactly.
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, DecimalError> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(text) => Self::Number(Decimal::parse(text)?),
            Value::String(text) => Self::String(text.as_ref().into()),
            Value::Array(items) => {
                Self::Array(items.iter().map(|item| Self::read(&item.value)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|member| Ok((member.key.as_ref().into(), Self::read(&member.node.value)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    /// Same JSON type and value; numbers by exact decimal value, objects whatever the order of their keys.
    pub(crate) fn equals(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Number(a), Value::Number(b)) => Decimal::parse(b).is_ok_and(|b| *a == b),
            (Self::String(a), Value::String(b)) => **a == **b,
            (Self::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(&b.value)),
            (Self::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| value.member(key).is_some_and(|b| a.equals(b)))
            }
            _ => false,
        }
    }
}
