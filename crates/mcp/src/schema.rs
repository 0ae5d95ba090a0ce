//! A tool's `inputSchema`, compiled, and arguments held against it (2026-07-28 server/tools "Input Schema"; JSON Schema
//! 2020-12 unless `$schema` says otherwise).
//!
//! The schema comes from a server and the arguments from a client, so both may be hostile: patterns run on a linear-time
//! engine, no `$ref` leaves the document, and schemas whose work cannot be bounded beforehand are not used at all.
//!
//! Invariant: arguments that fit are never refused. What is not certain (a number that a float cannot hold, a schema
//! keyword that only annotates) speaks for the call; the server still looks at the arguments itself.

mod bounds;
mod exact;
mod misfit;

use std::{borrow::Cow, sync::Arc};

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use bounds::Bounds;
pub use misfit::Misfit;

/// Longest schema that is used, in bytes.
const MOST_BYTES: usize = 256 << 10;
/// What one check may cost: bytes of arguments times the schema's work at one place.
const MOST_WORK: u64 = 1 << 30;
/// Up to this work a check takes well under half a millisecond, or a few when it has to tell what does not fit.
const LITTLE_WORK: u64 = 1 << 17;
/// What finding out the place and the rule of a misfit may cost: where nothing fits, every alternative at every place is an
/// error of its own, with its text.
const TELLING_WORK: u64 = 1 << 20;
/// How deep a check may recurse: nesting of the arguments times nesting of the schema at one place.
const MOST_RECURSION: u64 = 640;

/// An input schema, ready to check arguments.
#[derive(Debug)]
pub struct InputSchema {
    validator: Validator,
    bounds: Bounds,
    /// The text, where it has numbers that a float cannot hold.
    inexact: Option<Arc<str>>,
    /// The arguments that have to be given.
    required: Vec<String>,
}

/// Why a schema cannot be used; the tool's arguments are then not checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputSchemaError {
    /// Longer than is read.
    #[error("the input schema is longer than {MOST_BYTES} bytes")]
    TooLarge,
    /// Not a JSON object.
    #[error("the input schema is not a JSON object")]
    NotAnObject,
    /// Its work cannot be bounded: references that multiply, nest too deep, or are found only at run time.
    #[error("the input schema's work cannot be bounded: {0}")]
    Unbounded(&'static str),
    /// Not a schema, a reference that leads out of the document, or a pattern that is not linear.
    #[error("the input schema cannot be compiled: {0}")]
    Unusable(String),
}

impl InputSchema {
    /// Compiles the raw JSON of an input schema. Takes up to some milliseconds, so call it off the async threads.
    ///
    /// # Errors
    /// [`InputSchemaError`].
    pub fn compile(text: &str) -> Result<Self, InputSchemaError> {
        if text.len() > MOST_BYTES {
            return Err(InputSchemaError::TooLarge);
        }
        let schema: Value = serde_json::from_str(text).map_err(|_| InputSchemaError::NotAnObject)?;
        if !schema.is_object() {
            return Err(InputSchemaError::NotAnObject);
        }
        let bounds = Bounds::of(&schema).map_err(InputSchemaError::Unbounded)?;
        let each =
            bounds.bytes_of_a_pattern(text.len()).ok_or(InputSchemaError::Unbounded("it has too many patterns"))?;
        let patterns = PatternOptions::regex().size_limit(each).dfa_size_limit(each);
        // `format`, `contentEncoding` and `contentMediaType` only annotate (2020-12 validation §7.2.1, §8).
        let options = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .without_content_encoding_support("base64")
            .without_content_media_type_support("application/json");
        let validator = options.build(&schema).map_err(|error| unusable(&error))?;
        let inexact = (!exact::all_exact(text)).then(|| text.into());
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { validator, bounds, inexact, required })
    }

    /// Checks the raw JSON object of `arguments`, which a strict pass has accepted; none is `{}`. Arguments whose check
    /// would take too much work pass.
    ///
    /// # Errors
    /// The first misfit, which names the place and the rule and never a value; neither where there is too much to look at.
    pub fn check(&self, arguments: Option<&str>) -> Result<(), Misfit> {
        let text = arguments.unwrap_or("{}");
        let depth = exact::nesting(text);
        let work = self.bounds.work(text.len(), depth);
        if work > MOST_WORK || depth * self.bounds.nesting > MOST_RECURSION {
            return Ok(());
        }
        let exact = exact::all_exact(text);
        let readable = if exact { Cow::Borrowed(text) } else { exact::within_floats(text) };
        let Ok(instance) = serde_json::from_str::<Value>(&readable) else { return Ok(()) };
        if self.validator.is_valid(&instance) || self.is_valid_without_nulls(&instance) {
            return Ok(());
        }
        let certain = exact && self.inexact.is_none();
        if work > TELLING_WORK {
            return if certain { Err(Misfit::somewhere()) } else { Ok(()) };
        }
        let mut errors = self.validator.iter_errors(&instance);
        let found = errors.find(|error| certain || self.is_certain(error, text));
        found.map_or(Ok(()), |error| Err(Misfit::of(&error)))
    }

    /// Whether checking these arguments takes so long that it belongs off the async threads.
    #[must_use]
    pub fn is_long_work(&self, arguments: Option<&str>) -> bool {
        let text = arguments.unwrap_or_default();
        self.bounds.work(text.len(), exact::nesting(text)) > LITTLE_WORK
    }

    /// Whether what was given fits: many clients write `null` for an argument that they leave out, and the protocol takes
    /// the two for the same (2026-07-28 basic/transports/streamable-http "Custom Headers").
    fn is_valid_without_nulls(&self, instance: &Value) -> bool {
        let Some(members) = instance.as_object() else { return false };
        let left_out = |name: &String, value: &Value| value.is_null() && !self.required.contains(name);
        if !members.iter().any(|(name, value)| left_out(name, value)) {
            return false;
        }
        let given = members.iter().filter(|(name, value)| !left_out(name, value));
        self.validator.is_valid(&Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect()))
    }

    /// Whether the misfit would also be found if numbers were compared by their exact values.
    fn is_certain(&self, error: &ValidationError<'_>, arguments: &str) -> bool {
        let place = error.instance_path().as_str();
        let rule = error.schema_path().as_str();
        let conditional = rule.split('/').any(|part| matches!(part, "then" | "else" | "dependentSchemas"));
        if conditional || rule.contains("/unevaluated") {
            return false;
        }
        let by_value = matches!(
            error.kind().keyword(),
            "minimum"
                | "maximum"
                | "exclusiveMinimum"
                | "exclusiveMaximum"
                | "multipleOf"
                | "const"
                | "enum"
                | "uniqueItems"
                | "contains"
                | "anyOf"
                | "oneOf"
                | "not"
        );
        !by_value || (exact::at(arguments, place) && self.inexact.as_ref().is_none_or(|schema| exact::at(schema, rule)))
    }
}

fn unusable(error: &ValidationError<'_>) -> InputSchemaError {
    let text: String = error.to_string().chars().take(200).collect();
    InputSchemaError::Unusable(text)
}

#[cfg(test)]
mod tests;
