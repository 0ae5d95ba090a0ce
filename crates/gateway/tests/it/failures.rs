//! An upstream's failures are told as its own, never as the gateway's.

use http::StatusCode;
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{OPEN, SHORT_SILENCE, World},
};

#[tokio::test]
async fn every_failure_is_an_answer_with_the_request_id_and_the_servers_words() {
    let world = World::with(|config| config.limits.answer_bytes = 1 << 20).await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let cases = [
        ("http_500", "upstream_status", "HTTP 500: boom"),
        ("http_401", "upstream_status", "HTTP 401: the upstream token expired"),
        ("http_429", "upstream_status", "HTTP 429: slow down"),
        ("redirects", "upstream_status", "HTTP 307"),
        ("accepts", "upstream_invalid", "HTTP 202"),
        ("wrong_id", "upstream_invalid", "another request"),
        ("not_mcp", "upstream_invalid", "jsonrpc"),
        ("html", "upstream_invalid", "HTTP 200"),
        ("zipped", "upstream_invalid", "compressed"),
        ("endless", "upstream_too_large", "1048576"),
    ];
    for (tool, reason, words) in cases {
        let answer = client.call(tool, json!({})).await;
        assert_eq!(answer.status, StatusCode::OK, "{tool}");
        assert!(!answer.headers.contains_key("www-authenticate"), "{tool}");
        let json = answer.json();
        assert_eq!((&json["id"], answer.reason()), (&json!(7), reason.to_owned()), "{tool}");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{tool}: {message}");
        let code = json["error"]["code"].as_i64().unwrap();
        assert!(!(-32_768..=-32_000).contains(&code), "{tool}: {code}");
    }
    let plain = client.call("errs", json!({})).await.json();
    assert_eq!(plain["error"], json!({"code": -32602, "message": "bad"}), "the server's own error, as it is");
}

#[tokio::test]
async fn a_large_answer_within_the_limit_passes() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let answer = client.call("big", json!({})).await;
    assert!(answer.is_ok() && answer.body.len() > 3 << 20);
}

#[tokio::test]
async fn what_is_held_for_all_clients_together_is_bounded() {
    let world = World::with(|config| config.limits.held_bytes = 1 << 20).await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    // A list is held, since it is filtered.
    let tools = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"tools":[],"x":"{}"}}}}"#, "x".repeat(3 << 20));
    *upstream.list.lock().unwrap() = Some(("application/json", tools));
    assert_eq!(client.post(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#).await.reason(), "no_room");
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_time_out_says_that_the_outcome_is_unknown() {
    let world = World::with(|config| config.times.upstream_silence = SHORT_SILENCE).await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let late = client.call("holds", json!({})).await;
    assert_eq!((late.status, late.reason()), (StatusCode::OK, "upstream_timeout".to_owned()));
    assert!(late.json()["error"]["message"].as_str().unwrap().contains("unknown"));
}
