//! Texts that stand in two places are the same in both.

use serde_json::Value;

#[test]
fn the_scripts_are_tested_with_the_schema_that_is_served() {
    let copy: Value = serde_json::from_str(include_str!("../../../../web/tests/unit/schema.json")).expect("JSON");
    assert!(
        copy == policy::schema(),
        "the language changed: write what `portcullis policy schema` prints to web/tests/unit/schema.json"
    );
}
