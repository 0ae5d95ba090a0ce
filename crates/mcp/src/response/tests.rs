use super::*;

fn facts(text: &str) -> ResponseFacts<'_> {
    response_facts(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn results_and_errors() {
    let ok = facts(r#"{"id":7,"result":{"content":[{"isError":true}],"a":1,"a":2},"jsonrpc":"2.0"}"#);
    assert!(ok.answers(&Id::number(7)) && !ok.answers(&Id::string("7")) && !ok.is_failure() && !ok.wants_input());
    let failed = facts(r#"{"jsonrpc":"2.0","id":"a","result":{"isError" : true,"resultType":"complete"}}"#);
    assert!(failed.is_failure());
    assert_eq!(
        failed.kind,
        ResponseKind::Result { is_error: true, result_type: Some("complete".into()), lists_tools: false }
    );
    let twice = facts(r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"isError":false}}"#);
    assert!(twice.is_failure(), "any `true` counts");
    assert!(!facts(r#"{"jsonrpc":"2.0","id":1,"result":{"isError":"true"}}"#).is_failure());
    assert!(facts(r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required"}}"#).wants_input());
    let error = facts(r#"{"jsonrpc":"2.0","id":1,"error":{"message":"m","code":-32602,"data":{}}}"#);
    assert_eq!((error.is_failure(), error.kind), (true, ResponseKind::Error { code: -32602 }));
    for text in [r#"{"jsonrpc":"2.0","id":null,"error":{"code":1}}"#, r#"{"jsonrpc":"2.0","error":{"code":1}}"#] {
        assert_eq!(facts(text).id, None);
        assert!(!facts(text).answers(&Id::number(1)));
    }
    assert!(!facts(r#"{"jsonrpc":"2.0","id":1,"result":null}"#).is_failure());
    assert!(
        !facts("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"t\":\"\\ud800\"}}").is_failure(),
        "passed on, not judged"
    );
}

#[test]
fn a_list_of_tools_is_known_by_what_it_holds() {
    for key in ["tools", "Tools", "TOOLS", "too\\u006cs", "tool\u{17f}"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"a":1,"{key}":[]}}}}"#);
        assert!(facts(&text).lists_tools(), "{key}");
    }
    for result in ["{}", "[]", r#"{"content":[{"tools":[]}]}"#, r#"{"capabilities":{"tools":{}}}"#, r#"{"tool":[]}"#] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        assert!(!facts(&text).lists_tools(), "{result}");
    }
}

#[test]
fn what_is_no_response() {
    for text in [
        "",
        "[]",
        "1",
        "{}",
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":[],"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":"1"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1.5}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}} x"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
    ] {
        assert!(response_facts(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn frames() {
    let request = br#"{"jsonrpc":"2.0","id":"s-1","method":"elicitation\/create","params":{"a":1,"a":1}}"#;
    let Ok(Frame::Request { id, kind, method }) = frame(request) else { panic!("a request") };
    assert_eq!((id.raw(), kind, method.as_ref()), (r#""s-1""#, Method::ElicitationCreate, "elicitation/create"));
    let notification = frame(br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    assert!(matches!(notification, Ok(Frame::Notification { kind: Method::ToolsListChanged, .. })));
    assert!(frame(br#"{"jsonrpc":"2.0","method":1}"#).is_err());
}
