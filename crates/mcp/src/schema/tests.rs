use serde_json::json;

use super::*;

fn misfit(schema: &str, arguments: &str) -> Option<String> {
    InputSchema::compile(schema).unwrap().check(Some(arguments)).err().map(|misfit| misfit.to_string())
}

#[test]
fn a_misfit_names_place_and_rule_and_no_value() {
    let schema = r#"{"type":"object","required":["name","version"],"additionalProperties":false,"properties":{
        "name":{"type":"string","minLength":2,"pattern":"^[a-z]+$"},"version":{"type":"integer","minimum":1,"maximum":99},
        "mode":{"enum":["fast","slow"]},"a/b":{"type":["string","null"]},
        "list":{"type":"array","maxItems":2,"uniqueItems":true,"items":{"type":"object","required":["id"]}},
        "any":{"anyOf":[{"type":"string"},{"type":"integer"}]},"share":{"multipleOf":0.01}}}"#;
    let cases = [
        (r#"{"name":"ok","version":1}"#, None),
        (r#"{"name":"ok","version":1.0,"a/b":null,"list":[{"id":1},{"id":2}],"share":19.99}"#, None),
        (r#"{"name":"ok"}"#, Some("/version: is required")),
        (r#"{"name":"ok","version":"5"}"#, Some("/version: must be an integer")),
        (r#"{"name":"ok","version":1.5}"#, Some("/version: must be an integer")),
        (r#"{"name":"ok","version":0}"#, Some("/version: must be at least 1")),
        (r#"{"name":"ok","version":100}"#, Some("/version: must be at most 99")),
        (r#"{"name":"SECRET","version":1}"#, Some("/name: must match the pattern ^[a-z]+$")),
        (r#"{"name":"s","version":1}"#, Some("/name: must have at least 2 characters")),
        (r#"{"name":"ok","version":1,"mode":"SECRET"}"#, Some(r#"/mode: must be one of ["fast","slow"]"#)),
        (r#"{"name":"ok","version":1,"a/b":7}"#, Some("/a~1b: must be null or a string")),
        (r#"{"name":"ok","version":1,"else":7}"#, Some("/else: is not a known argument")),
        (r#"{"name":"ok","version":1,"list":[{"id":1},{}]}"#, Some("/list/1/id: is required")),
        (r#"{"name":"ok","version":1,"list":[{"id":1},{"id":1.0}]}"#, Some("/list: must not have the same item twice")),
        (r#"{"name":"ok","version":1,"any":[]}"#, Some("/any: fits none of the alternatives")),
        (r#"{"name":"ok","version":1,"share":0.005}"#, Some("/share: must be a multiple of 0.01")),
    ];
    for (arguments, expected) in cases {
        assert_eq!(misfit(schema, arguments).as_deref(), expected, "{arguments}");
    }
    let compiled = InputSchema::compile(schema).unwrap();
    assert_eq!(compiled.check(None).unwrap_err().to_string(), "/name: is required");
}

#[test]
fn an_argument_that_is_null_was_not_given() {
    let schema = r#"{"type":"object","required":["name","note"],"properties":{"name":{"type":"string"},
        "note":{"type":["string","null"]},"loud":{"type":"boolean"},"inner":{"properties":{"loud":{"type":"boolean"}}}}}"#;
    let fits = |arguments: &str| misfit(schema, arguments).is_none();
    assert!(fits(r#"{"name":"a","note":null,"loud":null}"#));
    assert!(!fits(r#"{"name":null,"note":null}"#), "it has to be given");
    assert!(!fits(r#"{"name":"a","loud":null}"#), "another has to be given");
    assert!(!fits(r#"{"name":"a","note":null,"inner":{"loud":null}}"#), "it is inside of an argument");
    assert!(!fits(r#"{"name":"a","note":null,"loud":0}"#), "it is something else");
    let needed = r#"{"properties":{"a":{"type":"integer"}},"minProperties":1}"#;
    assert!(misfit(needed, r#"{"a":null}"#).is_some());
}

#[test]
fn keywords_that_only_annotate_refuse_nothing() {
    for draft in ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"] {
        let schema = json!({"$schema": draft, "properties": {"a": {"format": "email"}, "b": {"format": "uuid"},
            "c": {"contentEncoding": "base64"}, "d": {"contentMediaType": "application/json"}, "e": {"format": "no-such"}}});
        let arguments = r#"{"a":"no mail","b":"no uuid","c":"%%%","d":"{","e":"x"}"#;
        assert_eq!(misfit(&schema.to_string(), arguments), None, "{draft}");
    }
}

#[test]
fn the_draft_that_a_schema_names_is_the_one_that_counts() {
    let items = r#""properties":{"p":{"items":[{"type":"string"}],"prefixItems":[{"type":"integer"}]}}"#;
    let seven = format!(r#"{{"$schema":"http://json-schema.org/draft-07/schema#",{items}}}"#);
    assert_eq!(misfit(&seven, r#"{"p":[1]}"#).as_deref(), Some("/p/0: must be a string"));
    assert_eq!(misfit(&seven, r#"{"p":["a"]}"#), None);
    let newest = r#"{"properties":{"p":{"prefixItems":[{"type":"integer"}]}}}"#;
    assert_eq!(misfit(newest, r#"{"p":["a"]}"#).as_deref(), Some("/p/0: must be an integer"));
}

#[test]
fn references_stay_inside_the_document() {
    let inside = r##"{"properties":{"p":{"$ref":"#/$defs/a%20b"}},"$defs":{"a b":{"type":"string"}}}"##;
    assert_eq!(misfit(inside, r#"{"p":1}"#).as_deref(), Some("/p: must be a string"));
    for outside in
        ["http://127.0.0.1:9/x", "https://example.com/x.json", "file:///etc/passwd", "other.json", "#nowhere"]
    {
        let schema = json!({"properties": {"p": {"$ref": outside}}}).to_string();
        assert!(InputSchema::compile(&schema).is_err(), "{outside}");
    }
    let schema = r#"{"$schema":"https://example.com/my-own-meta-schema","type":"object"}"#;
    assert!(InputSchema::compile(schema).is_err());
}

#[test]
fn what_is_no_schema_or_not_linear_is_not_used() {
    for odd in ["", "[]", "true", "1", "{", r#"{"type":"no-such"}"#, r#"{"properties":[]}"#, r#"{"minimum":1e400}"#] {
        assert!(InputSchema::compile(odd).is_err(), "{odd}");
    }
    for pattern in [r"(?=a)b", r"(a)\1", "(a{1000}){1000}"] {
        let schema = json!({"properties": {"p": {"pattern": pattern}}}).to_string();
        assert!(InputSchema::compile(&schema).is_err(), "{pattern}");
    }
    let long = json!({"description": "x".repeat(MOST_BYTES)}).to_string();
    assert_eq!(InputSchema::compile(&long).unwrap_err(), InputSchemaError::TooLarge);
    let catastrophic = r#"{"properties":{"p":{"pattern":"^(a+)+$"}}}"#;
    let arguments = json!({"p": format!("{}!", "a".repeat(100_000))}).to_string();
    assert_eq!(misfit(catastrophic, &arguments).as_deref(), Some("/p: must match the pattern ^(a+)+$"));
}

#[test]
fn patterns_together_do_not_take_more_than_a_schema_may() {
    let schema = |count: usize, pattern: &str| {
        let properties: serde_json::Map<_, _> =
            (0..count).map(|i| (i.to_string(), json!({"pattern": format!("{pattern}{i}")}))).collect();
        json!({"properties": properties}).to_string()
    };
    for (count, pattern) in [(1, "[a-z]{3000}"), (40, "^[a-z0-9-]{1,32}$"), (200, "^[0-9a-f]{8}$")] {
        assert!(InputSchema::compile(&schema(count, pattern)).is_ok(), "{count} {pattern}");
    }
    for count in [100, 256] {
        let told = InputSchema::compile(&schema(count, "[a-z]{3000}"));
        assert!(matches!(told, Err(InputSchemaError::Unusable(_))), "{count}: {told:?}");
    }
    let by_name: serde_json::Map<_, _> = (0..200).map(|i| (format!("^{i}$"), json!({"pattern": "^x$"}))).collect();
    for many in [schema(300, "^a$"), json!({"patternProperties": by_name}).to_string()] {
        let told = InputSchema::compile(&many);
        assert_eq!(told.unwrap_err(), InputSchemaError::Unbounded("it has too many patterns"));
    }
}

/// Definitions that each apply the next one twice: 2^60 visits to a naive validator.
fn doubling(keyword: &str, inside: &str) -> String {
    let mut defs = serde_json::Map::new();
    for i in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
        let twice = if keyword == "allOf" {
            json!({"allOf": [next, next]})
        } else {
            json!({"anyOf": [{"$ref": "#/$defs/no"}, next, next]})
        };
        let schema = if inside.is_empty() {
            twice
        } else {
            json!({"allOf": [{"properties": {inside: next}}, {"properties": {inside: next}}]})
        };
        defs.insert(format!("d{i}"), schema);
    }
    defs.insert("d60".to_owned(), json!({"type": "object"}));
    defs.insert("no".to_owned(), json!(false));
    json!({"properties": {"p": {"$ref": "#/$defs/d0"}}, "$defs": defs}).to_string()
}

#[test]
fn schemas_that_multiply_work_are_not_used_or_cost_little() {
    for keyword in ["allOf", "anyOf"] {
        assert!(
            matches!(InputSchema::compile(&doubling(keyword, "")), Err(InputSchemaError::Unbounded(_))),
            "{keyword}"
        );
    }
    // Down the arguments work multiplies too: as long as it is little, it is done.
    let schema = doubling("allOf", "x");
    let nested = |key: &str, depth: usize, leaf: &str| {
        format!("{{\"{key}\":{}{leaf}{}}}", "{\"x\":".repeat(depth), "}".repeat(depth))
    };
    assert_eq!(misfit(&schema, &nested("p", 50, "1")), None, "not checked");
    assert_eq!(misfit(&schema, &nested("p", 60, "1")), None, "not checked");
    let recursive = r##"{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"string"},{"type":"object","properties":{"x":{"$ref":"#/$defs/n"}},"required":["y"]},
        {"properties":{"x":{"$ref":"#/$defs/n"}},"type":"object"}]}}}"##;
    assert_eq!(misfit(recursive, &nested("x", 5, "{}")), None);
    assert_eq!(misfit(recursive, &nested("x", 5, "1")).as_deref(), Some("/: fits none of the alternatives"));
    assert_eq!(misfit(recursive, &nested("x", 60, "1")), None, "not checked");
}

#[test]
fn usual_recursive_schemas_are_checked_down_to_the_leaves() {
    let tree = r##"{"properties":{"root":{"$ref":"#/$defs/node"}},"$defs":{"node":{"type":"object","required":["name"],
        "properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}}}}}"##;
    let mut node = json!({"name": 7});
    for _ in 0..14 {
        node = json!({"name": "n", "children": [{"name": "leaf"}, node]});
    }
    let place = format!("/root{}/name: must be a string", "/children/1".repeat(14));
    assert_eq!(misfit(tree, &json!({"root": node}).to_string()), Some(place));

    let filter = r##"{"properties":{"filter":{"$ref":"#/$defs/f"}},"$defs":{"f":{"anyOf":[
        {"type":"object","required":["and"],"properties":{"and":{"type":"array","items":{"$ref":"#/$defs/f"}}}},
        {"type":"object","required":["or"],"properties":{"or":{"type":"array","items":{"$ref":"#/$defs/f"}}}},
        {"type":"object","required":["eq"],"properties":{"eq":{"type":"string"}}}]}}}"##;
    let mut filter_value = json!({"eq": "x"});
    for _ in 0..20 {
        filter_value = json!({"and": [{"or": [filter_value]}]});
    }
    assert_eq!(misfit(filter, &json!({"filter": filter_value}).to_string()), None);
    assert!(misfit(filter, r#"{"filter":{"and":[{"or":[{"eq":1}]}]}}"#).is_some());
}

#[test]
fn loops_and_references_that_move_are_not_used() {
    for odd in [
        r##"{"$ref":"#"}"##.to_owned(),
        r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##.to_owned(),
        r##"{"$dynamicRef":"#n","$dynamicAnchor":"n"}"##.to_owned(),
        format!("{}{}{}", r#"{"not":"#.repeat(200), "{}", "}".repeat(200)),
    ] {
        assert!(InputSchema::compile(&odd).is_err(), "{odd}");
    }
}

#[test]
fn the_deepest_schema_and_arguments_stay_on_a_small_stack() {
    let deep = |n: usize| format!("{}{}{}", r#"{"allOf":["#.repeat(n), r#"{"type":"object"}"#, "]}".repeat(n));
    let most = (1..100).rev().find(|n| InputSchema::compile(&deep(*n)).is_ok()).unwrap();
    let mut defs = serde_json::Map::new();
    for i in 0..90 {
        defs.insert(format!("d{i}"), json!({"properties": {"x": {"$ref": format!("#/$defs/d{}", (i + 1) % 90)}}}));
    }
    let chain = json!({"$ref": "#/$defs/d0", "$defs": defs}).to_string();
    let nested = format!("{}1{}", "{\"x\":".repeat(63), "}".repeat(63));
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let work = move || {
        assert_eq!(misfit(&deep(most), "{}"), None);
        assert_eq!(misfit(&chain, &nested), None);
    };
    small.spawn(work).unwrap().join().unwrap();
}

#[test]
fn numbers_that_a_float_cannot_hold_are_never_refused_wrongly() {
    let schema =
        |rule: &str| format!(r#"{{"properties":{{"n":{{{rule}}},"s":{{"type":"string"}}}},"required":["n"]}}"#);
    let fits = [
        (r#""minimum":9007199254740993"#, "9007199254740993.0"),
        (r#""exclusiveMinimum":9007199254740992"#, "9007199254740993.0"),
        (r#""maximum":0.1"#, "0.09999999999999999999999"),
        (r#""type":"integer""#, "123456789012345678901234567890"),
        (r#""type":"integer","minimum":0"#, "1e400"),
        (r#""type":"number""#, "-1e-400"),
        (r#""const":18446744073709551617"#, "18446744073709551617"),
        (r#""multipleOf":10"#, "184467440737095516150"),
        (r#""not":{"const":18446744073709551616}"#, "18446744073709551617"),
        (r#""type":"integer""#, "18446744073709551615"),
        (r#""maximum":18446744073709551615"#, "18446744073709551615"),
        (r#""minimum":-9223372036854775808"#, "-9223372036854775808"),
        (r#""enum":[0.1,1.10]"#, "1.1"),
        (r#""enum":[100]"#, "1e2"),
        (r#""multipleOf":0.1"#, "0.3"),
        (r#""multipleOf":0.01"#, "1.1"),
    ];
    for (rule, number) in fits {
        assert_eq!(misfit(&schema(rule), &format!(r#"{{"n":{number}}}"#)), None, "{rule} {number}");
    }
    let misfits = [
        (r#""maximum":100"#, "100.01", "/n: must be at most 100"),
        (r#""maximum":9007199254740992"#, "9007199254740993", "/n: must be at most 9007199254740992"),
        (r#""maximum":18446744073709551614"#, "18446744073709551615", "/n: must be at most 18446744073709551614"),
        (r#""type":"string""#, "123456789012345678901234567890", "/n: must be a string"),
    ];
    for (rule, number, expected) in misfits {
        assert_eq!(
            misfit(&schema(rule), &format!(r#"{{"n":{number}}}"#)).as_deref(),
            Some(expected),
            "{rule} {number}"
        );
    }
    // A number beyond exactness excuses nothing else.
    let arguments = r#"{"n":123456789012345678901234567890.5,"s":1}"#;
    assert_eq!(misfit(&schema(r#""maximum":3"#), arguments).as_deref(), Some("/s: must be a string"));
    assert_eq!(misfit(&schema(r#""maximum":3"#), r#"{"s":"1e400"}"#).as_deref(), Some("/n: is required"));
}

#[test]
fn a_place_and_a_rule_are_cut() {
    let schema = json!({"additionalProperties": false, "properties": {"n": {"enum": ["x".repeat(1_000)]}}}).to_string();
    let told = misfit(&schema, &json!({"k".repeat(1_000): 1}).to_string()).unwrap();
    assert!(told.chars().count() < 300, "{told}");
    let told = misfit(&schema, r#"{"n":1}"#).unwrap();
    assert!(told.chars().count() < 300, "{told}");
    assert_eq!(misfit(&schema, "{\"a\\nb\":1}").as_deref(), Some("/a b: is not a known argument"));
}

#[test]
fn much_work_is_known_beforehand() {
    let schema = InputSchema::compile(r#"{"properties":{"a":{"items":{"type":"integer"}}}}"#).unwrap();
    assert!(!schema.is_long_work(Some(r#"{"a":[1,2]}"#)));
    let large = json!({"a": (0..200_000).collect::<Vec<_>>()}).to_string();
    assert!(schema.is_long_work(Some(&large)));
    assert_eq!(schema.check(Some(&large)), Ok(()));
}

mod any_input {
    use proptest::prelude::*;

    use super::*;

    fn json(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            proptest::sample::select(vec!["string", "object", "#", "#/$defs/a", "#/properties/b", "^a+$", "a", "%2"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((proptest::sample::select(keys), inner), 0..5).prop_map(|members| {
                    Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }),
            ]
        })
    }

    const KEYWORDS: &[&str] = &[
        "$ref",
        "$defs",
        "a",
        "b",
        "type",
        "properties",
        "items",
        "prefixItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "required",
        "additionalProperties",
        "patternProperties",
        "unevaluatedProperties",
        "contains",
        "enum",
        "const",
        "minimum",
        "maximum",
        "multipleOf",
        "pattern",
        "uniqueItems",
        "dependentSchemas",
        "propertyNames",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever a server calls a schema and a client arguments, there is an answer, and it is the validator's.
        #[test]
        fn there_is_an_answer_and_it_is_the_validators(schema in json(KEYWORDS), arguments in json(&["a", "b", "c"])) {
            let (text, arguments_text) = (schema.to_string(), arguments.to_string());
            let Ok(compiled) = InputSchema::compile(&text) else { return Ok(()) };
            let told = compiled.check(Some(&arguments_text));
            if compiled.inexact.is_none() && exact::all_exact(&arguments_text) {
                prop_assert_eq!(told.is_ok(), compiled.validator.is_valid(&arguments));
            } else if compiled.validator.is_valid(&arguments) {
                prop_assert!(told.is_ok());
            }
        }
    }
}

#[test]
fn what_fits_nowhere_is_refused_without_an_error_for_every_alternative_at_every_place() {
    let alternatives: Vec<_> = (0..200).map(|i| json!({"type": "object", "required": [format!("q{i}")]})).collect();
    let schema = json!({"properties": {"a": {"items": {"anyOf": alternatives}}}}).to_string();
    let arguments = |items: usize| json!({"a": vec![json!({}); items]}).to_string();
    assert_eq!(misfit(&schema, &arguments(1)).as_deref(), Some("/a/0: fits none of the alternatives"));
    let told = misfit(&schema, &arguments(20_000)).unwrap();
    assert!(told.starts_with("/: does not fit"), "{told}");
    // A number that is not exact: only what is certain is refused, and nobody looks for that.
    let schema = schema.replace("{\"properties\"", "{\"maxProperties\":1e30,\"properties\"");
    let inexact = arguments(20_000).replacen("{}", "1e400", 1);
    assert_eq!(misfit(&schema, &inexact), None);
}
