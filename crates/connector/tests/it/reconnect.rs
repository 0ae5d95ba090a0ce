//! Tunnels that end.

use std::time::Duration;

use bytes::Bytes;
use connector::{AllowList, ConnectConfig, ConnectError, ConnectToken, Limits, Report, Target, TokenSource};
use domain::{Entropy, Token, TokenKind, tunnel};
use futures_util::SinkExt as _;
use http::StatusCode;
use serde_json::json;
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::{
    child,
    gateway::Gateway,
    rig::{Connector, carry, limits},
};

#[tokio::test]
async fn sessions_outlive_the_tunnel() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let first = gateway.accept().await;
    let session = first.open().await;
    let before = first.call(&session, 1, "state", "{}").await;
    let instance = first.dial.headers()[tunnel::INSTANCE_HEADER].clone();
    drop(first);
    let why = connector.wait_for(|report| match report {
        Report::Reconnecting { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(!why.await.is_empty());
    let second = gateway.accept().await;
    assert_eq!(second.dial.headers()[tunnel::INSTANCE_HEADER], instance);
    let after = second.call(&session, 2, "state", "{}").await;
    assert_eq!(after["result"]["pid"], before["result"]["pid"]);
    assert_eq!(after["result"]["calls"], json!(2));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_token_ends_the_connector_with_one_clear_sentence() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    gateway.refuse(StatusCode::UNAUTHORIZED, "").await;
    let error = connector.ended().await.unwrap_err();
    assert!(matches!(error, ConnectError::TokenRefused { .. }));
    assert_eq!(error.exit_code(), 77);
    assert!(error.to_string().contains("does not accept this token"), "{error}");
    assert!(!error.to_string().contains(gateway.token.token.expose()));
}

#[tokio::test]
async fn a_token_revoked_while_connected_ends_the_connector() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let mut tunnel = gateway.accept().await;
    tunnel.open().await;
    tunnel.close(tunnel::CLOSE_REFUSED, "revoked");
    assert!(matches!(connector.ended().await, Err(ConnectError::TokenRefused { .. })));
}

#[tokio::test]
async fn whatever_else_goes_wrong_is_said_and_tried_again() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    gateway.refuse(StatusCode::SERVICE_UNAVAILABLE, "starting").await;
    connector.wait_for_line("answered 503 Service Unavailable (starting); reconnecting in").await;
    drop(gateway.accept_raw().await);
    connector.wait_for_line("cannot reach").await;
    let mut tunnel = gateway.accept().await;
    tunnel.open().await;
    tunnel.close(1001, "restarting");
    connector.wait_for_line("the gateway closed: restarting; reconnecting in").await;
    gateway.accept().await.open().await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_is_not_there_yet_is_waited_for() {
    // Its port is bound, so that nobody else gets it, and not listened on yet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let token = ConnectToken { origin, ..Gateway::start().await.token };
    let mut connector = Connector::start(&token, Target::Child(child::command("normal")), limits(), Vec::new());
    connector.wait_for_line("cannot reach").await;
    let listener = socket.listen(16).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    crate::gateway::Tunnel::over(stream).await.open().await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_falls_silent_is_left() {
    let gateway = Gateway::start().await;
    let silence = Duration::from_millis(100);
    let mut connector = carry(&gateway, Limits { silence, ..limits() });
    let mute = accept_async(gateway.accept_raw().await).await.unwrap();
    connector.wait_for_line("the connection broke").await;

    let mut hangs = accept_async(gateway.accept_raw().await).await.unwrap();
    // The opening of HTTP/2 (RFC 9113 §3.4): its preface and empty settings. After that, nothing.
    let opening = Bytes::from_static(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    // On a machine that stands still for so long it may have been left before.
    let _left = hangs.send(Message::Binary(opening)).await;
    connector.wait_for_line("the connection broke").await;
    drop((mute, hangs));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_replaced_in_its_file_is_picked_up_and_sessions_go_on() {
    let gateway = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{}\n", gateway.token)).unwrap();
    let mut connector = Connector::run(ConnectConfig {
        token: TokenSource::File(file.clone()),
        target: Target::Child(child::command("normal")),
        allow: AllowList::default(),
        limits: limits(),
        extra_roots_pem: Vec::new(),
    });
    let mut first = gateway.accept().await;
    let session = first.open().await;
    let before = first.call(&session, 1, "state", "{}").await;

    let token = Token::new(TokenKind::Connect, &Entropy::seeded(2));
    let newer = ConnectToken { token, ..gateway.token.clone() };
    std::fs::write(&file, newer.to_string()).unwrap();
    first.close(tunnel::CLOSE_REFUSED, "replaced");
    connector.wait_for_line("the token was replaced").await;
    let mut second = gateway.accept().await;
    let shown = second.dial.headers()["authorization"].to_str().unwrap().to_owned();
    assert_eq!(shown, format!("Bearer {}", newer.token.expose()));
    let after = second.call(&session, 2, "state", "{}").await;
    assert_eq!(after["result"]["pid"], before["result"]["pid"]);

    // A file that is not there is no reason to stop; a token that is refused and not replaced is.
    std::fs::remove_file(&file).unwrap();
    drop(second);
    connector.wait_for_line("going on with the token as it was").await;
    second = gateway.accept().await;
    second.open().await;
    second.close(tunnel::CLOSE_REFUSED, "revoked");
    assert!(matches!(connector.ended().await, Err(ConnectError::TokenRefused { .. })));
}

#[tokio::test]
async fn a_token_file_without_a_token_ends_the_connector_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2").unwrap();
    let connector = Connector::run(ConnectConfig {
        token: TokenSource::File(file.path().to_owned()),
        target: Target::Child(child::command("normal")),
        allow: AllowList::default(),
        limits: limits(),
        extra_roots_pem: Vec::new(),
    });
    let error = connector.ended().await.unwrap_err();
    assert_eq!(error.exit_code(), 64);
    assert!(error.to_string().contains("token file") && !error.to_string().contains("hunter2"), "{error}");
}
