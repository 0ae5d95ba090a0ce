//! A misfit in words: the place and the rule, never a value of the arguments.

use std::fmt;

use jsonschema::{JsonType, ValidationError, error::TypeKind, error::ValidationErrorKind as Kind};
use serde_json::Value;

/// Most characters of a place.
const PLACE_CHARS: usize = 200;
/// Most characters of what a schema's rule says.
const RULE_CHARS: usize = 200;

/// Where arguments do not fit their schema, and which rule they break: `/version: is required`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// JSON Pointer into the arguments; empty: they as a whole.
    place: String,
    rule: String,
}

impl Misfit {
    pub(super) fn of(error: &ValidationError<'_>) -> Self {
        let place = error.instance_path().as_str();
        match error.kind() {
            Kind::Required { property: Value::String(property) } => {
                let name = property.replace('~', "~0").replace('/', "~1");
                Self::new(&format!("{place}/{name}"), "is required")
            }
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                match unexpected.first() {
                    Some(name) => {
                        let name = name.replace('~', "~0").replace('/', "~1");
                        Self::new(&format!("{place}/{name}"), "is not a known argument")
                    }
                    None => Self::new(place, "has an unknown member"),
                }
            }
            kind => Self::new(place, &rule(kind)),
        }
    }

    /// It would take too much to find out where and why.
    pub(super) fn somewhere() -> Self {
        Self::new("", "does not fit, at a place that takes too long to find in arguments of this size")
    }

    fn new(place: &str, rule: &str) -> Self {
        Self { place: cut(place, PLACE_CHARS), rule: cut(rule, RULE_CHARS) }
    }

    /// What the caller of a tool is told.
    #[must_use]
    pub fn told(&self) -> String {
        format!("The arguments do not fit the tool's input schema. {self}.")
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "/" } else { &self.place };
        write!(f, "{place}: {}", self.rule)
    }
}

fn rule(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind: TypeKind::Single(wanted) } => format!("must be {}", with_article(*wanted)),
        Kind::Type { kind: TypeKind::Multiple(wanted) } => {
            let names: Vec<_> = wanted.iter().map(with_article).collect();
            format!("must be {}", names.join(" or "))
        }
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::AdditionalItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} members"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} members"),
        Kind::Enum { options } => format!("must be one of {options}"),
        Kind::Constant { expected_value } => format!("must be {expected_value}"),
        Kind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        Kind::UniqueItems => "must not have the same item twice".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "fits none of the alternatives".to_owned(),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the alternatives".to_owned(),
        Kind::Not { .. } => "is of a kind that is not allowed".to_owned(),
        Kind::FalseSchema => "must not be there".to_owned(),
        other => format!("breaks the rule `{}`", other.keyword()),
    }
}

fn with_article(wanted: JsonType) -> &'static str {
    match wanted {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

/// Cut, and without control characters.
fn cut(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].chars().map(clean).chain(['…']).collect(),
        None => text.chars().map(clean).collect(),
    }
}
