//! Greetings that a server answers with an error: it may speak the other era only, or mean it.

use axum::{
    Json, Router,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::post,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    client::Client,
    world::{Account, OPEN, Simple, World},
};

/// How an answer comes.
#[derive(Clone, Copy)]
enum As {
    Json,
    Events,
}

/// A server that answers everything with HTTP 200, and what it does not know with this error.
async fn answering_all(stateless: bool, error: Value, how: As) -> String {
    let answer = move |headers: HeaderMap, Json(message): Json<Value>| async move {
        let modern = stateless && headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28");
        let result = match message["method"].as_str().unwrap_or_default() {
            "server/discover" if modern => {
                json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
            }
            "tools/call" if modern => json!({"resultType": "complete", "content": [{"type": "text", "text": "done"}]}),
            _ => return how.put(&json!({"jsonrpc": "2.0", "id": message["id"], "error": error})),
        };
        how.put(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

impl As {
    fn put(self, message: &Value) -> Response {
        match self {
            Self::Json => Json(message).into_response(),
            Self::Events => {
                let body = format!("data:\nid: 0\nretry: 3000\n\ndata: {message}\n\n");
                ([("content-type", "text/event-stream")], body).into_response()
            }
        }
    }
}

async fn account(world: &World, url: &str) -> (Account, Simple) {
    let mut acme = world.account("acme");
    let simple = acme.simple(url, OPEN);
    world.publish(&acme).await;
    (acme, simple)
}

#[tokio::test]
async fn a_server_that_answers_a_greeting_with_an_error_is_spoken_for_if_it_speaks_the_other_era() {
    let unsupported = "Unsupported protocol version";
    for (how, error) in [
        (As::Json, json!({"code": -32601, "message": "Method not found"})),
        (As::Json, json!({"code": -32022, "message": unsupported, "data": {"supported": ["2026-07-28"]}})),
        (As::Events, json!({"code": -32022, "message": unsupported, "data": {"supported": ["2026-07-28"]}})),
    ] {
        let world = World::start().await;
        let (acme, simple) = account(&world, &answering_all(true, error, how).await).await;
        let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
        let answer = client.call("echo", json!({})).await;
        assert!(answer.is_ok(), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_server_that_speaks_nothing_else_either_is_heard_in_its_own_words() {
    for how in [As::Json, As::Events] {
        let world = World::start().await;
        let error = json!({"code": -32602, "message": "this version not", "data": {"supported": ["2024-10-07"]}});
        let (acme, simple) = account(&world, &answering_all(false, error.clone(), how).await).await;
        let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
        let answer = client.post(hello.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text().contains("this version not"), "{}", answer.text());
    }
}
