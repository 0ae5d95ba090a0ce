use std::fs;
use std::path::Path;

use jsonschema::Validator;

use super::*;
use crate::CompiledPolicy;

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{error}"))
}

/// The policies of the vector files, those that must be refused too.
fn policies() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // Some have numbers that no float holds.
    let policy = |text: String| {
        let file: Value = serde_json::from_str(&text).ok()?;
        Some(file.get("policy").unwrap_or(&file).clone())
    };
    files.into_iter().filter_map(|file| policy(fs::read_to_string(file).unwrap())).collect()
}

/// What the reader says: nothing, or why it refuses.
fn refusals(document: &Value) -> Vec<String> {
    let problems = CompiledPolicy::compile(&document.to_string()).err();
    problems.into_iter().flat_map(|problems| problems.0).map(|problem| problem.message).collect()
}

/// What a schema cannot say.
fn is_beyond_schemas(message: &str) -> bool {
    ["a path", "after each", "a wildcard", "a network", "regular expression", "can match", "a time such"]
        .iter()
        .any(|beyond| message.contains(beyond))
}

/// Every document that differs from this one in one value, or in one member too many or too few.
fn changed(document: &Value) -> Vec<Value> {
    let mut pointers = Vec::new();
    places(document, String::new(), &mut pointers);
    let mut changed = Vec::new();
    for pointer in pointers {
        for value in ["null", "true", "7", "-1", "0.5", "\"zzz\"", "\"args.zzz\"", "[]", "{}", "[7]", "{\"zzz\":7}"] {
            let mut copy = document.clone();
            *copy.pointer_mut(&pointer).unwrap() = serde_json::from_str(value).unwrap();
            changed.push(copy);
        }
        let Some(Value::Object(members)) = document.pointer(&pointer) else { continue };
        for key in members.keys() {
            let mut copy = document.clone();
            copy.pointer_mut(&pointer).and_then(Value::as_object_mut).unwrap().remove(key);
            changed.push(copy);
        }
        let mut copy = document.clone();
        copy.pointer_mut(&pointer).unwrap()["zzz"] = json!(7);
        changed.push(copy);
    }
    changed
}

fn places(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            // Two elements stand for all of a list.
            for (index, item) in items.iter().enumerate().take(2) {
                places(item, format!("{pointer}/{index}"), pointers);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(member, format!("{pointer}/{key}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(pointer);
}

#[test]
fn the_reader_and_the_schema_take_the_same_documents() {
    let schema = validator(&schema());
    let (mut taken, mut refused) = (0, 0);
    for policy in policies() {
        for document in changed(&policy).iter().chain([&policy]) {
            let refusals = refusals(document);
            let valid = schema.is_valid(document);
            if refusals.is_empty() {
                taken += 1;
                let error = schema.iter_errors(document).next();
                assert!(valid, "the schema is stricter than the reader: {document}\n{error:?}");
            } else if let Some(refusal) = refusals.iter().find(|message| !is_beyond_schemas(message)) {
                refused += 1;
                assert!(!valid, "the schema misses {refusal}: {document}");
            }
        }
    }
    assert!(taken > 500 && refused > 5_000, "{taken} {refused}");
}

#[test]
fn every_member_is_told_about_and_its_examples_are_sound() {
    let schema = schema();
    let definitions = &schema["$defs"];
    for object in OBJECTS.iter().chain([&&POLICY]) {
        for field in object.fields {
            let place = format!("{}.{}", object.name, field.name);
            assert!(!field.title.is_empty() && field.text.ends_with('.'), "{place}");
            let mut property = property(field);
            property["$defs"] = definitions.clone();
            let validator = validator(&property);
            for example in field.examples.iter().chain(&field.default) {
                let example: Value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{place}: {error}"));
                assert!(validator.is_valid(&example), "{place}: {example}");
            }
            assert!(
                field.required || field.default.is_some() || !field.examples.is_empty() || words_or_text(field),
                "{place}"
            );
        }
    }
}

/// Members that speak for themselves.
fn words_or_text(field: &Field) -> bool {
    matches!(field.shape, Shape::Choice(_) | Shape::Text(None) | Shape::Boolean | Shape::Object(_))
        || field.name == "args"
}

#[test]
fn every_word_is_explained() {
    fn look(value: &Value, found: &mut usize) {
        if let Some(word) = value.get("const").filter(|_| value.get("description").is_some()) {
            *found += 1;
            assert!(value["description"].as_str().is_some_and(|text| text.ends_with('.')), "{word}");
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| look(item, found)),
            Value::Object(members) => members.values().for_each(|member| look(member, found)),
            _ => {}
        }
    }
    let mut found = 0;
    look(&schema(), &mut found);
    assert!(found > 60, "{found}");
}

#[test]
fn the_schema_names_its_draft_and_resolves_by_itself() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
    let text = schema.to_string();
    for object in OBJECTS {
        assert!(text.contains(&format!("#/$defs/{}\"", object.name)), "{} is never referred to", object.name);
    }
}
