//! The JSON Schema of the language (draft 2020-12), made from the tables that the reader reads by. It is for editors:
//! completion, hover help and early errors. What it cannot say, such as clashing patterns, the reader does.

use serde_json::{Map, Value, json};

use crate::document::field::{Field, Object, Shape, Word};
use crate::document::{OBJECTS, POLICY};

/// The schema of a policy document. Every document that [`crate::CompiledPolicy::compile`] takes is valid under it.
pub fn schema() -> Value {
    let definitions: Map<String, Value> =
        OBJECTS.iter().map(|object| (object.name.to_owned(), Value::Object(define(object)))).collect();
    let mut root = define(&POLICY);
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("$id".to_owned(), json!("urn:portcullis:policy:1"));
    root.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

/// A reference to the definition of an object.
pub(crate) fn reference(object: &Object) -> Value {
    json!({ "$ref": format!("#/$defs/{}", object.name) })
}

/// One of these words, each with what it means.
pub(crate) fn words(words: &[Word]) -> Value {
    let one = |(word, text): &Word| json!({ "const": word, "description": text });
    json!({ "type": "string", "oneOf": words.iter().map(one).collect::<Vec<Value>>() })
}

/// An object with these members and no others.
pub(crate) fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn define(object: &Object) -> Map<String, Value> {
    let mut definition = Map::new();
    definition.insert("title".to_owned(), json!(object.title));
    definition.insert("description".to_owned(), json!(object.text));
    if let Value::Object(members) = self::object(object.fields) {
        definition.extend(members);
    }
    if let Some(together) = object.together {
        definition.insert("allOf".to_owned(), json!([together()]));
    }
    definition
}

fn property(field: &Field) -> Value {
    let mut property = json!({ "title": field.title, "description": field.text });
    if let (Value::Object(property), Value::Object(shape)) = (&mut property, shape(&field.shape)) {
        property.extend(shape);
    }
    if let Some(default) = field.default {
        property["default"] = literal(default);
    }
    if !field.examples.is_empty() {
        property["examples"] = field.examples.iter().copied().map(literal).collect();
    }
    property
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text(None) => json!({ "type": "string" }),
        Shape::Text(Some(most)) => json!({ "type": "string", "maxLength": most }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Choice(choices) => words(&choices()),
        Shape::List(item) => json!({ "type": "array", "items": self::shape(item) }),
        Shape::Object(object) => reference(object),
        Shape::Other(schema) => schema(),
    }
}

/// A default or an example from a table; a test parses them all.
fn literal(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
