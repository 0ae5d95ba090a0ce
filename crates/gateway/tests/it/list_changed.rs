//! Connected clients hear that their tools have changed: in both eras, on both URLs, from servers with streams and
//! without; and only those whose tools may have.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use domain::{GrantState, ListDenied};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Client, Streaming},
    fixture::{Fixture, Speaks, event},
    world::{Account, OPEN, Simple, World},
};

const CLOSED: &str = r#"{"version":"1","default":"deny"}"#;
const CHANGED: &str = "notifications/tools/list_changed";

struct Stage {
    world: World,
    upstream: Arc<Fixture>,
    acme: Account,
    simple: Simple,
}

impl Stage {
    async fn new(speaks: Speaks) -> Self {
        let (world, upstream) = (World::start().await, Fixture::start(speaks).await);
        let mut acme = world.account("acme");
        let simple = acme.simple(&upstream.url, OPEN);
        world.publish(&acme).await;
        Self { world, upstream, acme, simple }
    }

    async fn client(&self, path: &str) -> Client {
        Client::new(&self.world, &self.acme, path, &self.simple.agent).initialized().await
    }

    async fn publish(&mut self, change: impl FnOnce(&mut Account, &Simple)) {
        change(&mut self.acme, &self.simple);
        self.acme.changed();
        self.world.publish(&self.acme).await;
    }

    /// Another principal's policy is changed, and this gateway knows it.
    async fn publish_anothers(&mut self) {
        let other = self.acme.agent("other");
        let policy = self.acme.policy(OPEN);
        self.acme.grant(other.principal.as_subject(), self.simple.server, Some(policy));
        self.publish(|_, _| {}).await;
        let client = Client::new(&self.world, &self.acme, "/mcp", &other);
        crate::snapshots::until(|| async { client.call("mlflow__echo", json!({})).await.is_ok() }).await;
        self.acme.new_version(policy, CLOSED);
        self.publish(|_, _| {}).await;
        crate::snapshots::until(|| async { !client.call("mlflow__echo", json!({})).await.is_ok() }).await;
    }
}

async fn listen(client: &Client) -> Streaming {
    client.clone().with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await
}

async fn method(stream: &mut Streaming) -> String {
    let event = stream.event().await.expect("something is told");
    event["method"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned()
}

#[tokio::test]
async fn the_greeting_promises_it() {
    let stage = Stage::new(Speaks::Sessions).await;
    let client = Client::new(&stage.world, &stage.acme, "/mlflow/mcp", &stage.simple.agent);
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}"#;
    let answer = client.post(hello).await;
    let expected = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"fixture","version":"1"}}}"#;
    assert_eq!(answer.text(), expected, "and is otherwise the server's own, byte for byte");

    let stage = Stage::new(Speaks::Stateless).await;
    let discovered = modern(&stage, "server/discover").post(message("server/discover", json!({}))).await;
    assert_eq!(discovered.json()["result"]["capabilities"]["tools"]["listChanged"], true);
}

