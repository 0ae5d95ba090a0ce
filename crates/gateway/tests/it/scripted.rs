//! An upstream that answers what a test's script says, in one era of the protocol, and remembers what it was asked.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::any,
};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};

use crate::fixture::{Speaks, event};

/// A piece of what has no end.
const ENDLESS: &[u8] = &[b' '; 16 << 10];

/// What the script answers.
pub enum Reply {
    /// The raw JSON of a result.
    Result(String),
    /// A JSON-RPC error.
    Error(Value),
    /// What the test sends, as a stream of events.
    Stream(mpsc::Receiver<String>),
    /// A body of this media type.
    Typed(&'static str, String),
    /// JSON without end; its bytes are counted.
    Endless(Arc<AtomicUsize>),
    /// Nothing, ever.
    Silence,
}

type Script = Box<dyn Fn(&str, &Value) -> Option<Reply> + Send + Sync>;

pub struct Scripted {
    pub url: String,
    speaks: Speaks,
    capabilities: Value,
    script: Script,
    asked: Mutex<Vec<(HeaderMap, Value)>>,
    pub told: Notify,
    /// Whether it answers introductions; until then they wait.
    pub ready: watch::Sender<bool>,
}

/// A result; in the stateless era it must say that it is one.
pub fn result(value: &Value) -> Option<Reply> {
    Some(Reply::Result(value.to_string()))
}

impl Scripted {
    /// An upstream with these capabilities. What the script does not answer does not exist.
    pub async fn start(
        speaks: Speaks,
        capabilities: Value,
        script: impl Fn(&str, &Value) -> Option<Reply> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let script: Script = Box::new(script);
        let (asked, told, ready) = (Mutex::default(), Notify::new(), watch::Sender::new(true));
        let scripted = Arc::new(Self { url, speaks, capabilities, script, asked, told, ready });
        let router = Router::new().route("/mcp", any(answer)).with_state(scripted.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        scripted
    }

    /// The messages with this method that came so far.
    pub fn asked(&self, method: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(_, message)| message).filter(|message| message["method"] == method).cloned().collect()
    }

    /// All messages that came so far, and their headers.
    pub fn all(&self) -> Vec<(HeaderMap, Value)> {
        self.asked.lock().unwrap().clone()
    }

    /// The last message, and its headers.
    pub fn last(&self) -> (HeaderMap, Value) {
        self.asked.lock().unwrap().last().expect("something was asked").clone()
    }

    /// Waits until a message is as wanted, and gives it.
    pub async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                let told = self.told.notified();
                let found = self.asked.lock().unwrap().iter().map(|(_, m)| m).find(|m| wanted(m)).cloned();
                if let Some(found) = found {
                    return found;
                }
                told.await;
            }
        };
        tokio::time::timeout(crate::world::PATIENCE, looking).await.expect("the upstream is told in time")
    }
}

async fn answer(State(scripted): State<Arc<Scripted>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let message = serde_json::from_slice(&body).unwrap_or_else(|_| json!({"method": head.method.as_str()}));
    scripted.asked.lock().unwrap().push((head.headers.clone(), message.clone()));
    scripted.told.notify_waiters();
    let method = message["method"].as_str().unwrap_or_default();
    let stateless = scripted.speaks == Speaks::Stateless;
    if stateless
        && (head.method != Method::POST || head.headers.get("mcp-protocol-version").is_none_or(|v| v != "2026-07-28"))
    {
        return status(if head.method == Method::POST { 400 } else { 405 });
    }
    if matches!(method, "initialize" | "server/discover") {
        scripted.ready.subscribe().wait_for(|ready| *ready).await.unwrap();
    }
    let reply = match method {
        "initialize" => return scripted.hello(&message["id"]),
        "server/discover" if stateless => {
            result(&json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": scripted.capabilities, "instructions": "Ask nicely.", "ttlMs": 0, "cacheScope": "public"}))
        }
        "DELETE" => return status(200),
        _ => (scripted.script)(method, &message),
    };
    match reply {
        Some(reply) => reply.respond(&message["id"]),
        None if message.get("id").is_none_or(Value::is_null) && head.method == Method::POST => status(202),
        None if head.method == Method::GET => status(405),
        None if message.get("method").is_none() => status(202),
        None => Reply::Error(json!({"code": -32601, "message": "Method not found"})).respond(&message["id"]),
    }
}

impl Scripted {
    fn hello(&self, id: &Value) -> Response {
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": self.capabilities,
            "serverInfo": {"name": "scripted", "version": "1"}, "instructions": "Ask nicely."});
        let mut response = Reply::Result(result.to_string()).respond(id);
        response.headers_mut().insert("mcp-session-id", "up-1".parse().unwrap());
        response
    }
}

impl Reply {
    fn respond(self, id: &Value) -> Response {
        let json = |body: String| Response::builder().header("content-type", "application/json").body(Body::from(body));
        let events = |body: Body| Response::builder().header("content-type", "text/event-stream").body(body).unwrap();
        match self {
            Self::Result(result) => json(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)).unwrap(),
            Self::Error(error) => json(json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()).unwrap(),
            Self::Stream(said) => {
                events(Body::from_stream(futures_util::stream::unfold(said, |mut said| async move {
                    let message = said.recv().await?;
                    Some((Ok::<_, Infallible>(event(&message)), said))
                })))
            }
            Self::Typed(media, body) => Response::builder().header("content-type", media).body(body.into()).unwrap(),
            Self::Endless(sent) => {
                let stream = futures_util::stream::repeat_with(move || {
                    sent.fetch_add(ENDLESS.len(), Ordering::Relaxed);
                    Ok::<_, Infallible>(ENDLESS)
                });
                Response::builder().header("content-type", "application/json").body(Body::from_stream(stream)).unwrap()
            }
            Self::Silence => events(Body::from_stream(futures_util::stream::pending::<Result<String, Infallible>>())),
        }
    }
}

fn status(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).unwrap()
}
