//! What is refused before policy: messages that two parsers could read differently, headers that disagree with the body,
//! pages of others, too much of anything.

use http::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    client::{Client, stateless_call},
    fixture::{Fixture, Speaks},
    world::{OPEN, SHORT_SILENCE, World},
};

async fn start(world: &World) -> (std::sync::Arc<Fixture>, Client) {
    let upstream = Fixture::start(Speaks::Sessions).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    upstream.seen.lock().unwrap().clear();
    (upstream, client)
}

#[tokio::test]
async fn only_strict_messages_are_judged() {
    let world = World::start().await;
    let (upstream, client) = start(&world).await;
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"a":{deep}}}}}}}"#
    );
    for odd in [
        "",
        "{",
        "[]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"ping","params":{"name":"echo"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"delete_run"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"},"paramſ":{"name":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":[]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":1,"\u0061":2}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":NaN}}}"#,
        &nested,
    ] {
        let answer = client.post(odd.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{odd}: {}", answer.text());
        let code = answer.json()["error"]["code"].as_i64().unwrap();
        assert!([-32700, -32600, -32602].contains(&code), "{odd}: {code}");
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn headers_must_agree_with_the_body() {
    let world = World::start().await;
    let (upstream, client) = start(&world).await;
    let (modern, message) = stateless_call(client.clone(), "echo", &json!({}));
    let cases = [
        modern.clone().with("mcp-name", "delete_run"),
        modern.clone().with("mcp-method", "tools/list"),
        modern.clone().without("mcp-name"),
        modern.clone().without("mcp-method"),
        modern.clone().with("mcp-protocol-version", "2025-11-25"),
    ];
    for case in cases {
        let answer = case.post(message.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"]["code"], -32020, "{}", answer.text());
    }
    let unknown = message.replace("2026-07-28", "2031-01-01");
    let answer = modern.with("mcp-protocol-version", "2031-01-01").post(unknown).await;
    assert_eq!(answer.json()["error"]["code"], -32022, "{}", answer.text());
    let legacy = client.with("mcp-method", "ping").call("echo", json!({})).await;
    assert_eq!(legacy.status, StatusCode::BAD_REQUEST);
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn methods_that_the_stateless_version_removed_are_unknown() {
    let world = World::start().await;
    let (upstream, client) = start(&world).await;
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    let modern = client.with("mcp-protocol-version", "2026-07-28");
    for method in
        ["initialize", "ping", "resources/subscribe", "resources/unsubscribe", "logging/setLevel", "tasks/result"]
    {
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": { "_meta": meta } });
        let answer = modern.clone().with("mcp-method", method).post(message.to_string()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], -32601, "{method}: {}", answer.text());
        assert_eq!(answer.json()["id"], 7, "{method}");
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn mirrored_arguments_must_agree_with_the_body() {
    let world = World::start().await;
    let upstream = Fixture::start(Speaks::Stateless).await;
    let mut acme = world.account("acme");
    let hides = r#"{"version":"1","default":"allow","hide":["set_model_alias"]}"#;
    let simple = acme.simple(&upstream.url, hides);
    let schema = r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#;
    for tool in &mut acme.snapshot.servers[0].tools {
        tool.input_schema = Some(schema.into());
    }
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let (modern, message) = stateless_call(client.clone(), "echo", &json!({"region": "eu"}));
    for (header, code) in [(None, -32020), (Some("us"), -32020), (Some("eu"), 0)] {
        let case = header.map_or(modern.clone(), |value| modern.clone().with("mcp-param-region", value));
        let answer = case.post(message.clone()).await;
        assert_eq!(answer.json()["error"]["code"].as_i64().unwrap_or_default(), code, "{header:?}");
    }
    let (modern, message) = stateless_call(client, "set_model_alias", &json!({"region": "eu"}));
    let hidden = modern.post(message).await.json();
    assert_eq!(hidden["error"]["message"], "Unknown tool: set_model_alias", "a hidden tool has no schema");
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn pages_and_names_of_others_are_refused() {
    let world = World::start().await;
    let (upstream, client) = start(&world).await;
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("host", "evil.example")] {
        let answer = client.clone().with(name, value).call("echo", json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
    let own = client.with("origin", "http://localhost:6274").call("echo", json!({})).await;
    assert!(own.is_ok());
    assert!(!upstream.last().0.contains_key("origin"));
}

#[tokio::test]
async fn bodies_have_their_limits() {
    let world = World::with(|config| {
        config.limits.request_bytes = 1_000;
        config.times.request_body = SHORT_SILENCE;
    })
    .await;
    let (upstream, client) = start(&world).await;
    let long = client.call("echo", json!({"a": "x".repeat(2_000)})).await;
    assert_eq!((long.status, long.reason()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large".to_owned()));
    let plain = client.clone().with("content-type", "text/plain").call("echo", json!({})).await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let zipped = client.clone().with("content-encoding", "gzip").call("echo", json!({})).await;
    assert_eq!(zipped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let key = client.headers["authorization"].to_str().unwrap();
    let host = world.origin.trim_start_matches("http://");
    let head = format!(
        "POST /acme/mlflow/mcp HTTP/1.1\r\nhost: {host}\r\nauthorization: {key}\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{{"
    );
    let mut slow = tokio::net::TcpStream::connect(host).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    slow.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 408", "a body that does not come");
    for method in [Method::OPTIONS, Method::PUT, Method::PATCH] {
        let answer = client.send(method, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], "GET, POST, DELETE");
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn beyond_its_room_the_gateway_sheds() {
    let world = World::with(|config| config.limits.requests = 1).await;
    let (upstream, client) = start(&world).await;
    let first = client.clone();
    let held = tokio::spawn(async move { first.call("holds", json!({})).await });
    upstream.held.notified().await;
    let shed = client.call("echo", json!({})).await;
    assert_eq!((shed.status, shed.reason()), (StatusCode::SERVICE_UNAVAILABLE, "busy".to_owned()));
    assert_eq!(shed.headers["retry-after"], "1");
    upstream.release.notify_one();
    assert!(held.await.unwrap().is_ok());
    crate::snapshots::until(|| async { client.call("echo", json!({})).await.status == StatusCode::OK }).await;
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let world = World::start().await;
    let (_upstream, mut client) = start(&world).await;
    for path in ["/healthz", "/readyz"] {
        client.url = format!("{}{path}", world.origin);
        assert_eq!(client.send(Method::GET, "").await.status, StatusCode::OK);
    }
    world.gateway.close().await;
    assert_eq!(client.send(Method::GET, "").await.status, StatusCode::SERVICE_UNAVAILABLE);
}
