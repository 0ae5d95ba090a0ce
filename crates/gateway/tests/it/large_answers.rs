//! Answers of any size: they pass while they are read, with back-pressure all along, and never end cleanly when they are wrong.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Body, extract::State, response::Response, routing::post};
use bytes::Bytes;
use domain::Settlement;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    client::{Client, call},
    fixture::Speaks,
    tunnel::{connect, tunnelled},
    world::{Account, OPEN, PATIENCE, World, settled},
};

/// What the upstream writes at a time.
pub const PIECE: usize = 64 << 10;
/// Most that may be under way between the upstream's program and the client's: what sockets and pipes of two hops hold, and
/// little more.
const UNDER_WAY: usize = 48 << 20;
pub const HUNDRED_MB: usize = 100_000_000;

/// An upstream whose results are as large as is asked for. It counts what it has written.
pub struct Source {
    speaks: Speaks,
    pub written: AtomicUsize,
    dropped: Notify,
}

/// Tells when an answer is no longer wanted.
struct Answering(Arc<Source>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

impl Source {
    async fn start() -> (Arc<Self>, String) {
        Self::speaking(Speaks::Sessions).await
    }

    pub async fn speaking(speaks: Speaks) -> (Arc<Self>, String) {
        let source = Arc::new(Self { speaks, written: AtomicUsize::default(), dropped: Notify::new() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let router = Router::new().route("/mcp", post(answer)).with_state(source.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (source, url)
    }
}

async fn answer(State(source): State<Arc<Source>>, headers: HeaderMap, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let named = headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28");
    if source.speaks == Speaks::Stateless && !named {
        return Response::builder().status(400).body(Body::empty()).unwrap();
    }
    let Some(size) = message["params"]["arguments"]["bytes"].as_u64() else { return small(&message, source.speaks) };
    let arguments = &message["params"]["arguments"];
    let (before, after) = around(&message["id"], arguments["how"].as_str().unwrap_or_default());
    let events = arguments["as"] == "event";
    let first = match (&message["params"]["_meta"]["progressToken"], events) {
        (Value::Null, _) | (_, false) => String::new(),
        (token, true) => format!(
            "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token},\"progress\":1}}}}\n\n"
        ),
    };
    let begin = format!("{first}: hello\n\nevent: message\nid: 1\ndata: ");
    let (open, close) = if events { (begin.as_str(), "\n\n") } else { ("", "\n") };
    let size = usize::try_from(size).unwrap();
    let pieces = std::iter::repeat_n(Bytes::from(vec![b'x'; PIECE]), size / PIECE);
    let text = std::iter::once(Bytes::from(format!("{open}{before}")))
        .chain(pieces)
        .chain(std::iter::once(Bytes::from(format!("{after}{}", if after.is_empty() { "" } else { close }))));
    let answering = Answering(source.clone());
    let stream = stream::iter(text).map(move |piece| {
        answering.0.written.fetch_add(piece.len(), Ordering::SeqCst);
        Ok::<_, Infallible>(piece)
    });
    let media_type = if events { "text/event-stream" } else { "application/json" };
    Response::builder().header("content-type", media_type).body(Body::from_stream(stream)).unwrap()
}

/// What stands before and after the large text.
fn around(id: &Value, how: &str) -> (String, String) {
    let content = r#""content":[{"type":"text","text":""#;
    match how {
        "id_last" => (format!(r#"{{"result":{{{content}"#), format!(r#""}}]}},"jsonrpc":"2.0","id":{id}}}"#)),
        "error" => (
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"data":""#),
            r#"","message":"m"}}"#.to_owned(),
        ),
        "fails" => {
            (format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{content}"#), r#""}],"isError":true}}"#.to_owned())
        }
        "wrong_id" => (format!(r#"{{"result":{{{content}"#), r#""}]},"jsonrpc":"2.0","id":"other"}"#.to_owned()),
        "breaks" => (format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{content}"#), String::new()),
        "damaged" => (format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{content}"#), r#""}]}"#.to_owned()),
        "tools_late" => (
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{content}"#),
            r#""}],"tools":[{"name":"delete_run","inputSchema":{}}]}}"#.to_owned(),
        ),
        "tools_early" => (
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{{"name":"delete_run"}},{{"name":"echo","description":""#
            ),
            r#""}]}}"#.to_owned(),
        ),
        "notifies" => (
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":""#.to_owned(),
            format!("\"}}}}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}"),
        ),
        "links" => (
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"resource_link","uri":"a:1"}},{{"type":"text","text":""#
            ),
            r#""},{"uri":"a:2","type":"resource_link"}],"resultType":"complete"}}"#.to_owned(),
        ),
        _ => (format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{content}"#), r#""}]}}"#.to_owned()),
    }
}

fn small(message: &Value, speaks: Speaks) -> Response {
    let result = match message["method"].as_str() {
        Some("server/discover") if speaks == Speaks::Stateless => {
            json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "large", "version": "1"}, "ttlMs": 0, "cacheScope": "private"})
        }
        Some("server/discover") => return Response::builder().status(400).body(Body::empty()).unwrap(),
        Some("initialize") => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "large", "version": "1"}})
        }
        Some("tools/list") => json!({"tools": []}),
        Some(name) if name.starts_with("notifications/") => {
            return Response::builder().status(202).body(Body::empty()).unwrap();
        }
        _ => json!({"content": []}),
    };
    let text = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
    Response::builder().header("content-type", "application/json").body(Body::from(text)).unwrap()
}

struct Large {
    world: World,
    source: Arc<Source>,
    account: Account,
    client: Client,
}

impl Large {
    async fn start(change: impl FnOnce(&mut gateway::Config)) -> Self {
        Self::under(OPEN, change).await
    }

    async fn under(policy: &str, change: impl FnOnce(&mut gateway::Config)) -> Self {
        let world = World::with(change).await;
        let (source, url) = Source::start().await;
        let mut account = world.account("acme");
        let simple = account.simple(&url, policy);
        world.publish(&account).await;
        let client = Client::new(&world, &account, "/mlflow/mcp", &simple.agent).initialized().await;
        Self { world, source, account, client }
    }

    async fn open(&self, arguments: Value) -> Incoming {
        open(&self.world, &self.client, arguments).await
    }

    /// How the only call so far ended, and how many bytes its answer had.
    async fn settled(&self) -> (Settlement, u64) {
        let events = self.world.records(&self.account, |events| events.iter().any(|e| settled(e).is_some())).await;
        let end = events.iter().find_map(settled).unwrap();
        (end.settlement, end.response_bytes)
    }
}

async fn open(world: &World, client: &Client, arguments: Value) -> Incoming {
    let mut request = Request::new(Bytes::from(call(7, "echo", &arguments)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = client.url.parse().unwrap();
    *request.headers_mut() = client.headers.clone();
    let answer = tokio::time::timeout(PATIENCE, world.dialer.send(request)).await.expect("a head in time");
    answer.expect("an answer").into_body()
}

/// Everything up to the end, and whether that was a clean one.
pub async fn read(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, body.frame()).await.expect("something in time") {
            Some(Ok(frame)) => bytes.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(_)) => return (bytes, false),
            None => return (bytes, true),
        }
    }
}

/// Reads to the end; the upstream is never far ahead.
pub async fn read_behind(mut body: Incoming, source: &Source) -> usize {
    let mut read = 0;
    while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.expect("something in time") {
        read += frame.expect("it does not break").into_data().unwrap().len();
        let ahead = source.written.load(Ordering::SeqCst).saturating_sub(read);
        assert!(ahead < UNDER_WAY, "{ahead} bytes are under way");
    }
    read
}

#[tokio::test]
async fn a_large_answer_passes_as_the_bytes_it_is_and_is_settled() {
    for (kind, how, settlement) in [
        ("json", "", Settlement::Ok),
        ("json", "id_last", Settlement::Ok),
        ("json", "fails", Settlement::IsError),
        ("json", "error", Settlement::Error),
        ("event", "", Settlement::Ok),
        ("event", "id_last", Settlement::Ok),
        ("event", "fails", Settlement::IsError),
    ] {
        let large = Large::start(|config| config.limits.answer_bytes = 1 << 20).await;
        let (bytes, clean) = read(large.open(json!({"bytes": 5 << 20, "as": kind, "how": how})).await).await;
        let (before, after) = around(&json!(7), how);
        let text = format!("{before}{}{after}", "x".repeat(5 << 20));
        let text = match kind {
            "event" => format!(": hello\n\nevent: message\nid: 1\ndata: {text}\n\n"),
            _ => text + "\n",
        };
        assert!(clean && bytes == text.as_bytes(), "{kind} {how}: {} of {} bytes", bytes.len(), text.len());
        assert_eq!(large.settled().await, (settlement, text.len() as u64), "{kind} {how}");
    }
}

#[tokio::test]
async fn a_hundred_megabytes_are_never_held() {
    let large = Large::start(|config| config.limits.held_bytes = 4 << 20).await;
    for kind in ["json", "event"] {
        large.source.written.store(0, Ordering::SeqCst);
        let body = large.open(json!({"bytes": HUNDRED_MB, "as": kind})).await;
        assert!(read_behind(body, &large.source).await >= HUNDRED_MB / PIECE * PIECE, "{kind}");
    }
}

#[tokio::test]
async fn a_hundred_megabytes_pass_through_a_tunnel() {
    let world = World::with(|config| config.limits.held_bytes = 4 << 20).await;
    let (source, url) = Source::start().await;
    let tunnelled = tunnelled(&world, "acme", OPEN).await;
    let target = connector::Target::Url(connector::UpstreamUrl::parse(&url).unwrap());
    let mut connector = connect(&world, &tunnelled, &tunnelled.token, target);
    connector.connected().await;
    let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent).initialized().await;
    let body = open(&world, &client, json!({"bytes": HUNDRED_MB, "as": "json"})).await;
    assert!(read_behind(body, &source).await >= HUNDRED_MB / PIECE * PIECE);
}

#[tokio::test]
async fn an_answer_that_turns_out_to_be_none_never_ends_cleanly() {
    for kind in ["json", "event"] {
        for how in ["wrong_id", "damaged", "breaks", "tools_late"] {
            let large = Large::under(r#"{"version":"1","default":"allow","hide":["delete_*"]}"#, |_| {}).await;
            let (bytes, clean) = read(large.open(json!({"bytes": 2 << 20, "as": kind, "how": how})).await).await;
            assert!(!clean, "{kind} {how}");
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("delete_run") && !text.contains("other"), "{kind} {how}: nothing wrong has passed");
            assert_eq!(large.settled().await.0, Settlement::Broken, "{kind} {how}");
        }
    }
}

#[tokio::test]
async fn a_large_list_of_tools_nobody_asked_for_is_filtered() {
    for kind in ["json", "event"] {
        let large = Large::under(r#"{"version":"1","default":"allow","hide":["delete_*"]}"#, |_| {}).await;
        let (bytes, clean) = read(large.open(json!({"bytes": 1 << 20, "as": kind, "how": "tools_early"})).await).await;
        let text = String::from_utf8_lossy(&bytes);
        assert!(clean && text.contains("\"echo\"") && !text.contains("delete_run"), "{kind}");
    }
}

#[tokio::test]
async fn a_large_message_that_is_no_answer_is_held_within_its_limit() {
    let large = Large::start(|config| config.limits.answer_bytes = 2 << 20).await;
    let (bytes, clean) = read(large.open(json!({"bytes": 1 << 20, "as": "event", "how": "notifies"})).await).await;
    let text = String::from_utf8_lossy(&bytes);
    assert!(clean && text.len() > 1 << 20 && text.contains(r#""id":7,"result":{}"#));
    let (bytes, clean) = read(large.open(json!({"bytes": 3 << 20, "as": "event", "how": "notifies"})).await).await;
    assert!(clean && String::from_utf8_lossy(&bytes).contains("upstream_too_large"), "{} bytes", bytes.len());
}

#[tokio::test]
async fn an_answer_over_what_may_stream_is_cut_off() {
    for kind in ["json", "event"] {
        let large = Large::start(|config| config.limits.streamed_bytes = 1 << 20).await;
        let (bytes, clean) = read(large.open(json!({"bytes": 8 << 20, "as": kind})).await).await;
        assert!(!clean && bytes.len() <= 1 << 20, "{kind}");
        assert_eq!(large.settled().await.0, Settlement::Broken, "{kind}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_server_and_is_settled() {
    for kind in ["json", "event"] {
        let large = Large::start(|_| {}).await;
        let mut body = large.open(json!({"bytes": HUNDRED_MB, "as": kind})).await;
        body.frame().await.unwrap().unwrap();
        drop(body);
        tokio::time::timeout(PATIENCE, large.source.dropped.notified()).await.expect("the server is told in time");
        assert_eq!(large.settled().await.0, Settlement::Cancelled, "{kind}");
    }
}
