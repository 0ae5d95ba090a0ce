//! Servers over HTTP+SSE (2024-11-05).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{extract::State, routing::get};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::*;

/// What comes on the stream.
struct Feed(mpsc::Receiver<String>);

impl http_body::Body for Feed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|text| text.map(|text| Ok(Frame::data(Bytes::from(text)))))
    }
}

/// A server of the old transport: one stream at a time, and the endpoint that it names.
#[derive(Clone)]
struct OldServer {
    endpoint: &'static str,
    stream: Arc<Mutex<Option<mpsc::Sender<String>>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

async fn open(State(server): State<OldServer>, headers: HeaderMap) -> Response {
    assert_eq!(headers["authorization"], "Bearer upstream-secret");
    let (sender, receiver) = mpsc::channel(8);
    sender.try_send(format!("event: endpoint\ndata: {}\n\n", server.endpoint)).unwrap();
    *server.stream.lock().unwrap() = Some(sender);
    ([("content-type", "text/event-stream")], Body::new(Feed(receiver))).into_response()
}

async fn post(State(server): State<OldServer>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["authorization"], "Bearer upstream-secret");
    let body: Value = serde_json::from_slice(&body).unwrap();
    let method = body["method"].as_str().unwrap_or_default().to_owned();
    server.seen.lock().unwrap().push(method.clone());
    let result = match method.as_str() {
        "initialize" => {
            json!({"protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {"name": "older", "version": "1"}})
        }
        "tools/list" => json!({"tools": [{"name": "d", "inputSchema": {}}]}),
        _ => return StatusCode::ACCEPTED,
    };
    let answer = json!({"jsonrpc": "2.0", "id": body["id"], "result": result});
    let other = json!({"jsonrpc": "2.0", "id": 999, "result": {"tools": []}});
    let stream = server.stream.lock().unwrap().clone().unwrap();
    stream.send(format!("event: message\ndata: {other}\n\nevent: message\ndata: {answer}\n\n")).await.unwrap();
    StatusCode::ACCEPTED
}

async fn serve_old(endpoint: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let server = OldServer { endpoint, stream: Arc::default(), seen: Arc::default() };
    let seen = server.seen.clone();
    let router = Router::new().route("/sse", get(open)).route("/messages", axum::routing::post(post));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router.with_state(server)).await });
    (format!("http://{address}/sse"), seen)
}

#[tokio::test]
async fn a_server_that_only_speaks_the_old_transport_is_looked_at_over_it() {
    let (uri, seen) = serve_old("/messages?session=1").await;
    let probe = probed(&uri).await;
    assert_eq!(probe.failed(), None);
    assert_eq!((probe.era, probe.protocol_version.as_deref()), (Some(Era::Initialize), Some("2024-11-05")));
    assert_eq!(probe.server_info.unwrap().name, "older");
    assert_eq!(probe.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["d"]);
    assert_eq!(*seen.lock().unwrap(), ["initialize", "notifications/initialized", "tools/list"]);
}

#[tokio::test]
async fn nothing_is_posted_where_the_stream_leads_elsewhere() {
    let (uri, seen) = serve_old("http://127.0.0.2:1/messages").await;
    let probe = probed(&uri).await;
    let (step, words, _) = words(&probe);
    assert_eq!(step, StepName::Handshake);
    assert!(words.contains("405"), "what was said to the newer transport is told: {words}");
    assert!(seen.lock().unwrap().is_empty());
}
