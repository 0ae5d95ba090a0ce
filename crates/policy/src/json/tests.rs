use super::*;
use proptest::prelude::*;

fn error_at(text: &str) -> usize {
    parse(text).expect_err(text).offset
}

#[test]
fn syntax_errors_are_where_the_text_goes_wrong() {
    for (text, offset) in [
        ("", 0),
        ("  ", 2),
        ("\u{feff}{}", 0),
        ("{} x", 3),
        ("{}{}", 2),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("{\"a\":1,}", 7),
        ("{\"a\" 1}", 5),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("[01]", 2),
        ("[1.]", 3),
        ("[.5]", 1),
        ("[+1]", 1),
        ("[1e]", 3),
        ("[-]", 2),
        ("[NaN]", 1),
        ("[tru]", 1),
        ("[\"a\nb\"]", 3),
        ("[\"a", 3),
        ("[\"\\x\"]", 3),
        ("[\"\\u12g4\"]", 6),
        ("[\"ab\\ud800\"]", 4),
        ("[\"\\udc00\\ud800\"]", 2),
        ("[\"\\ud800\\u0041\"]", 2),
        ("[1", 2),
        ("// c\n{}", 0),
    ] {
        assert_eq!(error_at(text), offset, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(error_at(&nested(MAX_DEPTH + 1)), MAX_DEPTH);
    assert!(parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn duplicates_are_marked_at_any_depth_and_after_unescaping() {
    for text in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"b":2,"\u0061":3}]}"#] {
        assert!(parse(text).unwrap().has_duplicates, "{text}");
    }
    let many: Vec<String> = (0..20).map(|n| format!("\"k{}\":0", n % 19)).collect();
    assert!(parse(&format!("{{{}}}", many.join(","))).unwrap().has_duplicates);
    assert!(!parse(r#"{"a":{"a":1},"A":2}"#).unwrap().has_duplicates);
}

#[test]
fn places_are_byte_offsets_of_keys_and_values() {
    let tree = parse("{ \"é\" : [1, \"x\"] }").unwrap();
    let Value::Object(members) = &tree.root.value else { panic!("an object") };
    assert_eq!((members[0].key_start, members[0].node.start, members[0].node.end), (2, 9, 17));
}

#[test]
fn wide_numbers_are_noticed() {
    assert!(!parse("[1, 0.5, -12345678901234567890]").unwrap().has_wide_numbers);
    assert!(parse("[1e1]").unwrap().has_wide_numbers);
    assert!(parse(&format!("[{}]", "1".repeat(35))).unwrap().has_wide_numbers);
}

#[test]
fn canonical_form_sorts_keys_and_keeps_numbers() {
    assert_eq!(
        canonical_json(" { \"b\" : 1.0 , \"a\":[true ,null,\"\\u0041\\n\\/\"] } ").unwrap(),
        r#"{"a":[true,null,"A\u000a/"],"b":1.0}"#
    );
    assert_eq!(canonical_json(r#"{"a":1,"a":1}"#), None);
    assert_eq!(canonical_json("{"), None);
}

proptest! {
    #[test]
    fn accepts_exactly_what_a_known_strict_reader_accepts(text in r#"[\[\]{}",:0-9eE.+\-truefalsn\\ ]{0,24}"#) {
        let known: Result<serde_json::Value, _> = serde_json::from_str(&text);
        let overflow = known.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assume!(!overflow);
        prop_assert_eq!(parse(&text).is_ok(), known.is_ok(), "{}", text);
    }

    #[test]
    fn strings_mean_the_same_as_to_a_known_reader(value in any::<String>()) {
        let text = serde_json::to_string(&value).unwrap();
        let tree = parse(&text).unwrap();
        prop_assert!(matches!(&tree.root.value, Value::String(read) if *read == value));
        let again: String = serde_json::from_str(&canonical_json(&text).unwrap()).unwrap();
        prop_assert_eq!(again, value);
    }
}
