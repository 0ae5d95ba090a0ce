//! The arguments of a tried call: read as a gateway reads them, and held against the tool's schema.

use mcp::{InputSchema, Misfit};

use crate::Error;

/// How the arguments do not fit the tool's schema.
pub(super) fn misfit(schema: Option<&str>, arguments: Option<&str>) -> Option<Misfit> {
    let schema = InputSchema::compile(schema?).ok()?;
    schema.check(arguments).err()
}

/// The arguments as the gateway would take them; none for an empty text.
pub(super) fn read(text: &str) -> Result<Option<String>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !text.starts_with('{') {
        return Err(Error::field("arguments", "must be a JSON object, such as {\"name\": \"value\"}"));
    }
    if policy::canonical_json(text).is_some() {
        return Ok(Some(text.to_owned()));
    }
    Err(match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) => Error::field("arguments", format!("must be JSON: {error}")),
        Ok(_) => {
            Error::field("arguments", "must have each key once, valid text in every string, and not nest too deep")
        }
    })
}
