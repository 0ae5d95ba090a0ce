//! Clients that do not read what they asked for, and the others behind the same tunnel.

use http::Method;
use serde_json::json;

use crate::{
    client::{Client, call},
    fixture::{Fixture, Speaks},
    tunnel::{connect, to_url, tunnelled},
    world::World,
};

const OPEN: &str = r#"{"version":"1","default":"allow"}"#;
/// More than had room in the window of 8 MiB that all streams of a tunnel shared, at 1 MiB each.
const IDLERS: u64 = 16;

/// Eight clients that stopped reading stopped every answer through the tunnel.
#[tokio::test]
async fn clients_that_do_not_read_do_not_stop_the_others() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&world, "acme", OPEN).await;
    let mut connector = connect(&world, &tunnelled, &tunnelled.token, to_url(&upstream));
    connector.connected().await;
    let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent).initialized().await;
    let mut unread = Vec::new();
    for id in 0..IDLERS {
        unread.push(client.open(Method::POST, call(100 + id, "floods", &json!({}))).await);
    }
    for _ in 0..3 {
        let answer = client.call("big", json!({})).await;
        assert!(answer.is_ok(), "{}", answer.text().chars().take(200).collect::<String>());
    }
    drop(unread);
}
