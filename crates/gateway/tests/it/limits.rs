//! Limits through the gateway: exact under concurrency, given back when they should be.

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{SEED, World},
};

#[tokio::test]
async fn thirty_of_a_thousand_calls_at_once_pass() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, SEED);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let arguments = json!({"name": "m", "alias": "a", "version": "1"});
    let calls = (0..1_000).map(|_| client.call("set_model_alias", arguments.clone()));
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 30);
    assert_eq!(upstream.calls(), 30, "counted by the upstream");

    let denied = answers.iter().find(|answer| !answer.is_ok()).unwrap();
    assert_eq!(denied.status, StatusCode::OK);
    let decision = denied.decision();
    assert_eq!(decision["code"], "rate_limited");
    assert_eq!(decision["rule"], "/tools/set_model_alias/limits/0");
    let wait_ms = decision["retry_after_ms"].as_i64().unwrap();
    assert!((60_000..=63_750).contains(&wait_ms), "{wait_ms}");
    let text = denied.json()["result"]["content"][0]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("[POLICY DENIED] Rate limit reached: 30 per minute. Try again in "), "{text}");

    // True to the word: after that wait the same call passes.
    world.clock.advance_seconds(wait_ms.div_euclid(1_000) + 1);
    assert!(client.call("set_model_alias", arguments.clone()).await.is_ok());
    assert_eq!(client.call("delete_run", json!({})).await.code(), "default_deny");
}

const ONCE: &str =
    r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":1}]}}"#;
const ONE_SUCCESS: &str = r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":1,"count":"successes"}]}}"#;

#[tokio::test]
async fn what_was_never_delivered_is_given_back() {
    let world = World::start().await;
    let gone = { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let mut acme = world.account("acme");
    let simple = acme.simple(&format!("http://{gone}/mcp"), ONCE);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    for _ in 0..3 {
        let answer = client.call("echo", json!({})).await;
        assert_eq!((answer.status, answer.reason()), (StatusCode::OK, "upstream_unreachable".to_owned()));
    }
}

#[tokio::test]
async fn failures_are_given_back_only_where_successes_count() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    for (slug, policy, passes) in [("attempts", ONCE, false), ("successes", ONE_SUCCESS, true)] {
        for tool in ["fails", "errs", "http_500"] {
            let mut acme = world.account(&format!("{slug}-{}", tool.replace('_', "-")));
            let simple = acme.simple(&upstream.url, policy);
            world.publish(&acme).await;
            let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
            client.call(tool, json!({})).await;
            let again = client.call("echo", json!({})).await;
            assert_eq!(again.is_ok(), passes, "{slug} {tool}: {}", again.text());
            assert!(!client.call("echo", json!({})).await.is_ok(), "{slug} {tool}: one success is one");
        }
    }
}

#[tokio::test]
async fn an_unknown_outcome_stays_counted() {
    let world = World::with(|config| config.times.upstream_silence = std::time::Duration::from_millis(200)).await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    for tool in ["holds", "wrong_id", "breaks_stream"] {
        let mut acme = world.account(&format!("acme-{}", tool.replace('_', "-")));
        let simple = acme.simple(&upstream.url, ONE_SUCCESS);
        world.publish(&acme).await;
        let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
        let failed = client.call(tool, json!({})).await;
        assert!(!failed.is_ok(), "{tool}");
        assert_eq!(client.call("echo", json!({})).await.code(), "rate_limited", "{tool}");
    }
}

#[tokio::test]
async fn counters_of_neighbours_and_grants_never_meet() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let (mut ours, mut neighbour) = (world.account("acme"), world.account("neighbour"));
    let own = ours.simple(&upstream.url, ONCE);
    let second = ours.agent("second");
    ours.grant(second.principal.as_subject(), own.server, Some(own.policy));
    let other = neighbour.simple(&upstream.url, ONCE);
    world.publish(&ours).await;
    world.publish(&neighbour).await;
    for (account, holder) in [(&ours, &own.agent), (&ours, &second), (&neighbour, &other.agent)] {
        let client = Client::new(&world, account, "/mlflow/mcp", holder).initialized().await;
        assert!(client.call("echo", json!({})).await.is_ok());
        assert_eq!(client.call("echo", json!({})).await.code(), "rate_limited");
    }
}

#[tokio::test]
async fn a_session_limit_counts_per_session_and_else_per_key() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let policy = r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"s","window":"hour","max":1,"scope":"session"}]}}"#;
    let simple = acme.simple(&upstream.url, policy);
    world.publish(&acme).await;
    for _ in 0..2 {
        let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
        assert!(client.call("echo", json!({})).await.is_ok());
        assert_eq!(client.call("echo", json!({})).await.code(), "rate_limited");
    }
}
