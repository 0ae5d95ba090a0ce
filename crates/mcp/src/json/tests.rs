use super::*;

fn strict(text: &str) -> Result<(), Fault> {
    check(text, Rigour::Strict, 64).map_err(|finding| finding.fault)
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn what_json_has() {
    for text in [
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e+00",
        "1E400",
        "12345678901234567890.5",
        r#""""#,
        " [ 1 , 2 ]\r\n\t",
        r#"{"a":{"a":[{"a":1},{"a":2}]},"b":"\"\\\/\b\f\n\r\t\u0000\ud83d\ude00"}"#,
        "\"\u{7f}\u{80}\u{2028}\u{ffff}\"",
    ] {
        assert_eq!(strict(text), Ok(()), "{text}");
    }
}

#[test]
fn what_json_has_not() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "}",
        "]",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1 2]",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{,}",
        "{a:1}",
        "{'a':1}",
        r#"{"a" 1}"#,
        r#"{1:1}"#,
        "nul",
        "nulL",
        "True",
        "tru",
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "-",
        "1e",
        "1e+",
        "0x10",
        "1_0",
        "\"",
        "\"a",
        "\"\\\"",
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\U0041""#,
        "\"\n\"",
        "\"\0\"",
        "\"\u{1f}\"",
        "[1] x",
        "{} {}",
        "1 2",
        "/* */ 1",
        "// \n1",
        "\u{a0}1",
        "\u{feff}1",
        "[1]\0",
        "\"\\u\"",
        "\"\\",
    ] {
        assert!(strict(text).is_err(), "{text:?}");
    }
}

#[test]
fn surrogates() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
        r#""\ud83d\u0041""#,
        r#""\ude00\ud83d""#,
        r#"{"\udfff":1}"#,
    ] {
        assert_eq!(strict(text), Err(Fault::LoneSurrogate), "{text}");
        assert_eq!(check(text, Rigour::Lenient, 64), Ok(()), "{text}");
    }
    assert_eq!(decode(r#""\ud83d\ude00\ud83d.\ude00""#), "\u{1f600}\u{fffd}.\u{fffd}");
}

#[test]
fn depth_counts_from_the_outermost_value() {
    assert_eq!(strict(&nested(64)), Ok(()));
    assert_eq!(strict(&nested(65)), Err(Fault::TooDeep { limit: 64 }));
    assert_eq!(check(&nested(512), Rigour::Strict, usize::MAX), Ok(()));
    assert_eq!(
        check(&nested(513), Rigour::Strict, usize::MAX).map_err(|f| f.fault),
        Err(Fault::TooDeep { limit: 512 })
    );
    let objects = format!("{}1{}", r#"{"a":"#.repeat(65), "}".repeat(65));
    assert_eq!(strict(&objects), Err(Fault::TooDeep { limit: 64 }));
}

#[test]
fn duplicate_keys_at_any_depth_after_unescaping() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"x":[{"é":1,"b":2,"\u00e9":3}]}]"#,
        r#"{"":1,"":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"a":{"b":1},"c":{"b":1},"a":{}}"#,
    ] {
        assert!(matches!(strict(text), Err(Fault::DuplicateKey { .. })), "{text}");
        assert_eq!(check(text, Rigour::Lenient, 64), Ok(()), "{text}");
    }
    assert_eq!(strict(r#"{"a":{"a":{"a":1}},"A":1,"b":{"a":1}}"#), Ok(()));
}

#[test]
fn duplicate_keys_among_many() {
    for count in [15, 16, 17, 18, 500] {
        let keys = |last: usize| -> String {
            let members: Vec<String> = (0..count).chain([last]).map(|n| format!(r#""k{n}":{{"k1":{n}}}"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(strict(&keys(count)), Ok(()), "{count}");
        for again in [0, count / 2, count - 1] {
            let text = keys(again);
            let found = check(&text, Rigour::Strict, 64).expect_err("a key is there twice");
            assert_eq!(found.fault, Fault::DuplicateKey { key: format!("k{again}") });
            assert_eq!(found.offset, text.rfind(&format!(r#""k{again}""#)).unwrap(), "the second one is named");
        }
    }
}

#[test]
fn members_of_an_object() {
    let object = r#" { "a" : 1.50 , "\u0062" : {"a": 2}, "c":"x"} "#;
    assert_eq!(member(object, "a").map(|value| value.text), Some("1.50"));
    assert_eq!(member(object, "b").map(|value| (value.kind, value.text)), Some((Kind::Object, r#"{"a": 2}"#)));
    assert_eq!(member(object, "c").and_then(|value| value.as_string()).as_deref(), Some("x"));
    assert_eq!(member(object, "d"), None);
}

#[test]
fn strings_are_written_as_they_are_read() {
    for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}", "é😀\u{2028}"] {
        let mut quoted = String::new();
        push_quoted(&mut quoted, text);
        assert_eq!(strict(&quoted), Ok(()), "{quoted}");
        assert_eq!(decode(&quoted), text);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
}

#[test]
fn runs_end_at_the_first_special_byte_wherever_it_stands() {
    for special in [b'"', b'\\', 0, 0x1f] {
        for at in 0..40 {
            for filler in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff, 0xa2, 0xdc] {
                let mut bytes = vec![filler; 40];
                assert_eq!(string::plain_run(&bytes, 0), 40);
                bytes[at] = special;
                assert_eq!(string::plain_run(&bytes, 0), at);
                assert_eq!(string::plain_run(&bytes, at), at);
            }
        }
    }
}

#[test]
fn passing_over_a_container_finds_the_same_end() {
    for text in [
        "{}",
        "[]",
        r#"{"a":[1,{"b":"]}\"{"}],"c":{}}"#,
        r#"[[[]],{"x":{"\\":"["}},"\ud800"]"#,
        "[ 1 , \n2 ] ",
        r#"{"a":1,"a":2}"#,
    ] {
        let followed = format!("{text}, \"next\"");
        let mut scanner = Scanner::again(&followed);
        assert_eq!(scanner.value().map(|value| value.text), Ok(text.trim_end()), "{text}");
    }
    for text in ["{", "[", "[}", "{]", r#"{"a":[}"#, r#"["]"#, "[\"\n\"]", r#"["\x"]"#, "[[]"] {
        assert!(check(text, Rigour::Lenient, 64).is_err(), "{text}");
    }
    assert_eq!(check(&nested(64), Rigour::Lenient, 64), Ok(()));
    assert_eq!(check(&nested(65), Rigour::Lenient, 64).map_err(|f| f.fault), Err(Fault::TooDeep { limit: 64 }));
    assert_eq!(check(&nested(512), Rigour::Lenient, 9999), Ok(()));
    assert!(check(&nested(513), Rigour::Lenient, 9999).is_err());
}
