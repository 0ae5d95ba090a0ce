//! `tools/list`: what is hidden is on no page, in no encoding and on no stream.

use bytes::Bytes;
use domain::{Access, ListDenied};
use serde_json::json;

use crate::{
    client::Client,
    fixture::{Fixture, Speaks, TOOLS, event},
    world::{Account, OPEN, Simple, World},
};

const HIDES: &str = r#"{"version":"1","default":"deny","hide":["delete_*"],"tools":{"echo":{}}}"#;

async fn start(policy: &str) -> (World, std::sync::Arc<Fixture>, Account, Simple, Client) {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, policy);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    (world, upstream, acme, simple, client)
}

#[tokio::test]
async fn hidden_tools_are_left_out_and_all_else_stays_byte_for_byte() {
    let (_world, _upstream, _acme, _simple, client) = start(HIDES).await;
    let answer = client.post(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#).await;
    let kept = TOOLS.split(r#",{"name":"delete_run""#).next().unwrap();
    assert_eq!(answer.text(), format!(r#"{{"jsonrpc":"2.0","id":3,"result":{{"tools":{kept}]}}}}"#));
}

#[tokio::test]
async fn denied_tools_stay_unless_the_server_leaves_them_out() {
    let (world, _upstream, mut acme, simple, client) = start(HIDES).await;
    assert_eq!(client.list().await, ["echo", "set_model_alias"]);
    acme.settings(simple.server).list_denied = ListDenied::Omit;
    acme.changed();
    world.publish(&acme).await;
    crate::snapshots::until(|| async { client.list().await == ["echo"] }).await;
}

#[tokio::test]
async fn lists_in_streams_are_filtered_too() {
    let (_world, upstream, _acme, _simple, client) = start(HIDES).await;
    let message = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"tools":{TOOLS},"nextCursor":"2"}}}}"#);
    *upstream.list.lock().unwrap() = Some(("text/event-stream", format!(": x\n\nid: 9\n{}", event(&message))));
    let answer = client.post(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    assert_eq!(crate::client::names(&answer.json()), ["echo", "set_model_alias"]);
    assert_eq!(answer.json()["result"]["nextCursor"], "2");
    assert!(answer.text().contains("id: 9\n"), "{}", answer.text());
    let further = client.post(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"2"}}"#).await;
    assert_eq!(crate::client::names(&further.json()), ["echo", "set_model_alias"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_does_not_pass() {
    let (_world, upstream, _acme, _simple, client) = start(HIDES).await;
    for odd in [
        r#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"echo"}],"tools":[{"name":"delete_run"}]}}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"echo","name":"delete_run"}]}}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[],"Tools":[{"name":"delete_run"}]}}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[["delete_run"]]}}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":{"tools":{"delete_run":{}}}}"#,
    ] {
        for media_type in ["application/json", "text/event-stream"] {
            let text = if media_type == "application/json" { odd.to_owned() } else { event(odd) };
            *upstream.list.lock().unwrap() = Some((media_type, text));
            let answer = client.post(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#).await;
            assert!(!answer.text().contains("delete_run"), "{}", answer.text());
            assert_eq!(answer.reason(), "upstream_invalid");
        }
    }
}

#[tokio::test]
async fn lists_are_filtered_also_where_the_server_compresses_them_unasked() {
    let (world, upstream, acme, simple, client) = start(HIDES).await;
    let list = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"tools":{TOOLS},"nextCursor":"2"}}}}"#);
    let ask = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"1"}}"#;
    for coding in ["gzip", "deflate"] {
        *upstream.coding.lock().unwrap() = Some(coding);
        for (media_type, text) in [("application/json", list.clone()), ("text/event-stream", event(&list))] {
            *upstream.list.lock().unwrap() = Some((media_type, text));
            let answer = client.clone().with("accept-encoding", "gzip").post(ask).await;
            assert_eq!(answer.headers.get("content-encoding"), None);
            assert_eq!(crate::client::names(&answer.json()), ["echo", "set_model_alias"], "{coding} {media_type}");
            assert_eq!(upstream.last().0["accept-encoding"], "identity", "nobody asked for it");
        }
        let whole = list.replace(r#","nextCursor":"2""#, "");
        *upstream.list.lock().unwrap() = Some(("application/json", whole));
        let everywhere = Client::new(&world, &acme, "/mcp", &simple.agent);
        assert_eq!(everywhere.list().await, ["mlflow__echo", "mlflow__set_model_alias"]);
    }
    // What cannot be decoded cannot be looked at.
    *upstream.coding.lock().unwrap() = Some("br");
    let answer = client.post(ask).await;
    assert_eq!(answer.reason(), "upstream_invalid");
    assert!(!answer.text().contains("delete_run"));
}

