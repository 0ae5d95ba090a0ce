use super::*;

fn read(text: &str) -> Result<Message, Unreadable> {
    Message::read(Bytes::copy_from_slice(text.as_bytes()))
}

fn text_id(text: &str) -> Id {
    Id::read(&RawValue::from_string(format!("{text:?}")).unwrap()).unwrap()
}

#[test]
fn tells_the_kinds_apart() {
    let request =
        read(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":"7"}}}"#);
    let Kind::Request(request) = request.unwrap().kind else { panic!("not a request") };
    assert_eq!(request.id, Id::number(7));
    assert_eq!(request.progress_token, Some(text_id("7")));
    assert_eq!(request.tool.as_deref(), Some("a"));

    let kind = |text| read(text).unwrap().kind;
    let seven = text_id("seven");
    assert_eq!(kind(r#"{"id":"seven","result":null}"#), Kind::Response { id: Some(seven.clone()), is_error: false });
    assert_eq!(kind(r#"{"id":null,"error":{}}"#), Kind::Response { id: None, is_error: true });
    assert_eq!(kind(r#"{"method":"notifications/initialized"}"#), Kind::Notification(Notification::Initialized));
    assert_eq!(
        kind(r#"{"method":"notifications/cancelled","params":{"requestId":"seven"}}"#),
        Kind::Notification(Notification::Cancelled(Some(seven)))
    );
    assert_eq!(kind(r#"{"method":"x","params":[1]}"#), Kind::Notification(Notification::Other));
}

#[test]
fn ids_are_equal_as_values_and_come_back_as_sent() {
    let id = |text: &str| match read(&format!(r#"{{"id":{text},"result":1}}"#)).unwrap().kind {
        Kind::Response { id, .. } => id.unwrap(),
        _ => panic!("not a response"),
    };
    for (one, other) in [("1", "1.0"), ("1", "1e0"), (r#""é""#, r#""\u00e9""#), ("0", "-0"), ("1.5", "1.5")] {
        assert_eq!(id(one), id(other));
        assert_eq!((id(one).raw(), id(other).raw()), (one, other));
    }
    for (one, other) in [("1", r#""1""#), ("9007199254740993", "9007199254740992"), ("1", "2"), ("1.5", "1")] {
        assert_ne!(id(one), id(other));
    }
}

#[test]
fn refuses_what_is_no_message() {
    for odd in
        ["", "{}", "[]", "null", "hello", r#"{"id":1}"#, r#"{"id":{},"method":"x"}"#, r#"{"id":1,"id":2,"method":"x"}"#]
    {
        assert!(read(odd).is_err(), "{odd}");
    }
}

#[test]
fn a_pretty_printed_message_becomes_one_line_and_nothing_else_changes() {
    let message = read("\n{\"id\":1.0,\r\n \"method\":\"a\\nb\"}\n").unwrap();
    assert_eq!(message.text, "{\"id\":1.0,   \"method\":\"a\\nb\"}");
    let Kind::Request(request) = message.kind else { panic!("not a request") };
    assert_eq!((request.id.raw(), request.method.as_str()), ("1.0", "a\nb"));
}

#[test]
fn only_the_names_of_one_client_are_replaced() {
    let (id, token) = (Id::number(41), Id::number(42));
    let call = read(r#"{"n":1.00,"params":{"_meta":{"x":1, "progressToken" : "t"},"id":9},"id": "a", "method":"m"}"#);
    let replaced = call.unwrap().with_id_and_token(&id, &token);
    assert_eq!(
        replaced,
        r#"{"n":1.00,"params":{"_meta":{"x":1, "progressToken" : 42},"id":9},"id": 41, "method":"m"}"#
    );

    let progress = read(r#"{"method":"notifications/progress","params":{"progress":1,"progressToken":41}}"#).unwrap();
    let text = r#"{"method":"notifications/progress","params":{"progress":1,"progressToken":"a"}}"#;
    assert_eq!(progress.with_token(&text_id("a")), text);

    let key = "io.modelcontextprotocol/subscriptionId";
    let event = read(&format!(r#"{{"method":"x","params":{{"_meta":{{"{key}":41}}}}}}"#)).unwrap();
    assert_eq!(event.subscription(), Some(id.clone()));
    let text = format!(r#"{{"method":"x","params":{{"_meta":{{"{key}":"a"}}}}}}"#);
    assert_eq!(event.with_subscription(&text_id("a")), text);
    let end = read(&format!(r#"{{"id":41,"result":{{"_meta":{{"{key}":41}}}}}}"#)).unwrap();
    let text = format!(r#"{{"id":"a","result":{{"_meta":{{"{key}":"a"}}}}}}"#);
    assert_eq!((end.subscription(), end.with_subscription(&text_id("a"))), (Some(id), Bytes::from(text)));
}

#[test]
fn a_batch_splits_into_its_messages() {
    let parts = split_line(Bytes::from_static(br#"[{"id":1,"result":{}}, {"method":"x"}]"#)).unwrap();
    assert_eq!(parts, [&br#"{"id":1,"result":{}}"#[..], &br#"{"method":"x"}"#[..]]);
}

#[test]
fn counts_listed_tools() {
    assert_eq!(read(r#"{"id":1,"result":{"tools":[{"name":"a"},{"name":"b"}]}}"#).unwrap().tool_count(), Some(2));
    assert_eq!(read(r#"{"id":1,"result":{}}"#).unwrap().tool_count(), None);
}
