//! Streams: passed on event by event as the bytes that came, both ways at once, and cut when they must be.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{Client, call, stateless_call},
    fixture::{Fixture, Speaks, event},
    scripted::{Reply, Scripted},
    world::{Account, OPEN, SHORT_SILENCE, Simple, World},
};

async fn start(world: &World) -> (Arc<Fixture>, Account, Simple, Client) {
    let upstream = Fixture::start(Speaks::Sessions).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    (upstream, acme, simple, client)
}

#[tokio::test]
async fn a_streamed_answer_comes_as_the_bytes_it_was() {
    let world = World::start().await;
    let (_upstream, _acme, _simple, client) = start(&world).await;
    let answer = client.call("streams", json!({})).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    assert_eq!(answer.headers["x-accel-buffering"], "no");
    let expected = concat!(
        ": hello\n\n",
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":0.5,\"progressToken\":1}}\n\n",
        "event: message\r\nid: 5\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\r\ndata: \"result\":{\"content\":[{\"type\":\"text\",\"text\":\"1.0\"}]}}\r\n\r\n",
    );
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn a_server_asks_the_client_in_the_middle_of_a_call() {
    let world = World::start().await;
    let (_upstream, _acme, _simple, client) = start(&world).await;
    let mut stream = client.open(Method::POST, call(7, "asks", &json!({}))).await;
    let question = stream.event().await.unwrap();
    assert_eq!(question["method"], "elicitation/create");
    // The call does not keep anything else from passing.
    assert!(client.post(r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#).await.is_ok());
    let told = client.post(r#"{"jsonrpc":"2.0","id":"q1","result":{"action":"accept"}}"#).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    let answer = stream.event().await.unwrap();
    assert_eq!(answer["id"], 7);
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("accept"));
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn what_the_settings_keep_back_is_refused_for_the_client() {
    let world = World::start().await;
    let (upstream, mut acme, simple, client) = start(&world).await;
    acme.settings(simple.server).server_requests = domain::Access::Off;
    acme.changed();
    world.publish(&acme).await;
    crate::snapshots::until(|| async {
        let mut stream = client.open(Method::POST, call(7, "asks", &json!({}))).await;
        stream.event().await.unwrap()["id"] == 7
    })
    .await;
    let refusal = upstream.last().1;
    assert!(String::from_utf8_lossy(&refusal).contains("-32601"), "{refusal:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_told_to_the_client() {
    let world = World::start().await;
    let (_upstream, _acme, _simple, client) = start(&world).await;
    let broken = client.call("breaks_stream", json!({})).await;
    assert_eq!((broken.json()["id"].clone(), broken.reason()), (json!(7), "upstream_broken".to_owned()));
    assert_eq!(client.call("garbage_stream", json!({})).await.reason(), "upstream_invalid");
    let resumable = client.call("ends_to_resume", json!({})).await;
    assert_eq!(resumable.text(), "id: 1\nretry: 10\ndata:\n\n", "the client will ask for the rest");
}

#[tokio::test]
async fn a_server_that_is_too_late_is_told_that_nobody_waits() {
    let world = World::with(|config| config.times.upstream_silence = SHORT_SILENCE).await;
    let (upstream, _acme, _simple, client) = start(&world).await;
    upstream.told.notified().await; // `initialized`
    for tool in ["stalls", "holds"] {
        let late = client.call(tool, json!({})).await;
        assert_eq!((late.json()["id"].clone(), late.reason()), (json!(7), "upstream_timeout".to_owned()), "{tool}");
        upstream.told.notified().await;
        let told: serde_json::Value = serde_json::from_slice(&upstream.last().1).unwrap();
        assert_eq!(
            (&told["method"], &told["params"]["requestId"]),
            (&json!("notifications/cancelled"), &json!(7)),
            "{tool}"
        );
    }
}

#[tokio::test]
async fn the_servers_own_stream_passes_and_stays_open() {
    let world = World::with(|config| config.times.keep_alive = Duration::from_millis(50)).await;
    let (upstream, _acme, _simple, client) = start(&world).await;
    let mut stream = client.clone().with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    assert_eq!(stream.status, StatusCode::OK);
    upstream.pushing.notified().await;
    let push = upstream.push.lock().unwrap().clone().unwrap();
    let updated = |uri: &str| {
        event(
            &json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}}).to_string(),
        )
    };
    push.send(updated("a")).await.unwrap();
    assert_eq!(stream.event().await.unwrap()["params"]["uri"], "a");
    // Silence is no failure here: comments keep the stream open.
    stream.until(|raw| raw.windows(3).filter(|bytes| bytes == b":\n\n").count() >= 3).await;
    push.send(updated("b")).await.unwrap();
    assert_eq!(stream.event().await.unwrap()["params"]["uri"], "b");
}

#[tokio::test]
async fn a_stream_ends_with_the_grant_and_tells_of_changed_tools() {
    let world = World::start().await;
    let (upstream, mut acme, simple, client) = start(&world).await;
    let mut stream = client.clone().with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    upstream.pushing.notified().await;
    acme.changed().snapshot.policies[0].version = 2;
    acme.snapshot.policies[0].document = r#"{"version":"1","default":"deny"}"#.into();
    world.publish(&acme).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
    acme.changed().snapshot.grants.retain(|grant| grant.id != simple.grant);
    world.publish(&acme).await;
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn streams_of_one_principal_are_bounded() {
    let world = World::with(|config| config.limits.streams_per_principal = 2).await;
    let (_upstream, _acme, _simple, client) = start(&world).await;
    let listener = client.clone().with("accept", "text/event-stream");
    let first = listener.open(Method::GET, Bytes::new()).await;
    let second = listener.open(Method::GET, Bytes::new()).await;
    let third = listener.send(Method::GET, "").await;
    assert_eq!((third.status, third.reason()), (StatusCode::TOO_MANY_REQUESTS, "too_many_streams".to_owned()));
    assert!(client.call("echo", json!({})).await.is_ok(), "calls are not streams");
    drop((first, second));
    crate::snapshots::until(|| async { listener.open(Method::GET, Bytes::new()).await.status == StatusCode::OK }).await;
}

#[tokio::test]
async fn closing_ends_open_streams() {
    let world = World::start().await;
    let (upstream, _acme, _simple, client) = start(&world).await;
    let mut stream = client.with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    upstream.pushing.notified().await;
    world.gateway.close().await;
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn an_answers_stream_that_ends_and_ends_is_taken_up_until_the_answer_is_there() {
    let (asked, resumed) = (Arc::new(Mutex::new(json!(null))), AtomicUsize::new(0));
    let pause = |number: usize| format!("id: {number}\nretry: 0\ndata:\n\n");
    let upstream = Scripted::start(Speaks::Sessions, json!({"tools": {}}), move |method, message| {
        let text = match (method, resumed.load(Ordering::SeqCst)) {
            ("tools/call", _) => {
                *asked.lock().unwrap() = message["id"].clone();
                pause(1)
            }
            ("GET", 3) => {
                event(&json!({"jsonrpc": "2.0", "id": *asked.lock().unwrap(), "result": {"content": []}}).to_string())
            }
            ("GET", _) => pause(resumed.fetch_add(1, Ordering::SeqCst) + 2),
            _ => return None,
        };
        Some(Reply::Typed("text/event-stream", text))
    })
    .await;
    let world = World::start().await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let (client, message) = stateless_call(client, "echo", &json!({}));
    let answer = client.post(message).await;
    assert!(answer.is_ok(), "{}", answer.text());
    let after: Vec<_> =
        upstream.all().iter().filter_map(|(headers, _)| headers.get("last-event-id").cloned()).collect();
    assert_eq!(after, ["1", "2", "3", "4"]);
}
