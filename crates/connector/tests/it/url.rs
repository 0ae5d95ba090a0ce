//! `--url`: a Streamable HTTP endpoint of this machine, of either era.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::IntoResponse as _,
};
use connector::{AllowList, ConnectConfig, Target, UpstreamUrl};
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Notify, mpsc},
};

use crate::{
    gateway::{Answer, Events, Gateway, call},
    rig::{Connector, limits},
};

/// What the endpoint saw, and what it streams.
#[derive(Clone)]
struct Upstream {
    calls: Arc<AtomicUsize>,
    events: mpsc::Sender<Bytes>,
    next_event: Arc<tokio::sync::Mutex<mpsc::Receiver<Bytes>>>,
    stream_dropped: Arc<Notify>,
}

/// Tells that the endpoint's stream was dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn upstream() -> (String, Upstream) {
    let (events, next_event) = mpsc::channel(8);
    let next_event = Arc::new(tokio::sync::Mutex::new(next_event));
    let state = Upstream { calls: Arc::default(), events, next_event, stream_dropped: Arc::default() };
    let app = Router::new()
        .route("/deep/mcp", axum::routing::any(serve))
        .route("/deep/mcp/", axum::routing::any(serve))
        .with_state(state.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/deep/mcp?x=1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, state)
}

async fn serve(
    State(state): State<Upstream>,
    method: Method,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    state.calls.fetch_add(1, Ordering::SeqCst);
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (&method, message["method"].as_str()) {
        (&Method::GET, _) => stream(state),
        (&Method::DELETE, _) => StatusCode::NO_CONTENT.into_response(),
        (_, Some("server/discover")) => {
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete"}});
            ([("content-type", "application/json"), ("connection", "close")], answer.to_string()).into_response()
        }
        (_, Some("redirect")) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", "http://127.0.0.1:1/elsewhere")]).into_response()
        }
        (_, Some("moved")) if uri.path() == "/deep/mcp" => {
            (StatusCode::PERMANENT_REDIRECT, [("location", "/deep/mcp/?y=2")]).into_response()
        }
        (_, Some("circles")) => (StatusCode::TEMPORARY_REDIRECT, [("location", "mcp")]).into_response(),
        (_, Some(_)) if message.get("id").is_some() => {
            let names: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
            let echo = json!({"headers": names, "uri": uri.to_string(), "body": String::from_utf8_lossy(&body),
                "session": headers.get("mcp-session-id").map(|value| value.to_str().unwrap())});
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": echo});
            ([("content-type", "application/json"), ("mcp-session-id", "s-1")], answer.to_string()).into_response()
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

fn stream(state: Upstream) -> Response<Body> {
    let guard = Dropped(Arc::clone(&state.stream_dropped));
    let body = futures_util::stream::unfold((state, guard), |(state, guard)| async move {
        let event = state.next_event.lock().await.recv().await?;
        Some((Ok::<_, std::io::Error>(event), (state, guard)))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(body.boxed())).into_response()
}

fn forward(gateway: &Gateway, url: &str) -> Connector {
    Connector::start(&gateway.token, Target::Url(UpstreamUrl::parse(url).unwrap()), limits(), Vec::new())
}

#[tokio::test]
async fn requests_reach_exactly_that_url_with_their_bytes_and_headers() {
    let (gateway, (url, upstream)) = (Gateway::start().await, upstream().await);
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let body = "{\"jsonrpc\":\"2.0\", \"id\":1,\n\"method\":\"tools/list\",\"n\":1.00}";
    let headers = [("mcp-session-id", "s-1"), ("x-upstream-key", "k"), ("te", "trailers")];
    let answer = Answer::read(tunnel.send(Method::POST, &headers, body).await).await;
    assert_eq!(answer.headers["mcp-session-id"], "s-1");
    let echo = &answer.json()["result"];
    assert_eq!((&echo["uri"], &echo["body"], &echo["session"]), (&json!("/deep/mcp?x=1"), &json!(body), &json!("s-1")));
    let names = echo["headers"].as_array().unwrap();
    assert!(names.contains(&json!("x-upstream-key")) && !names.contains(&json!("te")), "{names:?}");

    let told = tunnel.post(None, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    assert_eq!(Answer::read(tunnel.send(Method::DELETE, &headers, "").await).await.status, StatusCode::NO_CONTENT);
    assert_eq!(upstream.calls.load(Ordering::SeqCst), 3);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn the_stateless_era_passes_as_it_is() {
    let (gateway, (url, _upstream)) = (Gateway::start().await, upstream().await);
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let discover = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let answer = tunnel.post(None, discover).await;
    assert_eq!(answer.json()["result"]["resultType"], "complete");
    assert!(!answer.headers.contains_key("connection"), "what belongs to one connection stays there");
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn events_pass_one_by_one_and_leaving_ends_the_stream_at_the_endpoint() {
    let (gateway, (url, upstream)) = (Gateway::start().await, upstream().await);
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let mut events = Events::of(tunnel.send(Method::GET, &[("accept", "text/event-stream")], "").await);
    for number in 0..3 {
        upstream.events.send(Bytes::from(format!("id: {number}\ndata: {{\"n\":{number}}}\n\n"))).await.unwrap();
        assert_eq!(events.next().await.unwrap()["n"], number);
    }
    drop(events);
    // The endpoint's server notices when it next writes.
    let noticed = upstream.stream_dropped.notified();
    tokio::pin!(noticed);
    while !matches!(futures_util::poll!(&mut noticed), std::task::Poll::Ready(())) {
        let _full = upstream.events.try_send(Bytes::from_static(b": still there?\n\n"));
        tokio::task::yield_now().await;
    }
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_given_back_and_not_followed() {
    let (gateway, (url, upstream)) = (Gateway::start().await, upstream().await);
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let answer = tunnel.post(None, r#"{"jsonrpc":"2.0","id":1,"method":"redirect"}"#).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(upstream.calls.load(Ordering::SeqCst), 1);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_an_undelivered_call() {
    let gateway = Gateway::start().await;
    // Bound, so that nobody else gets the port, and not listened on.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/mcp", nobody.local_addr().unwrap());
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let answer = tunnel.post(None, &call(5, "echo", "{}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.is_undelivered());
    let json = answer.json();
    assert_eq!((&json["id"], &json["error"]["data"]["delivered"]), (&json!(5), &json!(false)));
    let told = tunnel.post(None, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((told.status, told.is_undelivered()), (StatusCode::BAD_GATEWAY, true));
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_breaks_off_leaves_the_outcome_unknown() {
    let gateway = Gateway::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let mut seen = Vec::new();
        while !seen.windows(4).any(|four| four == b"echo") {
            let count = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..count]);
        }
    });
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let answer = tunnel.post(None, &call(5, "echo", "{}")).await;
    assert!(!answer.is_undelivered());
    assert_eq!(answer.json()["error"]["data"]["delivered"], true);
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_answers_cannot_say_that_it_never_got_the_call() {
    let gateway = Gateway::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let answer = r#"{"jsonrpc":"2.0","id":5,"result":{"content":[]}}"#;
    let lies = move || async move {
        ([("content-type", "application/json"), (domain::tunnel::UNDELIVERED_HEADER, "1")], answer)
    };
    let app = Router::new().route("/mcp", axum::routing::post(lies));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let told = tunnel.post(None, &call(5, "echo", "{}")).await;
    assert_eq!(told.json()["id"], 5);
    assert!(!told.is_undelivered());
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_redirect_within_the_same_server_is_followed_but_not_for_ever() {
    let (gateway, (url, upstream)) = (Gateway::start().await, upstream().await);
    let connector = forward(&gateway, &url);
    let tunnel = gateway.accept().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"moved"}"#;
    let echo = &tunnel.post(Some("s-1"), body).await.json()["result"];
    assert_eq!(
        (&echo["uri"], &echo["body"], &echo["session"]),
        (&json!("/deep/mcp/?y=2"), &json!(body), &json!("s-1"))
    );
    let before = upstream.calls.load(Ordering::SeqCst);
    let answer = tunnel.post(None, r#"{"jsonrpc":"2.0","id":2,"method":"circles"}"#).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(upstream.calls.load(Ordering::SeqCst) - before < 6);
    connector.stop().await.unwrap();
}

fn only(gateway: &Gateway, url: &str, allow: &str) -> Connector {
    Connector::run(ConnectConfig {
        token: gateway.token.clone().into(),
        target: Target::Url(UpstreamUrl::parse(url).unwrap()),
        allow: AllowList::new(vec![allow.parse().unwrap()]),
        limits: limits(),
        extra_roots_pem: Vec::new(),
    })
}

#[tokio::test]
async fn only_what_is_allowed_is_dialled() {
    let (gateway, (url, upstream)) = (Gateway::start().await, upstream().await);
    let connector = only(&gateway, &url, "127.0.0.0/8");
    let tunnel = gateway.accept().await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert!(tunnel.post(None, list).await.json()["result"].is_object());
    connector.stop().await.unwrap();

    // An address that is not listed is refused at the start, a name when its address is known.
    let error = only(&gateway, &url, "10.0.0.0/8").ended().await.unwrap_err();
    assert_eq!(error.exit_code(), 64, "{error}");
    let connector = only(&gateway, &url.replace("127.0.0.1", "localhost"), "10.0.0.0/8");
    let tunnel = gateway.accept().await;
    let before = upstream.calls.load(Ordering::SeqCst);
    let answer = tunnel.post(None, list).await;
    assert!(answer.is_undelivered(), "{:?}", answer.json());
    assert!(
        answer.json()["error"]["message"].as_str().unwrap().contains("outside the networks"),
        "{:?}",
        answer.json()
    );
    assert_eq!(upstream.calls.load(Ordering::SeqCst), before);
    connector.stop().await.unwrap();
}
