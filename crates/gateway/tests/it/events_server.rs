//! A server over HTTP+SSE (2024-11-05): messages are posted to one URL, everything it says comes on one stream.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Query, State},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::{fixture::event, world::PATIENCE};

#[derive(Default)]
pub struct EventsServer {
    pub url: String,
    asked: Mutex<Vec<Value>>,
    streams: Mutex<Vec<mpsc::Sender<String>>>,
    told: Notify,
}

impl EventsServer {
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sse", listener.local_addr().unwrap());
        let server = Arc::new(Self { url, ..Self::default() });
        let router =
            Router::new().route("/sse", get(stream)).route("/messages", post(message)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Waits until a message is as wanted, and gives it.
    pub async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                let told = self.told.notified();
                let found = self.asked.lock().unwrap().iter().find(|message| wanted(message)).cloned();
                if let Some(found) = found {
                    return found;
                }
                told.await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the server is told in time")
    }

    pub fn count(&self, wanted: impl Fn(&Value) -> bool) -> usize {
        self.asked.lock().unwrap().iter().filter(|message| wanted(message)).count()
    }

    /// Says something on every stream that is open, without end.
    pub async fn say_again_and_again(&self, message: &Value) {
        loop {
            let streams = self.streams.lock().unwrap().clone();
            for stream in streams {
                let _closed = stream.send(event(&message.to_string())).await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Ends every stream.
    pub fn hang_up(&self) {
        self.streams.lock().unwrap().clear();
    }

    async fn answer(&self, to: &mpsc::Sender<String>, message: &Value) {
        let (id, params) = (&message["id"], &message["params"]);
        let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
        let text = |text: String| result(json!({"content": [{"type": "text", "text": text}]}));
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": params["_meta"]["progressToken"], "progress": 0.5}});
        let said = match (message["method"].as_str().unwrap_or_default(), params["name"].as_str().unwrap_or_default()) {
            ("initialize", _) => vec![result(json!({"protocolVersion": "2024-11-05",
                "capabilities": {"tools": {}, "resources": {"subscribe": true}, "prompts": {"listChanged": true}},
                "serverInfo": {"name": "events", "version": "1"}}))],
            ("tools/list", _) => vec![result(json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}))],
            ("tools/call", "works") => vec![progress, text("done".to_owned())],
            ("tools/call", "stalls") => vec![progress],
            ("tools/call", "asks") => vec![json!({"jsonrpc": "2.0", "id": format!("q{id}"),
                "method": "elicitation/create", "params": {"message": "sure?"}})],
            ("tools/call", _) => vec![text(params["arguments"].to_string())],
            // The client's answer to a question goes into the answer to the call that it was asked in.
            ("", _) => {
                let call: Value =
                    serde_json::from_str(id.as_str().unwrap_or_default().trim_start_matches('q')).unwrap();
                let text = json!({"content": [{"type": "text", "text": message["result"].to_string()}]});
                vec![json!({"jsonrpc": "2.0", "id": call, "result": text})]
            }
            (method, _) if method.starts_with("notifications/") => vec![],
            _ => vec![result(json!({}))],
        };
        for message in said {
            let _closed = to.send(event(&message.to_string())).await;
        }
    }
}

async fn stream(State(server): State<Arc<EventsServer>>) -> Response {
    let (say, said) = mpsc::channel::<String>(16);
    let number = {
        let mut streams = server.streams.lock().unwrap();
        streams.push(say.clone());
        streams.len() - 1
    };
    say.send(format!("event: endpoint\ndata: /messages?stream={number}\n\n")).await.unwrap();
    drop(say);
    let body = futures_util::stream::unfold(said, |mut said| async move {
        let text = said.recv().await?;
        Some((Ok::<_, Infallible>(text), said))
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(body)).unwrap()
}

async fn message(
    State(server): State<Arc<EventsServer>>,
    Query(query): Query<HashMap<String, usize>>,
    body: Bytes,
) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    server.asked.lock().unwrap().push(message.clone());
    server.told.notify_waiters();
    let stream = server.streams.lock().unwrap().get(query["stream"]).cloned();
    let Some(stream) = stream else { return Response::builder().status(404).body(Body::empty()).unwrap() };
    server.answer(&stream, &message).await;
    Response::builder().status(202).body(Body::empty()).unwrap()
}
