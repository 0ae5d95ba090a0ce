//! Servers over HTTP+SSE, which the gateway speaks for: to clients of both eras, on both URLs.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Streaming, stateless},
    events_server::EventsServer,
    world::{Account, OPEN, Simple, World},
};

const LIMITED: &str = r#"{"version":"1","default":"allow","tools":{"echo":{"limits":[{"window":"hour","max":1,"counter":"c"}]},"delete_run":{"action":"deny"}}}"#;

/// A client of one era on one URL.
struct Speaker {
    client: Client,
    stateless: bool,
    prefix: &'static str,
}

impl Speaker {
    async fn new(client: Client, stateless: bool, prefix: &'static str) -> Self {
        let client = if stateless { client } else { client.introduced(json!({"elicitation": {}})).await };
        Self { client, stateless, prefix }
    }

    fn message(&self, id: u64, method: &str, mut params: Value) -> (Client, String) {
        if let Some(name) = params["name"].as_str().map(|name| format!("{}{name}", self.prefix)) {
            params["name"] = json!(name);
        }
        if self.stateless {
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
            return stateless(self.client.clone(), method, params);
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        (self.client.clone(), message.to_string())
    }

    async fn ask(&self, method: &str, params: Value) -> Answer {
        let (client, message) = self.message(7, method, params);
        client.post(message).await
    }

    async fn open(&self, id: u64, params: Value) -> Streaming {
        let (client, message) = self.message(id, "tools/call", params);
        client.open(Method::POST, message).await
    }
}

async fn account(world: &World, server: &EventsServer, policy: &str) -> (Account, Simple) {
    let mut acme = world.account("acme");
    let simple = acme.simple(&server.url, policy);
    world.publish(&acme).await;
    (acme, simple)
}

/// Every client on every URL.
const SPEAKERS: [(bool, &str, &str); 4] =
    [(false, "/mlflow/mcp", ""), (true, "/mlflow/mcp", ""), (false, "/mcp", "mlflow__"), (true, "/mcp", "mlflow__")];

#[tokio::test]
async fn a_server_over_http_and_sse_lists_and_answers_clients_of_both_eras() {
    for (stateless, path, prefix) in SPEAKERS {
        let (world, server) = (World::start().await, EventsServer::start().await);
        let (acme, simple) = account(&world, &server, LIMITED).await;
        let client = Client::new(&world, &acme, path, &simple.agent);
        let speaker = Speaker::new(client, stateless, prefix).await;
        let listed = speaker.ask("tools/list", json!({})).await.json();
        assert_eq!(crate::client::names(&listed), [format!("{prefix}echo")], "{listed}");
        assert_eq!(listed["result"].get("resultType").is_some(), stateless, "{listed}");
        let answer = speaker.ask("tools/call", json!({"name": "echo", "arguments": {"n": 1}})).await;
        assert!(answer.is_ok(), "{}", answer.text());
        assert_eq!(answer.json()["result"]["content"][0]["text"], r#"{"n":1}"#);
        let again = speaker.ask("tools/call", json!({"name": "echo", "arguments": {}})).await;
        assert_eq!(again.code(), "rate_limited");
        let denied = speaker.ask("tools/call", json!({"name": "delete_run", "arguments": {}})).await;
        assert_eq!(denied.code(), "denied", "{}", denied.text());
        assert_eq!(server.count(|message| message["method"] == "tools/call"), 1);
    }
}

#[tokio::test]
async fn progress_questions_and_cancellation_pass_between_http_and_sse_and_clients_of_both_eras() {
    for (stateless, path, prefix) in SPEAKERS {
        let (world, server) = (World::start().await, EventsServer::start().await);
        let (acme, simple) = account(&world, &server, OPEN).await;
        let client = Client::new(&world, &acme, path, &simple.agent);
        let speaker = Speaker::new(client, stateless, prefix).await;
        let works = json!({"name": "works", "arguments": {}, "_meta": {"progressToken": "t"}});
        let mut stream = speaker.open(7, works).await;
        let progress = stream.event().await.expect("progress");
        assert_eq!(progress["params"], json!({"progressToken": "t", "progress": 0.5}));
        assert_eq!(stream.event().await.unwrap()["result"]["content"][0]["text"], "done");

        let answer = ask(&speaker).await;
        assert_eq!(answer["result"]["content"][0]["text"], r#"{"action":"accept"}"#, "{answer}");

        let stalls = json!({"name": "stalls", "arguments": {}, "_meta": {"progressToken": "t"}});
        let mut stream = speaker.open(9, stalls).await;
        stream.event().await.expect("progress");
        let call = server.until(|message| message["params"]["name"] == "stalls").await;
        if stateless {
            drop(stream);
        } else {
            let said = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
            speaker.client.post(said.to_string()).await;
        }
        let told = server.until(|message| message["method"] == "notifications/cancelled").await;
        assert_eq!(told["params"]["requestId"], call["id"]);
    }
}

/// A call in which the server asks something.
async fn ask(speaker: &Speaker) -> Value {
    let params = json!({"name": "asks", "arguments": {}});
    if speaker.stateless {
        let round = speaker.ask("tools/call", params.clone()).await.json();
        assert_eq!(round["result"]["resultType"], "input_required", "{round}");
        let mut again = params;
        again["requestState"] = round["result"]["requestState"].clone();
        again["inputResponses"] = json!({"input": {"action": "accept"}});
        return speaker.ask("tools/call", again).await.json();
    }
    let mut stream = speaker.open(8, params).await;
    let question = stream.event().await.expect("a question");
    assert_eq!(question["method"], "elicitation/create");
    let said = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
    speaker.client.post(said.to_string()).await;
    stream.event().await.expect("an answer")
}

#[tokio::test]
async fn what_such_a_server_says_on_its_own_reaches_clients_of_both_eras() {
    for (stateless, path, prefix) in SPEAKERS {
        let (world, server) = (World::start().await, EventsServer::start().await);
        let (acme, simple) = account(&world, &server, OPEN).await;
        let client = Client::new(&world, &acme, path, &simple.agent);
        let speaker = Speaker::new(client, stateless, prefix).await;
        let uri = if prefix.is_empty() { "test://a" } else { "srv.mlflow+test://a" };
        let mut stream = listen(&speaker, &server, uri).await;
        let news =
            json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "test://a"}});
        // Said until it is heard: what is said before somebody listens is said to nobody.
        let told = tokio::select! {
            told = stream.event() => told.expect("what the server said"),
            () = server.say_again_and_again(&news) => Value::Null,
        };
        assert_eq!(told["params"]["uri"], uri, "{told}");
        let tag = told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].clone();
        assert_eq!(tag, if stateless { json!(7) } else { Value::Null });
    }
}

