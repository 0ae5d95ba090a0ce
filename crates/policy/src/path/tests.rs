use super::*;

fn key(text: &str) -> Segment {
    Segment::Key(text.into())
}

fn read(text: &str) -> Root {
    Path::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).root
}

#[test]
fn forms() {
    use Segment::{Each, Index};
    for (text, expected) in [
        ("args.a", vec![key("a")]),
        ("args.a.b-c.$d.naïve", vec![key("a"), key("b-c"), key("$d"), key("naïve")]),
        ("args.files[0]", vec![key("files"), Index(0)]),
        ("args.files[*].path", vec![key("files"), Each, key("path")]),
        ("args.a[*][12][*]", vec![key("a"), Each, Index(12), Each]),
        (r#"args["odd.key"]"#, vec![key("odd.key")]),
        (r#"args["a"].b["c]\"d"][3]"#, vec![key("a"), key("b"), key("c]\"d"), Index(3)]),
        (r#"args["\u00e9\\"]"#, vec![key("é\\")]),
        (r#"args[""]"#, vec![key("")]),
        ("args.0", vec![key("0")]),
    ] {
        assert_eq!(read(text), Root::Arguments(expected), "{text}");
    }
    assert_eq!(read("time.weekday"), Root::Fact(Fact::TimeWeekday));
    assert_eq!(read("member.email"), Root::Fact(Fact::MemberEmail));
}

#[test]
fn everything_else_is_refused() {
    for bad in [
        "",
        "args",
        "args.",
        "args..a",
        "args.a.",
        ".a",
        "arg.x",
        "argsx",
        "Args.a",
        "args a",
        "args.a b",
        "args.a ",
        "args.*",
        "args.a*",
        "args.a[",
        "args.a[]",
        "args.a[-1]",
        "args.a[01]",
        "args.a[1",
        "args.a[+1]",
        "args.a[x]",
        "args.a['k']",
        "args.a[\"k]",
        "args.a[\"k\"",
        "args.a[\"k\"x]",
        "args.a]",
        "args.a[0]b",
        "args[\"\\x\"]",
        "args.a[99999999999999999999999]",
        "grant",
        "grant.id",
        "member.email.x",
        "time.minute",
        "tool.name",
        "$.a",
    ] {
        assert!(Path::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_very_long_path_is_harmless() {
    let path = Path::parse(&format!("args{}", ".a".repeat(100_000))).unwrap();
    let tree = json::parse(r#"{"a":{"a":1}}"#).unwrap();
    let found = holds(Some(&tree.root.value), path.segments().unwrap(), Quantifier::Any, &|end| end.is_some());
    assert!(!found);
}

/// `every any` of "is present" and of "is missing", in that order.
fn ends(path: &str, arguments: &str) -> [bool; 4] {
    let path = Path::parse(path).unwrap();
    let tree = json::parse(arguments).unwrap();
    let found = |quantifier, present: bool| {
        holds(Some(&tree.root.value), path.segments().unwrap(), quantifier, &|end| end.is_some() == present)
    };
    [
        found(Quantifier::Every, true),
        found(Quantifier::Any, true),
        found(Quantifier::Every, false),
        found(Quantifier::Any, false),
    ]
}

#[test]
fn walking() {
    const ALL: [bool; 4] = [true, true, false, false];
    const NONE: [bool; 4] = [false, false, true, true];
    const SOME: [bool; 4] = [false, true, false, true];
    const EMPTY: [bool; 4] = [true, false, true, false];
    for (path, arguments, expected) in [
        ("args.a", r#"{"a":null}"#, ALL),
        ("args.a", r#"{"A":1}"#, NONE),
        ("args.a.b", r#"{"a":"b"}"#, NONE),
        ("args.a[1]", r#"{"a":[1,2]}"#, ALL),
        ("args.a[2]", r#"{"a":[1,2]}"#, NONE),
        ("args.a[0]", r#"{"a":{"0":1}}"#, NONE),
        ("args.a.0", r#"{"a":[1]}"#, NONE),
        ("args.f[*].p", r#"{"f":[{"p":1},{"p":2}]}"#, ALL),
        ("args.f[*].p", r#"{"f":[{"p":1},{}]}"#, SOME),
        ("args.f[*].p", r#"{"f":[{}]}"#, NONE),
        ("args.f[*].p", r#"{"f":[]}"#, EMPTY),
        ("args.f[*].p", r#"{"f":{"p":1}}"#, NONE),
        ("args.f[*].p", r#"{}"#, NONE),
        ("args.f[*].g[*].h", r#"{"f":[{"g":[{"h":1}]},{"g":[]}]}"#, ALL),
        ("args.f[*].g[*].h", r#"{"f":[{"g":[{"h":1}]},{}]}"#, SOME),
        ("args.f[*].g[*].h", r#"{"f":[{"g":[]},{"g":[]}]}"#, EMPTY),
        ("args.f[*][*]", r#"{"f":[[1],[2]]}"#, ALL),
        ("args.f[*][*]", r#"{"f":[[1],2]}"#, SOME),
    ] {
        assert_eq!(ends(path, arguments), expected, "{path} in {arguments}");
    }
}
