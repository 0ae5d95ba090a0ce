//! Servers of the first era that want URLs opened first, an error of 2025-11-25 only.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    client::{Client, stateless},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    world::{Account, OPEN, Simple, World},
};

/// Wants a URL opened the first time it is called.
async fn wanting() -> Arc<Scripted> {
    let opened = std::sync::atomic::AtomicBool::new(false);
    Scripted::start(Speaks::Sessions, json!({"tools": {}, "resources": {}}), move |method, _| match method {
        "tools/call" if opened.swap(true, std::sync::atomic::Ordering::SeqCst) => {
            result(&json!({"content": [{"type": "text", "text": "done"}]}))
        }
        "tools/call" | "resources/read" => Some(Reply::Error(json!({"code": -32042, "message": "Open the page first",
            "data": {"elicitations": [{"mode": "url", "elicitationId": "e-1", "url": "https://a.example/connect?x=1",
                "message": "Connect your account"}]}}))),
        _ => None,
    })
    .await
}

async fn account(world: &World, upstream: &Scripted) -> (Account, Simple) {
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    (acme, simple)
}

async fn ask(client: &Client, method: &str, mut params: Value, can: &Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = can.clone();
    let (client, message) = stateless(client.clone(), method, params);
    client.post(message).await.json()
}

#[tokio::test]
async fn a_modern_client_that_opens_urls_gets_a_round_and_then_the_answer() {
    for (path, name) in [("/mlflow/mcp", "echo"), ("/mcp", "mlflow__echo")] {
        let (world, upstream) = (World::start().await, wanting().await);
        let (acme, simple) = account(&world, &upstream).await;
        let client = Client::new(&world, &acme, path, &simple.agent);
        let can = json!({"elicitation": {"url": {}}});
        let mut params = json!({"name": name, "arguments": {"x": 1}});
        let round = ask(&client, "tools/call", params.clone(), &can).await;
        assert_eq!(round["result"]["resultType"], "input_required", "{round}");
        let asked = round["result"]["inputRequests"].as_object().unwrap();
        let (key, question) = asked.iter().next().unwrap();
        assert_eq!((asked.len(), &question["method"]), (1, &json!("elicitation/create")));
        assert_eq!(
            question["params"],
            json!({"mode": "url", "url": "https://a.example/connect?x=1", "message": "Connect your account"})
        );
        params["requestState"] = round["result"]["requestState"].clone();
        params["inputResponses"] = json!({key: {"action": "accept"}});
        let end = ask(&client, "tools/call", params, &can).await;
        assert_eq!(end["result"]["content"][0]["text"], "done", "{end}");
        let sent = upstream.asked("tools/call");
        assert_eq!(sent.len(), 2);
        assert!(sent[1]["params"].get("inputResponses").is_none() && sent[1]["params"].get("requestState").is_none());
    }
}

#[tokio::test]
async fn a_modern_client_that_cannot_open_urls_is_told_in_words_and_a_client_of_the_first_era_as_the_server_said() {
    let (world, upstream) = (World::start().await, wanting().await);
    let (acme, simple) = account(&world, &upstream).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let told = ask(&client, "tools/call", json!({"name": "echo", "arguments": {}}), &json!({"elicitation": {}})).await;
    assert_eq!(
        (&told["result"]["isError"], &told["result"]["resultType"]),
        (&json!(true), &json!("complete")),
        "{told}"
    );
    let words = told["result"]["content"][0]["text"].as_str().unwrap();
    assert!(words.contains("https://a.example/connect?x=1"), "{words}");
    let told = ask(&client, "resources/read", json!({"uri": "test://a"}), &json!({})).await;
    assert_eq!(told["error"]["code"], -31_010, "the error is gone in this era: {told}");

    let upstream = wanting().await;
    let mut beta = world.account("beta");
    let simple = beta.simple(&upstream.url, OPEN);
    world.publish(&beta).await;
    let client = Client::new(&world, &beta, "/mcp", &simple.agent).initialized().await;
    let told = client.call("mlflow__echo", json!({})).await.json();
    assert_eq!(told["error"]["code"], -32_042, "{told}");
    assert_eq!(told["error"]["data"]["elicitations"][0]["elicitationId"], "e-1");
}
