//! An upstream whose list has pages, sent in several ways, and which counts the calls that reach it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::fixture::event;

/// How a list is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Json,
    /// As an event of a stream, with others around it.
    Stream,
    /// In gzip, although nobody said that they take it.
    Gzip,
}

/// What comes of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comes {
    #[default]
    Done,
    /// A result with `isError`; also where the argument `outcome` says so.
    IsError,
    /// A JSON-RPC error.
    Error,
}

pub struct Upstream {
    pub url: String,
    pub comes: Mutex<Comes>,
    sessions: AtomicUsize,
    pub sent: Mutex<Sent>,
    tools: Vec<String>,
    page: usize,
    /// Calls by their tool and the argument `history`.
    calls: Mutex<HashMap<(String, String), usize>>,
}

impl Upstream {
    /// With these tools, so many on a page.
    pub async fn start(tools: &[&str], page: usize) -> Arc<Self> {
        let listener = crate::world::listener();
        let upstream = Arc::new(Self {
            url: format!("http://{}/mcp", listener.local_addr().unwrap()),
            sent: Mutex::new(Sent::Json),
            comes: Mutex::default(),
            sessions: AtomicUsize::new(0),
            tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
            page,
            calls: Mutex::default(),
        });
        let router = Router::new().route("/mcp", post(answer)).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        upstream
    }

    /// How many calls of a tool came with this argument `history`.
    pub fn calls(&self, tool: &str, history: &str) -> usize {
        self.calls.lock().unwrap().get(&(tool.to_owned(), history.to_owned())).copied().unwrap_or(0)
    }

    fn list(&self, id: &Value, cursor: Option<&str>) -> Response {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let until = (from + self.page).min(self.tools.len());
        let tools: Vec<Value> = self.tools[from..until]
            .iter()
            .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}))
            .collect();
        let mut result = json!({"tools": tools});
        if until < self.tools.len() {
            result["nextCursor"] = json!(until.to_string());
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        let before =
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
        let (media_type, body) = match *self.sent.lock().unwrap() {
            Sent::Json => ("application/json", message.into_bytes()),
            Sent::Stream => {
                let stream = format!(": hello\n\n{}id: 7\n{}", event(&before.to_string()), event(&message));
                ("text/event-stream", stream.into_bytes())
            }
            Sent::Gzip => ("application/json", gzip(message.as_bytes())),
        };
        let mut answer = Response::new(Body::from(body));
        answer.headers_mut().insert("content-type", media_type.parse().unwrap());
        if *self.sent.lock().unwrap() == Sent::Gzip {
            answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        }
        answer
    }

    fn call(&self, id: &Value, params: &Params) -> Value {
        // Numbers beyond what this reader can hold are other tests' concern.
        let arguments: Value =
            params.arguments.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let history = arguments["history"].as_str().unwrap_or_default().to_owned();
        *self.calls.lock().unwrap().entry((params.name.clone(), history)).or_default() += 1;
        let comes = *self.comes.lock().unwrap();
        if comes == Comes::Error {
            return json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": "cannot"}});
        }
        let is_error = comes == Comes::IsError || arguments["outcome"] == "is_error";
        let result = json!({"content": [{"type": "text", "text": "done"}], "isError": is_error});
        json!({"jsonrpc": "2.0", "id": id, "result": result})
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Params,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Params {
    name: String,
    cursor: Option<String>,
    arguments: Option<Box<RawValue>>,
}

async fn answer(State(upstream): State<Arc<Upstream>>, body: Bytes) -> Response {
    let Message { id, method, params } = serde_json::from_slice(&body).unwrap();
    let mut answer = Response::builder().header("content-type", "application/json");
    let body = match method.as_str() {
        "initialize" => {
            let session = upstream.sessions.fetch_add(1, Ordering::SeqCst);
            answer = answer.header("mcp-session-id", format!("session-{session}"));
            let result = json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "pages", "version": "1"}});
            json!({"jsonrpc": "2.0", "id": id, "result": result})
        }
        "tools/list" => return upstream.list(&id, params.cursor.as_deref()),
        "tools/call" => upstream.call(&id, &params),
        _ => return Response::builder().status(202).body(Body::empty()).unwrap(),
    };
    answer.body(Body::from(body.to_string())).unwrap()
}

/// RFC 1952, with one stored block.
fn gzip(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(text);
    out.extend_from_slice(&crc32fast::hash(text).to_le_bytes());
    out.extend_from_slice(&u32::from(length).to_le_bytes());
    out
}