#[tokio::test]
async fn on_a_stream_of_the_servers_or_of_our_own() {
    for streamless in [false, true] {
        let mut stage = Stage::new(Speaks::Sessions).await;
        stage.upstream.streamless.store(streamless, Ordering::SeqCst);
        let client = stage.client("/mlflow/mcp").await;
        let mut stream = listen(&client).await;
        assert_eq!(
            (stream.status, &stream.headers["content-type"]),
            (StatusCode::OK, &"text/event-stream".parse().unwrap())
        );

        stage.publish_anothers().await;
        stage.publish(|acme, simple| acme.new_version(simple.policy, CLOSED)).await;
        assert_eq!(method(&mut stream).await, CHANGED);
        stage.publish(|acme, simple| acme.settings(simple.server).list_denied = ListDenied::Omit).await;
        assert_eq!(method(&mut stream).await, CHANGED);
        assert_eq!(client.list().await, Vec::<String>::new(), "what was told is in force");
        // Suspended, it may not have the stream; resumed, it may again.
        stage.publish(|acme, simple| acme.grant_mut(simple.grant).state = GrantState::Suspended).await;
        assert_eq!(stream.event().await, None, "each change was told once, and another's was not");
        assert_eq!(listen(&client).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_client_that_listens_in_the_stateless_era_gets_no_stream_of_the_other() {
    let stage = Stage::new(Speaks::Stateless).await;
    stage.upstream.streamless.store(true, Ordering::SeqCst);
    let client = Client::new(&stage.world, &stage.acme, "/mlflow/mcp", &stage.simple.agent);
    let stream = listen(&client.with("mcp-protocol-version", "2026-07-28")).await;
    assert_eq!(stream.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn on_the_accounts_url_when_any_server_changes() {
    let mut stage = Stage::new(Speaks::Sessions).await;
    let client = stage.client("/mcp").await;
    let mut stream = listen(&client).await;
    stage.publish_anothers().await;
    let url = stage.upstream.url.clone();
    let mut second = None;
    stage
        .publish(|acme, simple| {
            let server = acme.server("second", domain::Transport::Http { url }, &[("echo", policy::RiskClass::Read)]);
            acme.grant(simple.agent.principal.as_subject(), server, Some(simple.policy));
            second = Some(server);
        })
        .await;
    // A server that comes or goes may have any of them.
    for list in ["tools", "prompts", "resources"] {
        assert_eq!(method(&mut stream).await, format!("notifications/{list}/list_changed"));
    }
    assert!(client.list().await.contains(&"second__echo".to_owned()));
    stage.publish(|acme, _| acme.snapshot.servers[1].tools[0].pin = "other".to_owned()).await;
    assert_eq!(method(&mut stream).await, CHANGED);
    stage.publish(|acme, _| acme.snapshot.grants.retain(|grant| Some(grant.server) != second)).await;
    for list in ["tools", "prompts", "resources"] {
        assert_eq!(method(&mut stream).await, format!("notifications/{list}/list_changed"));
    }
    stage.world.gateway.close().await;
    assert_eq!(stream.event().await, None, "nothing was told twice, or of others");
}

fn message(method: &str, params: Value) -> String {
    let mut params = params;
    params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}});
    json!({"jsonrpc": "2.0", "id": "sub-1", "method": method, "params": params}).to_string()
}

fn modern(stage: &Stage, method: &str) -> Client {
    Client::new(&stage.world, &stage.acme, "/mlflow/mcp", &stage.simple.agent)
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", method)
}

fn subscription(event: &Value) -> &Value {
    let holder = event.get("params").or(event.get("result")).unwrap();
    &holder["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

#[tokio::test]
async fn a_subscription_is_served_where_the_server_has_none() {
    let mut stage = Stage::new(Speaks::Stateless).await;
    let client = modern(&stage, "subscriptions/listen");
    let tools = message(
        "subscriptions/listen",
        json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true}}),
    );
    let mut stream = client.open(Method::POST, tools).await;
    assert_eq!(stream.status, StatusCode::OK);
    let first = stream.event().await.unwrap();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        (&first["params"]["notifications"], subscription(&first)),
        (&json!({"toolsListChanged": true}), &json!("sub-1"))
    );
    stage.publish_anothers().await;
    stage.publish(|acme, simple| acme.new_version(simple.policy, CLOSED)).await;
    let told = stream.event().await.unwrap();
    assert_eq!((&told["method"], subscription(&told)), (&json!(CHANGED), &json!("sub-1")));
    stage.world.gateway.close().await;
    let last = stream.event().await.unwrap();
    assert_eq!(
        (&last["id"], &last["result"]["resultType"], subscription(&last)),
        (&json!("sub-1"), &json!("complete"), &json!("sub-1"))
    );
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn a_subscription_to_other_things_is_the_servers_alone() {
    let stage = Stage::new(Speaks::Stateless).await;
    let client = modern(&stage, "subscriptions/listen");
    let prompts = message("subscriptions/listen", json!({"notifications": {"promptsListChanged": true}}));
    let refused = client.post(prompts).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (StatusCode::NOT_FOUND, &json!(-32601)));
}

#[tokio::test]
async fn a_servers_own_subscription_has_our_word_put_in_after_its_acknowledgement() {
    let mut stage = Stage::new(Speaks::Stateless).await;
    stage.upstream.listens.store(true, Ordering::SeqCst);
    let client = modern(&stage, "subscriptions/listen");
    let both = message(
        "subscriptions/listen",
        json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true}}),
    );
    let mut stream = client.open(Method::POST, both).await;
    stage.upstream.pushing.notified().await;
    let push = stage.upstream.push.lock().unwrap().clone().unwrap();
    // Changed before the server has acknowledged: nothing may be told yet.
    stage.publish(|acme, simple| acme.new_version(simple.policy, CLOSED)).await;
    crate::snapshots::until(|| async {
        let calling = client.clone().with("mcp-method", "tools/call").with("mcp-name", "echo");
        !calling.post(message("tools/call", json!({"name": "echo", "arguments": {}}))).await.is_ok()
    })
    .await;
    let meta = json!({"io.modelcontextprotocol/subscriptionId": "sub-1"});
    let ack = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
        "params": {"_meta": meta, "notifications": {"promptsListChanged": true}}});
    push.send(event(&ack.to_string())).await.unwrap();
    let first = stream.event().await.unwrap();
    assert_eq!(first["params"]["notifications"], json!({"toolsListChanged": true, "promptsListChanged": true}));
    let owed = stream.event().await.unwrap();
    assert_eq!((&owed["method"], subscription(&owed)), (&json!(CHANGED), &json!("sub-1")));
    let prompts = json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed", "params": {"_meta": meta}});
    push.send(event(&prompts.to_string())).await.unwrap();
    assert_eq!(method(&mut stream).await, "notifications/prompts/list_changed");
    stage.publish(|acme, simple| acme.new_version(simple.policy, OPEN)).await;
    let told = stream.event().await.unwrap();
    assert_eq!((&told["method"], subscription(&told)), (&json!(CHANGED), &json!("sub-1")));
}
