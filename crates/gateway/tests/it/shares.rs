//! Of what a gateway has for all accounts, one of them takes its share and no more.

use axum::{Json, Router, body::Body, response::Response, routing::post};
use bytes::Bytes;
use futures_util::{StreamExt as _, future::select_all, stream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    client::Client,
    fixture::{Fixture, Speaks},
    snapshots::until,
    world::{OPEN, PATIENCE, Simple, World},
};

const MIB: usize = 1 << 20;
/// Two of them fit into two MiB with the steps in which room is taken, three do not.
const LARGE: usize = 900 << 10;
const LIST: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#;

/// A server whose lists are large, and which holds back the end of each until it is let.
async fn slow_lists() -> (String, watch::Sender<bool>) {
    let (release, released) = watch::channel(false);
    let answer = async move |Json(message): Json<Value>| {
        let start = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"x":"{}""#, message["id"], "x".repeat(LARGE));
        let mut released = released.clone();
        let rest = stream::once(async move {
            let _released = released.wait_for(|released| *released).await;
            Bytes::from_static(br#","tools":[]}}"#)
        });
        let body = stream::once(async move { Bytes::from(start) }).chain(rest).map(Ok::<_, std::convert::Infallible>);
        Response::builder().header("content-type", "application/json").body(Body::from_stream(body)).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, release)
}

async fn published(world: &World, slug: &str, url: &str) -> (Client, Simple) {
    let mut account = world.account(slug);
    let simple = account.simple(url, OPEN);
    world.publish(&account).await;
    (Client::new(world, &account, "/mlflow/mcp", &simple.agent), simple)
}

#[tokio::test]
async fn answers_that_an_account_holds_leave_room_for_other_accounts() {
    let world = World::with(|config| {
        config.limits.answer_bytes = MIB;
        config.limits.held_bytes = 8 * MIB;
    })
    .await;
    let (slow, release) = slow_lists().await;
    let (greedy, _) = published(&world, "acme", &slow).await;
    let (other, release_other) = slow_lists().await;
    let (neighbour, _) = published(&world, "umbrella", &other).await;
    release_other.send_replace(true);

    let asked = (0..3).map(|_| {
        let greedy = greedy.clone();
        tokio::spawn(async move { greedy.post(LIST).await })
    });
    let (told, _, held) = select_all(asked).await;
    assert_eq!(told.unwrap().reason(), "no_room", "the third one is too many");
    for _ in 0..5 {
        assert!(neighbour.post(LIST).await.is_ok());
    }
    release.send_replace(true);
    for held in held {
        assert!(held.await.unwrap().is_ok(), "the two that had room are whole");
    }
    until(|| async { greedy.post(LIST).await.is_ok() }).await;
}

#[tokio::test]
async fn requests_that_an_account_never_finishes_leave_room_for_other_accounts() {
    let world = World::with(|config| {
        config.limits.request_bytes = MIB;
        config.limits.requests_bytes = 8 * MIB;
    })
    .await;
    let upstream = Fixture::start(Speaks::Sessions).await;
    let (greedy, simple) = published(&world, "acme", &upstream.url).await;
    let (neighbour, _) = published(&world, "umbrella", &upstream.url).await;
    let (greedy, neighbour) = (greedy.initialized().await, neighbour.initialized().await);
    let large = json!({"text": "x".repeat(LARGE)});
    assert!(greedy.call("echo", large.clone()).await.is_ok());

    let unfinished = (0..3).map(|_| {
        let head = format!(
            "POST /acme/mlflow/mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {MIB}\r\n\r\n",
            simple.agent.token.expose()
        );
        let address = world.origin.trim_start_matches("http://").to_owned();
        Box::pin(async move {
            let mut connection = TcpStream::connect(address).await.unwrap();
            connection.write_all(head.as_bytes()).await.unwrap();
            // Who is refused may be shut out before all is written.
            let _written = connection.write_all(&vec![b' '; LARGE]).await;
            let mut told = Vec::new();
            while !told.ends_with(b"}") && connection.read_buf(&mut told).await.is_ok_and(|read| read > 0) {}
            String::from_utf8(told).unwrap()
        })
    });
    let (told, _, held) = tokio::time::timeout(PATIENCE, select_all(unfinished)).await.expect("an answer in time");
    assert!(told.starts_with("HTTP/1.1 503"), "the third one is too many: {told}");
    assert!(neighbour.call("echo", large.clone()).await.is_ok());
    assert!(greedy.call("echo", json!({})).await.is_ok(), "what is small needs no room");
    drop(held);
    until(|| async { greedy.call("echo", large.clone()).await.is_ok() }).await;
}
