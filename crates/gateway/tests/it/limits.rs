//! Limits through the gateway: exact under concurrency, given back when they should be.

use futures_util::{StreamExt as _, future::join_all, stream};
use http::StatusCode;
use serde_json::json;

use crate::{
    client::{Client, stateless_call},
    fixture::{Fixture, Speaks},
    world::{Nowhere, SEED, SHORT_SILENCE, World},
};

/// Calls under way at the same time: as many connections as any system gives a process, and a listener's queue has room for.
const AT_ONCE: usize = 120;

#[tokio::test]
async fn thirty_of_a_thousand_calls_at_once_pass() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, SEED);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let arguments = json!({"name": "m", "alias": "a", "version": "1"});
    let calls = (0..1_000).map(|_| client.call("set_model_alias", arguments.clone()));
    let answers: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
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

#[tokio::test]
async fn large_requests_take_room_only_while_they_are_worked_on() {
    let world = World::with(|config| {
        config.limits.request_bytes = 1 << 20;
        config.limits.requests_bytes = 0;
    })
    .await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, r#"{"version":"1","default":"allow"}"#);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let large = json!({"text": "x".repeat(900_000)});
    // Four of the largest have room at a time, and each gives it back.
    for _ in 0..12 {
        assert!(client.call("echo", large.clone()).await.is_ok());
    }
    let answers = join_all((0..40).map(|_| client.call("echo", large.clone()))).await;
    assert!(answers.iter().any(|answer| answer.is_ok()), "some pass");
    for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
        assert_eq!((answer.status, answer.reason()), (StatusCode::SERVICE_UNAVAILABLE, "busy".to_owned()));
    }
    // And there is room again.
    crate::snapshots::until(|| async { client.call("echo", large.clone()).await.is_ok() }).await;
}

const ONCE: &str =
    r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":1}]}}"#;
const ONE_SUCCESS: &str = r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":1,"count":"successes"}]}}"#;

#[tokio::test]
async fn what_was_never_delivered_is_given_back() {
    let world = World::start().await;
    let gone = Nowhere::new();
    let mut acme = world.account("acme");
    let simple = acme.simple(&gone.url(), ONCE);
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
    let world = World::with(|config| config.times.upstream_silence = SHORT_SILENCE).await;
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

/// A call of the stateless era that answers an `input_required`.
fn answering(client: Client, state: &str, arguments: &serde_json::Value) -> (Client, String) {
    let (client, message) = stateless_call(client, "rounds", arguments);
    let mut message: serde_json::Value = serde_json::from_str(&message).unwrap();
    message["params"]["inputResponses"] = json!({"q": {"action": "accept"}});
    message["params"]["requestState"] = json!(state);
    (client, message.to_string())
}

#[tokio::test]
async fn a_call_of_two_rounds_is_charged_once() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, ONCE);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let arguments = json!({"a": 1});
    let denied = |answer: crate::client::Answer| answer.code() == "rate_limited";

    let (modern, invented) = answering(client.clone(), "state-1", &arguments);
    let (_, first) = stateless_call(client.clone(), "rounds", &arguments);
    let asked = modern.post(first.clone()).await;
    assert_eq!(asked.json()["result"]["resultType"], "input_required");
    for (state, other) in [("state-2", &arguments), ("state-1", &json!({"a": 2}))] {
        let (modern, message) = answering(client.clone(), state, other);
        assert!(denied(modern.post(message).await), "not the round that was asked for");
    }
    assert!(modern.post(invented.clone()).await.is_ok(), "the very round, with what was asked for");
    assert!(denied(modern.post(invented).await), "and only once");
    assert!(denied(modern.post(first).await));
    assert_eq!(upstream.calls(), 2);
}

/// On the store's own clock: no busy machine takes so long over a thousand calls that some of them count no more.
const HOURLY: &str = r#"{"version":"1","default":"deny","tools":{"set_model_alias":{"limits":[{"counter":"set_model_alias_rate","window":"hour","max":30,"scope":"grant"}]}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_of_a_thousand_pass_over_two_gateways_on_one_redis() {
    let redis = test_support::RedisServer::start();
    let upstream = Fixture::start(Speaks::Sessions).await;
    let (one, two) = (World::on(&redis).await, World::on(&redis).await);
    for round in 0..3 {
        let mut acme = one.account(&format!("acme-{round}"));
        let simple = acme.simple(&upstream.url, HOURLY);
        one.publish(&acme).await;
        let before = upstream.calls();
        let clients = [
            Client::new(&one, &acme, "/mlflow/mcp", &simple.agent).initialized().await,
            Client::new(&two, &acme, "/mlflow/mcp", &simple.agent).initialized().await,
        ];
        let calls = (0..1_000).map(|n: usize| clients[n % 2].call("set_model_alias", json!({})));
        let answers: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
        let codes: Vec<String> = answers.iter().filter(|a| !a.is_ok()).map(crate::client::Answer::code).collect();
        let odd: Vec<_> = codes.iter().filter(|code| *code != "rate_limited").collect();
        assert!(odd.is_empty(), "{} {odd:?}", odd.len());
        assert_eq!((answers.len() - codes.len(), upstream.calls() - before), (30, 30));
        one.records(&acme, |events| events.len() == 1_030).await;
    }
    // A session of one gateway is good on the other.
    let mut acme = one.account("session-test");
    let simple = acme.simple(&upstream.url, SEED);
    one.publish(&acme).await;
    let mut client = Client::new(&one, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    client.url = client.url.replace(&one.origin, &two.origin);
    assert!(client.call("set_model_alias", json!({})).await.is_ok());
}

const BY_RULE: &str = r#"{"version":"1","default":"deny","tools":{
    "echo":{"limits":[{"counter":"a","window":"hour","max":9,"on_unavailable":"allow"}]},
    "set_model_alias":{"rate_limit":{"window":"hour","max":9}},
    "plain":{}}}"#;

#[tokio::test]
async fn without_the_counter_store_each_limit_does_as_it_says() {
    let mut redis = test_support::RedisServer::start();
    let (world, upstream) = (World::on(&redis).await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, BY_RULE);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
    redis.stop();
    let closed = client.call("set_model_alias", json!({})).await;
    assert_eq!(
        (closed.code(), closed.decision()["rule"].clone()),
        ("counter_unavailable".to_owned(), json!("/tools/set_model_alias/rate_limit"))
    );
    assert!(client.call("echo", json!({})).await.is_ok(), "on_unavailable: allow");
    assert!(client.call("plain", json!({})).await.is_ok(), "no limit");
    assert_eq!(client.call("delete_run", json!({})).await.code(), "default_deny");
    assert_eq!(upstream.calls(), 3);
}
