//! Two gateways behind one name: what waits at one is found from the other, and what can be rebuilt is when one is gone.

use std::sync::{Arc, Mutex, atomic::Ordering};

use domain::Transport;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    client::{Answer, Client, call, stateless},
    fixture::{Fixture, Speaks},
    scripted::{Reply, Scripted, result},
    snapshots::until,
    world::{Account, Holder, OPEN, PATIENCE, Simple, World, decided, settled},
};

const TWICE: &str =
    r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":2}]}}"#;

/// Two gateways that know of each other.
async fn two() -> (World, World) {
    let here = World::start().await;
    let there = here.beside(|_| {}).await;
    for world in [&here, &there] {
        until(|| async { here.bus.gateway(world.gateway.id()).await.unwrap().is_some() }).await;
    }
    (here, there)
}

async fn account(world: &World, url: &str, policy: &str) -> (Account, Simple) {
    let mut acme = world.account("acme");
    let simple = acme.simple(url, policy);
    world.publish(&acme).await;
    (acme, simple)
}

/// The same client, whose next requests come to another gateway.
fn moved(client: &Client, from: &World, to: &World) -> Client {
    let mut client = client.clone();
    client.url = client.url.replace(&from.origin, &to.origin);
    client
}

/// A call by a client of the stateless era that can be asked.
async fn modern(client: &Client, mut params: Value) -> Answer {
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    let (client, message) = stateless(client.clone(), "tools/call", params);
    client.post(message).await
}

fn answering(round: &Value, name: &str) -> Value {
    json!({"name": name, "arguments": {"x": 1}, "requestState": round["result"]["requestState"],
        "inputResponses": {"input": {"action": "accept", "content": {"a": 1.5}}}})
}

