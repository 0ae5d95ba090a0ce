//! Towards clients of the `initialize` era (2025-11-25 basic/transports and basic/lifecycle).

use bytes::Bytes;
use domain::Settlement;
use http::{Method, StatusCode};
use serde_json::json;

use super::{Stage, URLS, ask};
use crate::{
    client::{Client, call},
    fixture::Speaks,
    world::settled,
};

#[tokio::test]
async fn initialize_agrees_on_the_clients_version_or_on_our_newest_of_the_era() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        for (path, _) in URLS {
            let agrees = async |version: &str| {
                let hello = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
                let answer = stage.client(path).post(ask("initialize", &hello)).await;
                assert_eq!(answer.status, StatusCode::OK, "{version}: {}", answer.text());
                answer.json()["result"]["protocolVersion"].as_str().unwrap().to_owned()
            };
            assert_eq!(agrees("2025-11-25").await, "2025-11-25");
            for never in ["2026-07-28", "2031-01-01", "x", ""] {
                assert_eq!(agrees(never).await, "2025-11-25", "{path} {never}");
            }
            // Where the server greets for itself, it is its own answer that counts.
            if speaks == Speaks::Stateless || path == "/mcp" {
                for older in ["2024-11-05", "2025-03-26", "2025-06-18"] {
                    assert_eq!(agrees(older).await, older, "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_session_id_is_visible_ascii_bound_to_its_principal_and_404_when_unknown() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let mut stage = Stage::new(speaks).await;
        let colleague = stage.acme.agent("colleague");
        stage.acme.grant(colleague.principal.as_subject(), stage.simple.server, Some(stage.simple.policy));
        stage.acme.changed();
        stage.world.publish(&stage.acme).await;
        let mut neighbour = stage.world.account("neighbour");
        let other = neighbour.simple(&stage.upstream.url, crate::world::OPEN);
        stage.world.publish(&neighbour).await;
        for (path, tool) in URLS {
            let client = stage.client(path).initialized().await;
            let id = client.headers["mcp-session-id"].to_str().unwrap().to_owned();
            assert!(id.len() >= 32 && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id}");
            assert!(client.call(tool, json!({})).await.is_ok());
            let again = stage.client(path).initialized().await;
            assert_ne!(again.headers["mcp-session-id"], id.as_str());
            let without = client.clone().without("authorization").call(tool, json!({})).await;
            assert_eq!(without.status, StatusCode::UNAUTHORIZED, "a session is no authentication");
            stage.clear();
            let thieves = [
                Client::new(&stage.world, &stage.acme, path, &colleague).with("mcp-session-id", &id),
                Client::new(&stage.world, &neighbour, path, &other.agent).with("mcp-session-id", &id),
                stage.client(path).with("mcp-session-id", &format!("{id}A")),
                stage.client(path).with("mcp-session-id", "never-existed"),
            ];
            for thief in thieves {
                for method in [Method::POST, Method::GET, Method::DELETE] {
                    let message = if method == Method::POST { call(7, tool, &json!({})) } else { String::new() };
                    let answer = thief.send(method.clone(), message).await;
                    assert_eq!(
                        (answer.status, answer.reason().as_str()),
                        (StatusCode::NOT_FOUND, "no_such_session"),
                        "{path} {method}"
                    );
                }
            }
            assert_eq!(stage.sent(), 0, "{path}: nothing of it reached the server");
            let ended = client.send(Method::DELETE, "").await;
            assert!(ended.status.is_success(), "{path}: {}", ended.status);
        }
    }
}

#[tokio::test]
async fn a_request_without_its_session_is_400_where_the_server_has_sessions() {
    let stage = Stage::new(Speaks::Sessions).await;
    let answer = stage.client("/mlflow/mcp").with("mcp-protocol-version", "2025-11-25").call("echo", json!({})).await;
    assert_eq!((answer.status, &answer.json()["id"]), (StatusCode::BAD_REQUEST, &json!(7)), "{}", answer.text());
}

#[tokio::test]
async fn a_client_may_accept_less_than_it_should_and_opens_a_stream_by_get() {
    let stage = Stage::new(Speaks::Sessions).await;
    for (path, tool) in URLS {
        let client = stage.client(path).initialized().await;
        for accept in ["application/json", "text/event-stream", "*/*", "text/plain"] {
            let answer = client.clone().with("accept", accept).call(tool, json!({})).await;
            assert!(answer.is_ok(), "{path} {accept}: {}", answer.text());
        }
        let bare = client.clone().without("accept").call(tool, json!({})).await;
        assert!(bare.is_ok(), "{}", bare.text());
        let stream = client.with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
        assert_eq!(
            (stream.status, &stream.headers["content-type"]),
            (StatusCode::OK, &"text/event-stream".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn the_last_event_id_goes_to_the_server_whose_stream_is_resumed_and_nowhere_else() {
    let stage = Stage::new(Speaks::Sessions).await;
    let client = stage.client("/mlflow/mcp").initialized().await.with("last-event-id", "41");
    assert!(client.call("echo", json!({})).await.is_ok());
    assert!(!stage.upstream.last().0.contains_key("last-event-id"), "a call resumes nothing");
    let _stream = client.with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    assert_eq!(stage.upstream.last().0["last-event-id"], "41");
}

#[tokio::test]
async fn a_client_that_disconnects_has_not_cancelled() {
    let stage = Stage::new(Speaks::Sessions).await;
    for (path, tool) in [("/mlflow/mcp", "stalls"), ("/mcp", "mlflow__stalls")] {
        let client = stage.client(path).initialized().await;
        let message = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": 1}});
        let mut stream = client.open(Method::POST, ask("tools/call", &message)).await;
        assert_eq!(stream.event().await.unwrap()["method"], "notifications/progress");
        drop(stream);
        if path == "/mlflow/mcp" {
            let events = stage.world.records(&stage.acme, |events| events.iter().any(|e| settled(e).is_some())).await;
            assert_eq!(events.iter().find_map(settled).unwrap().settlement, Settlement::Cancelled);
        }
        assert!(client.post(ask("ping", &json!({}))).await.is_ok());
        let seen = stage.upstream.seen.lock().unwrap();
        let cancelled = seen.iter().any(|seen| String::from_utf8_lossy(&seen.body).contains("notifications/cancelled"));
        assert!(!cancelled, "{path}");
    }
}

#[tokio::test]
async fn without_a_version_header_requests_are_taken_and_an_unknown_version_is_400() {
    let stage = Stage::new(Speaks::Sessions).await;
    for (path, tool) in URLS {
        let client = stage.client(path).initialized().await;
        assert!(client.clone().without("mcp-protocol-version").call(tool, json!({})).await.is_ok(), "{path}");
        for version in ["2031-01-01", "2025-11-25,2025-06-18", "x"] {
            let answer = client.clone().with("mcp-protocol-version", version).call(tool, json!({})).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {version}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_refused_whatever_the_version() {
    let stage = Stage::new(Speaks::Sessions).await;
    for (path, tool) in URLS {
        let client = stage.client(path).initialized().await;
        stage.clear();
        for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
            let client = client.clone().with("mcp-protocol-version", version);
            for batch in [
                format!("[{}]", call(7, tool, &json!({}))),
                format!(" [ {0}, {0} ]", ask("ping", &json!({}))),
                "[]".to_owned(),
            ] {
                let answer = client.post(batch).await;
                let json = answer.json();
                assert_eq!(
                    (answer.status, &json["error"]["code"]),
                    (StatusCode::BAD_REQUEST, &json!(-32600)),
                    "{path} {version}"
                );
                assert_eq!(json["id"], json!(null));
            }
        }
        assert_eq!(stage.sent(), 0);
    }
    assert_eq!(stage.refusals(30).await, vec!["batch"; 30]);
}
