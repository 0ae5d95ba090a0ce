//! Servers whose answer to `server/discover` is longer than is read: it is cut off early, and not asked for again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use domain::Transport;
use serde_json::{Value, json};

use crate::{
    client::{Client, stateless_call},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    world::{Account, Holder, OPEN, World},
};

async fn published(world: &World, upstream: &Scripted) -> (Account, Holder) {
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let policy = acme.policy(OPEN);
    let server = acme.server("long", Transport::Http { url: upstream.url.clone() }, &[]);
    acme.grant(agent.principal.as_subject(), server, Some(policy));
    world.publish(&acme).await;
    (acme, agent)
}

fn done() -> Option<Reply> {
    result(&json!({"resultType": "complete", "content": []}))
}

#[tokio::test]
async fn an_endless_answer_to_discover_is_cut_off_early_and_asked_for_once() {
    let (world, sent) = (World::start().await, Arc::new(AtomicUsize::new(0)));
    let sends = sent.clone();
    let upstream = Scripted::start(Speaks::Sessions, json!({"tools": {}}), move |method, _| match method {
        "server/discover" => Some(Reply::Endless(sends.clone())),
        "tools/call" => done(),
        _ => None,
    })
    .await;
    let (acme, agent) = published(&world, &upstream).await;
    for path in ["/long/mcp", "/mcp"] {
        let client = Client::new(&world, &acme, path, &agent);
        let tool = if path == "/mcp" { "long__t" } else { "t" };
        let (client, message) = stateless_call(client, tool, &json!({}));
        for _ in 0..2 {
            assert!(client.post(message.clone()).await.is_ok());
        }
    }
    let legacy = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    assert!(legacy.call("long__t", json!({})).await.is_ok(), "it speaks the other era");
    assert_eq!(upstream.asked("server/discover").len(), 1);
    // What lies in buffers on the way was sent as well.
    assert!(sent.load(Ordering::Relaxed) < 32 << 20, "{sent:?} bytes were read");
}

#[tokio::test]
async fn a_stateless_server_that_says_too_much_of_itself_serves_clients_of_its_era_and_others_are_told() {
    let world = World::start().await;
    let much: Value = json!({"tools": {}, "experimental": {"x": "x".repeat(300 << 10)}});
    let upstream =
        Scripted::start(Speaks::Stateless, much, |method, _| if method == "tools/call" { done() } else { None }).await;
    let (acme, agent) = published(&world, &upstream).await;
    let client = Client::new(&world, &acme, "/long/mcp", &agent);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25",
        "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}});
    for _ in 0..2 {
        assert_eq!(client.post(hello.to_string()).await.reason(), "upstream_too_large");
    }
    let (client, message) = stateless_call(client, "t", &json!({}));
    for _ in 0..2 {
        assert!(client.post(message.clone()).await.is_ok());
    }
    assert_eq!(upstream.asked("server/discover").len(), 1);
}
