//! How long is waited: progress begins the silence anew, and the whole has an end all the same.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::State, response::Response, routing::post};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    client::{Client, stateless_call},
    fixture::event,
    world::{OPEN, PATIENCE, World},
};

/// The server tells of its progress this often.
const PACE: Duration = Duration::from_millis(250);
const SILENCE: Duration = Duration::from_secs(5);
/// So many that all of them take longer than the silence.
const STEPS: u64 = 24;

/// Tells of the messages of the gateway's own, and when an answer is no longer wanted.
struct Slow(mpsc::UnboundedSender<String>);

struct Answering(Arc<Slow>);

impl Drop for Answering {
    fn drop(&mut self) {
        let _test_over = self.0.0.send("dropped".to_owned());
    }
}

async fn answer(State(slow): State<Arc<Slow>>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let id = message["id"].clone();
    let method = message["method"].as_str().unwrap_or_default();
    let (media_type, body) = match (method, message["params"]["name"].as_str()) {
        ("tools/call", Some(tool)) => ("text/event-stream", steps(slow, id, tool == "ends")),
        ("initialize", _) => {
            let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "slow", "version": "1"}});
            ("application/json", Body::from(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()))
        }
        _ => {
            let _test_over = slow.0.send(format!("{method} {}", message["params"]["requestId"]));
            return Response::builder().status(202).body(Body::empty()).unwrap();
        }
    };
    Response::builder().header("content-type", media_type).body(body).unwrap()
}

/// Progress at a pace, for ever or until an answer.
fn steps(slow: Arc<Slow>, id: Value, ends: bool) -> Body {
    let answering = Answering(slow);
    Body::from_stream(stream::unfold((0, answering), move |(step, answering)| {
        let id = id.clone();
        async move {
            tokio::time::sleep(PACE).await;
            let message = match step {
                step if ends && step == STEPS => {
                    json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", "content": []}})
                }
                step if ends && step > STEPS => return None,
                step => {
                    let params = json!({"progressToken": 1, "progress": step});
                    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
                }
            };
            Some((Ok::<_, Infallible>(event(&message.to_string())), (step + 1, answering)))
        }
    }))
}

async fn start(change: impl FnOnce(&mut gateway::Config)) -> (World, Client, mpsc::UnboundedReceiver<String>) {
    let world = World::with(|config| {
        config.times.upstream_silence = SILENCE;
        change(config);
    })
    .await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (say, heard) = mpsc::unbounded_channel();
    let router = Router::new().route("/mcp", post(answer)).with_state(Arc::new(Slow(say)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut account = world.account("acme");
    let simple = account.simple(&url, OPEN);
    world.publish(&account).await;
    let client = Client::new(&world, &account, "/mlflow/mcp", &simple.agent);
    (world, client, heard)
}

async fn hears(heard: &mut mpsc::UnboundedReceiver<String>, wanted: &str) {
    let waiting = async { while heard.recv().await.expect("the server runs") != wanted {} };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("the server never heard {wanted:?}"));
}

#[tokio::test]
async fn progress_keeps_a_call_alive_beyond_the_silence() {
    let (_world, client, _heard) = start(|_| {}).await;
    let answer = client.initialized().await.call("ends", json!({})).await;
    assert!(answer.is_ok(), "{}", answer.text());
    assert_eq!(answer.text().matches("notifications/progress").count() as u64, STEPS);
}

#[tokio::test]
async fn the_whole_ends_a_call_that_is_alive_for_ever() {
    let (_world, client, mut heard) = start(|config| config.times.upstream_whole = Duration::from_secs(2)).await;
    let late = client.clone().initialized().await.call("goes on", json!({})).await;
    assert_eq!((late.json()["id"].clone(), late.reason()), (json!(7), "upstream_timeout".to_owned()));
    hears(&mut heard, "notifications/cancelled 7").await;
}

#[tokio::test]
async fn in_the_stateless_era_the_closed_stream_says_that_nobody_waits() {
    let (_world, client, mut heard) = start(|config| config.times.upstream_whole = Duration::from_secs(2)).await;
    let (client, message) = stateless_call(client, "goes on", &json!({}));
    let late = client.post(message).await;
    assert_eq!((late.json()["id"].clone(), late.reason()), (json!(7), "upstream_timeout".to_owned()));
    hears(&mut heard, "dropped").await;
}