#[tokio::test]
async fn a_round_is_taken_up_from_whichever_gateway_its_client_comes_to() {
    for (path, name, other) in [("/mlflow/mcp", "asks", "echo"), ("/mcp", "mlflow__asks", "mlflow__echo")] {
        let ((here, there), upstream) = (two().await, Fixture::start(Speaks::Sessions).await);
        let (acme, simple) = account(&here, &upstream.url, TWICE).await;
        let at_one = Client::new(&here, &acme, path, &simple.agent);
        let at_two = moved(&at_one, &here, &there);
        let round = modern(&at_one, json!({"name": name, "arguments": {"x": 1}})).await.json();
        assert_eq!(round["result"]["resultType"], "input_required", "{round}");
        let changed = json!({"name": name, "arguments": {"x": 2}, "requestState": round["result"]["requestState"],
            "inputResponses": {"input": {"action": "accept"}}});
        assert_eq!(modern(&at_two, changed).await.reason(), "no_such_round", "for this very call only");

        let answer = modern(&at_two, answering(&round, name)).await;
        assert!(answer.is_ok(), "{}", answer.text());
        assert!(answer.text().contains(r#"\"a\":1.5"#), "{}", answer.text());
        assert_eq!(upstream.calls(), 1, "made once");
        assert_eq!(modern(&at_two, answering(&round, name)).await.reason(), "no_such_round", "and taken up once");
        let events = here.records(&acme, |events| events.iter().filter_map(settled).count() == 2).await;
        assert_eq!(events.iter().filter_map(decided).filter(|d| d.tool.is_some()).count(), 2, "each round judged once");
        // And counted once.
        assert!(modern(&at_two, json!({"name": other, "arguments": {}})).await.is_ok());
        assert_eq!(modern(&at_one, json!({"name": other, "arguments": {}})).await.code(), "rate_limited");
    }
}

#[tokio::test]
async fn a_round_whose_gateway_is_gone_is_told_so_and_not_made_again() {
    for (path, name) in [("/mlflow/mcp", "asks"), ("/mcp", "mlflow__asks")] {
        let ((here, there), upstream) = (two().await, Fixture::start(Speaks::Sessions).await);
        let (acme, simple) = account(&here, &upstream.url, OPEN).await;
        let at_two = Client::new(&there, &acme, path, &simple.agent);
        let round = modern(&at_two, json!({"name": name, "arguments": {"x": 1}})).await.json();
        there.gateway.close().await;
        let answer = modern(&moved(&at_two, &there, &here), answering(&round, name)).await;
        assert_eq!((answer.status, answer.reason()), (StatusCode::OK, "gateway_gone".to_owned()));
        assert_eq!(answer.json()["id"], 7);
        assert!(answer.text().contains("is unknown"), "{}", answer.text());
        assert_eq!(upstream.calls(), 1);
    }
}

#[tokio::test]
async fn a_call_whose_home_goes_down_ends_with_an_error_that_says_so() {
    let ((here, there), upstream) = (two().await, Fixture::start(Speaks::Stateless).await);
    let (acme, simple) = account(&here, &upstream.url, OPEN).await;
    let at_home = Client::new(&there, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let message = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call",
        "params": {"name": "stalls", "arguments": {}, "_meta": {"progressToken": 1}}});
    let mut stream = moved(&at_home, &there, &here).open(Method::POST, message.to_string()).await;
    assert_eq!(stream.event().await.expect("progress")["method"], "notifications/progress");
    // It waits for the call to end, which it never does.
    let _closing = tokio::spawn(async move { there.gateway.close().await });
    let broken = stream.event().await.expect("an end");
    assert_eq!((&broken["id"], &broken["error"]["data"]["reason"]), (&json!(9), &json!("gateway_gone")), "{broken}");
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn answers_cancellations_and_the_end_find_a_bridged_session_at_its_home() {
    for (path, prefix) in [("/mlflow/mcp", ""), ("/mcp", "mlflow__")] {
        let ((here, there), upstream) = (two().await, Fixture::start(Speaks::Stateless).await);
        *upstream.question.lock().unwrap() =
            json!({"q": {"method": "elicitation/create", "params": {"message": "sure?"}}});
        let (acme, simple) = account(&here, &upstream.url, OPEN).await;
        let at_home = Client::new(&there, &acme, path, &simple.agent).introduced(json!({"elicitation": {}})).await;
        let client = moved(&at_home, &there, &here);

        let mut stream = client.open(Method::POST, call(1, &format!("{prefix}rounds"), &json!({}))).await;
        let question = stream.event().await.expect("a question");
        let said = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
        assert_eq!(client.post(said.to_string()).await.status, StatusCode::ACCEPTED);
        let answer = stream.event().await.expect("an answer");
        assert_eq!(answer["id"], 1, "{answer}");
        let sent: Value = serde_json::from_slice(&upstream.last().1).unwrap();
        assert_eq!(sent["params"]["inputResponses"], json!({"q": {"action": "accept"}}));

        // A legacy client cancels by saying so; the stateless server hears it by the end of the request.
        let (held, dropped) = (upstream.held.notified(), upstream.dropped.notified());
        let holding = {
            let (client, message) = (at_home.clone(), call(2, &format!("{prefix}holds"), &json!({})));
            tokio::spawn(async move { client.post(message).await })
        };
        held.await;
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}});
        assert_eq!(client.post(cancelled.to_string()).await.status, StatusCode::ACCEPTED);
        tokio::time::timeout(PATIENCE, dropped).await.expect("the server is let go");
        holding.await.unwrap();

        let mut listening = client.clone().with("accept", "text/event-stream").open(Method::GET, "").await;
        assert_eq!(listening.status, StatusCode::OK);
        assert!(client.send(Method::DELETE, "").await.status.is_success());
        assert!(listening.event().await.is_none(), "its stream ends with it");
        for gone in [&client, &at_home] {
            assert_eq!(gone.call(&format!("{prefix}echo"), json!({})).await.status, StatusCode::NOT_FOUND);
            assert_eq!(gone.send(Method::DELETE, "").await.status, StatusCode::NOT_FOUND);
            assert_eq!(gone.send(Method::GET, "").await.status, StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn what_a_session_asks_for_at_one_gateway_is_heard_at_the_other() {
    let (here, there) = two().await;
    let (say, said) = mpsc::channel(8);
    let said = Mutex::new(Some(said));
    let upstream = Scripted::start(Speaks::Stateless, json!({"resources": {"subscribe": true}}), move |method, _| {
        (method == "subscriptions/listen").then(|| said.lock().unwrap().take().map(Reply::Stream)).flatten()
    })
    .await;
    let (acme, simple) = account(&here, &upstream.url, OPEN).await;
    let at_home = Client::new(&there, &acme, "/mlflow/mcp", &simple.agent).introduced(json!({})).await;
    let client = moved(&at_home, &there, &here);
    let wish = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "test://a"}});
    assert!(client.post(wish.to_string()).await.is_ok());
    let mut stream = client.clone().with("accept", "text/event-stream").open(Method::GET, "").await;
    let listens = upstream.until(|message| message["method"] == "subscriptions/listen").await;
    assert_eq!(listens["params"]["notifications"]["resourceSubscriptions"], json!(["test://a"]));
    let tag = json!({"io.modelcontextprotocol/subscriptionId": listens["id"]});
    let news = |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
    say.send(news("notifications/subscriptions/acknowledged", json!({"notifications": {}, "_meta": tag})))
        .await
        .unwrap();
    say.send(news("notifications/resources/updated", json!({"uri": "test://a", "_meta": tag}))).await.unwrap();
    let told = stream.event().await.unwrap();
    assert_eq!(
        (&told["method"], &told["params"]["uri"]),
        (&json!("notifications/resources/updated"), &json!("test://a"))
    );
}

