//! What is refused before policy, on both gateway URLs and in both eras, always with a record.

use http::StatusCode;
use serde_json::json;

use super::{Stage, URLS, in_era, ready};
use crate::fixture::Speaks;

/// Bodies that two parsers could read differently, or that are no message, and the reason that is recorded. `TOOL` is the
/// tool's name.
const ODD: &[(&str, &str)] = &[
    ("", "empty"),
    ("{", "syntax"),
    ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "byte_order_mark"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#, "trailing_bytes"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","name":"TOOL"}}"#, "duplicate_key"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","n\u0061me":"other"}}"#, "duplicate_key"),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":{"a":{"b":1,"b":2}}}}"#,
        "duplicate_key",
    ),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","Name":"other"}}"#, "lookalike_key"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL"},"Params":{}}"#, "lookalike_key"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","paramſ":{},"params":{"name":"TOOL"}}"#, "lookalike_key"),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":{"__proto__":1}}}"#,
        "prototype_key",
    ),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":[]}}"#, "wrong_params"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#, "wrong_params"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, "wrong_params"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}"#, "lone_surrogate"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":{"a":01}}}"#, "bad_number"),
    (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "not_a_message"),
    (r#"{"jsonrpc":"2.0","id":1.5e,"method":"ping"}"#, "bad_number"),
    (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, "not_a_message"),
    (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "not_a_message"),
    (r#"{"id":1,"method":"ping"}"#, "not_a_message"),
    (r#"{"jsonrpc":"2.0","id":1}"#, "not_a_message"),
    (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, "not_a_message"),
    (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#, "not_a_message"),
    (r#""ping""#, "not_an_object"),
];

#[tokio::test]
async fn a_message_that_two_parsers_could_read_differently_is_refused_with_a_record() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        let mut told = Vec::new();
        for (path, tool) in URLS {
            let client = ready(stage.client(path), speaks).await;
            stage.clear();
            for (odd, reason) in ODD {
                let answer = client.post(odd.replace("TOOL", tool)).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{odd}: {}", answer.text());
                let code = answer.json()["error"]["code"].as_i64().unwrap();
                assert!([-32700, -32600, -32602].contains(&code), "{odd}: {code}");
                told.push(*reason);
            }
            let deep = |depth: usize| {
                format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"a":{}{}}}}}}}"#,
                    "[".repeat(depth),
                    "]".repeat(depth)
                )
            };
            let too_deep = client.post(deep(100_000)).await;
            assert_eq!(too_deep.status, StatusCode::BAD_REQUEST, "{}", too_deep.text());
            told.push("too_deep");
            for bytes in
                [&b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xffing\"}"[..], b"\x00", b"\xff\xfe{\x00}\x00"]
            {
                let (status, answer) =
                    stage.raw_post(path, &["content-type: application/json".to_owned()], bytes).await;
                assert_eq!(status, 400, "{answer}");
            }
            told.extend(["not_utf8", "syntax", "not_utf8"]);
            assert_eq!(stage.sent(), 0, "{path}: nothing of it reached the server");
        }
        assert_eq!(stage.refusals(told.len()).await, told);
    }
}

#[tokio::test]
async fn the_id_of_a_refused_message_is_told_where_it_is_beyond_doubt() {
    let stage = Stage::new(Speaks::Sessions).await;
    for (path, _) in URLS {
        let client = stage.client(path).initialized().await;
        for (odd, id) in [
            (r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":1}}"#, json!("a")),
            (r#"{"jsonrpc":"2.0","id":"a","id":"b","method":"ping"}"#, json!(null)),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, json!(null)),
            ("[", json!(null)),
        ] {
            assert_eq!(client.post(odd).await.json()["id"], id, "{odd}");
        }
    }
}

#[tokio::test]
async fn bodies_are_json_in_one_piece_of_a_bounded_size() {
    let stage = Stage::with(Speaks::Sessions, crate::world::OPEN, |config| config.limits.request_bytes = 4_000).await;
    let mut told = Vec::new();
    for (path, tool) in URLS {
        let client = stage.client(path).initialized().await;
        stage.clear();
        let message = super::ask("tools/call", &json!({"name": tool, "arguments": {}}));
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"] {
            assert!(client.clone().with("content-type", good).post(message.clone()).await.is_ok(), "{good}");
        }
        let sent = stage.sent();
        for bad in ["text/plain", "application/json-rpc", "text/json", "application/x-www-form-urlencoded", "", ";"] {
            let answer = client.clone().with("content-type", bad).post(message.clone()).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{bad}");
            told.push("media_type");
        }
        let none = client.clone().without("content-type").post(message.clone()).await;
        assert_eq!(none.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let zipped = client.clone().with("content-encoding", "gzip").post(message.clone()).await;
        assert_eq!(zipped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let two = ["content-type: application/json".to_owned(), "content-type: text/plain".to_owned()];
        assert_eq!(stage.raw_post(path, &two, message.as_bytes()).await.0, 415);
        told.extend(["media_type"; 3]);
        let large = client.call(tool, json!({"a": "x".repeat(8_000)})).await;
        assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
        told.push("too_large");
        let chunk = "x".repeat(3_000);
        let key = stage.simple.agent.token.expose();
        let chunked = format!(
            "POST /acme{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nbb8\r\n{chunk}\r\nbb8\r\n{chunk}\r\n0\r\n\r\n",
            stage.world.origin.trim_start_matches("http://")
        );
        assert_eq!(stage.raw(chunked.as_bytes()).await.0, 413, "a length that nobody announced");
        told.push("too_large");
        assert_eq!(stage.sent(), sent);
    }
    let recorded: Vec<String> = stage.refusals(told.len() + 12).await;
    assert_eq!(recorded, told);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_a_foreign_session_and_a_bad_cursor_leave_a_record() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        let client = ready(stage.client("/mcp"), speaks).await;
        let mut told = Vec::new();
        for (method, params) in [
            ("tools/call", json!({"name": "echo", "arguments": {}})),
            ("tools/call", json!({"name": "other__echo", "arguments": {}})),
            ("prompts/get", json!({"name": "mlflow"})),
            ("resources/read", json!({"uri": "srv.other+file:///a"})),
        ] {
            let (client, message) = in_era(client.clone(), speaks, method, params);
            assert!(client.post(message).await.json().get("error").is_some());
            told.push("unknown_name");
        }
        for cursor in ["made-up", "AAAA"] {
            let (client, message) = in_era(client.clone(), speaks, "tools/list", json!({"cursor": cursor}));
            let answer = client.post(message).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (StatusCode::OK, &json!(-32602)));
            told.push("wrong_params");
        }
        if speaks == Speaks::Sessions {
            let stolen = client.with("mcp-session-id", "made-up").call("mlflow__echo", json!({})).await;
            assert_eq!(stolen.status, StatusCode::NOT_FOUND);
            told.push("no_such_session");
        }
        assert_eq!(stage.refusals(told.len()).await, told);
    }
}
