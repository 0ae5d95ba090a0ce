//! Rounds between the eras: on every request that may have them, on both URLs, and under a policy that changes meanwhile.

use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    client::{Client, Streaming, stateless},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    snapshots::until,
    world::{Account, OPEN, Simple, World, decided},
};

const DENYING: &str = r#"{"version":"1","default":"deny","hide":["hidden"]}"#;
/// The requests that may have rounds.
const ROUNDS: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];
const PATHS: [(&str, &str, &str); 2] = [("/mlflow/mcp", "", "test://a"), ("/mcp", "mlflow__", "srv.mlflow+test://a")];

fn capabilities() -> Value {
    json!({"tools": {}, "prompts": {}, "resources": {}})
}

fn listed() -> Value {
    let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
    json!({"resultType": "complete", "ttlMs": 1, "cacheScope": "public", "tools": [tool("echo"), tool("hidden")]})
}

/// The end of such a request, with what the client said in it.
fn done(method: &str, said: &Value) -> Value {
    let text = json!({"type": "text", "text": said.to_string()});
    match method {
        "tools/call" => json!({"resultType": "complete", "content": [text]}),
        "prompts/get" => json!({"resultType": "complete", "messages": [{"role": "user", "content": text}]}),
        _ => json!({"resultType": "complete", "ttlMs": 1, "cacheScope": "private",
            "contents": [{"uri": "test://a", "text": said.to_string()}]}),
    }
}

/// What the client said, out of the end.
fn said(method: &str, answer: &Value) -> Value {
    let result = &answer["result"];
    let text = match method {
        "tools/call" => &result["content"][0]["text"],
        "prompts/get" => &result["messages"][0]["content"]["text"],
        _ => &result["contents"][0]["text"],
    };
    serde_json::from_str(text.as_str().unwrap_or_else(|| panic!("no text: {answer}"))).unwrap()
}

/// A server of the first era that asks for something in the middle of everything.
async fn asking() -> Arc<Scripted> {
    let open: Mutex<Option<(mpsc::Sender<String>, Value, String)>> = Mutex::default();
    Scripted::start(Speaks::Sessions, capabilities(), move |method, message| match method {
        "" => {
            let (say, id, method) = open.lock().unwrap().take()?;
            let mut result = done(&method, &message["result"]);
            result.as_object_mut().unwrap().retain(|key, _| !["resultType", "ttlMs", "cacheScope"].contains(&&**key));
            say.try_send(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()).unwrap();
            None
        }
        _ if ROUNDS.contains(&method) => {
            let (say, said) = mpsc::channel(4);
            let question =
                json!({"jsonrpc": "2.0", "id": 5, "method": "elicitation/create", "params": {"message": "sure?"}});
            say.try_send(question.to_string()).unwrap();
            *open.lock().unwrap() = Some((say, message["id"].clone(), method.to_owned()));
            Some(Reply::Stream(said))
        }
        "tools/list" => result(&listed()),
        _ => None,
    })
    .await
}

/// A stateless server that has rounds of everything.
async fn rounding() -> Arc<Scripted> {
    Scripted::start(Speaks::Stateless, capabilities(), |method, message| {
        if !ROUNDS.contains(&method) {
            return (method == "tools/list").then(|| result(&listed()))?;
        }
        let given = &message["params"]["inputResponses"]["q"];
        if given.is_null() || message["params"]["requestState"] != "s-1" {
            return result(&json!({"resultType": "input_required", "requestState": "s-1",
                "inputRequests": {"q": {"method": "elicitation/create", "params": {"message": "sure?"}}}}));
        }
        result(&done(method, given))
    })
    .await
}

fn params(method: &str, prefix: &str, uri: &str) -> Value {
    match method {
        "tools/call" => json!({"name": format!("{prefix}echo"), "arguments": {}}),
        "prompts/get" => json!({"name": format!("{prefix}p")}),
        _ => json!({"uri": uri}),
    }
}

async fn account(world: &World, upstream: &Scripted) -> (Account, Simple) {
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    (acme, simple)
}

