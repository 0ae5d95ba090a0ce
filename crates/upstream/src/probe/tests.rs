mod events;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
    routing::any,
};
use bytes::Bytes;
use mcp::OwnClient;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::{Dialer, DialerConfig, Egress, Limits};

/// What a fixture does with a request: method, headers and body in, answer out.
type Behaviour = fn(&Method, &HeaderMap, &Value) -> Response;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(Method, HeaderMap, Value)>>>);

async fn serve(behaviour: Behaviour) -> (String, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let handler = any(move |method: Method, headers: HeaderMap, body: Bytes| async move {
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        log.0.lock().unwrap().push((method.clone(), headers.clone(), body.clone()));
        behaviour(&method, &headers, &body)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
    (format!("http://{address}/mcp"), seen)
}

async fn probed(uri: &str) -> Probe {
    let dialer = Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED)).unwrap();
    probe(&dialer, target(uri)).await
}

fn target(uri: &str) -> Target<'static> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer upstream-secret".parse().unwrap());
    let client = OwnClient { name: "portcullis", version: "0" };
    // What takes long is the machine that runs the tests.
    let limits = Limits { per_request: std::time::Duration::from_secs(90), ..Limits::default() };
    Target { uri: uri.parse().unwrap(), headers, client, limits }
}

fn result(body: &Value, result: Value) -> Response {
    axum::Json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result})).into_response()
}

fn error(status: u16, body: &Value, code: i64, message: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": body["id"], "error": {"code": code, "message": message}});
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn on_stream(body: &Value, answer: Value) -> Response {
    let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
    let answer = json!({"jsonrpc": "2.0", "id": body["id"], "result": answer});
    let stream = format!(": hello\n\ndata: {note}\n\nevent: message\ndata: {answer}\n\n");
    ([("content-type", "text/event-stream; charset=utf-8")], Body::from(stream)).into_response()
}

/// A server of the `initialize` era, with sessions, event streams and two pages of tools.
fn legacy(method: &Method, headers: &HeaderMap, body: &Value) -> Response {
    let in_session = headers.get("mcp-session-id").is_some_and(|v| v == "s1");
    if method == Method::DELETE {
        return StatusCode::NO_CONTENT.into_response();
    }
    match body["method"].as_str().unwrap_or_default() {
        "initialize" => {
            let info = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "old\u{202e}", "version": "1"}});
            let mut answer = on_stream(body, info);
            answer.headers_mut().insert("mcp-session-id", "s1".parse().unwrap());
            answer
        }
        _ if !in_session => error(400, body, -32600, "Bad Request: Missing session ID"),
        "notifications/initialized" => StatusCode::ACCEPTED.into_response(),
        "tools/list" if body["params"]["cursor"] == "p2" => {
            on_stream(body, json!({"tools": [{"name": "b", "inputSchema": {}}]}))
        }
        "tools/list" => {
            on_stream(body, json!({"tools": [{"name": "a", "inputSchema": {}, "x": 1.0}], "nextCursor": "p2"}))
        }
        other => error(404, body, -32601, other),
    }
}

/// A server of the stateless era.
fn stateless(_: &Method, headers: &HeaderMap, body: &Value) -> Response {
    let mirrored = headers.get("mcp-method").is_some_and(|m| m.to_str().ok() == body["method"].as_str())
        && headers.get("mcp-protocol-version").is_some_and(|v| v == "2026-07-28")
        && body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].is_object();
    match body["method"].as_str().unwrap_or_default() {
        _ if !mirrored => error(400, body, -32020, "HeaderMismatch"),
        "server/discover" => result(
            body,
            json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}, "ttlMs": 0,
                "cacheScope": "private", "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "new", "version": "2"}}}),
        ),
        "tools/list" => result(
            body,
            json!({"resultType": "complete", "tools": [{"name": "c", "inputSchema": {}}], "ttlMs": 0, "cacheScope": "private"}),
        ),
        other => error(404, body, -32601, other),
    }
}

fn words(probe: &Probe) -> (StepName, String, Option<String>) {
    match probe.failed() {
        Some(Step { name, outcome: StepOutcome::Failed { words, upstream_words } }) => {
            (*name, words.clone(), upstream_words.clone())
        }
        _ => panic!("nothing failed: {probe:?}"),
    }
}

#[tokio::test]
async fn a_server_of_the_initialize_era_with_pages_and_a_session() {
    let (uri, seen) = serve(legacy).await;
    let probe = probed(&uri).await;
    assert_eq!(probe.failed(), None);
    assert_eq!((probe.era, probe.protocol_version.as_deref()), (Some(Era::Initialize), Some("2025-11-25")));
    assert_eq!(probe.server_info.unwrap().name, "old");
    let tools: Vec<_> = probe.tools.iter().map(|t| (t.name.as_str(), t.definition.as_str())).collect();
    assert_eq!(tools[0].0, "a");
    assert!(tools[0].1.contains("1.0"), "the definition keeps its text: {}", tools[0].1);
    assert_eq!(tools[1].0, "b");
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.last().unwrap().0, Method::DELETE, "the session is ended");
    assert!(seen.iter().all(|(_, headers, _)| headers["authorization"] == "Bearer upstream-secret"));
    assert!(seen.iter().skip(1).all(|(_, headers, _)| !headers.contains_key("mcp-method")));
}

