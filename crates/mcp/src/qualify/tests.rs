use proptest::prelude::*;

use super::*;

fn upper(message: &str, part: Part) -> String {
    let bytes = Bytes::copy_from_slice(message.as_bytes());
    let renamed = rename_in(&bytes, part, |name| match name.kind {
        NameKind::Request | NameKind::Progress => NewName::Text(format!("S+{}", name.raw)),
        _ => NewName::Text(format!("S:{}", name.text)),
    });
    String::from_utf8(renamed.unwrap().to_vec()).unwrap()
}

#[test]
fn names_in_answers() {
    let answer = |result: &str| format!(r#" {{"jsonrpc":"2.0", "id":1.0,"result":{result},"x":1e3}}"#);
    let cases = [
        (
            Method::ToolsCall,
            r#"{"content":[{"type":"text","text":"a","uri":"no"},{"uri":"a:1","type":"resource_link","n":1.50},{"type":"resource","resource":{"text":"uri","uri":"a\u003a2"}},{"type":"image","uri":"no"}],"structuredContent":{"uri":"no","content":[{"type":"resource_link","uri":"no"}]}}"#,
            r#"{"content":[{"type":"text","text":"a","uri":"no"},{"uri":"S:a:1","type":"resource_link","n":1.50},{"type":"resource","resource":{"text":"uri","uri":"S:a:2"}},{"type":"image","uri":"no"}],"structuredContent":{"uri":"no","content":[{"type":"resource_link","uri":"no"}]}}"#,
        ),
        (
            Method::ToolsCall,
            r#"{"resultType":"task","taskId":"t1","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t2"},"ui":{"resourceUri":"ui://x"}}}"#,
            r#"{"resultType":"task","taskId":"S:t1","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"S:t2"},"ui":{"resourceUri":"S:ui://x"}}}"#,
        ),
        (
            Method::ToolsCall,
            r#"{"task":{"taskId":"t1","status":"working"}}"#,
            r#"{"task":{"taskId":"S:t1","status":"working"}}"#,
        ),
        (
            Method::PromptsGet,
            r#"{"messages":[{"role":"user","content":{"type":"resource_link","uri":"a:1"}},{"content":[{"type":"resource","resource":{"uri":"a:2"}}]}]}"#,
            r#"{"messages":[{"role":"user","content":{"type":"resource_link","uri":"S:a:1"}},{"content":[{"type":"resource","resource":{"uri":"S:a:2"}}]}]}"#,
        ),
        (
            Method::ResourcesRead,
            r#"{"contents":[{"uri":"a:1","blob":"uri"},{"uri":7}]}"#,
            r#"{"contents":[{"uri":"S:a:1","blob":"uri"},{"uri":7}]}"#,
        ),
        (
            Method::TasksGet,
            r#"{"taskId":"t","result":{"content":[{"type":"resource_link","uri":"a:1"}]}}"#,
            r#"{"taskId":"S:t","result":{"content":[{"type":"resource_link","uri":"S:a:1"}]}}"#,
        ),
        (Method::CompletionComplete, r#"{"completion":{"values":["uri"]}}"#, r#"{"completion":{"values":["uri"]}}"#),
    ];
    for (method, before, after) in cases {
        assert_eq!(upper(&answer(before), Part::Answer(method)), answer(after));
    }
    let error = |uri: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":-32602,"message":"a:1","data":{{"uri":"{uri}"}}}}}}"#)
    };
    assert_eq!(upper(&error("a:1"), Part::Answer(Method::ResourcesRead)), error("S:a:1"));
}

#[test]
fn names_in_what_servers_send() {
    let cases = [
        (
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:1","_meta":{"io.modelcontextprotocol/subscriptionId":7}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"S:a:1","_meta":{"io.modelcontextprotocol/subscriptionId":7}}}"#,
        ),
        (
            r#"{"method":"sampling/createMessage","id":5,"params":{"_meta":{"progressToken":"p"},"messages":[{"content":{"type":"text"}}]}}"#,
            r#"{"method":"sampling/createMessage","id":"S+5","params":{"_meta":{"progressToken":"S+\"p\""},"messages":[{"content":{"type":"text"}}]}}"#,
        ),
        (
            r#"{"method":"notifications/cancelled","params":{"requestId":"q"}}"#,
            r#"{"method":"notifications/cancelled","params":{"requestId":"S+\"q\""}}"#,
        ),
        (
            r#"{"method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}"#,
            r#"{"method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}"#,
        ),
        (
            r#"{"method":"notifications/tasks/status","params":{"taskId":"t","status":"working"}}"#,
            r#"{"method":"notifications/tasks/status","params":{"taskId":"S:t","status":"working"}}"#,
        ),
    ];
    for (before, after) in cases {
        let value: serde_json::Value = serde_json::from_str(before).unwrap();
        let method = Method::of(value["method"].as_str().unwrap());
        assert_eq!(upper(before, Part::FromServer(method)), after);
    }
}

#[test]
fn names_in_what_clients_send() {
    let cases = [
        (
            r#"{"method":"tools/call","params":{"arguments":{"name":"no","uri":"no"},"name":"t"}}"#,
            r#"{"method":"tools/call","params":{"arguments":{"name":"no","uri":"no"},"name":"S:t"}}"#,
        ),
        (
            r#"{"method":"resources/subscribe","params":{"uri":"a:1"}}"#,
            r#"{"method":"resources/subscribe","params":{"uri":"S:a:1"}}"#,
        ),
        (
            r#"{"method":"completion/complete","params":{"argument":{"name":"no"},"ref":{"name":"p","uri":"no","type":"ref/prompt"}}}"#,
            r#"{"method":"completion/complete","params":{"argument":{"name":"no"},"ref":{"name":"S:p","uri":"no","type":"ref/prompt"}}}"#,
        ),
        (
            r#"{"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"a:{x}"}}}"#,
            r#"{"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"S:a:{x}"}}}"#,
        ),
        (r#"{"method":"tasks/get","params":{"taskId":"t"}}"#, r#"{"method":"tasks/get","params":{"taskId":"S:t"}}"#),
        (
            r#"{"method":"notifications/progress","params":{"progressToken":"x"}}"#,
            r#"{"method":"notifications/progress","params":{"progressToken":"S+\"x\""}}"#,
        ),
    ];
    for (before, after) in cases {
        let value: serde_json::Value = serde_json::from_str(before).unwrap();
        let method = Method::of(value["method"].as_str().unwrap());
        assert_eq!(upper(before, Part::FromClient(method)), after);
    }
    assert_eq!(upper(r#"{"id":"q","result":{"id":1}}"#, Part::ClientAnswer), r#"{"id":"S+\"q\"","result":{"id":1}}"#);
}

#[test]
fn what_has_no_name_is_not_even_copied() {
    let bytes = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x"}]}}"#);
    let same = rename_in(&bytes, Part::Answer(Method::ToolsCall), |_| NewName::Text(String::new())).unwrap();
    assert_eq!(same.as_ptr(), bytes.as_ptr());
}

#[test]
fn entries_of_lists() {
    let item = Bytes::from_static(br#"{"uriTemplate":"a:{x}","name":"no","_meta":{"ui/resourceUri":"ui://x"}}"#);
    let renamed =
        rename_item(&item, ListKind::Templates, |name| NewName::Text(qualified_uri("s", &name.text))).unwrap();
    assert_eq!(&renamed[..], br#"{"uriTemplate":"srv.s+a:{x}","name":"no","_meta":{"ui/resourceUri":"ui://srv.s+x"}}"#);
}

/// JSON of any shape whose keys and strings are those that rules look for.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let words = prop::sample::select(vec!["uri", "resource_link", "resource", "text", "ref/prompt", "x\"\u{e9}"]);
    let leaf = prop_oneof![
        words.prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        let keys = prop::sample::select(vec![
            "result",
            "params",
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
            "name",
            "ref",
            "id",
            "error",
            "data",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

fn parts() -> impl Strategy<Value = Part> {
    let method = prop::sample::select(Method::NAMED);
    (method, 0..4usize).prop_map(|(method, which)| match which {
        0 => Part::Answer(method),
        1 => Part::FromServer(method),
        2 => Part::FromClient(method),
        _ => Part::ClientAnswer,
    })
}

proptest! {
    #[test]
    fn nothing_but_names_changes_and_names_change_back(value in json(), part in parts()) {
        let text = if let serde_json::Value::Object(_) = value { value.to_string() } else { format!(r#"{{"result":{value}}}"#) };
        let bytes = Bytes::from(text.clone());
        let there = rename_in(&bytes, part, |name| match name.kind {
            NameKind::Request | NameKind::Progress => NewName::Text(qualified_task("s", name.raw)),
            _ => NewName::Text(qualified_uri("s", &name.text)),
        }).unwrap();
        let back = rename_in(&there, part, |name| match name.kind {
            NameKind::Request | NameKind::Progress => NewName::Raw(split_qualified_task(&name.text).unwrap().1.to_owned()),
            _ => NewName::Text(split_qualified_uri(&name.text).unwrap().1),
        }).unwrap();
        prop_assert_eq!(std::str::from_utf8(&back).unwrap(), text);
    }
}
