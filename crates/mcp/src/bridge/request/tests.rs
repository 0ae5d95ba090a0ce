use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Message;

const DECLARED: Declared<'_> = Declared {
    client: OwnClient { name: "c\"", version: "1" },
    capabilities: r#"{"elicitation":{}}"#,
    log_level: Some("info"),
};

fn value(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn the_stateless_era_is_declared_and_nothing_else_changes() {
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"io.modelcontextprotocol/clientInfo":{"name":"c\"","version":"1"},"io.modelcontextprotocol/logLevel":"info"}"#;
    let inner = &meta[1..meta.len() - 1];
    let cases = [
        (
            r#"{"jsonrpc":"2.0","id": "a","method":"tools/list"}"#.to_owned(),
            format!(r#"{{"params":{{"_meta":{meta}}},"jsonrpc":"2.0","id": 9,"method":"tools/list"}}"#),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{ "name":"a","arguments":{"x":1.0}}}"#.to_owned(),
            format!(
                r#"{{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{{"_meta":{meta}, "name":"a","arguments":{{"x":1.0}}}}}}"#
            ),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":1}}}"#
                .to_owned(),
            format!(
                r#"{{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{{"name":"a","_meta":{{{inner},"progressToken":1}}}}}}"#
            ),
        ),
    ];
    for (before, after) in cases {
        let bytes = request(&before).stateless(&Id::number(9), &DECLARED).unwrap();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), after);
        assert!(crate::read(&bytes).is_ok());
    }
    let own = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    assert_eq!(request(own).stateless(&Id::number(9), &DECLARED), None);
}

#[test]
fn what_only_the_stateless_era_has_is_taken_out() {
    let text = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"a","inputResponses":{"q":{}},"arguments":{"n":1e3},"requestState":"s","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","traceparent":"00","io.modelcontextprotocol/clientCapabilities":{},"progressToken": "p","io.modelcontextprotocol/logLevel":"debug"}}}"#;
    let request = request(text);
    assert_eq!(request.log_level().as_deref(), Some("debug"));
    assert_eq!(request.input("q"), Some("{}"));
    assert_eq!(request.request_state().as_deref(), Some("s"));
    let bytes = request.with_handshake(&Id::number(4), &Id::number(5)).unwrap();
    assert_eq!(
        std::str::from_utf8(&bytes).unwrap(),
        r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"a","arguments":{"n":1e3},"_meta":{"traceparent":"00","progressToken": 5}}}"#
    );
}

#[test]
fn input_is_given_with_the_same_request() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":1e3}}}"#;
    let inputs = [("q\"".to_owned(), r#"{"action":"accept"}"#.to_owned()), ("r".to_owned(), "{}".to_owned())];
    let bytes = request(text).with_inputs(&Id::number(2), &inputs, Some(r#""s\u0074""#)).unwrap();
    assert_eq!(
        std::str::from_utf8(&bytes).unwrap(),
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"inputResponses":{"q\"":{"action":"accept"},"r":{}},"requestState":"s\u0074","name":"a","arguments":{"n":1e3}}}"#
    );
}

#[test]
fn requests_of_our_own_are_read_by_the_strict_reader() {
    let bytes = own_request(&Id::number(1), "subscriptions/listen", &[("notifications", "{}")], &DECLARED);
    let Ok(Message::Request(read)) = crate::read(&bytes) else { panic!("{bytes:?}") };
    assert_eq!(read.log_level().as_deref(), Some("info"));
    assert_eq!(value(&bytes)["params"]["notifications"], json!({}));
}

proptest! {
    /// There and back: arguments and everything unknown arrive byte for byte.
    #[test]
    fn arguments_and_unknown_members_survive(
        arguments in r#"\{"[a-z]{1,3}": ?(-?[1-9][0-9]{0,29}(\.[0-9]{1,20})?(e[0-9]{1,2})?|"(\\u00e9|[a-z ]){0,5}"|\[ ?true , null\])\}"#,
        unknown in r#"(-?[1-9][0-9]{0,30}|"x\\u0041"|\{"a":\[1\.0\]\})"#,
        first in any::<bool>(),
    ) {
        let members = if first {
            format!(r#""x-unknown":{unknown},"name":"t","arguments":{arguments}"#)
        } else {
            format!(r#""name":"t", "arguments" : {arguments},"_meta":{{"own":{unknown},"progressToken":1}}"#)
        };
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{members}}}}}"#);
        let there = request(&text).stateless(&Id::number(7), &DECLARED).unwrap();
        let there = std::str::from_utf8(&there).unwrap();
        prop_assert!(there.contains(&arguments) && there.contains(&unknown));
        let back = request(there).with_handshake(&Id::number(1), &Id::number(1)).unwrap();
        let again: Value = value(&back);
        prop_assert_eq!(again["params"].get("_meta").is_some_and(|meta| !meta.as_object().unwrap().is_empty()), !first);
        if !first {
            prop_assert_eq!(std::str::from_utf8(&back).unwrap(), text);
        }
    }
}
