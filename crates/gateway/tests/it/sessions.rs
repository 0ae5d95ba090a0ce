//! Sessions of the `initialize` era: the upstream's, under a name of our own.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    world::{OPEN, World},
};

#[tokio::test]
async fn a_session_is_the_upstreams_under_another_name() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let id = client.headers["mcp-session-id"].to_str().unwrap();
    assert!(!id.contains("up-0") && id.bytes().all(|b| (0x21..=0x7e).contains(&b)));
    assert!(client.call("echo", json!({})).await.is_ok());
    assert_eq!(upstream.last().0["mcp-session-id"], "up-0");

    let ended = client.send(Method::DELETE, "").await;
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!(client.call("echo", json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.send(Method::DELETE, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_principals_session_is_one_that_does_not_exist() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let (mut acme, mut neighbour) = (world.account("acme"), world.account("neighbour"));
    let simple = acme.simple(&upstream.url, OPEN);
    let colleague = acme.agent("colleague");
    acme.grant(colleague.principal.as_subject(), simple.server, Some(simple.policy));
    let second_key = acme.new_key(simple.agent.principal);
    let other = neighbour.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    world.publish(&neighbour).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    let stolen = client.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let before = upstream.seen.lock().unwrap().len();

    let thieves = [
        Client::new(&world, &acme, "/mlflow/mcp", &colleague),
        Client::new(&world, &neighbour, "/mlflow/mcp", &other.agent),
    ];
    for thief in thieves {
        let invented = thief.clone().with("mcp-session-id", "never-existed").call("echo", json!({})).await;
        assert_eq!(invented.status, StatusCode::NOT_FOUND);
        let thief = thief.with("mcp-session-id", &stolen);
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let answer = thief.send(method.clone(), crate::client::call(7, "echo", &json!({}))).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
            if method == Method::POST {
                assert_eq!(answer.body, invented.body);
            }
        }
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), before, "nothing of it reached the upstream");
    let same_person = Client::new(&world, &acme, "/mlflow/mcp", &second_key).with("mcp-session-id", &stolen);
    assert!(same_person.call("echo", json!({})).await.is_ok(), "another key of the same principal");
}

#[tokio::test]
async fn a_session_that_the_upstream_forgot_is_to_be_begun_anew() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    upstream.forget_sessions();
    let gone = client.call("echo", json!({})).await;
    assert_eq!((gone.status, gone.reason()), (StatusCode::NOT_FOUND, "no_such_session".to_owned()));
    let again = client.without("mcp-session-id").without("mcp-protocol-version").initialized().await;
    assert!(again.call("echo", json!({})).await.is_ok());
}
