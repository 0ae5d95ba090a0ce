//! Where problems are placed, and what they say.

use policy::CompiledPolicy;

fn problems(text: &str) -> String {
    match CompiledPolicy::compile(text) {
        Ok(_) => "none".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// To accept a change on purpose, put the text of the failure into the file.
fn golden(name: &str, document: &str, expected: &str) {
    let found = problems(document);
    assert!(found.trim_end() == expected.trim_end(), "{name} is now:\n{found}\n");
}

#[test]
fn every_problem_is_told_in_one_go() {
    golden("everywhere", include_str!("problems/everywhere.json"), include_str!("problems/everywhere.txt"));
}

#[test]
fn clashes_name_both_and_stand_at_the_later_one() {
    golden("clashes", include_str!("problems/clashes.json"), include_str!("problems/clashes.txt"));
}

#[test]
fn twelve_faults_have_twelve_messages_at_their_lines() {
    golden("twelve", include_str!("problems/twelve.json"), include_str!("problems/twelve.txt"));
}

fn places(text: &str) -> Vec<(String, u32, u32)> {
    let problems = CompiledPolicy::compile(text).err().map(|problems| problems.0).unwrap_or_default();
    problems.into_iter().map(|problem| (problem.pointer, problem.line, problem.column)).collect()
}

fn place(pointer: &str, line: u32, column: u32) -> (String, u32, u32) {
    (pointer.to_owned(), line, column)
}

#[test]
fn lines_and_columns_in_one_line_in_windows_files_and_beyond_ascii() {
    let minified = r#"{"version":"1","default":"deny","tools":{"x":{"action":"no"}}}"#;
    assert_eq!(places(minified), [place("/tools/x/action", 1, 56)]);
    let windows = "{\r\n  \"version\": \"1\",\r\n  \"default\": \"no\"\r\n}\r\n";
    assert_eq!(places(windows), [place("/default", 3, 14)]);
    let tabs = "{\n\t\"version\": \"1\",\n\t\"default\": 5}";
    assert_eq!(places(tabs), [place("/default", 3, 13)], "a tab is one character");
    let wide = "{\"version\": \"1\", \"default\": \"deny\", \"tools\": {\"日本é𝄞\": {\"reason\": 1, \"ü\": 2}}}";
    assert_eq!(places(wide), [place("/tools/日本é𝄞/reason", 1, 66), place("/tools/日本é𝄞/ü", 1, 69)]);
}

#[test]
fn a_text_that_is_not_json_has_one_problem() {
    for (text, line, column) in [
        ("", 1, 1),
        (" \n ", 2, 2),
        ("\u{feff}{\"version\":\"1\",\"default\":\"deny\"}", 1, 1),
        ("{\"version\":\"1\",\"default\":\"deny\"} x", 1, 34),
        ("{\"version\":\"2\",\n \"default\":\"deny\",\n}", 3, 1),
        ("{\"version\":\"2\", // no\n}", 1, 17),
        ("{\"é\": \"\\ud800\"}", 1, 8),
    ] {
        assert_eq!(places(text), [place("", line, column)], "{text:?}");
    }
}

#[test]
fn other_json_values_are_no_document() {
    for text in ["[]", "null", "\"1\"", "7"] {
        assert_eq!(places(text), [place("", 1, 1)], "{text}");
    }
    assert_eq!(places(" {}"), [place("/version", 1, 2), place("/default", 1, 2)]);
}

#[test]
fn size_is_bounded_in_bytes() {
    let document = |padding: usize| {
        format!("{{\"version\":\"1\",\"default\":\"deny\",\"description\":\"é{}\"}}", "x".repeat(padding))
    };
    let full = 256 * 1024 - document(0).len();
    assert_eq!(problems(&document(full)), "none");
    assert_eq!(places(&document(full + 1)), [place("", 1, 1)]);
}

fn with_entries(hidden: usize, tools: usize) -> String {
    let hidden: Vec<String> = (0..hidden).map(|n| format!("\"h{n}\"")).collect();
    let tools: Vec<String> = (0..tools).map(|n| format!("\"t{n}\":{{}}")).collect();
    format!(
        "{{\"version\":\"1\",\"default\":\"deny\",\n\"hide\":[{}],\n\"tools\":{{{}}}}}",
        hidden.join(","),
        tools.join(",")
    )
}

#[test]
fn entries_are_counted() {
    for (hidden, tools) in [(0, 1000), (1000, 0), (500, 500)] {
        assert_eq!(problems(&with_entries(hidden, tools)), "none");
    }
    assert_eq!(places(&with_entries(0, 1001)), [place("/tools", 3, 9)]);
    assert_eq!(places(&with_entries(1001, 0)), [place("/hide", 2, 8)]);
    assert_eq!(places(&with_entries(500, 501)), [place("/tools", 3, 9)]);
}

#[test]
fn pattern_and_reason_lengths_count_characters() {
    let reason = |length: usize| {
        format!(
            "{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"x\":{{\"reason\":\"{}\"}}}}}}",
            "é".repeat(length)
        )
    };
    assert_eq!(problems(&reason(500)), "none");
    assert_eq!(places(&reason(501)), [place("/tools/x/reason", 1, 56)]);
    let regex = |length: usize| {
        format!(
            "{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"x\":{{\"deny_if\":[{{\"conditions\":\
             [{{\"path\":\"args.a\",\"op\":\"regex\",\"value\":\"{}\"}}]}}]}}}}}}",
            "é".repeat(length)
        )
    };
    assert_eq!(problems(&regex(1000)), "none");
    assert_eq!(places(&regex(1001)), [place("/tools/x/deny_if/0/conditions/0/value", 1, 111)]);
}

#[test]
fn counter_names_have_bounds() {
    let counter = |name: &str| {
        format!(
            "{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{\"x\":{{\"limits\":\
             [{{\"counter\":\"{name}\",\"window\":\"day\",\"max\":0}}]}}}}}}"
        )
    };
    assert_eq!(problems(&counter("A-Za-z0-9_.:-")), "none");
    assert_eq!(problems(&counter(&"c".repeat(128))), "none");
    for bad in [&"c".repeat(129), "", "a b", "é", "a/b", "a*"] {
        assert_eq!(places(&counter(bad))[0].0, "/tools/x/limits/0/counter", "{bad}");
    }
}

#[test]
fn hostile_documents_end_in_bounded_time() {
    let many_problems = format!("{{{}}}", vec!["\"a\":1"; 40_000].join(","));
    assert!(places(&many_problems).len() > 40_000);
    let alike: Vec<String> = (0..500)
        .map(|n| format!("\"*{}b*\":{{}},\"{}{}\":{{}}", "a".repeat(200), "a".repeat(199), "?".repeat(n / 3 + 1)))
        .collect();
    let document = format!("{{\"version\":\"1\",\"default\":\"deny\",\"tools\":{{{}}}}}", alike.join(","));
    assert!(CompiledPolicy::compile(&document).is_err());
    assert!(CompiledPolicy::compile(&"[".repeat(250_000)).is_err());
    let around = |inner: &str, times: usize| {
        let inner = vec![inner; times].join(",");
        format!("{{\"version\":\"1\",\"default\":\"deny\",\"x\":{{\"{}\":{{{inner}}}}}}}", "k".repeat(100_000))
    };
    let told: usize = places(&around("\"a\":1", 20_000)).iter().map(|(pointer, ..)| pointer.len()).sum();
    assert!(told < 64 * 1024 * 1024, "long keys around many problems do not fill memory: {told}");
    let long_name = around("\"a\":1", 1).replace("\"x\"", "\"tools\"");
    assert_eq!(places(&long_name).len(), 1);
    assert!(CompiledPolicy::compile(&"{\"a\":".repeat(50_000)).is_err());
}
