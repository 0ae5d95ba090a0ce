//! Streams of the account's own URL: what every server says on its own, as one.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::Transport;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    client::{Client, stateless},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    world::{Account, Holder, Nowhere, OPEN, World},
};

fn everything() -> Value {
    json!({"tools": {}, "prompts": {}, "resources": {"subscribe": true, "listChanged": true}, "logging": {}})
}

/// A server whose own stream, or subscription, says what the test sends.
async fn speaking(speaks: Speaks) -> (Arc<Scripted>, mpsc::Sender<String>) {
    let (say, said) = mpsc::channel(8);
    let said = Mutex::new(Some(said));
    let upstream = Scripted::start(speaks, everything(), move |method, _| match method {
        "GET" | "subscriptions/listen" => said.lock().unwrap().take().map(Reply::Stream),
        "resources/subscribe" => result(&json!({})),
        _ => None,
    })
    .await;
    (upstream, say)
}

async fn add(acme: &mut Account, holder: &Holder, slug: &str, url: &str) {
    let policy = acme.policy(OPEN);
    let server = acme.server(slug, Transport::Http { url: url.to_owned() }, &[]);
    acme.grant(holder.principal.as_subject(), server, Some(policy));
}

fn updated(uri: &str) -> String {
    json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}}).to_string()
}

/// What a stateless server says on a subscription.
fn tagged(upstream: &Scripted, method: &str, params: &Value) -> String {
    let id = upstream.asked("subscriptions/listen").last().unwrap()["id"].clone();
    let mut params = params.clone();
    params["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": id});
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

#[tokio::test]
async fn a_sessions_stream_has_what_every_server_says() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let (old, old_says) = speaking(Speaks::Sessions).await;
    let (new, new_says) = speaking(Speaks::Stateless).await;
    add(&mut acme, &agent, "old", &old.url).await;
    add(&mut acme, &agent, "new", &new.url).await;
    let gone = Nowhere::new();
    add(&mut acme, &agent, "dead", &gone.url()).await;
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).introduced(json!({"roots": {}})).await;
    let subscribe = |uri: &str| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": uri}}).to_string()
    };
    assert!(client.post(subscribe("srv.old+test://a")).await.is_ok());
    assert!(client.post(subscribe("srv.new+test://b")).await.is_ok());
    assert_eq!(old.asked("resources/subscribe")[0]["params"]["uri"], "test://a");
    let mut stream = client.clone().with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;

    old_says.send(updated("test://a")).await.unwrap();
    let event = stream.event().await.unwrap();
    assert_eq!(
        (&event["method"], &event["params"]["uri"]),
        (&json!("notifications/resources/updated"), &json!("srv.old+test://a"))
    );
    let listens = new.until(|message| message["method"] == "subscriptions/listen").await;
    assert_eq!(listens["params"]["notifications"]["resourceSubscriptions"], json!(["test://b"]));
    new_says
        .send(tagged(&new, "notifications/subscriptions/acknowledged", &json!({"notifications": {}})))
        .await
        .unwrap();
    new_says.send(tagged(&new, "notifications/resources/updated", &json!({"uri": "test://b"}))).await.unwrap();
    assert_eq!(stream.event().await.unwrap()["params"]["uri"], "srv.new+test://b");

    // What a server asks on its own stream reaches the client, whose answer reaches the server.
    let question = |id: u64, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method}).to_string();
    old_says.send(question(4, "sampling/createMessage")).await.unwrap();
    let refused = old.until(|message| message["id"] == 4).await;
    assert_eq!(refused["error"]["code"], -32601, "this client cannot be asked for samples");
    old_says.send(question(5, "roots/list")).await.unwrap();
    let question = stream.event().await.unwrap();
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}});
    client.post(answer.to_string()).await;
    assert_eq!(old.until(|message| message["id"] == 5).await["result"], json!({"roots": []}));
}

#[tokio::test]
async fn a_subscription_is_acknowledged_once_and_has_what_was_asked_for() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let (old, old_says) = speaking(Speaks::Sessions).await;
    let (new, new_says) = speaking(Speaks::Stateless).await;
    add(&mut acme, &agent, "old", &old.url).await;
    add(&mut acme, &agent, "new", &new.url).await;
    let gone = Nowhere::new();
    add(&mut acme, &agent, "dead", &gone.url()).await;
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent);
    let wanted = json!({"notifications": {"promptsListChanged": true, "resourceSubscriptions": ["srv.old+test://a", "srv.new+test://b", "srv.gone+test://c"]}});
    let (client, message) = stateless(client, "subscriptions/listen", wanted);
    let opening = tokio::spawn(async move { client.open(Method::POST, message).await });
    new.until(|message| message["method"] == "subscriptions/listen").await;
    let offer = json!({"notifications": {"promptsListChanged": true, "resourceSubscriptions": ["test://b"]}});
    new_says.send(tagged(&new, "notifications/subscriptions/acknowledged", &offer)).await.unwrap();
    let mut stream = opening.await.unwrap();
    let acknowledged = stream.event().await.unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({"promptsListChanged": true, "resourceSubscriptions": ["srv.new+test://b", "srv.old+test://a"]})
    );

    new_says.send(tagged(&new, "notifications/tools/list_changed", &json!({}))).await.unwrap();
    new_says.send(tagged(&new, "notifications/resources/updated", &json!({"uri": "test://b"}))).await.unwrap();
    let event = stream.event().await.unwrap();
    assert_eq!(event["params"]["uri"], "srv.new+test://b", "tools were not asked for");
    assert_eq!(event["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    old_says.send(updated("test://a")).await.unwrap();
    let event = stream.event().await.unwrap();
    assert_eq!(event["params"]["uri"], "srv.old+test://a");
    assert_eq!(event["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);

    // A server that goes is told of; the end of the key ends the subscription in good order.
    let left = acme.snapshot.servers[0].id;
    acme.changed().snapshot.grants.retain(|grant| grant.server != left);
    world.publish(&acme).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/prompts/list_changed");
    acme.changed().snapshot.keys.clear();
    world.publish(&acme).await;
    let ended = stream.event().await.unwrap();
    assert_eq!((&ended["id"], &ended["result"]["resultType"]), (&json!(7), &json!("complete")));
    assert!(stream.event().await.is_none());
}

#[tokio::test]
async fn what_is_no_event_stream_is_not_heard_as_one() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let (say, said) = mpsc::channel(8);
    let streams = Mutex::new(vec![
        Reply::Stream(said),
        Reply::Typed("application/json", format!("data: {}\n\n", updated("test://not-said"))),
    ]);
    let upstream = Scripted::start(Speaks::Sessions, everything(), move |method, _| match method {
        "GET" => streams.lock().unwrap().pop(),
        _ => None,
    })
    .await;
    add(&mut acme, &agent, "odd", &upstream.url).await;
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let mut stream = client.with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    say.send(updated("test://said")).await.unwrap();
    assert_eq!(stream.event().await.unwrap()["params"]["uri"], "srv.odd+test://said");
}