#[tokio::test]
async fn a_session_goes_on_at_another_gateway_and_after_a_restart() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        for (path, tool) in [("/mlflow/mcp", "echo"), ("/mcp", "mlflow__echo")] {
            let ((here, there), upstream) = (two().await, Fixture::start(speaks).await);
            let (acme, simple) = account(&here, &upstream.url, OPEN).await;
            let client = Client::new(&there, &acme, path, &simple.agent).initialized().await;
            assert!(client.call(tool, json!({})).await.is_ok());
            let elsewhere = moved(&client, &there, &here);
            assert!(elsewhere.call(tool, json!({"at": "the other"})).await.is_ok());
            there.gateway.close().await;
            let answer = elsewhere.call(tool, json!({"its": "home is gone"})).await;
            assert!(answer.is_ok(), "{}", answer.text());
            assert!(elsewhere.call(tool, json!({})).await.is_ok());
            assert_eq!(upstream.calls.load(Ordering::SeqCst), 4, "each call was made once");

            // The same deployment, begun anew: nothing is left but what the id says.
            let again = World::start().await;
            again.publish(&acme).await;
            assert!(moved(&client, &there, &again).call(tool, json!({})).await.is_ok());
            let mut stream =
                moved(&client, &there, &again).with("accept", "text/event-stream").open(Method::GET, "").await;
            assert_eq!(stream.status, StatusCode::OK);
            stream.until(|raw| !raw.is_empty() || speaks == Speaks::Sessions).await;
        }
    }
}

#[tokio::test]
async fn a_question_of_a_first_era_server_is_answered_through_the_other_gateway() {
    let (here, there) = two().await;
    let (say, said) = mpsc::channel(8);
    let said = Mutex::new(Some(said));
    let upstream = Scripted::start(Speaks::Sessions, json!({"tools": {}}), move |method, _| match method {
        "tools/call" => said.lock().unwrap().take().map(Reply::Stream),
        "tools/list" => result(&json!({"tools": []})),
        _ => None,
    })
    .await;
    let mut acme = here.account("acme");
    let agent = acme.agent("ci");
    add(&mut acme, &agent, "asking", &upstream);
    here.publish(&acme).await;
    let at_home = Client::new(&there, &acme, "/mcp", &agent).introduced(json!({"elicitation": {}})).await;
    let mut stream = at_home.open(Method::POST, call(1, "asking__t", &json!({}))).await;
    let question = json!({"jsonrpc": "2.0", "id": 5, "method": "elicitation/create", "params": {"message": "sure?"}});
    say.send(question.to_string()).await.unwrap();
    let asked = stream.event().await.unwrap();
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    assert_eq!(moved(&at_home, &there, &here).post(answer.to_string()).await.status, StatusCode::ACCEPTED);
    let told = upstream.until(|message| message.get("result").is_some()).await;
    assert_eq!(told, json!({"jsonrpc": "2.0", "id": 5, "result": {"action": "accept"}}));
}

fn add(acme: &mut Account, holder: &Holder, slug: &str, upstream: &Arc<Scripted>) {
    let policy = acme.policy(OPEN);
    let server = acme.server(slug, Transport::Http { url: upstream.url.clone() }, &[]);
    acme.grant(holder.principal.as_subject(), server, Some(policy));
}
