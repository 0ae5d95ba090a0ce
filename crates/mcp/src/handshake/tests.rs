use super::*;
use crate::headers::{check_headers, era, mirror_headers};
use crate::message::Message;
use crate::read::read;

const US: OwnClient<'_> = OwnClient { name: "portcullis \"probe\"", version: "0.1" };

#[test]
fn our_own_messages_pass_our_own_checks() {
    let id = Id::string("p-1");
    let call = || OwnCall { tool: "é", arguments: json!({"a": 1}).as_object().unwrap().clone() };
    for (bytes, expected) in [
        (initialize_request(&id, US), Era::Initialize),
        (discover_request(&id, US), Era::Stateless),
        (tools_list_request(&id, Era::Initialize, US, None), Era::Initialize),
        (tools_list_request(&id, Era::Stateless, US, Some("")), Era::Stateless),
        (tools_call_request(&id, Era::Initialize, US, call()), Era::Initialize),
        (tools_call_request(&id, Era::Stateless, US, call()), Era::Stateless),
    ] {
        let message = read(&bytes).unwrap();
        let headers = mirror_headers(&message);
        assert_eq!(message.id(), Some(&id));
        assert_eq!(era(&message, headers.as_slice()), expected);
        assert_eq!(check_headers(headers.as_slice(), &message), Ok(()));
    }
    assert!(matches!(read(&initialized_notification()), Ok(Message::Notification(_))));
}

#[test]
fn what_our_messages_say() {
    let bytes = initialize_request(&Id::number(1), US);
    let Ok(Message::Request(request)) = read(&bytes) else { panic!("a request") };
    assert_eq!(request.params.as_ref().unwrap().protocol_version.as_deref(), Some("2025-11-25"));
    assert_eq!(request.client_info().unwrap().name.as_deref(), Some(US.name));
    let list = tools_list_request(&Id::number(1), Era::Initialize, US, None);
    assert_eq!(list, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let page = tools_list_request(&Id::number(1), Era::Initialize, US, Some(""));
    assert_eq!(page, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":""}}"#);
}

#[test]
fn what_servers_say() {
    let initialized = initialize_result(
        br#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},
            "serverInfo":{"name":"mlflow","version":"1","title":"MLflow"},"instructions":"be nice"}}"#,
    );
    let expected = ServerDescription {
        name: Some("mlflow".into()),
        title: Some("MLflow".into()),
        version: Some("1".into()),
        instructions: Some("be nice".into()),
        capabilities: r#"{"tools":{"listChanged":true}}"#.into(),
        protocol_versions: vec!["2025-06-18".into()],
    };
    assert_eq!(initialized, Ok(expected));
    let discovered = discover_result(
        br#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"],
            "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}}"#,
    )
    .unwrap();
    assert_eq!((discovered.name.as_deref(), discovered.capabilities.as_str()), (Some("s"), "{}"));
    assert_eq!(discovered.protocol_versions, ["2026-07-28", "2025-11-25"]);
}

#[test]
fn what_servers_should_not_say() {
    let refused = initialize_result(
        br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28",1]}}}"#,
    );
    let words = HandshakeError::Refused { code: -32022, message: "no".into(), supported: vec!["2026-07-28".into()] };
    assert_eq!(refused, Err(words));
    for (text, error) in [
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Some(HandshakeError::Incomplete("`protocolVersion`"))),
        (r#"{"jsonrpc":"2.0","id":1,"result":[]}"#, Some(HandshakeError::Incomplete("object as its result"))),
        ("<html>", None),
        ("", None),
    ] {
        let refused = initialize_result(text.as_bytes()).unwrap_err();
        match error {
            Some(error) => assert_eq!(refused, error),
            None => assert!(matches!(refused, HandshakeError::Unreadable(_)), "{refused}"),
        }
    }
    let empty = discover_result(br#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":[]}}"#);
    assert_eq!(empty, Err(HandshakeError::Incomplete("`supportedVersions`")));
}
