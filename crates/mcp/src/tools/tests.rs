use proptest::prelude::*;

use super::*;
use crate::version::Era;
use bytes::Bytes;

const LIST: &str = concat!(
    "{ \"jsonrpc\":\"2.0\", \"x-first\": 1.50, \"id\":\"l\\u0031\",\"result\" : {\"tools\" : [\n",
    r#"  {"name":"read_a","description":"say \"name\": {","inputSchema":{"type":"object","properties":{"name":{"maximum":1e400}}},"x-odd":{"z":1,"a":2}}"#,
    " ,\n\t",
    r#"{"annotations":{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":null,"title":"T"},"title":null,"na\u006de":"del\u0065te_b","outputSchema":true}"#,
    " , ",
    r#"{"name":"c","title":"C","inputSchema":{}}"#,
    "\n ], \"nextCursor\":null, \"cacheScope\" : \"public\",\"ttlMs\":5, \"_meta\":{\"n\":12345678901234567890} } }\n",
);

fn list() -> Bytes {
    Bytes::from_static(LIST.as_bytes())
}

fn dropping<'a>(names: &'a [&'a str]) -> impl FnMut(&Tool<'_>) -> Keep + 'a {
    |tool| if names.contains(&tool.name.as_ref()) { Keep::Drop } else { Keep::Keep }
}

