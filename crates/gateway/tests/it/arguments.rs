//! Arguments: held against the tool's schema before policy looks at them, and kept for the record as far as it does.

use domain::{CallDecided, Outcome};
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{Account, OPEN, Simple, World, decided},
};

const SCHEMA: &str = r#"{"type":"object","required":["name","version"],"properties":{"name":{"type":"string"},"version":{"type":"integer"}}}"#;

async fn start(policy: &str, schemas: &[(&str, &str)]) -> (World, std::sync::Arc<Fixture>, Account, Simple, Client) {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, policy);
    for (tool, schema) in schemas {
        acme.schema(simple.server, tool, schema);
    }
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    (world, upstream, acme, simple, client)
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_denied_with_place_and_rule() {
    let (world, upstream, acme, simple, client) = start(OPEN, &[("set_model_alias", SCHEMA)]).await;
    let denied = client.call("set_model_alias", json!({"name": "S3CRET"})).await;
    assert_eq!((denied.code(), denied.decision()["rule"].clone()), ("invalid_arguments".to_owned(), json!("")));
    let text = "[POLICY DENIED] The arguments do not fit the tool's input schema. /version: is required.";
    assert_eq!(denied.json()["result"]["content"][0]["text"], text);
    let denied = client.call("set_model_alias", json!({"name": "n", "version": "S3CRET"})).await;
    assert!(denied.text().contains("/version: must be an integer."), "{}", denied.text());
    assert!(!denied.text().contains("S3CRET"));
    assert_eq!(client.call("set_model_alias", json!({})).await.code(), "invalid_arguments");
    assert_eq!(upstream.calls(), 0);
    for version in ["1", "1.0", "12345678901234567890123"] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"set_model_alias","arguments":{{"name":"n","version":{version}}}}}}}"#
        );
        assert!(client.post(call).await.is_ok(), "{version}");
    }
    assert!(client.call("echo", json!({"anything": 1})).await.is_ok(), "no schema is known");
    let everywhere = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
    assert_eq!(everywhere.call("mlflow__set_model_alias", json!({})).await.code(), "invalid_arguments");
}

#[tokio::test]
async fn it_is_step_five() {
    let policy = r#"{"version":"1","default":"deny","hide":["delete_run"],"tools":{"echo":{"action":"deny"},
        "set_model_alias":{"require":[{"conditions":[{"path":"args.name","op":"eq","value":"ok"}]}],"action":"require_approval",
            "limits":[{"counter":"c","window":"hour","max":1}]}}}"#;
    let schemas = [("set_model_alias", SCHEMA), ("echo", SCHEMA), ("delete_run", SCHEMA)];
    let (_world, upstream, _, _, client) = start(policy, &schemas).await;
    assert_eq!(client.call("delete_run", json!({})).await.json()["error"]["message"], "Unknown tool: delete_run");
    assert_eq!(client.call("echo", json!({})).await.code(), "denied");
    assert_eq!(client.call("set_model_alias", json!({"name": "other"})).await.code(), "invalid_arguments");
    assert_eq!(client.call("set_model_alias", json!({"name": "other", "version": 1})).await.code(), "argument_denied");
    assert_eq!(client.call("set_model_alias", json!({"name": "ok", "version": 1})).await.code(), "approval_required");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_none() {
    let remote = r#"{"$ref":"http://127.0.0.1:1/schema.json"}"#;
    let schemas = [
        ("echo", remote),
        ("set_model_alias", r#"{"properties":{"a":{"pattern":"(?=x)"}}}"#),
        ("delete_run", "nonsense"),
    ];
    let (_world, upstream, _, _, client) = start(OPEN, &schemas).await;
    for tool in ["echo", "set_model_alias", "delete_run"] {
        assert!(client.call(tool, json!({"a": 1})).await.is_ok(), "{tool}");
    }
    assert_eq!(upstream.calls(), 3);
}

#[tokio::test]
async fn a_changed_schema_is_in_force_with_its_snapshot() {
    let (world, _, mut acme, simple, client) = start(OPEN, &[("echo", SCHEMA)]).await;
    assert_eq!(client.call("echo", json!({})).await.code(), "invalid_arguments");
    acme.schema(simple.server, "echo", r#"{"type":"object"}"#);
    acme.changed();
    world.publish(&acme).await;
    crate::snapshots::until(|| async { client.call("echo", json!({})).await.is_ok() }).await;
}

#[tokio::test]
async fn a_record_keeps_what_policy_looks_at_sealed_and_nothing_else() {
    let policy = r#"{"version":"1","default":"deny","tools":{"set_model_alias":{"deny_if":[{"conditions":[{"path":"args.alias","op":"eq","value":"prod"}]}],
        "limits":[{"counter":"c","window":"hour","max":1000,"amount":"args.cost.total"}]},"echo":{}}}"#;
    let (world, _, acme, _, client) = start(policy, &[]).await;
    assert!(
        client
            .call("set_model_alias", json!({"alias": "test", "cost": {"total": 1.50, "x": 2}, "token": "S3CRET"}))
            .await
            .is_ok()
    );
    assert_eq!(
        client.call("set_model_alias", json!({"alias": "prod", "cost": {"total": 1}, "token": "S3CRET"})).await.code(),
        "argument_denied"
    );
    assert!(client.call("echo", json!({"token": "S3CRET"})).await.is_ok());
    client.call("set_model_alias", json!({"alias": "x".repeat(17 << 10), "cost": {"total": 1}})).await;
    let events = world.records(&acme, |events| events.iter().filter_map(decided).count() == 4).await;
    assert!(!serde_json::to_string(&events).unwrap().contains("S3CRET"));
    let open = |record: &CallDecided| {
        let sealed = record.arguments.as_ref()?;
        let plain = acme.data_key.open(&CallDecided::arguments_context(record.call), sealed).unwrap();
        Some(serde_json::from_slice::<serde_json::Value>(&plain).unwrap())
    };
    let kept: Vec<_> = events.iter().filter_map(decided).map(|record| (record.outcome, open(record))).collect();
    assert_eq!(kept[0], (Outcome::Allow, Some(json!({"alias": "test", "cost": {"total": 1.5}}))));
    assert_eq!(kept[1], (Outcome::Deny, Some(json!({"alias": "prod", "cost": {"total": 1}}))));
    assert_eq!(kept[2].0, Outcome::Allow);
    assert!(kept[2].1.as_ref().is_none_or(|kept| *kept == json!({})), "{:?}", kept[2].1);
    assert_eq!(kept[3], (Outcome::Allow, None), "too large to keep");
}