#[tokio::test]
async fn a_server_of_the_stateless_era() {
    let (uri, seen) = serve(stateless).await;
    let probe = probed(&uri).await;
    assert_eq!(probe.failed(), None);
    assert_eq!((probe.era, probe.server_info.unwrap().name.as_str()), (Some(Era::Stateless), "new"));
    assert_eq!(probe.tools.len(), 1);
    assert_eq!(seen.0.lock().unwrap().len(), 2, "discover and list, nothing else");
}

#[tokio::test]
async fn nothing_there_says_so() {
    // Bound, so that nobody else gets the port, and not listened on.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = nobody.local_addr().unwrap();
    let (step, text, _) = words(&probed(&format!("http://{address}/mcp")).await);
    assert_eq!(step, StepName::Reach);
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn credentials_asked_for_are_told_with_the_upstreams_words() {
    let (uri, _) = serve(|_, _, _| {
        (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_token","error_description":"token\u001b[31m expired"}"#)
            .into_response()
    })
    .await;
    let (step, text, own) = words(&probed(&uri).await);
    assert_eq!(step, StepName::Handshake);
    assert!(text.contains("credentials") && text.contains("401"), "{text}");
    assert_eq!(own.as_deref(), Some("token[31m expired"));
}

#[tokio::test]
async fn other_answers_say_what_they_are() {
    let cases: [(Behaviour, StepName, &str); 6] = [
        (|_, _, _| axum::response::Html("<h1>hi</h1>").into_response(), StepName::Handshake, "web page"),
        (|_, _, _| StatusCode::NOT_FOUND.into_response(), StepName::Handshake, "is the path right"),
        (
            |_, _, _| axum::response::Redirect::temporary("http://169.254.169.254/").into_response(),
            StepName::Handshake,
            "redirect",
        ),
        (|_, _, b| error(200, b, -32603, "boom"), StepName::Handshake, "boom"),
        (|_, _, _| "pong".into_response(), StepName::Handshake, "not an MCP answer"),
        (
            |m, h, b| {
                if b["method"] == "tools/list" { error(200, b, -32000, "no tools today") } else { legacy(m, h, b) }
            },
            StepName::ListTools,
            "-32000",
        ),
    ];
    for (behaviour, step, word) in cases {
        let (uri, _) = serve(behaviour).await;
        let (found, text, own) = words(&probed(&uri).await);
        assert_eq!(found, step, "{text}");
        assert!(text.contains(word), "{text} {own:?}");
    }
}

#[tokio::test]
async fn a_list_without_end_comes_to_an_end() {
    fn endless(m: &Method, h: &HeaderMap, b: &Value) -> Response {
        if b["method"] != "tools/list" {
            return legacy(m, h, b);
        }
        let at: u64 = b["params"]["cursor"].as_str().and_then(|c| c.parse().ok()).unwrap_or(0);
        result(b, json!({"tools": [], "nextCursor": (at + 1).to_string()}))
    }
    let (uri, _) = serve(endless).await;
    let (step, text, _) = words(&probed(&uri).await);
    assert_eq!((step, text.as_str()), (StepName::ListTools, "its tools list has more than 50 pages"));
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/mcp", listener.local_addr().unwrap());
    let dialer = Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED)).unwrap();
    let limits = Limits { per_request: std::time::Duration::from_millis(30), ..Limits::default() };
    let (step, text, _) = words(&probe(&dialer, Target { limits, ..target(&uri) }).await);
    assert_eq!(step, StepName::Handshake);
    assert!(text.contains("no answer"), "{text}");
    drop(listener);
}

#[tokio::test]
async fn a_call_gives_the_request_and_the_answer() {
    fn calls(m: &Method, h: &HeaderMap, b: &Value) -> Response {
        match b["method"].as_str() {
            Some("tools/call") => {
                result(b, json!({"resultType": "complete", "content": [], "name": h["mcp-name"].to_str().unwrap()}))
            }
            _ => stateless(m, h, b),
        }
    }
    let (uri, _) = serve(calls).await;
    let dialer = Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED)).unwrap();
    let mut conversation = Conversation::open(&dialer, target(&uri)).await.unwrap();
    let call = mcp::OwnCall { tool: "größe", arguments: serde_json::Map::new() };
    let (request, answer) = conversation.call(call).await.unwrap();
    assert!(String::from_utf8_lossy(&request).contains("größe"));
    assert!(String::from_utf8_lossy(&answer).contains("=?base64?"), "a name that is no header text is encoded");
}

#[tokio::test]
async fn a_server_that_names_our_version_while_it_refuses_is_asked_again() {
    fn refuses_first(m: &Method, h: &HeaderMap, b: &Value) -> Response {
        if b["method"] == "server/discover" && b["id"] == 1 {
            let data = json!({"supported": ["2026-07-28"], "requested": "2026-07-28"});
            let refusal = json!({"code": -32022, "message": "Unsupported protocol version", "data": data});
            let answer = json!({"jsonrpc": "2.0", "id": b["id"], "error": refusal});
            return (StatusCode::BAD_REQUEST, axum::Json(answer)).into_response();
        }
        stateless(m, h, b)
    }
    let (uri, seen) = serve(refuses_first).await;
    let dialer = Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED)).unwrap();
    let conversation = Conversation::open(&dialer, target(&uri)).await.unwrap();
    assert_eq!(conversation.era(), mcp::Era::Stateless);
    let asked: Vec<_> = seen.0.lock().unwrap().iter().map(|(_, _, body)| body["method"].clone()).collect();
    assert_eq!(asked, ["server/discover", "server/discover"]);
}
