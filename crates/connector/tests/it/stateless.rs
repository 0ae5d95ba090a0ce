//! The stateless era, with a program that speaks both.

use connector::Report;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    child,
    gateway::{Answer, Events, Gateway, Tunnel},
    rig::{Connector, carry, carry_child, limits},
};

pub const HEADERS: [(&str, &str); 2] =
    [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2026-07-28")];

fn request(id: &str, method: &str, params: &str) -> String {
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}"_meta":{{{version},"progressToken":"mine"}}}}}}"#
    )
}

pub fn call(id: &str, tool: &str, arguments: &str) -> String {
    request(id, "tools/call", &format!(r#""name":"{tool}","arguments":{arguments},"#))
}

pub async fn post(tunnel: &Tunnel, body: &str) -> Answer {
    Answer::read(tunnel.send(Method::POST, &HEADERS, body).await).await
}

async fn state(tunnel: &Tunnel) -> Value {
    post(tunnel, &call("\"state\"", "state", "{}")).await.json()["result"].take()
}

pub async fn rig() -> (Connector, Tunnel) {
    let gateway = Gateway::start().await;
    let connector = carry_child(&gateway, limits(), child::command("speaks both"));
    (connector, gateway.accept().await)
}

#[tokio::test]
async fn clients_that_chose_the_same_id_and_token_each_get_their_own_answer_of_one_process() {
    let (connector, tunnel) = rig().await;
    let discovered = post(&tunnel, &request("1", "server/discover", "")).await;
    assert_eq!(
        (&discovered.json()["id"], &discovered.json()["result"]["supportedVersions"][0]),
        (&json!(1), &json!("2026-07-28"))
    );
    let (one, other) = (call("1", "hold", "{}"), call("1", "hold", "{}"));
    let release = async {
        while state(&tunnel).await["held"] != 2 {}
        post(&tunnel, &call("1", "release", "{}")).await
    };
    let (one, other, released) = tokio::join!(post(&tunnel, &one), post(&tunnel, &other), release);
    for answer in [&one, &other] {
        assert_eq!(answer.body, r#"{"id":1,"jsonrpc":"2.0","result":{"released":true}}"#);
        assert!(!answer.headers.contains_key("mcp-session-id"));
    }
    assert_eq!(released.json()["result"], json!({}));
    let text = post(&tunnel, &call(r#""a\u0062""#, "echo", r#"{"n":1.00}"#)).await;
    assert!(text.body.starts_with(br#"{"id":"a\u0062","#), "the id comes back as it was sent: {:?}", text.body);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn progress_carries_the_clients_own_token() {
    let (connector, tunnel) = rig().await;
    let mut events = Events::of(tunnel.send(Method::POST, &HEADERS, &call("1", "progress", "{}")).await);
    for done in 0..3 {
        assert_eq!(events.next().await.unwrap()["params"], json!({"progressToken": "mine", "progress": done}));
    }
    assert_eq!(events.next().await.unwrap(), json!({"jsonrpc": "2.0", "id": 1, "result": {"done": true}}));
    assert_eq!(events.next().await, None);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_subscription_is_named_by_the_clients_own_id() {
    let (connector, tunnel) = rig().await;
    let listen = request(r#""listen-1""#, "subscriptions/listen", "");
    let mut events = Events::of(tunnel.send(Method::POST, &HEADERS, &listen).await);
    let subscription = json!({"io.modelcontextprotocol/subscriptionId": "listen-1"});
    for method in ["notifications/subscriptions/acknowledged", "notifications/tools/list_changed"] {
        let event = events.next().await.unwrap();
        assert_eq!((&event["method"], &event["params"]["_meta"]), (&json!(method), &subscription));
    }
    let end = events.next().await.unwrap();
    assert_eq!((&end["id"], &end["result"]["_meta"]), (&json!("listen-1"), &subscription));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_back() {
    let (connector, tunnel) = rig().await;
    let held = call("1", "hold", "{}");
    {
        let waiting = tunnel.send(Method::POST, &HEADERS, &held);
        let arrived = async { while state(&tunnel).await["held"] != 1 {} };
        tokio::pin!(waiting);
        tokio::select! {
            _ = &mut waiting => panic!("answered"),
            () = arrived => {}
        }
    }
    while state(&tunnel).await["cancelled"] != 1 {}
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn errors_have_the_status_that_the_era_gives_them() {
    let (connector, tunnel) = rig().await;
    let answer = post(&tunnel, &request("1", "no/such", "")).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (StatusCode::NOT_FOUND, &json!(-32601)));
    let told = post(&tunnel, r#"{"jsonrpc":"2.0","method":"notifications/x"}"#).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_that_dies_fails_what_waits_and_is_replaced() {
    let (connector, tunnel) = rig().await;
    let before = state(&tunnel).await;
    let (held, dying) = (call("1", "hold", "{}"), call("2", "die", "{}"));
    let dying = async {
        while state(&tunnel).await["held"] != 1 {}
        post(&tunnel, &dying).await
    };
    let (held, died) = tokio::join!(post(&tunnel, &held), dying);
    for answer in [held, died] {
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("exit status: 7"));
    }
    let after = loop {
        let answer = post(&tunnel, &call("3", "state", "{}")).await;
        if !answer.is_undelivered() {
            break answer.json();
        }
    };
    assert_ne!(after["result"]["pid"], before["pid"]);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn sessions_go_on_beside_it_on_processes_of_their_own() {
    let (connector, tunnel) = rig().await;
    let stateless = state(&tunnel).await;
    let session = tunnel.open().await;
    let in_session = tunnel.call(&session, 1, "state", "{}").await;
    assert_ne!(in_session["result"]["pid"], stateless["pid"]);
    assert_eq!(in_session["result"]["seen"][0], "initialize");
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_program_that_needs_the_handshake_is_asked_once() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    for _ in 0..3 {
        let answer = post(&tunnel, &request("1", "server/discover", "")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &error["data"]["requested"]), (&json!(-32022), &json!("2026-07-28")));
        assert_eq!(error["data"]["supported"][0], "2025-11-25");
    }
    tunnel.open().await;
    let mut processes = 0;
    let count = |report: &Report| match report {
        Report::ChildStarted { .. } => Some(1),
        Report::SessionOpened { .. } => Some(0),
        _ => None,
    };
    while connector.wait_for(count).await == 1 {
        processes += 1;
    }
    assert!(processes <= 3, "one was asked, one got the session, one may wait, but {processes} were started");
    connector.stop().await.unwrap();
}
