//! What a server says besides its answers: each message on exactly one stream.

use std::time::Duration;

use connector::{Limits, Report};
use http::StatusCode;
use serde_json::json;

use crate::{
    gateway::{Answer, Gateway, call},
    rig::{carry, limits},
};

#[tokio::test]
async fn progress_comes_on_the_stream_of_its_request_in_order() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let mut listening = tunnel.listen(&session).await;
    let mut events = tunnel.post_events(&session, &call(4, "progress", "{}")).await;
    for done in 0..3 {
        let progress = events.next().await.unwrap();
        assert_eq!(progress["params"], json!({"progressToken": "t4", "progress": done}));
    }
    assert_eq!(events.next().await.unwrap()["result"], json!({"done": true}));
    assert_eq!(events.next().await, None, "the answer ends the stream");
    // The stream opened by GET got none of it: the first thing there is what comes next.
    tunnel.call(&session, 5, "log", "{}").await;
    assert_eq!(listening.next().await.unwrap()["method"], "notifications/message");
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_asks_its_client_by_the_open_stream_or_by_that_of_the_request() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let reply = r#"{"jsonrpc":"2.0","id":"q1","result":{"role":"assistant"}}"#;

    let session = tunnel.open().await;
    let mut events = tunnel.post_events(&session, &call(1, "ask", "{}")).await;
    assert_eq!(events.next().await.unwrap()["method"], "sampling/createMessage");
    assert_eq!(tunnel.post(Some(&session), reply).await.status, StatusCode::ACCEPTED);
    assert_eq!(events.next().await.unwrap()["result"], json!({"role": "assistant"}));

    let session = tunnel.open().await;
    let mut listening = tunnel.listen(&session).await;
    let asking = call(1, "ask", "{}");
    let answered = async {
        assert_eq!(listening.next().await.unwrap()["id"], "q1");
        tunnel.post(Some(&session), reply).await;
    };
    let (answer, ()) = tokio::join!(tunnel.post(Some(&session), &asking), answered);
    assert_eq!(answer.json()["result"], json!({"role": "assistant"}));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn what_comes_while_nobody_listens_is_kept_for_the_next_stream() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let json_only = [("accept", "application/json"), ("mcp-session-id", &session)];
    let logged = Answer::read(tunnel.send(http::Method::POST, &json_only, &call(1, "log", "{}")).await).await;
    assert_eq!(logged.json()["result"], json!({}), "a client that reads no stream gets JSON");
    let mut listening = tunnel.listen(&session).await;
    assert_eq!(listening.next().await.unwrap()["params"]["data"], "hello");
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_request_ends_even_if_the_server_does_not_answer_it() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let held = call(1, "hold", "{}");
    let cancel = async {
        tunnel.until_held(&session).await;
        let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        assert_eq!(tunnel.post(Some(&session), cancel).await.status, StatusCode::ACCEPTED);
    };
    let (answer, ()) = tokio::join!(tunnel.post(Some(&session), &held), cancel);
    assert_eq!(answer.json()["error"]["message"], "the request was cancelled");
    let seen = tunnel.call(&session, 3, "state", "{}").await;
    assert!(seen["result"]["seen"].as_array().unwrap().contains(&json!("notifications/cancelled")));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn an_id_that_still_waits_cannot_be_used_again() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let held = call(1, "hold", "{}");
    let again = async {
        tunnel.until_held(&session).await;
        let refused = tunnel.post(Some(&session), &call(1, "echo", "{}")).await;
        assert!(refused.is_undelivered() && refused.json()["error"].is_object());
        tunnel.call(&session, 3, "release", "{}").await;
    };
    let (answer, ()) = tokio::join!(tunnel.post(Some(&session), &held), again);
    assert_eq!(answer.json()["result"], json!({"released": true}));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_server_prints_besides_messages_is_reported_and_left_out() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    tunnel.call(&session, 1, "complain", "{}").await;
    let line = connector.wait_for(|report| match report {
        Report::Stderr { line, .. } => Some(line.clone()),
        _ => None,
    });
    assert_eq!(line.await, "something is wrong");
    assert_eq!(tunnel.call(&session, 2, "noise", "{}").await["result"], json!({"in": "a batch"}));
    connector.wait_for_line("no message").await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_answer_comes_whole() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let bytes = 20_000_000;
    let answer = tunnel.call(&session, 1, "big", &format!(r#"{{"bytes":{bytes}}}"#)).await;
    assert_eq!(answer["result"]["text"].as_str().unwrap().len(), bytes);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_its_session_goes_on() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, Limits { slow_client: Duration::from_millis(100), ..limits() });
    let tunnel = gateway.accept().await;
    let (slow, other) = (tunnel.open().await, tunnel.open().await);
    let mut unread = tunnel.listen(&slow).await;
    // Far more than the windows and queues between here and there hold.
    let chatter = call(1, "chatter", r#"{"lines":2000}"#);
    let (answer, beside) = tokio::join!(tunnel.post(Some(&slow), &chatter), tunnel.call(&other, 1, "echo", "{}"));
    assert_eq!(beside["result"], json!({}));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("\"result\":{}"), "the answer came, on its own stream");
    let mut read = 0;
    while unread.next().await.is_some() {
        read += 1;
    }
    assert!(read < 2_000, "the stream that was not read had ended");
    assert_eq!(tunnel.call(&slow, 2, "echo", "{}").await["result"], json!({}));
    connector.stop().await.unwrap();
}
