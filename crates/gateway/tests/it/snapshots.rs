//! How changes reach the gateway, and what does not.

use std::future::Future;

use domain::{DeploymentKey, Entropy, SignedSnapshot};
use http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{OPEN, PATIENCE, World},
};

/// Asks again until it is so; for what takes effect a moment after it was published.
pub async fn until<F: Future<Output = bool>>(so: impl Fn() -> F) {
    let asking = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it is so in time");
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn a_revoked_key_and_a_removed_account_are_refused() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    let second = acme.new_key(simple.agent.principal);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let other = Client::new(&world, &acme, "/mlflow/mcp", &second).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());

    acme.changed().snapshot.keys.remove(0);
    world.publish(&acme).await;
    until(|| async { client.post(PING).await.status == StatusCode::UNAUTHORIZED }).await;
    assert!(other.call("echo", json!({})).await.is_ok());

    world.bus.withdraw(acme.slug()).await.unwrap();
    until(|| async { other.post(PING).await.status == StatusCode::UNAUTHORIZED }).await;
}

#[tokio::test]
async fn a_revoked_grant_is_refused() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    acme.changed().snapshot.grants.clear();
    world.publish(&acme).await;
    until(|| async { client.call("echo", json!({})).await.status == StatusCode::NOT_FOUND }).await;
}

#[tokio::test]
async fn a_new_key_works_at_once_without_any_notice() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    world.cancel.cancel();
    Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let fresh = acme.changed().new_key(simple.agent.principal);
    world.publish(&acme).await;
    let answer = Client::new(&world, &acme, "/mlflow/mcp", &fresh).initialized().await.call("echo", json!({})).await;
    assert!(answer.is_ok(), "{}", answer.text());
}

#[tokio::test]
async fn a_revocation_holds_although_its_notice_was_lost() {
    let (mut world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    // Nobody listens while the notice comes; the versions are compared afterwards.
    world.cancel.cancel();
    (&mut world.background).await.unwrap();
    acme.changed().snapshot.grants.clear();
    world.publish(&acme).await;
    assert!(client.call("echo", json!({})).await.is_ok(), "not known yet");
    let again = world.gateway.clone();
    tokio::spawn(async move { again.run_background(CancellationToken::new()).await });
    until(|| async { client.call("echo", json!({})).await.status == StatusCode::NOT_FOUND }).await;
}

#[tokio::test]
async fn a_bad_snapshot_keeps_the_one_before_it() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;

    acme.changed().snapshot.grants.clear();
    let forged = acme.snapshot.sign(&DeploymentKey::new(&Entropy::seeded(99))).unwrap();
    world.bus.publish(acme.slug(), &forged).await.unwrap();
    let good = acme.snapshot.sign(&world.key).unwrap();
    let damaged = SignedSnapshot::from_text(good.as_str().replace("\"grants\":[]", "\"grants\":[ ]"));
    world.bus.publish(acme.slug(), &damaged).await.unwrap();
    for _ in 0..20 {
        assert!(client.call("echo", json!({})).await.is_ok());
    }
    acme.changed();
    world.publish(&acme).await;
    until(|| async { client.call("echo", json!({})).await.status == StatusCode::NOT_FOUND }).await;
}

#[tokio::test]
async fn a_snapshot_under_another_accounts_name_opens_nothing() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    let signed = acme.snapshot.sign(&world.key).unwrap();
    let victim = world.account("victim");
    world.bus.publish(victim.slug(), &signed).await.unwrap();
    let answer = Client::new(&world, &victim, "/mlflow/mcp", &simple.agent).post(PING).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "not usable, so nothing is allowed");
}

#[tokio::test]
async fn a_policy_that_does_not_compile_denies_everything() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, r#"{"version":"7"}"#);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    assert_eq!(client.call("echo", json!({})).await.code(), "no_policy");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_credential_that_does_not_open_stops_the_call() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    acme.header(simple.server, "x-key", "a");
    acme.snapshot.servers[0].headers[0].name = "x-other".to_owned();
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    assert_eq!(client.call("echo", json!({})).await.reason(), "upstream_credential");
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}
