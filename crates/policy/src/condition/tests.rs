use crate::json;

/// `path` is of no matter here: the end is given.
fn holds(op: &str, value: &str, end: Option<&str>) -> bool {
    let document = format!(
        r#"{{"version":"1","default":"allow","tools":{{"t":{{"deny_if":[{{"conditions":
           [{{"path":"args.v","op":"{op}","value":{value}}}]}}]}}}}}}"#
    );
    let policy = crate::CompiledPolicy::compile(&document).unwrap_or_else(|problems| panic!("{problems}"));
    let condition = policy.first_condition("t").expect("one condition");
    let tree = end.map(|end| json::parse(end).expect(end));
    condition.holds_for(tree.as_ref().map(|tree| &tree.root.value))
}

fn check(op: &str, value: &str, yes: &[&str], no: &[&str]) {
    for end in yes {
        assert!(holds(op, value, Some(end)), "{end} {op} {value} should hold");
    }
    for end in no {
        assert!(!holds(op, value, Some(end)), "{end} {op} {value} should not hold");
    }
}

#[test]
fn nothing_but_exists_holds_for_a_missing_path() {
    for (op, value) in [
        ("eq", "null"),
        ("neq", "1"),
        ("in", "[null]"),
        ("not_in", "[]"),
        ("lt", "1"),
        ("lte", "1"),
        ("gt", "-1"),
        ("gte", "0"),
        ("regex", "\"\""),
        ("not_regex", "\"x\""),
        ("contains", "\"\""),
        ("not_contains", "\"x\""),
        ("starts_with", "\"\""),
        ("ends_with", "\"\""),
        ("cidr", "\"0.0.0.0/0\""),
        ("not_cidr", "[]"),
        ("len_lte", "9"),
        ("len_gte", "0"),
        ("exists", "true"),
    ] {
        assert!(!holds(op, value, None), "{op}");
    }
    assert!(holds("exists", "false", None));
}

#[test]
fn exists_is_about_presence_even_of_null() {
    check("exists", "true", &["null", "1", "\"\"", "[]"], &[]);
    check("exists", "false", &[], &["null", "1"]);
}

#[test]
fn equality_is_by_type_and_value() {
    check("eq", "1", &["1", "1.0", "1e0", "10e-1"], &["\"1\"", "true", "[1]", "1.0000000000000001", "null"]);
    check("eq", "\"1\"", &["\"1\"", "\"\\u0031\""], &["1", "\"1 \""]);
    check("eq", "9007199254740993", &["9007199254740993"], &["9007199254740992", "9007199254740994"]);
    check("eq", "null", &["null"], &["false", "0", "\"\""]);
    check(
        "eq",
        "{\"a\":[1,{\"b\":null}],\"c\":2}",
        &["{\"c\":2.0,\"a\":[1,{\"b\":null}]}"],
        &["{\"a\":[1,{}],\"c\":2}"],
    );
    check("eq", "[1,2]", &["[1.0,2]"], &["[2,1]", "[1]", "[1,2,3]"]);
    check("neq", "1", &["2", "\"1\"", "null", "[]"], &["1", "1.00"]);
    check("eq", "0", &["-0", "0.0", "0e9"], &[]);
}

#[test]
fn membership() {
    check("in", "[\"EUR\",1,null]", &["\"EUR\"", "1.0", "null"], &["\"eur\"", "\"1\"", "[\"EUR\",1,null]"]);
    check("not_in", "[\"EUR\",1]", &["\"GBP\"", "null", "\"1\""], &["\"EUR\"", "1e0"]);
    check("in", "[]", &[], &["1"]);
    check("not_in", "[]", &["1", "null"], &[]);
}

#[test]
fn order_is_for_numbers_and_exact() {
    check("lt", "10.5", &["10", "10.4999999999999999999999", "-1e999"], &["10.5", "10.50", "11", "\"1\"", "null"]);
    check("lte", "0.3", &["0.3", "0.30"], &["0.3000000000000000000000000000000001"]);
    check("gt", "100", &["100.01", "1e3", "100.0000000000000000000000000000001"], &["100", "1e2", "true", "[101]"]);
    check("gte", "9007199254740993", &["9007199254740993"], &["9007199254740992"]);
}

#[test]
fn text_operators_are_for_strings() {
    check("regex", "\"^a.c$\"", &["\"abc\""], &["\"xabc\"", "1", "null", "[\"abc\"]"]);
    check("regex", "\"b\"", &["\"abc\""], &["\"B\""]);
    check("not_regex", "\"^a\"", &["\"b\"", "\"\""], &["\"a\"", "1", "null"]);
    check("starts_with", "\"src/\"", &["\"src/a\"", "\"src/\""], &["\"/src/\"", "\"SRC/a\"", "1", "[\"src/\"]"]);
    check("ends_with", "\".md\"", &["\"a.md\""], &["\"a.MD\"", "null"]);
}

#[test]
fn containing() {
    check("contains", "\"..\"", &["\"a/../b\"", "[\"x\",\"..\"]"], &["\"a.b\"", "[\"a..b\"]", "1", "{\"..\":1}"]);
    check("contains", "1", &["[1.0]", "[0,1]"], &["\"1\"", "[\"1\"]", "1", "[[1]]"]);
    check("not_contains", "\"x\"", &["\"abc\"", "[]", "[\"ax\"]"], &["\"axb\"", "[\"x\"]", "1", "null"]);
}

#[test]
fn addresses() {
    check(
        "cidr",
        "[\"10.0.0.0/8\",\"::1/128\"]",
        &["\"10.1.2.3\"", "\"::1\"", "\"http://10.0.0.1:80/x\"", "\"::ffff:10.0.0.1\""],
        &["\"11.0.0.1\"", "\"example.org\"", "1", "null"],
    );
    check("not_cidr", "\"10.0.0.0/8\"", &["\"11.0.0.1\"", "\"http://[::2]/\""], &["\"10.0.0.1\"", "\"host\"", "null"]);
}

#[test]
fn lengths() {
    check("len_lte", "2", &["\"é日\"", "[1,2]", "{\"a\":1}", "\"\""], &["\"abc\"", "[1,2,3]", "1", "null", "true"]);
    check("len_gte", "2", &["\"abc\"", "[1,2]", "{\"a\":1,\"b\":2}"], &["\"a\"", "[]", "12"]);
}
