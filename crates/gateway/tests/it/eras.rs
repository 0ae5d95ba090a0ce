//! Clients and servers of either era: the same session in all four combinations, and what only the bridge has.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Streaming},
    fixture::{Fixture, Speaks},
    world::{Account, OPEN, Simple, World},
};

const LIMITED: &str = r#"{"version":"1","default":"deny","hide":["delete_*"],"tools":{"streams":{},"echo":{"limits":[{"window":"hour","max":2,"counter":"c"}]}}}"#;

/// A client of one era, greeted.
struct Talks {
    client: Client,
    stateless: bool,
    capabilities: Value,
}

impl Talks {
    async fn new(client: Client, stateless: bool, capabilities: Value) -> Self {
        if stateless {
            let talks = Self { client, stateless, capabilities };
            let answer = talks.ask("server/discover", json!({})).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let versions = answer.json()["result"]["supportedVersions"].clone();
            assert!(versions.as_array().unwrap().contains(&json!("2026-07-28")), "{versions}");
            return talks;
        }
        let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}}});
        let answer = client.post(hello.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25");
        assert_eq!(answer.json()["result"]["serverInfo"]["name"], "fixture");
        let session = answer.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let client = client.with("mcp-protocol-version", "2025-11-25").with("mcp-session-id", &session);
        let told = client.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
        Self { client, stateless, capabilities }
    }

    fn message(&self, method: &str, mut params: Value) -> (Client, String) {
        if !self.stateless {
            let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
            return (self.client.clone(), message.to_string());
        }
        let mut client = self.client.clone().with("mcp-protocol-version", "2026-07-28").with("mcp-method", method);
        if let Some(name) = params["name"].as_str() {
            client = client.with("mcp-name", name);
        }
        params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
        (client, json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string())
    }

    async fn ask(&self, method: &str, params: Value) -> Answer {
        let (client, message) = self.message(method, params);
        client.post(message).await
    }

    async fn open(&self, method: &str, params: Value) -> Streaming {
        let (client, message) = self.message(method, params);
        client.open(Method::POST, message).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await
    }
}

async fn account(world: &World, upstream: &Fixture, policy: &str) -> (Account, Simple) {
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, policy);
    world.publish(&acme).await;
    (acme, simple)
}

