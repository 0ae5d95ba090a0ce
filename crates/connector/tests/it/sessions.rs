//! Sessions: opened, used side by side, refused, ended.

use std::time::Duration;

use connector::{Limits, Report};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    child,
    gateway::{Answer, Gateway, INITIALIZE, call},
    rig::{Connector, carry, carry_child, limits},
};

#[tokio::test]
async fn dials_with_its_token_and_says_who_it_is() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    assert_eq!(tunnel.dial.uri().to_string(), "/tunnel?server=acme/mlflow");
    let headers = tunnel.dial.headers();
    assert_eq!(headers["authorization"], format!("Bearer {}", gateway.token.token.expose()));
    assert_eq!(headers["portcullis-instance"].len(), 32);
    assert!(headers["portcullis-about"].to_str().unwrap().starts_with("portcullis/"));
    let line = connector.wait_for_line("connected").await;
    assert_eq!(line, format!("connected to {} as acme/mlflow", gateway.token.origin));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_goes_through_and_comes_back_byte_for_byte() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let listed = tunnel.post(Some(&session), r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(listed.json()["result"]["tools"][0]["name"], "echo");
    let pretty = "{\"jsonrpc\":\"2.0\",\n \"id\":\"sep\",\r\n \"method\":\"tools/call\", \"params\":{\"name\":\"echo\",\"arguments\":{\"n\":12345678901234567890,\"s\":\"a\\nb\"}}}";
    let answer = tunnel.post(Some(&session), pretty).await;
    assert_eq!(answer.body, r#"{"id":"sep","jsonrpc":"2.0","result":{"n":12345678901234567890,"s":"a\nb"}}"#);
    assert!(!answer.is_undelivered());
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_call_blocks_neither_a_ping_nor_another_session() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let (one, two) = (tunnel.open().await, tunnel.open().await);
    let (held, other) = (call(1, "hold", "{}"), call(1, "hold", "{}"));
    let long = async { tokio::join!(tunnel.post(Some(&one), &held), tunnel.post(Some(&two), &other)) };
    let meanwhile = async {
        tokio::join!(tunnel.until_held(&one), tunnel.until_held(&two));
        for (session, id) in [(&one, 2), (&two, 2), (&one, 3)] {
            let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            assert_eq!(tunnel.post(Some(session), &ping).await.json()["result"], json!({}));
        }
        tunnel.call(&two, 9, "release", "{}").await;
        tunnel.call(&one, 9, "release", "{}").await;
    };
    let ((first, second), ()) = tokio::join!(long, meanwhile);
    assert_eq!(first.json(), json!({"jsonrpc": "2.0", "id": 1, "result": {"released": true}}));
    assert_eq!(second.json()["result"]["released"], true);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn each_session_has_a_process_of_its_own() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let (one, two) = (tunnel.open().await, tunnel.open().await);
    assert_ne!(one, two);
    tunnel.call(&one, 1, "echo", "{}").await;
    let (first, second) = (tunnel.call(&one, 2, "state", "{}").await, tunnel.call(&two, 2, "state", "{}").await);
    assert_eq!((&first["result"]["calls"], &second["result"]["calls"]), (&json!(2), &json!(1)));
    assert_ne!(first["result"]["pid"], second["result"]["pid"]);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_begins_on_a_process_started_before_it() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let first = started(&mut connector).await;
    let session = tunnel.open().await;
    assert_eq!(pid(&tunnel.call(&session, 1, "state", "{}").await), first);
    let spare = started(&mut connector).await;
    let session = tunnel.open().await;
    assert_eq!(pid(&tunnel.call(&session, 1, "state", "{}").await), spare);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let sessions = [tunnel.open().await, tunnel.open().await, tunnel.open().await];
    let calls = (0..300_u64).map(|number| {
        let (session, tunnel) = (&sessions[usize::try_from(number % 3).unwrap()], &tunnel);
        async move { (number, tunnel.call(session, number / 3, "echo", &format!("[{number}]")).await) }
    });
    for (number, answer) in futures_util::future::join_all(calls).await {
        assert_eq!((&answer["id"], &answer["result"]), (&json!(number / 3), &json!([number])));
    }
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_outside_a_session_is_refused_as_servers_do() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let list = r#"{"jsonrpc":"2.0","id":5,"method":"tools/list"}"#;
    let table = [
        (None, list, StatusCode::BAD_REQUEST),
        (Some("0123"), list, StatusCode::NOT_FOUND),
        (Some(""), list, StatusCode::NOT_FOUND),
        (Some(session.as_str()), INITIALIZE, StatusCode::BAD_REQUEST),
        (Some(session.as_str()), "not json", StatusCode::BAD_REQUEST),
        (Some(session.as_str()), "[]", StatusCode::BAD_REQUEST),
    ];
    for (session, body, status) in table {
        let answer = tunnel.post(session, body).await;
        assert_eq!(answer.status, status, "{session:?} {body}");
        assert!(answer.is_undelivered() && answer.json()["error"]["code"].is_i64(), "{session:?} {body}");
        let id = if body == list { json!(5) } else { answer.json()["id"].clone() };
        assert_eq!(answer.json()["id"], id);
    }
    let put = Answer::read(tunnel.send(Method::PUT, &[], "").await).await;
    assert_eq!(
        (put.status, put.headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, POST, DELETE")
    );
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn delete_ends_the_session_and_its_process() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let pid = pid(&tunnel.call(&session, 1, "state", "{}").await);
    let ended = Answer::read(tunnel.send(Method::DELETE, &[("mcp-session-id", &session)], "").await).await;
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!(tunnel.post(Some(&session), &call(2, "echo", "{}")).await.status, StatusCode::NOT_FOUND);
    connector
        .wait_for(|report| matches!(report, Report::ChildEnded { pid: ended, .. } if *ended == pid).then_some(()))
        .await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn beyond_the_cap_the_session_idle_longest_gives_way_and_a_busy_one_never() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, Limits { max_sessions: 2, ..limits() });
    let tunnel = gateway.accept().await;
    let (busy, idle) = (tunnel.open().await, tunnel.open().await);
    let held = call(1, "hold", "{}");
    let long = tunnel.post(Some(&busy), &held);
    let meanwhile = async {
        tunnel.until_held(&busy).await;
        let third = tunnel.open().await;
        assert_eq!(tunnel.post(Some(&idle), &call(1, "echo", "{}")).await.status, StatusCode::NOT_FOUND);
        let held = call(1, "hold", "{}");
        let also_long = tunnel.post(Some(&third), &held);
        let full = async {
            tunnel.until_held(&third).await;
            let refused = tunnel.post(None, INITIALIZE).await;
            assert!(refused.is_undelivered() && refused.status == StatusCode::OK);
            assert!(refused.json()["error"]["message"].as_str().unwrap().contains("too many sessions"));
            tunnel.call(&third, 3, "release", "{}").await;
            tunnel.call(&busy, 3, "release", "{}").await;
        };
        tokio::join!(also_long, full).0
    };
    let (first, third) = tokio::join!(long, meanwhile);
    assert_eq!(
        (&first.json()["result"], &third.json()["result"]),
        (&json!({"released": true}), &json!({"released": true}))
    );
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn an_idle_session_ends() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, Limits { idle: Duration::from_millis(50), ..limits() });
    let tunnel = gateway.accept().await;
    let opened = tunnel.post(None, INITIALIZE).await;
    let idle = opened.headers["mcp-session-id"].to_str().unwrap();
    let ended = |report: &Report| matches!(report, Report::SessionEnded { why: "it was idle", .. }).then_some(());
    connector.wait_for(ended).await;
    assert_eq!(tunnel.post(Some(idle), &call(1, "echo", "{}")).await.status, StatusCode::NOT_FOUND);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_handshake_leaves_no_session() {
    let gateway = Gateway::start().await;
    let mut connector = carry_child(&gateway, limits(), child::command("refuses the handshake"));
    let tunnel = gateway.accept().await;
    let answer = tunnel.post(None, INITIALIZE).await;
    assert_eq!(answer.json()["error"]["message"], "no");
    assert!(!answer.headers.contains_key("mcp-session-id"));
    connector.wait_for(|report| matches!(report, Report::SessionEnded { open: 0, .. }).then_some(())).await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn stopping_ends_every_process() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let pid = pid(&tunnel.call(&session, 1, "state", "{}").await);
    connector.stop().await.unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is gone");
}

/// The process id of the next process that is started.
async fn started(connector: &mut Connector) -> u32 {
    let pid = |report: &Report| match report {
        Report::ChildStarted { pid } => Some(*pid),
        _ => None,
    };
    connector.wait_for(pid).await
}

fn pid(state: &Value) -> u32 {
    u32::try_from(state["result"]["pid"].as_u64().unwrap()).unwrap()
}
