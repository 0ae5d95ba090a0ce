//! Every call leaves two records, every denial and refusal one, and none of them an argument's value.

use domain::{Outcome, Settlement};
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{OPEN, SHORT_SILENCE, World, decided, settled},
};

#[tokio::test]
async fn a_call_leaves_its_intent_and_its_outcome() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    client.call("set_model_alias", json!({"b": "S3CRET", "a": {"c": "S3CRET"}})).await;
    let events = world.records(&acme, |events| events.iter().filter_map(settled).count() == 1).await;
    assert!(!serde_json::to_string(&events).unwrap().contains("S3CRET"));
    let intent = events.iter().find_map(decided).unwrap();
    assert_eq!(intent.outcome, Outcome::Allow);
    assert_eq!(intent.tool.as_deref(), Some("set_model_alias"));
    assert_eq!(intent.class, Some(policy::RiskClass::Write));
    assert_eq!(intent.argument_keys, ["a", "b"]);
    assert_eq!((intent.grant, intent.key), (Some(simple.grant), Some(simple.agent.key)));
    assert_eq!(intent.policy, Some((simple.policy, 1)));
    assert_eq!(intent.rule, "/default");
    let client = intent.client.as_ref().expect("known since `initialize`");
    assert_eq!((client.name.as_str(), client.version.as_str()), ("tester", "1.0"));
    let outcome = events.iter().find_map(settled).unwrap();
    assert_eq!((outcome.call, outcome.decided_at), (intent.call, intent.at));
    assert_eq!((outcome.settlement, outcome.http_status), (Settlement::Ok, Some(200)));
    assert!(outcome.response_bytes > 0 && outcome.upstream_us > 0);
}

#[tokio::test]
async fn each_end_of_a_call_has_its_settlement() {
    let world = World::with(|config| config.times.upstream_silence = SHORT_SILENCE).await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    let cases = [
        ("echo", Settlement::Ok, Some(200)),
        ("streams", Settlement::Ok, Some(200)),
        ("fails", Settlement::IsError, Some(200)),
        ("errs", Settlement::Error, Some(200)),
        ("http_500", Settlement::Error, Some(500)),
        ("http_401", Settlement::Error, Some(401)),
        ("wrong_id", Settlement::Broken, Some(200)),
        ("html", Settlement::Broken, Some(200)),
        ("zipped", Settlement::Broken, Some(200)),
        ("breaks_stream", Settlement::Broken, Some(200)),
        ("garbage_stream", Settlement::Broken, Some(200)),
        ("holds", Settlement::Timeout, None),
    ];
    for (tool, settlement, status) in cases {
        let mut acme = world.account(&format!("acme-{}", tool.replace('_', "-")));
        let simple = acme.simple(&upstream.url, OPEN);
        world.publish(&acme).await;
        let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
        client.call(tool, json!({})).await;
        let events = world.records(&acme, |events| events.iter().any(|e| settled(e).is_some())).await;
        let outcomes: Vec<_> = events.iter().filter_map(settled).collect();
        assert_eq!(outcomes.len(), 1, "{tool}");
        assert_eq!((outcomes[0].settlement, outcomes[0].http_status), (settlement, status), "{tool}");
    }
}

#[tokio::test]
async fn a_call_whose_client_goes_away_is_settled_as_cancelled() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let waiting = tokio::spawn(async move { client.call("holds", json!({})).await });
    upstream.held.notified().await;
    waiting.abort();
    upstream.dropped.notified().await;
    let events = world.records(&acme, |events| events.iter().any(|e| settled(e).is_some())).await;
    assert_eq!(events.iter().find_map(settled).unwrap().settlement, Settlement::Cancelled);
}

#[tokio::test]
async fn denials_and_refusals_are_recorded() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let policy = r#"{"version":"1","default":"deny","hide":["delete_run"]}"#;
    let simple = acme.simple(&upstream.url, policy);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    client.call("echo", json!({"x": "S3CRET"})).await;
    client.call("delete_run", json!({})).await;
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"S3CRET"}}"#;
    client.post(twice).await;
    client.post("[]").await;
    client.post(r#"{"jsonrpc":"2.0","id":1,"method":"x/y"}"#).await;
    let events = world.records(&acme, |events| events.len() >= 5).await;
    assert!(!serde_json::to_string(&events).unwrap().contains("S3CRET"));
    let told: Vec<_> = events
        .iter()
        .filter_map(decided)
        .map(|d| (d.outcome, d.code.clone().unwrap_or_default(), d.rule.clone()))
        .collect();
    let expected = [
        (Outcome::Deny, "default_deny", "/default"),
        (Outcome::Deny, "hidden", "/hide/0"),
        (Outcome::Refused, "duplicate_key", ""),
        (Outcome::Refused, "batch", ""),
        (Outcome::Refused, "method_off", ""),
    ];
    assert_eq!(told, expected.map(|(outcome, code, rule)| (outcome, code.to_owned(), rule.to_owned())));
    assert_eq!(events.iter().filter_map(settled).count(), 0);
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn numbers_of_records_have_no_gaps() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let limit = r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"a","window":"hour","max":3}]}}"#;
    let simple = acme.simple(&upstream.url, limit);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    futures_util::future::join_all((0..20).map(|_| client.call("echo", json!({})))).await;
    world.records(&acme, |events| events.len() == 23).await;
    let taken = world.bus.take(&[acme.snapshot.account], 1_000).await.unwrap();
    let mut numbers: Vec<u64> = taken.iter().map(|taken| taken.envelope.sequence).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=23).collect::<Vec<u64>>());
    assert!(taken.iter().all(|taken| taken.envelope.gateway == world.gateway.id()));
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_made() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let limit = r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"a","window":"hour","max":1}]}}"#;
    let simple = acme.simple(&upstream.url, limit);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    world.bus.close().await;
    for _ in 0..3 {
        let answer = client.call("set_model_alias", json!({})).await;
        assert_eq!(answer.reason(), "not_recorded", "and what was counted is given back");
    }
    assert_eq!(upstream.calls(), 0);
}