#[tokio::test]
async fn the_same_session_gives_the_same_in_all_four_combinations() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        for stateless in [false, true] {
            let (world, upstream) = (World::start().await, Fixture::start(speaks).await);
            let (mut acme, simple) = account(&world, &upstream, LIMITED).await;
            let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
            let talks = Talks::new(client, stateless, json!({})).await;

            let listed = talks.ask("tools/list", json!({})).await.json();
            assert_eq!(crate::client::names(&listed), ["echo", "set_model_alias"], "{listed}");
            assert_eq!(listed["result"].get("resultType").is_some(), stateless, "{listed}");
            let scope = listed["result"].get("cacheScope").cloned();
            assert_eq!(scope, stateless.then(|| json!("private")), "{listed}");

            let answer = talks.call("echo", json!({"n": 1.0, "big": 12_345_678_901_234_567_890_u64})).await;
            assert!(answer.is_ok(), "{}", answer.text());
            assert_eq!(answer.json()["id"], 7);
            assert!(answer.text().contains("12345678901234567890"), "{}", answer.text());
            assert_eq!(talks.call("set_model_alias", json!({})).await.code(), "default_deny");
            assert_eq!(talks.call("delete_run", json!({})).await.json()["error"]["code"], -32602);

            let params = json!({"name": "streams", "arguments": {}, "_meta": {"progressToken": 1}});
            let mut stream = talks.open("tools/call", params).await;
            let progress = stream.event().await.expect("progress");
            assert_eq!(progress["params"], json!({"progressToken": 1, "progress": 0.5}));
            let last = stream.event().await.expect("an answer");
            assert_eq!((&last["id"], &last["result"]["content"][0]["text"]), (&json!(7), &json!("1.0")), "{last}");

            assert!(talks.call("echo", json!({})).await.is_ok());
            assert_eq!(talks.call("echo", json!({})).await.code(), "rate_limited");
            acme.new_version(simple.policy, OPEN);
            world.publish(&acme).await;
            crate::snapshots::until(|| async {
                let listed = talks.ask("tools/list", json!({})).await.json();
                crate::client::names(&listed).len() == 3
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_question_of_a_server_reaches_a_modern_client_as_a_round() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let (mut acme, simple) = account(&world, &upstream, OPEN).await;
    let colleague = acme.agent("colleague");
    acme.grant(colleague.principal.as_subject(), simple.server, Some(simple.policy));
    acme.changed();
    world.publish(&acme).await;
    let can = json!({"elicitation": {}});
    let talks = Talks::new(Client::new(&world, &acme, "/mlflow/mcp", &simple.agent), true, can.clone()).await;
    let asked = talks.call("asks", json!({"x": 1})).await.json();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert_eq!(asked["result"]["inputRequests"]["input"]["method"], "elicitation/create");
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    let again = |state: &str, x: u8| {
        json!({"name": "asks", "arguments": {"x": x}, "requestState": state,
            "inputResponses": {"input": {"action": "accept", "content": {"a": 1.5}}}})
    };

    // Changed, for another call, or in somebody else's hands, it is worth nothing, and nothing is spoilt by trying.
    // Its start: of the last character some bits may mean nothing, and it may be this one already.
    let changed = format!("{}{}", if state.starts_with('A') { 'B' } else { 'A' }, &state[1..]);
    assert_eq!(talks.ask("tools/call", again(&changed, 1)).await.reason(), "no_such_round");
    assert_eq!(talks.ask("tools/call", again(&state, 2)).await.reason(), "no_such_round");
    let other = Talks::new(Client::new(&world, &acme, "/mlflow/mcp", &colleague), true, can).await;
    assert_eq!(other.ask("tools/call", again(&state, 1)).await.reason(), "no_such_round");

    let answer = talks.ask("tools/call", again(&state, 1)).await;
    assert!(answer.is_ok(), "{}", answer.text());
    assert_eq!(answer.json()["result"]["resultType"], "complete");
    assert!(answer.json()["result"]["content"][0]["text"].as_str().unwrap().contains(r#""a":1.5"#));
    assert_eq!(upstream.calls(), 1);
    assert_eq!(talks.ask("tools/call", again(&state, 1)).await.reason(), "no_such_round", "once");
}

#[tokio::test]
async fn a_round_of_a_server_reaches_a_client_of_the_first_era_as_a_question() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    *upstream.question.lock().unwrap() = json!({"q": {"method": "elicitation/create", "params": {"message": "sure?"}}});
    let (acme, simple) = account(&world, &upstream, OPEN).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let talks = Talks::new(client.clone(), false, json!({"elicitation": {}})).await;
    let mut stream = talks.open("tools/call", json!({"name": "rounds", "arguments": {"x": 1.0}})).await;
    let question = stream.event().await.expect("a question");
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let said = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
    assert_eq!(talks.client.post(said.to_string()).await.status, StatusCode::ACCEPTED);
    let answer = stream.event().await.expect("an answer");
    assert_eq!(answer["id"], 7);
    assert!(answer["result"].get("resultType").is_none(), "{answer}");
    let sent: Value = serde_json::from_slice(&upstream.last().1).unwrap();
    assert_eq!(sent["params"]["inputResponses"], json!({"q": {"action": "accept"}}));
    assert_eq!(sent["params"]["requestState"], "state-1");

    let unable = Talks::new(client, false, json!({})).await;
    let refused = unable.call("rounds", json!({})).await;
    assert_eq!(refused.reason(), "input_unsupported");
}

#[tokio::test]
async fn two_principals_never_share_a_session_and_a_lost_one_is_opened_anew() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let (mut acme, simple) = account(&world, &upstream, OPEN).await;
    let colleague = acme.agent("colleague");
    acme.grant(colleague.principal.as_subject(), simple.server, Some(simple.policy));
    acme.changed();
    world.publish(&acme).await;
    let session = || upstream.last().0["mcp-session-id"].to_str().unwrap().to_owned();
    let mut used = Vec::new();
    for holder in [&simple.agent, &colleague] {
        let talks = Talks::new(Client::new(&world, &acme, "/mlflow/mcp", holder), true, json!({})).await;
        assert!(talks.call("echo", json!({})).await.is_ok());
        used.push(session());
        assert!(talks.call("echo", json!({})).await.is_ok());
        assert_eq!(session(), used[used.len() - 1]);
    }
    assert_ne!(used[0], used[1]);
    upstream.forget_sessions();
    let talks = Talks::new(Client::new(&world, &acme, "/mlflow/mcp", &colleague), true, json!({})).await;
    assert!(talks.call("echo", json!({})).await.is_ok());
    assert!(!used.contains(&session()));
}

#[tokio::test]
async fn a_modern_client_that_goes_away_cancels_at_a_server_of_the_first_era() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let (acme, simple) = account(&world, &upstream, OPEN).await;
    let talks = Talks::new(Client::new(&world, &acme, "/mlflow/mcp", &simple.agent), true, json!({})).await;
    upstream.told.notified().await;
    let params = json!({"name": "stalls", "arguments": {}, "_meta": {"progressToken": 1}});
    let mut stream = talks.open("tools/call", params).await;
    assert_eq!(stream.event().await.unwrap()["params"]["progressToken"], 1);
    drop(stream);
    upstream.told.notified().await;
    let told: Value = serde_json::from_slice(&upstream.last().1).unwrap();
    assert_eq!(told["method"], "notifications/cancelled", "{told}");
}
