//! Servers on the account's own URL that are slow to start, or come later than the list that they were missing from.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Transport;
use http::Method;
use serde_json::json;

use crate::{
    client::{Client, Streaming, stateless},
    fixture::{Fixture, Speaks},
    scripted::{Scripted, result},
    snapshots::until,
    tunnel::{connect, to_url, tunnelled},
    world::{Account, Holder, OPEN, World},
};

const CHANGED: &str = "notifications/tools/list_changed";

/// A gateway whose lists do not wait long.
async fn impatient() -> World {
    World::with(|config| config.times.aggregate_part = Duration::from_millis(4_000)).await
}

/// A server with one tool.
async fn server(acme: &mut Account, holder: &Holder, slug: &str, speaks: Speaks) -> Arc<Scripted> {
    let upstream = Scripted::start(speaks, json!({"tools": {}}), |method, _| match method {
        "tools/list" => result(&json!({"resultType": "complete", "ttlMs": 5, "cacheScope": "public",
            "tools": [{"name": "a", "inputSchema": {"type": "object"}}]})),
        _ => None,
    })
    .await;
    let policy = acme.policy(OPEN);
    let server = acme.server(slug, Transport::Http { url: upstream.url.clone() }, &[]);
    acme.grant(holder.principal.as_subject(), server, Some(policy));
    upstream
}

/// Lists until these are listed: on a machine that stands still for a while, any server may be taken for a slow one.
async fn until_listed(client: &Client, tools: &[&str]) {
    until(|| async { client.list().await == tools }).await;
}

/// Reads on until the tools are said to have changed.
async fn changed(stream: &mut Streaming) {
    while stream.event().await.expect("the stream goes on")["method"] != CHANGED {}
}

async fn own_stream(client: &Client) -> Streaming {
    client.clone().with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await
}

#[tokio::test]
async fn a_server_that_is_slow_to_start_goes_on_starting_and_is_told_of() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let world = impatient().await;
        let mut acme = world.account("acme");
        let agent = acme.agent("ci");
        let _quick = server(&mut acme, &agent, "quick", Speaks::Sessions).await;
        let slow = server(&mut acme, &agent, "slow", speaks).await;
        slow.ready.send_replace(false);
        world.publish(&acme).await;
        let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
        let mut stream = own_stream(&client).await;
        for _ in 0..2 {
            until_listed(&client, &["quick__a"]).await;
        }
        slow.ready.send_replace(true);
        changed(&mut stream).await;
        until_listed(&client, &["quick__a", "slow__a"]).await;
        let greeted = slow.asked(if speaks == Speaks::Sessions { "initialize" } else { "server/discover" });
        assert_eq!(greeted.len(), 1, "it is introduced to once, however often it is waited for");
    }
}

#[tokio::test]
async fn subscribers_of_the_stateless_era_are_told_of_a_slow_server_too() {
    let world = impatient().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let _quick = server(&mut acme, &agent, "quick", Speaks::Stateless).await;
    let slow = server(&mut acme, &agent, "slow", Speaks::Sessions).await;
    slow.ready.send_replace(false);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent);
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let (subscriber, message) = stateless(client.clone(), "subscriptions/listen", wanted);
    let mut stream = subscriber.open(Method::POST, message).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/subscriptions/acknowledged");
    let (lister, message) = stateless(client, "tools/list", json!({}));
    let list = async || crate::client::names(&lister.post(message.clone()).await.json());
    until(|| async { list().await == ["quick__a"] }).await;
    slow.ready.send_replace(true);
    changed(&mut stream).await;
    // The subscription and the list have sessions of their own, and either may be the first to be told of.
    until(|| async { list().await == ["quick__a", "slow__a"] }).await;
}

#[tokio::test]
async fn a_connector_that_comes_is_told_of_and_not_taken_for_slow() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&world, "acme", OPEN).await;
    let client = Client::new(&world, &tunnelled.account, "/mcp", &tunnelled.agent).initialized().await;
    let mut stream = own_stream(&client).await;
    assert!(client.list().await.is_empty());
    let mut connector = connect(&world, &tunnelled, &tunnelled.token, to_url(&upstream));
    connector.connected().await;
    changed(&mut stream).await;
    assert_eq!(client.list().await, ["mlflow__echo", "mlflow__set_model_alias", "mlflow__delete_run"]);
}

#[tokio::test]
async fn a_session_that_ends_takes_what_is_being_opened_for_it_along() {
    let world = impatient().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let slow = server(&mut acme, &agent, "slow", Speaks::Sessions).await;
    slow.ready.send_replace(false);
    world.publish(&acme).await;
    let ended = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    slow.until(|message| message["method"] == "initialize").await;
    assert!(ended.send(Method::DELETE, "").await.status.is_success());
    slow.ready.send_replace(true);
    let another = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    until_listed(&another, &["slow__a"]).await;
    let greeted = |method| slow.asked(method).len();
    assert_eq!((greeted("initialize"), greeted("notifications/initialized")), (2, 1));
}
