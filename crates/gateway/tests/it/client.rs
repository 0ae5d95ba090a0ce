//! An MCP client that sends exactly what it is told.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mcp::{SseEvent, SseParser};
use serde_json::{Value, json};
use upstream::Dialer;

use crate::world::{Account, Holder, PATIENCE, World};

#[derive(Clone)]
pub struct Client {
    dialer: Dialer,
    pub url: String,
    pub headers: HeaderMap,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer whose body is still coming.
pub struct Streaming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    parser: SseParser,
    waiting: std::collections::VecDeque<SseEvent>,
    pub raw: Vec<u8>,
}

impl Client {
    pub fn new(world: &World, account: &Account, path: &str, holder: &Holder) -> Self {
        let url = format!("{}/{}{path}", world.origin, account.slug());
        let client = Self { dialer: world.dialer.clone(), url, headers: HeaderMap::new() };
        client
            .with("authorization", &format!("Bearer {}", holder.token.expose()))
            .with("content-type", "application/json")
            .with("accept", "application/json, text/event-stream")
    }

    /// The same with a header set.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub async fn open(&self, method: Method, body: impl Into<Bytes>) -> Streaming {
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        *request.uri_mut() = self.url.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let answer = tokio::time::timeout(PATIENCE, self.dialer.send(request)).await.expect("an answer in time");
        let (head, body) = answer.expect("an answer").into_parts();
        Streaming {
            status: head.status,
            headers: head.headers,
            body,
            parser: SseParser::default(),
            waiting: std::collections::VecDeque::new(),
            raw: Vec::new(),
        }
    }

    pub async fn send(&self, method: Method, body: impl Into<Bytes>) -> Answer {
        let Streaming { status, headers, body, .. } = self.open(method, body).await;
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.expect("the whole body in time");
        Answer { status, headers, body: body.expect("a whole body").to_bytes() }
    }

    pub async fn post(&self, message: impl Into<Bytes>) -> Answer {
        self.send(Method::POST, message).await
    }

    /// `initialize`, and the session that comes of it.
    pub async fn initialized(self) -> Self {
        self.introduced(json!({})).await
    }

    /// The same for a client that can do this.
    pub async fn introduced(self, capabilities: Value) -> Self {
        let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "tester", "version": "1.0"}}});
        let answer = self.post(hello.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let mut client = self.with("mcp-protocol-version", "2025-11-25");
        if let Some(session) = answer.headers.get("mcp-session-id") {
            client = client.with("mcp-session-id", session.to_str().unwrap());
        }
        let told = client.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
        client
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.post(call(7, tool, &arguments)).await
    }

    pub async fn list(&self) -> Vec<String> {
        let answer = self.post(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#).await;
        names(&answer.json())
    }
}

pub fn call(id: u64, tool: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        .to_string()
}

/// A `tools/call` of the stateless era, and the headers that go with it.
pub fn stateless_call(client: Client, tool: &str, arguments: &Value) -> (Client, String) {
    stateless(client, "tools/call", json!({"name": tool, "arguments": arguments}))
}

/// A request of the stateless era, and the headers that go with it.
pub fn stateless(client: Client, method: &str, mut params: Value) -> (Client, String) {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    if params["_meta"].get("io.modelcontextprotocol/clientCapabilities").is_none() {
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    }
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "modern", "version": "2"});
    let mut client = client.without("mcp-name").with("mcp-protocol-version", "2026-07-28").with("mcp-method", method);
    let named = ["name", "uri", "taskId"].iter().find_map(|name| params[*name].as_str());
    if let Some(name) = named.filter(|_| method != "completion/complete") {
        client = client.with("mcp-name", name);
    }
    (client, json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string())
}

pub fn names(list: &Value) -> Vec<String> {
    let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        let stream = self.headers.get("content-type").is_some_and(|t| t.as_bytes().starts_with(b"text/event-stream"));
        if !stream {
            return serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()));
        }
        let mut parser = SseParser::default();
        let events = parser.push(&self.body).unwrap();
        let last = events.iter().filter_map(SseEvent::payload).next_back().expect("a message in the stream");
        serde_json::from_slice(last).unwrap()
    }

    /// The decision in a denial.
    pub fn decision(&self) -> Value {
        let json = self.json();
        assert_eq!(json["result"]["isError"], true, "{json}");
        json["result"]["_meta"]["dev.portcullis/decision"].clone()
    }

    pub fn code(&self) -> String {
        self.decision()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The stable reason of a failure.
    pub fn reason(&self) -> String {
        let json = self.json();
        json["error"]["data"]["reason"].as_str().unwrap_or_else(|| panic!("no reason: {json}")).to_owned()
    }

    pub fn is_ok(&self) -> bool {
        let json = self.json();
        self.status == StatusCode::OK && json.get("result").is_some() && json["result"]["isError"] != true
    }
}

impl Streaming {
    /// The next event with data; none at the end.
    pub async fn event(&mut self) -> Option<Value> {
        // Keep-alive comments are no event, and no reason to wait on.
        tokio::time::timeout(PATIENCE, self.next_event()).await.expect("an event, or the end, in time")
    }

    async fn next_event(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                if let Some(payload) = event.payload() {
                    return Some(serde_json::from_slice(payload).unwrap());
                }
                continue;
            }
            self.more().await?;
        }
    }

    /// Reads on until what came is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&[u8]) -> bool) {
        while !wanted(&self.raw) {
            self.more().await.expect("the stream goes on");
        }
    }

    async fn more(&mut self) -> Option<()> {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("something in time")?;
        if let Ok(data) = frame.ok()?.into_data() {
            self.raw.extend_from_slice(&data);
            self.waiting.extend(self.parser.push(&data).unwrap());
        }
        Some(())
    }
}