#[test]
fn tools_are_read_with_all_their_parts() {
    let bytes = list();
    let tools = tools_of(&bytes).unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, ["read_a", "delete_b", "c"]);
    assert_eq!(tools[0].description.as_deref(), Some("say \"name\": {"));
    assert_eq!(tools[0].input_schema, Some(r#"{"type":"object","properties":{"name":{"maximum":1e400}}}"#));
    assert_eq!(tools[0].annotations, Annotations::default());
    assert_eq!(tools[1].title.as_deref(), Some("T"));
    assert_eq!(tools[1].output_schema, Some("true"));
    let hints = Annotations { read_only_hint: Some(false), destructive_hint: Some(true), ..Annotations::default() };
    assert_eq!(tools[1].annotations, hints);
    assert_eq!(tools[2].raw, r#"{"name":"c","title":"C","inputSchema":{}}"#);
}

#[test]
fn nothing_to_do_gives_the_same_bytes() {
    let bytes = list();
    let same = filter_tools_list(&bytes, Era::Initialize, |_| Keep::Keep).unwrap();
    assert_eq!(same.as_ptr(), bytes.as_ptr(), "not even copied");
}

#[test]
fn only_the_dropped_tool_goes() {
    let pieces = |without: &str| LIST.replacen(without, "", 1);
    let [a, b, c] = tools_of(LIST.as_bytes()).unwrap().try_into().unwrap();
    for (dropped, expected) in [
        (vec!["read_a"], pieces(&format!("{} ,\n\t", a.raw))),
        (vec!["delete_b"], pieces(&format!(" ,\n\t{}", b.raw))),
        (vec!["c"], pieces(&format!(" , {}", c.raw))),
        (vec!["read_a", "delete_b"], pieces(&format!("{} ,\n\t{} , ", a.raw, b.raw))),
        (vec!["read_a", "c"], pieces(&format!("{} ,\n\t", a.raw)).replacen(&format!(" , {}", c.raw), "", 1)),
        (vec!["read_a", "delete_b", "c"], pieces(&format!("{} ,\n\t{} , {}", a.raw, b.raw, c.raw))),
    ] {
        let filtered = filter_tools_list(&list(), Era::Initialize, dropping(&dropped)).unwrap();
        assert_eq!(filtered, expected, "without {dropped:?}");
    }
}

#[test]
fn a_filtered_list_is_private_in_the_stateless_era() {
    let filtered = filter_tools_list(&list(), Era::Stateless, |_| Keep::Keep).unwrap();
    assert_eq!(filtered, LIST.replace(r#""public""#, r#""private""#));
    let bare = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#);
    assert_eq!(filter_tools_list(&bare, Era::Stateless, |_| Keep::Keep).unwrap(), bare, "nothing is added");
}

#[test]
fn a_renamed_tool_differs_in_its_name_only() {
    let renamed = filter_tools_list(&list(), Era::Initialize, |tool| match tool.name.as_ref() {
        "delete_b" => Keep::Rename(format!("srv__{}\"", tool.name)),
        "c" => Keep::Drop,
        _ => Keep::Keep,
    });
    let tools = tools_of(LIST.as_bytes()).unwrap();
    let expected =
        LIST.replace(r#""del\u0065te_b""#, r#""srv__delete_b\"""#).replace(&format!(" , {}", tools[2].raw), "");
    assert_eq!(renamed.unwrap(), expected);
}

#[test]
fn an_error_answer_has_no_tools_and_passes() {
    let error = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#);
    assert_eq!(filter_tools_list(&error, Era::Initialize, |_| Keep::Drop).unwrap(), error);
    assert_eq!(tools_of(&error), Err(ListError::Refused { code: -32601 }));
}

#[test]
fn a_list_in_doubt_is_an_error() {
    let answer = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    for text in [
        String::new(),
        "[]".to_owned(),
        answer("{}"),
        answer("[]"),
        answer("null"),
        answer(r#"{"tools":null}"#),
        answer(r#"{"tools":{}}"#),
        answer(r#"{"Tools":[]}"#),
        answer(r#"{"tools":[],"Tools":[{"name":"hidden"}]}"#),
        answer(r#"{"tools":[],"tools":[{"name":"hidden"}]}"#),
        answer(r#"{"tools":[],"\u0074ools":[{"name":"hidden"}]}"#),
        answer(r#"{"tools":["hidden"]}"#),
        answer(r#"{"tools":[[]]}"#),
        answer(r#"{"tools":[{}]}"#),
        answer(r#"{"tools":[{"name":1}]}"#),
        answer(r#"{"tools":[{"name":"a","name":"hidden"}]}"#),
        answer(r#"{"tools":[{"name":"a","Name":"hidden"}]}"#),
        answer(r#"{"tools":[{"name":"a","x":{"y":1,"y":2}}]}"#),
        answer(r#"{"tools":[{"name":"a\ud800"}]}"#),
        answer(r#"{"tools":[{"name":"a"}]"#),
        answer(r#"{"tools":[{"name":"a"},]}"#),
        format!("{} x", answer(r#"{"tools":[]}"#)),
        format!("\u{feff}{}", answer(r#"{"tools":[]}"#)),
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]},"Result":{"tools":[{"name":"hidden"}]}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#.to_owned(),
        answer(&format!(r#"{{"tools":[{{"name":"a","x":{}1{}}}]}}"#, "[".repeat(125), "]".repeat(125))),
    ] {
        let filtered = filter_tools_list(&Bytes::from(text.clone()), Era::Initialize, |_| Keep::Keep);
        assert!(filtered.is_err(), "passed on: {text}");
    }
    let compressed = Bytes::from_static(b"\x1f\x8b\x08\0\0\0\0\0");
    assert!(filter_tools_list(&compressed, Era::Initialize, |_| Keep::Keep).is_err());
}

#[derive(serde::Deserialize)]
struct Answer {
    result: Listed,
}

#[derive(serde::Deserialize)]
struct Listed {
    tools: Vec<serde::de::IgnoredAny>,
}

fn space() -> impl Strategy<Value = String> {
    "[ \n\t\r]{0,3}"
}

fn spelled_name(name: &str, escaped: usize) -> String {
    let spell = |(index, character): (usize, char)| match (index + escaped) % 3 {
        0 if escaped > 0 => format!("\\u{:04x}", character as u32),
        _ => character.to_string(),
    };
    name.chars().enumerate().map(spell).collect()
}

fn tool_text() -> impl Strategy<Value = (String, String)> {
    let extra = prop::sample::select(vec![
        "",
        r#","description":"a \"name\":\"x\" ],[}""#,
        r#","inputSchema":{"type":"object","properties":{"name":{"x":[1.0,1e999]}}}"#,
        r#","\u0078":"\\""#,
        r#", "annotations" : {"readOnlyHint":true}"#,
    ]);
    ("[a-e]{1,3}", 0..3usize, extra, space()).prop_map(|(name, escaped, extra, gap)| {
        let spelled = spelled_name(&name, escaped);
        (name, format!(r#"{{{gap}"name":{gap}"{spelled}"{extra}{gap}}}"#))
    })
}

proptest! {
    #[test]
    fn filtering_keeps_the_kept_and_everything_around(
        tools in prop::collection::vec((tool_text(), space(), space(), any::<bool>()), 0..7), head in space(), tail in space()
    ) {
        let items: Vec<String> = tools.iter().map(|((_, text), before, after, _)| format!("{before}{text}{after}")).collect();
        let prefix = format!(r#"{head}{{"id":1.0,"result":{{"a":"]","tools":{head}["#);
        let suffix = format!(r#"],"nextCursor":"é\u00e9"{tail}}},"jsonrpc":"2.0"}}{tail}"#);
        let message = Bytes::from(format!("{prefix}{}{suffix}", items.join(",")));
        let mut decisions = tools.iter().map(|(_, _, _, keep)| *keep);
        let keep = |tool: &Tool<'_>| match decisions.next() {
            Some(true) => Keep::Keep,
            Some(false) => Keep::Drop,
            None => panic!("asked more than once about {}", tool.name),
        };
        let filtered = filter_tools_list(&message, Era::Initialize, keep).unwrap();
        let filtered_text = std::str::from_utf8(&filtered).unwrap();
        prop_assert!(filtered_text.starts_with(&prefix) && filtered_text.ends_with(&suffix), "{}", filtered_text);
        let kept: Vec<(&str, &str)> =
            tools.iter().filter(|tool| tool.3).map(|((name, text), ..)| (name.as_str(), text.as_str())).collect();
        let left = tools_of(&filtered).unwrap();
        let left: Vec<(&str, &str)> = left.iter().map(|tool| (tool.name.as_ref(), tool.raw)).collect();
        prop_assert_eq!(left, kept);
    }

    #[test]
    fn damaged_lists_are_errors_or_show_no_hidden_tool(at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..2)) {
        let mut bytes = LIST.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes.splice(at..at + 1, with);
        if let Ok(filtered) = filter_tools_list(&Bytes::from(bytes), Era::Initialize, |_| Keep::Drop) {
            // Not a `Value`: damage may leave `1e5555`, which is JSON and no double.
            let answer: Answer = match serde_json::from_slice(&filtered) {
                Ok(answer) => answer,
                Err(error) => return Err(TestCaseError::fail(format!("not JSON: {error}"))),
            };
            prop_assert!(answer.result.tools.is_empty(), "{:?}", filtered);
        }
    }
}
