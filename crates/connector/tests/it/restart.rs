//! Processes that end.

use std::time::Duration;

use connector::{ChildCommand, ConnectError, Limits, Report};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    child,
    gateway::{Gateway, INITIALIZE, call},
    rig::{PATIENCE, carry, carry_child, limits},
};

#[tokio::test]
async fn a_session_goes_on_with_a_new_process_that_got_the_same_handshake() {
    let gateway = Gateway::start().await;
    let mut connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let before = tunnel.call(&session, 1, "state", "{}").await;
    let died = tunnel.post(Some(&session), &call(2, "die", "{}")).await;
    let error = &died.json()["error"];
    assert!(error["message"].as_str().unwrap().contains("exit status: 7"), "{error}");
    assert_eq!(error["data"]["delivered"], true);
    assert!(!died.is_undelivered(), "the process had it");
    connector.wait_for_line("starting the server again").await;
    let after = tunnel.call(&session, 3, "state", "{}").await;
    assert_ne!(after["result"]["pid"], before["result"]["pid"]);
    assert_eq!(after["result"]["seen"], json!(["initialize", "notifications/initialized", "tools/call"]));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn calls_in_flight_are_answered_at_once_when_the_process_dies() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let (held, dying) = (call(1, "hold", "{}"), call(2, "die", "{}"));
    let dies = async {
        tunnel.until_held(&session).await;
        tunnel.post(Some(&session), &dying).await
    };
    let (held, dying) = tokio::join!(tunnel.post(Some(&session), &held), dies);
    assert!(held.json()["error"].is_object() && dying.json()["error"].is_object());
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn another_sessions_process_is_not_touched() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, limits());
    let tunnel = gateway.accept().await;
    let (one, two) = (tunnel.open().await, tunnel.open().await);
    let before = tunnel.call(&two, 1, "state", "{}").await;
    tunnel.call(&one, 1, "die", "{}").await;
    assert_eq!(tunnel.call(&two, 2, "state", "{}").await["result"]["pid"], before["result"]["pid"]);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_that_ends_before_its_handshake_says_so_and_is_started_again_with_growing_waits() {
    let gateway = Gateway::start().await;
    let mut connector = carry_child(&gateway, limits(), child::command("dies at once"));
    let tunnel = gateway.accept().await;
    let mut waits = Vec::new();
    while waits.len() < 4 {
        waits.push(
            connector
                .wait_for(|report| match report {
                    Report::ChildRestarting { after } => Some(after.as_millis()),
                    _ => None,
                })
                .await,
        );
    }
    assert_eq!(waits, [5, 10, 20, 40]);
    let answer = tunnel.post(None, INITIALIZE).await;
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("exit status: 3"), "{:?}", answer.body);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_process_but_not_the_session() {
    let gateway = Gateway::start().await;
    let connector = carry(&gateway, Limits { max_message_bytes: 10_000, max_answer_bytes: 10_000, ..limits() });
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let answer = tunnel.call(&session, 1, "big", r#"{"bytes":20000}"#).await;
    assert!(answer["error"].is_object(), "{answer}");
    assert_eq!(tunnel.call(&session, 2, "echo", "{}").await["result"], json!({}));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_missing_program_is_one_clear_sentence() {
    let gateway = Gateway::start().await;
    let program = ChildCommand { program: "no-such-program-here".into(), args: Vec::new(), env: Vec::new() };
    let error = carry_child(&gateway, limits(), program).ended().await.unwrap_err();
    assert!(matches!(error, ConnectError::MissingProgram { .. }));
    assert_eq!(error.exit_code(), 127);
    assert!(error.to_string().starts_with("cannot find the program \"no-such-program-here\""), "{error}");

    let folder = ChildCommand { program: "/".into(), args: Vec::new(), env: Vec::new() };
    let error = carry_child(&gateway, limits(), folder).ended().await.unwrap_err();
    assert_eq!(error.exit_code(), 126, "{error}");
}

#[tokio::test]
async fn a_server_behind_a_launcher_is_stopped_with_it() {
    let gateway = Gateway::start().await;
    let short = Limits { stop_grace: Duration::from_millis(50), ..limits() };
    let connector = carry_child(&gateway, short, child::command("launches"));
    let tunnel = gateway.accept().await;
    let session = tunnel.open().await;
    let server = tunnel.call(&session, 1, "state", "{}").await["result"]["pid"].as_u64().unwrap();
    assert!(is_running(server));
    connector.stop().await.unwrap();
    // It did not end by itself, and its launcher told it nothing. A process on its way out may be seen for a moment.
    let ended = async {
        while is_running(server) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.expect("the server was stopped with its launcher");
}

/// A process that has ended and was not waited for by its parent yet does not run.
fn is_running(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}
