//! The account's own URL: every granted server at once.

use bytes::Bytes;
use http::{Method, StatusCode};
use policy::RiskClass;
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{Nowhere, OPEN, World, decided},
};

const HIDES: &str = r#"{"version":"1","default":"deny","hide":["delete_*"],"tools":{"echo":{"limits":[{"window":"hour","max":2,"counter":"c"}]}}}"#;

#[tokio::test]
async fn tools_of_all_servers_under_their_servers_names() {
    let world = World::start().await;
    let (one, two) = (Fixture::start(Speaks::Sessions).await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&one.url, HIDES);
    let second =
        acme.server("registry", domain::Transport::Http { url: two.url.clone() }, &[("echo", RiskClass::Read)]);
    let open = acme.policy(OPEN);
    acme.grant(simple.agent.principal.as_subject(), second, Some(open));
    acme.server("secret", domain::Transport::Http { url: two.url.clone() }, &[]);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
    let expected = [
        "mlflow__echo",
        "mlflow__set_model_alias",
        "registry__echo",
        "registry__set_model_alias",
        "registry__delete_run",
    ];
    assert_eq!(client.list().await, expected);

    let answer = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"n":1.0},"name":"mlflow__echo","x":1}}"#).await;
    assert!(answer.is_ok(), "{}", answer.text());
    let (headers, body) = one.last();
    assert_eq!(
        body,
        &br#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"arguments":{"n":1.0},"name":"echo","x":1}}"#[..],
        "nothing but the name and the id of our own"
    );
    assert_eq!(answer.json()["id"], 1);
    assert!(!headers.contains_key("authorization"));
    assert_eq!(headers["mcp-session-id"], "up-0");

    assert!(client.call("mlflow__echo", json!({})).await.is_ok());
    assert_eq!(client.call("mlflow__echo", json!({})).await.code(), "rate_limited");
    assert!(client.call("registry__echo", json!({})).await.is_ok());
    for unknown in ["mlflow__delete_run", "secret__echo", "nothing__echo", "echo", "mlflow__", ""] {
        let answer = client.call(unknown, json!({})).await.json();
        assert_eq!(answer["error"], json!({"code": -32602, "message": format!("Unknown tool: {unknown}")}), "{answer}");
    }
    assert_eq!((one.calls(), two.calls()), (2, 1));
    let events = world.records(&acme, |events| events.iter().filter_map(decided).count() >= 5).await;
    assert!(
        events.iter().filter_map(decided).all(|record| record.tool.as_deref().is_none_or(|tool| !tool.contains("__")))
    );
}

#[tokio::test]
async fn a_dead_server_costs_only_its_own_tools() {
    let world = World::start().await;
    let one = Fixture::start(Speaks::Sessions).await;
    let gone = Nowhere::new();
    let mut acme = world.account("acme");
    let simple = acme.simple(&one.url, OPEN);
    for (slug, transport) in
        [("dead", domain::Transport::Http { url: gone.url() }), ("tunnel", domain::Transport::Tunnel)]
    {
        let server = acme.server(slug, transport, &[]);
        acme.grant(simple.agent.principal.as_subject(), server, Some(simple.policy));
    }
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
    assert_eq!(client.list().await, ["mlflow__echo", "mlflow__set_model_alias", "mlflow__delete_run"]);
    assert_eq!(client.call("dead__echo", json!({})).await.reason(), "upstream_unreachable");
    assert_eq!(client.call("tunnel__echo", json!({})).await.reason(), "no_connector");
}

#[tokio::test]
async fn a_forgotten_session_behind_the_url_is_opened_anew() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let limited =
        r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"a","window":"hour","max":3}]}}"#;
    let simple = acme.simple(&upstream.url, limited);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
    assert!(client.call("mlflow__echo", json!({})).await.is_ok());
    upstream.forget_sessions();
    assert!(client.call("mlflow__echo", json!({})).await.is_ok());
    upstream.forget_sessions();
    assert_eq!(client.list().await.len(), 3);
    assert!(client.call("mlflow__echo", json!({})).await.is_ok(), "counted once each");
    assert_eq!(client.call("mlflow__echo", json!({})).await.code(), "rate_limited");
    assert_eq!(upstream.calls(), 3);

    assert_eq!(client.send(Method::DELETE, "").await.status, StatusCode::NO_CONTENT);
    let ended = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
    assert_eq!((ended.status, ended.reason()), (StatusCode::NOT_FOUND, "no_such_session".to_owned()));
    let nobodys = Client::new(&world, &acme, "/mcp", &simple.agent).send(Method::DELETE, "").await;
    assert_eq!(nobodys.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn clients_may_go_without_a_session_but_not_with_anothers() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &simple.agent);
    assert!(client.call("mlflow__echo", json!({})).await.is_ok());
    assert!(client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.is_ok());
    for unknown in ["x/y", "sampling/createMessage", "server/discover"] {
        let answer = client.post(json!({"jsonrpc": "2.0", "id": 1, "method": unknown}).to_string()).await.json();
        assert_eq!(answer["error"]["code"], -32601, "{unknown}");
    }
    let stolen = client.with("mcp-session-id", "never-existed").call("mlflow__echo", json!({})).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn its_stream_tells_of_changes_and_ends_with_the_key() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
    let mut stream = client.with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    acme.new_version(simple.policy, OPEN);
    world.publish(&acme).await;
    assert_eq!(stream.event().await.unwrap()["method"], "notifications/tools/list_changed");
    acme.changed().snapshot.keys.clear();
    world.publish(&acme).await;
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn a_server_of_the_stateless_era_is_reached_by_clients_of_the_first() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    acme.snapshot.servers[0].tools[0].input_schema =
        Some(r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#.into());
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
    assert_eq!(client.list().await, ["mlflow__echo", "mlflow__set_model_alias", "mlflow__delete_run"]);
    let answer = client.call("mlflow__echo", json!({"region": "münchen", "n": 1})).await;
    assert!(answer.is_ok(), "{}", answer.text());
    let (headers, body) = upstream.last();
    assert_eq!(
        (&headers["mcp-method"], &headers["mcp-name"]),
        (&"tools/call".parse().unwrap(), &"echo".parse().unwrap())
    );
    assert_eq!(headers["mcp-param-region"], "=?base64?bcO8bmNoZW4=?=");
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent["params"]["_meta"]["io.modelcontextprotocol/clientInfo"]["name"], "tester");
    assert!(!client.call("mlflow__rounds", json!({})).await.is_ok(), "this client cannot be asked");
}
