use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::bridge::{completed, plain, with_id};
use crate::qualify::{NameKind, qualified_task, qualified_uri, rename_in};

/// Which edits are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Same,
    Completed,
    Plain,
}

fn other_name(name: &Name<'_>) -> NewName {
    match name.kind {
        NameKind::Uri => NewName::Text(qualified_uri("s", &name.text)),
        _ => NewName::Text(qualified_task("s", &name.text)),
    }
}

/// The edits on the whole text.
fn whole(text: &str, era: Era, method: Method) -> String {
    let text = Bytes::copy_from_slice(text.as_bytes());
    let text = match era {
        Era::Same => text,
        Era::Completed => completed(&text, method).unwrap(),
        Era::Plain => plain(&text).unwrap(),
    };
    let text = with_id(&text, &Id::string("client's")).unwrap();
    let text = rename_in(&text, Part::Answer(method), other_name).unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

/// The same while it passes in pieces of these lengths, over and over.
fn passing(text: &str, lengths: &[usize], era: Era, method: Method) -> String {
    let editor = AnswerEditor::default().with_id(&Id::string("client's")).renamed(Part::Answer(method), other_name);
    let editor = match era {
        Era::Same => editor,
        Era::Completed => editor.completed(method),
        Era::Plain => editor.plain(),
    };
    by_pieces(text, lengths, editor)
}

fn by_pieces(text: &str, lengths: &[usize], mut editor: AnswerEditor) -> String {
    let (mut rest, mut lengths, mut out) =
        (Bytes::copy_from_slice(text.as_bytes()), lengths.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let length = lengths.next().unwrap().clamp(&1, &rest.len()).to_owned();
        out.extend_from_slice(&editor.push(&rest.split_to(length)).unwrap());
    }
    String::from_utf8(out).unwrap()
}

const LENGTHS: [&[usize]; 5] = [&[1], &[2], &[3, 1], &[7], &[100_000]];

#[test]
fn edits_are_those_of_the_whole_text() {
    let results = [
        r#"{"content":[{"type":"text","text":"a \"quote\" \u0041 }]"}],"structuredContent":{"uri":"x","resultType":1}}"#,
        r#"{ "resultType" : "complete" , "content" : [ ] , "ttlMs":0 }"#,
        r#"{"resultType":"complete","ttlMs":1,"cacheScope":{"a":[1]}}"#,
        r#"{"a":1,"resultType":"complete"}"#,
        r#"{"\u0072esultType":"complete","a":-1.50e3}"#,
        "{}",
        "{ }",
        "null",
        "\"text\"",
        "[1,{}]",
        r#"{"contents":[{"uri":"a:1","text":"t"},{"blob":"b","uri":"a:2","_meta":{"ui":{"resourceUri":"ui://x"}}},{"uri":null}]}"#,
        r#"{"content":[{"type":"resource_link","uri":"a:1"},{"uri":"a:2","name":"n","type":"resource_link","title":"t"}, {"uri":"no","type":"text"} ,{"uri":"no"}]}"#,
        r#"{"content":[{"resource":{"text":"long","uri":"a:1"},"type":"resource","_meta":{"ui/resourceUri":"ui://a"}},{"_meta":{"ui":{"resourceUri":"u"}}}]}"#,
        r#"{"content":{"type":"resource","resource":{"uri":"a:1"}}}"#,
        r#"{"content":[{"type":"tool_result","content":[{"type":"resource_link","uri":"a"}]},{"type":7,"uri":"b"},"x",1,null,[{}]]}"#,
        r#"{"messages":[{"role":"user","content":{"uri":"a","type":"resource_link"}}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}"#,
        r#"{"taskId":"t","task":{"taskId":"t2"},"result":{"content":[]}}"#,
        "{\n  \"content\": [\n    {\n      \"type\": \"text\"\n    }\n  ]\n}",
    ];
    let texts = results.iter().flat_map(|result| {
        [
            format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#),
            format!(" {{ \"result\" : {result} ,\n\"jsonrpc\":\"2.0\", \"id\" : \"a\\\"b\" }}\n"),
        ]
    });
    for text in texts {
        for method in [Method::ToolsCall, Method::PromptsGet, Method::ResourcesRead, Method::TasksGet, Method::Ping] {
            for era in [Era::Same, Era::Plain, Era::Completed] {
                let expected = whole(&text, era, method);
                for lengths in LENGTHS {
                    let found = passing(&text, lengths, era, method);
                    let replaces =
                        era == Era::Completed && ["resultType", "ttlMs"].iter().any(|key| text.contains(key));
                    if replaces || text.contains("u0072") {
                        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                        assert_eq!(value(&found), value(&expected), "{text} {era:?} by {lengths:?}");
                    } else {
                        assert_eq!(found, expected, "{text} {era:?} {method:?} by {lengths:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn names_in_errors() {
    let text = r#"{"jsonrpc":"2.0","id":1,"error":{"message":"m","code": -32002 ,"data":{"uri":"a:1","code":-32002}}}"#;
    for lengths in LENGTHS {
        let expected = whole(text, Era::Same, Method::ResourcesRead);
        assert_eq!(passing(text, lengths, Era::Same, Method::ResourcesRead), expected);
    }
}

#[test]
fn what_passes_is_not_copied_and_little_is_held() {
    let mut editor = AnswerEditor::default().with_id(&Id::number(9)).plain();
    let start = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""#);
    editor.push(&start).unwrap();
    let piece = Bytes::from(vec![b'x'; 100_000]);
    for _ in 0..100 {
        assert_eq!(editor.push(&piece).unwrap().as_ptr(), piece.as_ptr());
    }
    let held = editor.pending.capacity() + editor.value.capacity() + editor.key.capacity();
    assert!(held < 4_096, "{held} bytes are held");
}

#[test]
fn an_entry_whose_type_comes_too_late_is_refused() {
    let late = |size: usize| {
        let mut editor = AnswerEditor::default().renamed(Part::Answer(Method::ToolsCall), other_name);
        let blob = "x".repeat(size);
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"resource":{{"uri":"a:1","blob":"{blob}"}},"type":"resource"}}]}}}}"#
        );
        editor.push(&Bytes::from(text)).map(|edited| String::from_utf8_lossy(&edited).contains("srv.s+a:1"))
    };
    assert_eq!(late(1_000), Ok(true));
    assert_eq!(late(HELD), Err(PassingError::TooLong { limit: HELD }));
}

