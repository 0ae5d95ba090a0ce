//! Answers of programs that are too large to be held: they wait in a file.

use connector::Limits;
use http::Method;
use serde_json::{Value, json};

use crate::{
    gateway::{Events, Gateway},
    rig::{carry, limits},
    stateless,
};

const BYTES: usize = 3 << 20;

/// Less than the answers have may be held.
fn small() -> Limits {
    Limits { max_message_bytes: 2 << 20, ..limits() }
}

fn length(answer: &Value) -> Option<usize> {
    answer["result"]["text"].as_str().map(str::len)
}

#[tokio::test]
async fn a_large_answer_reaches_the_request_it_is_for_wherever_its_id_stands() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, small());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let arguments = |how: &str| json!({"bytes": BYTES, "how": how}).to_string();
    let (first, last) = (arguments(""), arguments("id last"));
    let (one, other, third) = tokio::join!(
        tunnel.call(&session, 1, "large", &first),
        tunnel.call(&session, 2, "large", &last),
        tunnel.call(&session, 3, "large", &last),
    );
    for (id, answer) in [(1, one), (2, other), (3, third)] {
        assert_eq!((&answer["id"], length(&answer)), (&json!(id), Some(BYTES)));
    }
    // A line that is none is left out, however long it is.
    let answer = tunnel.call(&session, 4, "large", &arguments("damaged")).await;
    assert_eq!(answer["result"], json!({"after": "all"}));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_large_answer_after_progress_is_one_event() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, small());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let arguments = json!({"bytes": BYTES, "progress": true}).to_string();
    let mut events = tunnel.post_events(&session, &crate::gateway::call(5, "large", &arguments)).await;
    assert_eq!(events.next().await.unwrap()["params"]["progressToken"], "t5");
    let answer = events.next().await.unwrap();
    assert_eq!((&answer["id"], length(&answer)), (&json!(5), Some(BYTES)));
    assert_eq!(events.next().await, None);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_large_answer_of_the_stateless_era_gets_its_clients_id() {
    let (connector, tunnel) = stateless::rig().await;
    let arguments = json!({"bytes": BYTES, "how": "id last"}).to_string();
    let (one, other) = (stateless::call("\"a\"", "large", &arguments), stateless::call("\"a\"", "large", &arguments));
    let (one, other) = tokio::join!(stateless::post(&tunnel, &one), stateless::post(&tunnel, &other));
    for answer in [one.json(), other.json()] {
        assert_eq!((&answer["id"], length(&answer)), (&json!("a"), Some(BYTES)));
    }
    let arguments = json!({"bytes": BYTES, "progress": true}).to_string();
    let request = stateless::call("7", "large", &arguments);
    let mut events = Events::of(tunnel.send(Method::POST, &stateless::HEADERS, &request).await);
    assert_eq!(events.next().await.unwrap()["params"]["progressToken"], "mine");
    let answer = events.next().await.unwrap();
    assert_eq!((&answer["id"], length(&answer)), (&json!(7), Some(BYTES)));
    connector.stop().await.unwrap();
}
