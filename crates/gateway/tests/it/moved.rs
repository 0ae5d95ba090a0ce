//! Servers that have moved: what a client had begun with one is not brought to the one that is there now.

use domain::{ServerId, Transport};
use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{Client, stateless},
    events_server::EventsServer,
    fixture::{Fixture, Speaks},
    snapshots::until,
    world::{Account, OPEN, World},
};

async fn move_to(world: &World, acme: &mut Account, server: ServerId, url: &str) {
    let servers = &mut acme.changed().snapshot.servers;
    let moved = servers.iter_mut().find(|one| one.id == server).unwrap();
    moved.transport = Transport::Http { url: url.to_owned() };
    world.publish(acme).await;
}

/// Waits until a client's session has ended by the move.
async fn ended(client: &Client) {
    until(|| async {
        let answer = client.call("echo", json!({})).await;
        answer.status == StatusCode::NOT_FOUND && answer.reason() == "no_such_session"
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_when_its_server_moves_or_is_shown_something_else() {
    let world = World::start().await;
    let (old, new) = (Fixture::start(Speaks::Sessions).await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&old.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let session = client.clone().initialized().await;
    assert!(session.call("echo", json!({})).await.is_ok());
    acme.settings(simple.server).prompts = domain::Access::Off;
    world.publish(acme.changed()).await;
    assert!(session.call("echo", json!({})).await.is_ok(), "another change ends nothing");

    move_to(&world, &mut acme, simple.server, &new.url).await;
    ended(&session).await;
    assert_eq!(session.send(Method::DELETE, "").await.status, StatusCode::NOT_FOUND);
    assert!(new.seen.lock().unwrap().is_empty(), "the new one hears nothing of it");
    let session = client.clone().initialized().await;
    assert!(session.call("echo", json!({})).await.is_ok());

    acme.header(simple.server, "x-api-key", "another");
    world.publish(acme.changed()).await;
    ended(&session).await;
    assert!(client.initialized().await.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_session_of_ours_goes_on_after_a_move_and_a_round_does_not() {
    let (world, old, new) = (World::start().await, EventsServer::start().await, EventsServer::start().await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&old.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let session = client.clone().initialized().await;
    assert!(session.call("echo", json!({})).await.is_ok());
    let asks = |state: Option<&serde_json::Value>| {
        let mut params = json!({"name": "asks", "arguments": {},
            "_meta": {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}});
        if let Some(state) = state {
            params["requestState"] = state.clone();
            params["inputResponses"] = json!({"input": {"action": "accept"}});
        }
        stateless(client.clone(), "tools/call", params)
    };
    let (asking, message) = asks(None);
    let round = asking.post(message).await.json();
    assert_eq!(round["result"]["resultType"], "input_required", "{round}");

    move_to(&world, &mut acme, simple.server, &new.url).await;
    let calls = |tool: &'static str| new.count(move |message| message["params"]["name"] == tool);
    until(|| async {
        assert!(session.call("echo", json!({})).await.is_ok());
        calls("echo") > 0
    })
    .await;
    let (asking, message) = asks(Some(&round["result"]["requestState"]));
    assert_eq!(asking.post(message).await.reason(), "no_such_round");
    assert_eq!(calls("asks"), 0, "the new one hears nothing of it");
}