/// JSON whose keys and strings are those that edits look for.
fn json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec!["uri", "resource_link", "resource", "tool_result", "x\"\u{e9}\\"]);
    let leaf = prop_oneof![words.prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(Value::Null)];
    leaf.prop_recursive(6, 40, 5, |inner| {
        let keys = prop::sample::select(vec![
            "result",
            "content",
            "contents",
            "messages",
            "type",
            "uri",
            "resource",
            "taskId",
            "task",
            "_meta",
            "ui",
            "resourceUri",
            "ttlMs",
            "z",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_answer_in_any_pieces_is_edited_as_the_whole_text_is(
        result in json(),
        pretty in any::<bool>(),
        plain in any::<bool>(),
        method in prop::sample::select(vec![Method::ToolsCall, Method::PromptsGet, Method::ResourcesRead, Method::TasksGet]),
        lengths in prop::collection::vec(1..30_usize, 1..5),
    ) {
        let message = serde_json::json!({"jsonrpc": "2.0", "id": 7, "result": result});
        let text = if pretty { serde_json::to_string_pretty(&message) } else { serde_json::to_string(&message) }.unwrap();
        let era = if plain { Era::Plain } else { Era::Same };
        prop_assert_eq!(passing(&text, &lengths, era, method), whole(&text, era, method));
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let completed = passing(&text, &lengths, Era::Completed, method);
        prop_assert_eq!(value(&completed), value(&whole(&text, Era::Completed, method)));
    }
}