async fn modern(client: &Client, method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    let (client, message) = stateless(client.clone(), method, params);
    client.post(message).await.json()
}

fn answered(mut params: Value, round: &Value) -> Value {
    assert_eq!(round["result"]["resultType"], "input_required", "{round}");
    let key = round["result"]["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
    params["requestState"] = round["result"]["requestState"].clone();
    params["inputResponses"] = json!({key: {"action": "accept"}});
    params
}

async fn legacy(client: &Client, method: &str, params: &Value) -> Streaming {
    let message = json!({"jsonrpc": "2.0", "id": 9, "method": method, "params": params});
    client.open(Method::POST, message.to_string()).await
}

async fn answer(client: &Client, question: &Value) {
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let said = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
    assert_eq!(client.post(said.to_string()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn rounds_of_calls_prompts_and_resources_pass_between_clients_and_servers_of_all_eras() {
    for upstream in [asking().await, rounding().await] {
        for (path, prefix, uri) in PATHS {
            let world = World::start().await;
            let (acme, simple) = account(&world, &upstream).await;
            let client = Client::new(&world, &acme, path, &simple.agent);
            let greeted = client.clone().introduced(json!({"elicitation": {}})).await;
            for method in ROUNDS {
                let params = params(method, prefix, uri);
                let round = modern(&client, method, params.clone()).await;
                let end = modern(&client, method, answered(params.clone(), &round)).await;
                assert_eq!(said(method, &end), json!({"action": "accept"}), "{end}");
                assert_eq!(end["result"]["resultType"], "complete");

                let mut stream = legacy(&greeted, method, &params).await;
                let question = stream.event().await.expect("a question");
                answer(&greeted, &question).await;
                let end = stream.event().await.expect("an end");
                assert_eq!((&end["id"], said(method, &end)), (&json!(9), json!({"action": "accept"})), "{end}");
                assert!(end["result"].get("resultType").is_none(), "{end}");
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_is_denied_meanwhile_does_not_go_on_with_its_round() {
    for (path, prefix, uri) in PATHS {
        let (world, upstream) = (World::start().await, asking().await);
        let (mut acme, simple) = account(&world, &upstream).await;
        let client = Client::new(&world, &acme, path, &simple.agent);
        let params = params("tools/call", prefix, uri);
        let round = modern(&client, "tools/call", params.clone()).await;
        deny(&world, &mut acme, &simple, &client).await;
        let end = modern(&client, "tools/call", answered(params.clone(), &round)).await;
        assert_eq!(end["result"]["isError"], true, "{end}");
        let told = upstream.until(|message| message["method"] == "notifications/cancelled").await;
        assert_eq!(told["params"]["requestId"], upstream.asked("tools/call")[0]["id"]);
        assert_eq!(upstream.asked("tools/call").len(), 1);

        let (world, upstream) = (World::start().await, rounding().await);
        let (mut acme, simple) = account(&world, &upstream).await;
        let client = Client::new(&world, &acme, path, &simple.agent);
        let greeted = client.clone().introduced(json!({"elicitation": {}})).await;
        let mut stream = legacy(&greeted, "tools/call", &params).await;
        let question = stream.event().await.expect("a question");
        deny(&world, &mut acme, &simple, &client).await;
        answer(&greeted, &question).await;
        let end = stream.event().await.expect("a denial");
        assert_eq!((&end["id"], &end["result"]["isError"]), (&json!(9), &json!(true)), "{end}");
        assert_eq!(upstream.asked("tools/call").len(), 1, "the server does not hear of it");
        let events = world.records(&acme, |events| events.iter().filter_map(decided).count() == 2).await;
        assert!(events.iter().filter_map(decided).any(|decided| decided.outcome == domain::Outcome::Deny));
    }
}

/// Puts a policy in force that denies every call.
async fn deny(world: &World, acme: &mut Account, simple: &Simple, client: &Client) {
    acme.new_version(simple.policy, DENYING);
    world.publish(acme).await;
    until(|| async { crate::client::names(&modern(client, "tools/list", json!({})).await).len() == 1 }).await;
}
