use proptest::prelude::*;

use crate::{Approval, Call, CompiledPolicy, Facts, RiskClass, Timestamp, judge};

fn reading(paths: &[&str]) -> CompiledPolicy {
    let conditions: Vec<String> =
        paths.iter().map(|path| format!(r#"{{"path":{path:?},"op":"exists","value":true}}"#)).collect();
    compile(&format!(r#"{{"deny_if":[{{"conditions":[{}]}}]}}"#, conditions.join(",")))
}

fn compile(rule: &str) -> CompiledPolicy {
    let text = format!(r#"{{"version":"1","default":"deny","tools":{{"t":{rule}}}}}"#);
    CompiledPolicy::compile(&text).unwrap_or_else(|problems| panic!("{text}: {problems}"))
}

#[test]
fn only_what_is_read_is_kept() {
    for (paths, arguments, kept) in [
        (&["args.a"][..], r#"{"a": {"x": [1, 2]}, "b": "secret"}"#, r#"{"a":{"x": [1, 2]}}"#),
        (&["args.a.b"], r#"{"a":{"b":1,"c":"secret"},"d":2}"#, r#"{"a":{"b":1}}"#),
        (&["args.a.b"], r#"{"a":"secret"}"#, "{}"),
        (&["args.a.b"], r#"{"b":1}"#, "{}"),
        (&["args.a[1]"], r#"{"a":["secret",5,"secret"]}"#, r#"{"a":[null,5]}"#),
        (&["args.a[9]"], r#"{"a":["secret"]}"#, "{}"),
        (&["args.a[*].x"], r#"{"a":[{"x":1,"y":"secret"},"secret",{}]}"#, r#"{"a":[{"x":1},null,null]}"#),
        (&["args.a[*].x"], r#"{"a":[]}"#, r#"{"a":[]}"#),
        (&["args.a[*][*]"], r#"{"a":[[],[1],{}]}"#, r#"{"a":[[],[1],null]}"#),
        (&["args.a[*].x", "args.a[1].y"], r#"{"a":[{"x":1,"y":2},{"x":3,"y":4}]}"#, r#"{"a":[{"x":1},{"x":3,"y":4}]}"#),
        (&["args.a", "args.a.b"], r#"{"a":{"c":1}}"#, r#"{"a":{"c":1}}"#),
        (&[r#"args["a\"b"].c"#], r#"{"a\u0022b":{"c":1e400}}"#, r#"{"a\"b":{"c":1e400}}"#),
    ] {
        assert_eq!(reading(paths).project(arguments).as_deref(), Some(kept), "{paths:?} {arguments}");
    }
}

#[test]
fn nothing_is_kept_where_nothing_is_read_or_nothing_is_sound() {
    assert_eq!(compile("{}").project(r#"{"a":1}"#), None);
    for bad in ["", "[]", "{", r#"{"a":1,"a":1}"#, "null"] {
        assert_eq!(reading(&["args.a"]).project(bad), None, "{bad}");
    }
}

#[test]
fn paths_however_deep_and_many_are_pruned() {
    let deep = format!("args{}", ".a".repeat(60_000));
    let policy = reading(&[&deep, "args.a[0]"]);
    assert_eq!(policy.project(r#"{"a":[1,2],"b":3}"#).as_deref(), Some(r#"{"a":[1]}"#));
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![".a", ".b", "[0]", "[1]", "[*]", "[\"c\"]"]);
    prop::collection::vec(segment, 1..4).prop_map(|segments| format!("args.a{}", segments.concat()))
}

fn value() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["null", "true", "1", "1.0", "2", "-3", "1e400", "\"a\"", "\"ab\"", "[]", "{}"]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let key = prop::sample::select(vec!["a", "b", "c", "d"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(key, inner, 0..3).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let test = prop::sample::select(vec![
        ("eq", "1"),
        ("neq", "1"),
        ("eq", "[]"),
        ("eq", r#"{"a":1}"#),
        ("in", r#"["a",null]"#),
        ("not_in", "[2]"),
        ("lt", "2"),
        ("exists", "true"),
        ("exists", "false"),
        ("contains", "1"),
        ("not_contains", "1"),
        ("len_lte", "1"),
        ("regex", "\"b\""),
    ]);
    (path(), test).prop_map(|(path, (op, value))| format!(r#"{{"path":{path:?},"op":"{op}","value":{value}}}"#))
}

fn checks() -> impl Strategy<Value = String> {
    let conditions = prop::collection::vec(condition(), 1..3);
    let check = conditions.prop_map(|conditions| format!(r#"{{"conditions":[{}]}}"#, conditions.join(",")));
    prop::collection::vec(check, 0..3).prop_map(|checks| format!("[{}]", checks.join(",")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_projection_is_judged_as_the_whole(
        require in checks(), deny in checks(), approve in checks(), amount in prop::option::of(path()),
        shadow in any::<bool>(), arguments in prop::collection::vec(value(), 2),
    ) {
        let amount = amount.filter(|path| !path.contains('*')).map_or_else(String::new, |path| format!(",\"amount\":{path:?}"));
        let mode = if shadow { "shadow" } else { "enforce" };
        let policy = compile(&format!(
            r#"{{"require":{require},"deny_if":{deny},"approve_if":{approve},"limits":[{{"window":"day","max":1{amount}}}],"mode":"{mode}"}}"#
        ));
        let whole = format!(r#"{{"a":{},"z":{}}}"#, arguments[0], arguments[1]);
        let projected = policy.project(&whole).unwrap_or_else(|| "{}".to_owned());
        prop_assert!(projected.len() <= whole.len() + whole.matches(['[', ',']).count() * 4);
        let verdict = |arguments: &str| {
            let call = Call {
                tool: "t", arguments: Some(arguments), class: RiskClass::Write, facts: Facts::default(), approved: Approval::None,
            };
            format!("{:?}", judge(Some(&policy), &call, Timestamp(0)))
        };
        prop_assert_eq!(verdict(&projected), verdict(&whole), "{} {}", projected, whole);
        prop_assert_eq!(policy.project(&projected).unwrap_or_else(|| "{}".to_owned()), projected, "pruning again changes nothing");
    }
}
