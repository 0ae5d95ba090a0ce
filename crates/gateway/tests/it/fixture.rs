//! An upstream that does what a test wants of it, remembers what it was sent, and counts its calls.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::any,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

/// What the upstream speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaks {
    /// The `initialize` era, with sessions.
    Sessions,
    /// The stateless era only.
    Stateless,
}

pub struct Seen {
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub struct Fixture {
    pub url: String,
    speaks: Speaks,
    pub seen: Mutex<Vec<Seen>>,
    /// Calls of tools that began.
    pub calls: AtomicUsize,
    sessions: Mutex<HashSet<String>>,
    next_session: AtomicUsize,
    /// Told when a request is held, and when a held one is dropped.
    pub held: Notify,
    pub dropped: Arc<Notify>,
    /// Told when a notification came.
    pub told: Notify,
    /// Lets held calls go.
    pub release: Notify,
    /// What a client answered to `asks`.
    answers: Mutex<Option<mpsc::Sender<Value>>>,
    /// What the server's own stream says.
    pub push: Mutex<Option<mpsc::Sender<String>>>,
    pub pushing: Notify,
    /// The raw answer to `tools/list`, if it is to be another.
    pub list: Mutex<Option<(&'static str, String)>>,
    /// The raw answer to whatever is asked, as of a server that mixes answers up.
    pub mixed_up: Mutex<Option<(&'static str, String)>>,
    /// How the raw answers to `tools/list` are compressed, although nobody asked for it.
    pub coding: Mutex<Option<&'static str>>,
    /// There is no stream of the server's own.
    pub streamless: AtomicBool,
    /// There are subscriptions, for prompts only.
    pub listens: AtomicBool,
    /// What a call of `rounds` asks for.
    pub question: Mutex<Value>,
}

pub const TOOLS: &str = r#"[{"name":"echo","description":"a \"quoted\" one","inputSchema":{"type":"object"},"x-extra":[1.0,1e3]}, {"name":"set_model_alias","inputSchema":{"type":"object"}},{"name":"delete_run","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}}]"#;

impl Fixture {
    pub async fn start(speaks: Speaks) -> Arc<Self> {
        let listener = crate::world::listener();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let fixture = Arc::new(Self {
            url,
            speaks,
            seen: Mutex::default(),
            calls: AtomicUsize::new(0),
            sessions: Mutex::default(),
            next_session: AtomicUsize::new(0),
            held: Notify::new(),
            dropped: Arc::new(Notify::new()),
            told: Notify::new(),
            release: Notify::new(),
            answers: Mutex::new(None),
            push: Mutex::new(None),
            pushing: Notify::new(),
            list: Mutex::new(None),
            mixed_up: Mutex::new(None),
            coding: Mutex::new(None),
            streamless: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            question: Mutex::new(json!({"q": {}})),
        });
        let router = Router::new().route("/mcp", any(answer)).with_state(fixture.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fixture
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn last(&self) -> (HeaderMap, Bytes) {
        let seen = self.seen.lock().unwrap();
        let last = seen.last().expect("the upstream was asked");
        (last.headers.clone(), last.body.clone())
    }

    /// Forgets every session, as a restarted server does.
    pub fn forget_sessions(&self) {
        self.sessions.lock().unwrap().clear();
    }
}

fn raw_answer(id: &Value, (media_type, text): (&'static str, String)) -> Response {
    let body = text.replace("ID", &id.to_string());
    Response::builder().header("content-type", media_type).body(Body::from(body)).unwrap()
}

fn coded_answer(id: &Value, (media_type, text): (&'static str, String), coding: &'static str) -> Response {
    use std::io::Write as _;
    let plain = text.replace("ID", &id.to_string());
    let level = flate2::Compression::default();
    let body = if coding == "deflate" {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
        encoder.write_all(plain.as_bytes()).unwrap();
        encoder.finish().unwrap()
    } else {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(plain.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let builder = Response::builder().header("content-type", media_type).header("content-encoding", coding);
    builder.body(Body::from(body)).unwrap()
}

async fn answer(State(fixture): State<Arc<Fixture>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen { headers: head.headers.clone(), body: body.clone() };
    fixture.seen.lock().unwrap().push(seen);
    match head.method {
        Method::GET if fixture.streamless.load(Ordering::SeqCst) => status(405),
        Method::GET => fixture.stream(),
        Method::DELETE => fixture.end(&head.headers),
        _ => fixture.message(&head.headers, &body).await,
    }
}

impl Fixture {
    async fn message(self: &Arc<Self>, headers: &HeaderMap, body: &Bytes) -> Response {
        let message: Value = serde_json::from_slice(body).unwrap();
        let id = message["id"].clone();
        let method = message["method"].as_str().unwrap_or_default();
        if self.speaks == Speaks::Stateless && headers.get("mcp-protocol-version").is_none_or(|v| v != "2026-07-28") {
            let error = json!({"code": -32022, "message": "Unsupported protocol version", "data": {"supported": ["2026-07-28"]}});
            return json_answer(400, json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string());
        }
        if self.speaks == Speaks::Sessions && method != "initialize" && !self.knows(headers) {
            let status = if headers.contains_key("mcp-session-id") { 404 } else { 400 };
            return json_answer(
                status,
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: no valid session"}}"#
                    .to_owned(),
            );
        }
        let mixed_up = self.mixed_up.lock().unwrap().clone();
        if let Some(raw) = mixed_up {
            return raw_answer(&id, raw);
        }
        match method {
            "initialize" => self.initialize(&id),
            "ping" => result(&id, "{}"),
            "server/discover" if self.speaks == Speaks::Stateless => result(
                &id,
                r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fixture","version":"2"}}}"#,
            ),
            "tools/list" => self.tools(&id),
            "tools/call" => {
                self.calls.fetch_add(1, Ordering::SeqCst);
                let tool = message["params"]["name"].as_str().unwrap_or_default().to_owned();
                self.clone().call(&tool, id, &message).await
            }
            "" => {
                let sender = self.answers.lock().unwrap().clone();
                if let Some(sender) = sender {
                    let _gone = sender.send(message).await;
                }
                status(202)
            }
            name if name.starts_with("notifications/") => {
                self.told.notify_one();
                status(202)
            }
            "subscriptions/listen" if self.listens.load(Ordering::SeqCst) => self.stream(),
            "resources/list" => result(&id, r#"{"resources":[]}"#),
            _ => json_answer(
                404,
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "Method not found"}})
                    .to_string(),
            ),
        }
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let session = headers.get("mcp-session-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.sessions.lock().unwrap().contains(session)
    }

    fn initialize(&self, id: &Value) -> Response {
        let session = format!("up-{}", self.next_session.fetch_add(1, Ordering::SeqCst));
        self.sessions.lock().unwrap().insert(session.clone());
        let mut response = result(
            id,
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"fixture","version":"1"}}"#,
        );
        response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        response
    }

    fn tools(&self, id: &Value) -> Response {
        if let Some(raw) = self.list.lock().unwrap().clone() {
            let coding = *self.coding.lock().unwrap();
            return coding.map_or_else(|| raw_answer(id, raw.clone()), |coding| coded_answer(id, raw.clone(), coding));
        }
        let stateless = if self.speaks == Speaks::Stateless {
            r#""resultType":"complete","ttlMs":5,"cacheScope":"public","#
        } else {
            ""
        };
        result(id, &format!(r#"{{{stateless}"tools":{TOOLS}}}"#))
    }

    async fn call(self: Arc<Self>, tool: &str, id: Value, message: &Value) -> Response {
        let complete = if self.speaks == Speaks::Stateless { r#""resultType":"complete","# } else { "" };
        let text = |text: &str| format!(r#"{{{complete}"content":[{{"type":"text","text":{}}}]}}"#, json!(text));
        match tool {
            "fails" => result(&id, &format!(r#"{{{complete}"isError":true,"content":[]}}"#)),
            "errs" => json_answer(
                200,
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": "bad"}}).to_string(),
            ),
            "http_500" => Response::builder().status(500).body(Body::from("boom")).unwrap(),
            "http_401" => json_answer(
                401,
                r#"{"error":"invalid_token","error_description":"the upstream token expired"}"#.to_owned(),
            ),
            "http_404" => Response::builder().status(404).body(Body::from("<html>")).unwrap(),
            "http_429" => json_answer(429, r#"{"message":"slow down"}"#.to_owned()),
            "redirects" => {
                Response::builder().status(307).header("location", "http://127.0.0.1:1/").body(Body::empty()).unwrap()
            }
            "accepts" => status(202),
            "wrong_id" => json_answer(200, r#"{"jsonrpc":"2.0","id":"other","result":{}}"#.to_owned()),
            "not_mcp" => json_answer(200, r#"{"hello":1}"#.to_owned()),
            "html" => Response::builder().header("content-type", "text/html").body(Body::from("<p>")).unwrap(),
            "zipped" => {
                let body = Body::from(&b"\x1f\x8b"[..]);
                Response::builder()
                    .header("content-type", "application/json")
                    .header("content-encoding", "br")
                    .body(body)
                    .unwrap()
            }
            "big" => result(&id, &text(&"x".repeat(3 << 20))),
            "endless" => endless(),
            "floods" => flood(),
            "holds" => {
                let dropped = Dropped(self.dropped.clone());
                self.held.notify_one();
                self.release.notified().await;
                std::mem::forget(dropped);
                result(&id, &text("released"))
            }
            "streams" => events(vec![
                ": hello\n\n".to_owned(),
                event(&progress(message)),
                format!(
                    "event: message\r\nid: 5\r\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\r\ndata: \"result\":{}}}\r\n\r\n",
                    text("1.0")
                ),
            ]),
            "stalls" => {
                let (say, said) = mpsc::channel::<String>(1);
                say.send(event(&progress(message))).await.unwrap();
                std::mem::forget(say);
                stream_of(said)
            }
            "breaks_stream" => events(vec![event(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#)]),
            "ends_to_resume" => events(vec!["id: 1\nretry: 10\ndata:\n\n".to_owned()]),
            "garbage_stream" => events(vec![event("{\"not\": mcp}")]),
            "asks" => self.ask(id).await,
            "rounds" if message["params"].get("inputResponses").is_none() => {
                let asked = self.question.lock().unwrap().to_string();
                result(
                    &id,
                    &format!(
                        r#"{{"resultType":"input_required","inputRequests":{asked},"requestState":"st\u0061te-1"}}"#
                    ),
                )
            }
            _ => result(&id, &text(&message["params"]["arguments"].to_string())),
        }
    }

    /// Asks the client for something in the middle of a call.
    async fn ask(self: Arc<Self>, id: Value) -> Response {
        let (out, mut answers) = mpsc::channel(4);
        *self.answers.lock().unwrap() = Some(out);
        let (say, said) = mpsc::channel::<String>(4);
        tokio::spawn(async move {
            let question =
                json!({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": {"message": "sure?"}});
            let _gone = say.send(event(&question.to_string())).await;
            let answer = answers.recv().await.unwrap_or_default();
            let text = json!({"content": [{"type": "text", "text": answer.to_string()}]});
            let _gone = say.send(event(&json!({"jsonrpc": "2.0", "id": id, "result": text}).to_string())).await;
        });
        stream_of(said)
    }

    fn stream(&self) -> Response {
        let (say, said) = mpsc::channel::<String>(16);
        // The streams before it stay open.
        std::mem::forget(self.push.lock().unwrap().replace(say));
        self.pushing.notify_one();
        stream_of(said)
    }

    fn end(&self, headers: &HeaderMap) -> Response {
        let session = headers.get("mcp-session-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
        status(if self.sessions.lock().unwrap().remove(session) { 200 } else { 404 })
    }
}

/// Half of the way, under the token that the request has, or 1.
fn progress(request: &Value) -> String {
    let token = request.pointer("/params/_meta/progressToken").cloned().unwrap_or(json!(1));
    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 0.5}})
        .to_string()
}

struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

pub fn event(data: &str) -> String {
    format!("event: message\ndata: {data}\n\n")
}

fn result(id: &Value, result: &str) -> Response {
    json_answer(200, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

fn json_answer(status: u16, body: String) -> Response {
    Response::builder().status(status).header("content-type", "application/json").body(Body::from(body)).unwrap()
}

fn status(status: u16) -> Response {
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(Body::empty()).unwrap()
}

fn events(events: Vec<String>) -> Response {
    let stream = futures_util::stream::iter(events.into_iter().map(Ok::<_, Infallible>));
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(stream)).unwrap()
}

fn stream_of(said: mpsc::Receiver<String>) -> Response {
    let stream = futures_util::stream::unfold(said, |mut said| async move {
        let text = said.recv().await?;
        Some((Ok::<_, Infallible>(text), said))
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(stream)).unwrap()
}

fn endless() -> Response {
    let stream = futures_util::stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b' '; 1 << 16])));
    Response::builder().header("content-type", "application/json").body(Body::from_stream(stream)).unwrap()
}

/// Notifications without end, as fast as they are read.
fn flood() -> Response {
    let data = "x".repeat(1 << 16);
    let message = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1, "message": data}});
    let stream = futures_util::stream::repeat(Ok::<_, Infallible>(event(&message.to_string())));
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(stream)).unwrap()
}
