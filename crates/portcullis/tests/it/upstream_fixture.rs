//! A small MCP server of the `initialize` era that counts what reaches it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The running server; it stops with the test's runtime.
#[derive(Debug)]
pub struct Upstream {
    pub url: String,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
}

impl Upstream {
    pub async fn start() -> anyhow::Result<Self> {
        let counts = Arc::new(Counts::default());
        let app = Router::new().route("/mcp", post(answer)).with_state(Arc::clone(&counts));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/mcp", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, counts })
    }

    /// How many `tools/call` reached the server.
    pub fn calls(&self) -> usize {
        self.counts.calls.load(Ordering::SeqCst)
    }
}

async fn answer(State(counts): State<Arc<Counts>>, Json(message): Json<Value>) -> impl IntoResponse {
    let Some(id) = message.get("id").cloned() else { return StatusCode::ACCEPTED.into_response() };
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "fixture", "version": "1"}}),
        "tools/list" => json!({"tools": tools()}),
        "tools/call" => {
            counts.calls.fetch_add(1, Ordering::SeqCst);
            json!({"content": [{"type": "text", "text": message["params"]["arguments"].to_string()}]})
        }
        "ping" => json!({}),
        other => {
            let error = json!({"code": -32601, "message": format!("Method not found: {other}")});
            return Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response();
        }
    };
    Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
}

fn tools() -> Vec<Value> {
    ["get_run", "set_model_alias", "delete_run"]
        .map(|name| json!({"name": name, "description": "A tool of the fixture.", "inputSchema": {"type": "object"}}))
        .to_vec()
}
