//! What a tool's definition says of itself. All of it comes from the upstream and is only ever quoted, never obeyed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool's definition, read for classifying and showing.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ToolFacts {
    /// Its name.
    pub name: String,
    /// Its title, when it has one.
    pub title: Option<String>,
    /// Its description; empty when it has none.
    pub description: String,
    /// Its parameters, in the order in which the schema has them.
    pub parameters: Vec<Parameter>,
    /// Its annotations.
    pub annotations: Annotations,
}

/// One parameter of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its JSON type as the schema has it; `any` when it has none.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a call must have it.
    pub required: bool,
    /// Its description; empty when it has none.
    pub description: String,
}

/// The annotations that say something about risk. Hints: an untrusted server may say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Annotations {
    /// It changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// It may destroy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Calling it twice is as calling it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// It talks to the world outside the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

impl ToolFacts {
    /// Reads a definition as `tools/list` gives it. What is missing or of another type counts as not said; a definition
    /// without a name gives none.
    #[must_use]
    pub fn from_definition(json: &str) -> Option<Self> {
        let definition: Value = serde_json::from_str(json).ok()?;
        let text = |key: &str| definition.get(key).and_then(Value::as_str).map(str::to_owned);
        let hint = |key: &str| definition.get("annotations")?.get(key)?.as_bool();
        let title = text("title").or_else(|| Some(definition.get("annotations")?.get("title")?.as_str()?.to_owned()));
        Some(Self {
            name: text("name")?,
            title,
            description: text("description").unwrap_or_default(),
            parameters: definition.get("inputSchema").map(parameters).unwrap_or_default(),
            annotations: Annotations {
                read_only_hint: hint("readOnlyHint"),
                destructive_hint: hint("destructiveHint"),
                idempotent_hint: hint("idempotentHint"),
                open_world_hint: hint("openWorldHint"),
            },
        })
    }
}

fn parameters(schema: &Value) -> Vec<Parameter> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let read = |(name, property): (&String, &Value)| Parameter {
        name: name.clone(),
        kind: type_of(property),
        required: required.contains(&name.as_str()),
        description: property.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    properties.iter().map(read).collect()
}

/// The schema's `type`; of a union or an `anyOf`, the parts other than `null`.
fn type_of(schema: &Value) -> String {
    let of_list = |list: &[Value], pick: fn(&Value) -> Option<&str>| {
        let parts: Vec<&str> = list.iter().filter_map(pick).filter(|t| *t != "null").collect();
        parts.join(" or ")
    };
    let found = match (schema.get("type"), schema.get("anyOf")) {
        (Some(Value::String(one)), _) => one.clone(),
        (Some(Value::Array(many)), _) => of_list(many, Value::as_str),
        (_, Some(Value::Array(many))) => of_list(many, |s| s.get("type")?.as_str()),
        _ => String::new(),
    };
    if found.is_empty() { "any".to_owned() } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_read_and_odd_parts_are_passed_over() {
        let facts = ToolFacts::from_definition(
            r#"{"name":"x","annotations":{"readOnlyHint":false,"destructiveHint":"yes","title":"T"},
                "inputSchema":{"properties":{"a":{"type":["string","null"],"description":"d"},
                "b":{"anyOf":[{"type":"integer"},{"type":"null"}]},"c":true},"required":["a"]}}"#,
        )
        .unwrap();
        assert_eq!(facts.annotations, Annotations { read_only_hint: Some(false), ..Annotations::default() });
        assert_eq!(facts.title.as_deref(), Some("T"));
        let kinds: Vec<_> = facts.parameters.iter().map(|p| (p.name.as_str(), p.kind.as_str(), p.required)).collect();
        assert_eq!(kinds, [("a", "string", true), ("b", "integer", false), ("c", "any", false)]);
        assert_eq!(ToolFacts::from_definition("{}"), None);
        assert_eq!(ToolFacts::from_definition("[1]"), None);
    }
}