#[tokio::test]
async fn the_stateless_list_is_private_to_the_caller() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, HIDES);
    world.publish(&acme).await;
    let meta =
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{meta}}}}}"#);
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent)
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", "tools/list");
    let answer = client.post(message).await.json();
    assert_eq!(crate::client::names(&answer), ["echo", "set_model_alias"]);
    assert_eq!((&answer["result"]["cacheScope"], &answer["result"]["ttlMs"]), (&json!("private"), &json!(5)));
}

#[tokio::test]
async fn a_resumed_list_on_the_servers_own_stream_is_filtered() {
    let (_world, upstream, _acme, _simple, client) = start(HIDES).await;
    let mut stream = client
        .with("accept", "text/event-stream")
        .with("last-event-id", "4")
        .open(http::Method::GET, Bytes::new())
        .await;
    upstream.pushing.notified().await;
    assert_eq!(upstream.last().0["last-event-id"], "4");
    let push = upstream.push.lock().unwrap().clone().unwrap();
    let list = format!(r#"{{"jsonrpc":"2.0","id":3,"result":{{"tools":{TOOLS}}}}}"#);
    let odd = r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[],"TOOLS":["delete_run"]}}"#;
    let other = r#"{"jsonrpc":"2.0","id":4,"result":{"content":[]}}"#;
    for text in [list.as_str(), odd, other] {
        push.send(event(text)).await.unwrap();
    }
    assert_eq!(crate::client::names(&stream.event().await.unwrap()), ["echo", "set_model_alias"]);
    assert_eq!(stream.event().await.unwrap()["id"], 4, "the unreadable list was left out");
}

#[tokio::test]
async fn methods_follow_the_servers_settings() {
    let (world, upstream, mut acme, simple, client) = start(OPEN).await;
    let resources = r#"{"jsonrpc":"2.0","id":3,"method":"resources/list"}"#;
    assert!(client.post(resources).await.is_ok());
    let unknown = client.post(r#"{"jsonrpc":"2.0","id":3,"method":"x/y"}"#).await.json();
    assert_eq!(unknown["error"]["code"], -32601);
    assert!(!upstream.last().1.windows(3).any(|w| w == b"x/y"), "it was not forwarded");

    let before = upstream.seen.lock().unwrap().len();
    let taken = client.post(r#"{"jsonrpc":"2.0","method":"notifications/unheard_of"}"#).await;
    assert_eq!(taken.status, http::StatusCode::ACCEPTED, "notifications have no answer");
    assert_eq!(upstream.seen.lock().unwrap().len(), before, "but it went nowhere");

    acme.settings(simple.server).resources = Access::Off;
    acme.settings(simple.server).unknown_methods = Access::On;
    acme.changed();
    world.publish(&acme).await;
    crate::snapshots::until(|| async { client.post(resources).await.json()["error"]["code"] == -32601 }).await;
    client.post(r#"{"jsonrpc":"2.0","id":3,"method":"x/y"}"#).await;
    assert!(upstream.last().1.windows(3).any(|w| w == b"x/y"), "it was forwarded");
}

/// Servers and connectors that match answers by id can be made to mix them up: a client asks for the list, leaves, and
/// asks for something else with the same id.
#[tokio::test]
async fn a_list_that_came_as_the_answer_to_another_request_is_filtered_too() {
    let (_world, upstream, _acme, _simple, client) = start(HIDES).await;
    let list = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"tools":{TOOLS}}}}}"#);
    for (media_type, text) in [("application/json", list.clone()), ("text/event-stream", event(&list))] {
        *upstream.mixed_up.lock().unwrap() = Some((media_type, text));
        for method in ["ping", "resources/list", "prompts/list", "tools/call"] {
            let request =
                json!({"jsonrpc": "2.0", "id": 3, "method": method, "params": {"name": "echo", "arguments": {}}});
            let answer = client.post(request.to_string()).await;
            assert_eq!(crate::client::names(&answer.json()), ["echo", "set_model_alias"], "{method}");
        }
        let odd = list.replace("tools", "tool\u{17f}");
        let odd = if media_type == "application/json" { odd } else { event(&odd) };
        *upstream.mixed_up.lock().unwrap() = Some((media_type, odd));
        let answer = client.post(r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#).await;
        assert_eq!(answer.reason(), "upstream_invalid");
        assert!(!answer.text().contains("delete_run"), "{}", answer.text());
    }
}