/// A client that hears of one resource.
async fn listen(speaker: &Speaker, server: &Arc<EventsServer>, uri: &str) -> Streaming {
    if speaker.stateless {
        let wanted = json!({"notifications": {"resourceSubscriptions": [uri]}});
        let (client, message) = speaker.message(7, "subscriptions/listen", wanted);
        let mut stream = client.open(Method::POST, message).await;
        let acknowledged = stream.event().await.expect("an acknowledgement");
        assert_eq!(acknowledged["params"]["notifications"]["resourceSubscriptions"], json!([uri]));
        return stream;
    }
    assert!(speaker.ask("resources/subscribe", json!({"uri": uri})).await.is_ok());
    assert_eq!(server.count(|message| message["method"] == "resources/subscribe"), 1);
    speaker.client.clone().with("accept", "text/event-stream").open(Method::GET, "").await
}

#[tokio::test]
async fn a_server_whose_stream_ends_is_greeted_anew_and_its_call_is_not_made_again() {
    let (world, server) = (World::start().await, EventsServer::start().await);
    let (acme, simple) = account(&world, &server, OPEN).await;
    let speaker = Speaker::new(Client::new(&world, &acme, "/mlflow/mcp", &simple.agent), false, "").await;
    let mut stream = speaker.open(9, json!({"name": "stalls", "arguments": {}, "_meta": {"progressToken": 1}})).await;
    stream.event().await.expect("progress");
    server.hang_up();
    let broken = stream.event().await.expect("an end");
    assert_eq!(broken["error"]["data"]["reason"], "upstream_broken", "{broken}");
    assert_eq!(server.count(|message| message["params"]["name"] == "stalls"), 1);
    assert!(speaker.ask("tools/call", json!({"name": "echo", "arguments": {}})).await.is_ok());
}
