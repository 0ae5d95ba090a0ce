//! What servers say on their own, on a server's URL, to clients of the other era.

use std::sync::Mutex;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    client::{Client, stateless},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    world::{OPEN, World},
};

fn said(method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

#[tokio::test]
async fn a_modern_subscription_has_what_a_server_of_the_first_era_says_on_its_stream() {
    let world = World::start().await;
    let (say, heard) = mpsc::channel(8);
    let heard = Mutex::new(Some(heard));
    let capabilities = json!({"prompts": {"listChanged": true}, "resources": {"subscribe": true}});
    let upstream = Scripted::start(Speaks::Sessions, capabilities, move |method, _| match method {
        "GET" => heard.lock().unwrap().take().map(Reply::Stream),
        "resources/subscribe" => result(&json!({})),
        _ => None,
    })
    .await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let wanted = json!({"notifications": {"promptsListChanged": true, "resourceSubscriptions": ["test://a"]}});
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let (client, message) = stateless(client, "subscriptions/listen", wanted.clone());
    let mut stream = client.open(Method::POST, message).await;
    let acknowledged = stream.event().await.unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["notifications"], wanted["notifications"]);
    assert_eq!(upstream.asked("resources/subscribe")[0]["params"]["uri"], "test://a");

    // Log messages have no place here, and lists that were not asked for neither (2026-07-28 basic/patterns/subscriptions).
    say.send(said("notifications/message", json!({"level": "info", "data": 1}))).await.unwrap();
    say.send(said("notifications/resources/list_changed", json!({}))).await.unwrap();
    say.send(said("notifications/resources/updated", json!({"uri": "test://a", "x": 1.0}))).await.unwrap();
    let told = stream.event().await.unwrap();
    assert_eq!((&told["params"]["uri"], &told["params"]["x"]), (&json!("test://a"), &json!(1.0)), "{told}");
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    // A question there is answered in the client's place: in this era servers ask nothing.
    say.send(json!({"jsonrpc": "2.0", "id": 3, "method": "roots/list"}).to_string()).await.unwrap();
    assert_eq!(upstream.until(|message| message["id"] == 3).await["error"]["code"], -32601);

    drop(stream);
    upstream.until(|message| message["method"] == "DELETE").await;
}
