//! Whatever HTTP status or body an upstream gives instead of an answer, on whichever way it is reached: a client never takes
//! it for the gateway's own, which would start a login, end a session or make it wait.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State, response::Response, routing::any};
use bytes::Bytes;
use connector::{Target, UpstreamUrl};
use domain::Transport;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::in_era;
use crate::{
    client::{Answer, Client},
    fixture::{Speaks, event},
    tunnel,
    world::{OPEN, World},
};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Legacy,
    Modern,
    /// HTTP+SSE (2024-11-05).
    Events,
}

/// What it gives instead of an answer: a status, a media type, a body.
type Fault = (u16, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    (200, "text/html", "<html>login</html>"),
    (200, "", ""),
    (202, "", ""),
    (204, "", ""),
    (301, "text/html", "moved"),
    (307, "", ""),
    (400, "text/html", "<html>bad</html>"),
    (401, "application/json", r#"{"error":"invalid_token"}"#),
    (401, "application/json", r#"{"jsonrpc":"2.0","id":7,"error":{"code":-31001,"message":"log in"}}"#),
    (402, "text/plain", "pay"),
    (403, "application/json", r#"{"error":"insufficient_scope"}"#),
    (404, "text/html", "<html>not here</html>"),
    (405, "", ""),
    (407, "", ""),
    (408, "", ""),
    (421, "", ""),
    (429, "application/json", r#"{"message":"slow down"}"#),
    (500, "text/plain", "boom"),
    (502, "text/html", "<html>bad gateway</html>"),
    (503, "text/html", "<html>busy</html>"),
    (504, "", ""),
];

#[derive(Default)]
struct Faulty {
    kind: Option<Kind>,
    fault: Mutex<Option<Fault>>,
    /// Where answers go, over HTTP+SSE.
    stream: Mutex<Option<mpsc::Sender<String>>>,
}

async fn start(kind: Kind) -> (Arc<Faulty>, String) {
    let faulty = Arc::new(Faulty { kind: Some(kind), ..Faulty::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", any(answer)).route("/messages", any(answer)).with_state(faulty.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (faulty, url)
}

async fn answer(State(faulty): State<Arc<Faulty>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    let kind = faulty.kind.unwrap();
    let greets = matches!(method.as_str(), "initialize" | "notifications/initialized" | "server/discover");
    let opens = kind == Kind::Events && head.method == Method::GET;
    let fault = *faulty.fault.lock().unwrap();
    match fault.filter(|_| !greets && !opens) {
        Some(fault) => instead(fault),
        None => faulty.rightly(&head.method, head.uri.path(), &head.headers, (&method, &message)).await,
    }
}

/// With everything that a client would act on.
fn instead((code, media_type, body): Fault) -> Response {
    let mut answer = Response::builder().status(code);
    if !media_type.is_empty() {
        answer = answer.header("content-type", media_type);
    }
    for (name, value) in [
        ("www-authenticate", "Bearer resource_metadata=\"http://127.0.0.1:1/x\""),
        ("retry-after", "3600"),
        ("location", "http://127.0.0.1:1/elsewhere"),
        ("set-cookie", "a=b"),
        ("mcp-session-id", "theirs"),
    ] {
        answer = answer.header(name, value);
    }
    answer.body(Body::from(body)).unwrap()
}

impl Faulty {
    async fn rightly(
        &self,
        http: &Method,
        path: &str,
        headers: &HeaderMap,
        (method, message): (&str, &Value),
    ) -> Response {
        let status = |code: u16| Response::builder().status(code).body(Body::empty()).unwrap();
        let kind = self.kind.unwrap();
        if kind == Kind::Events {
            return match (http, path) {
                (&Method::GET, _) => self.open(),
                (_, "/messages") => {
                    let sender = self.stream.lock().unwrap().clone();
                    if let (Some(sender), Some(_)) = (sender, message.get("id")) {
                        let _gone = sender.send(event(&Self::result(method, message))).await;
                    }
                    status(202)
                }
                _ => status(405),
            };
        }
        if http == Method::GET {
            return status(405);
        }
        if http == Method::DELETE || message.get("id").is_none() || method.is_empty() {
            return status(202);
        }
        let modern = headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28");
        if modern != (kind == Kind::Modern) {
            return status(400);
        }
        let mut answer = Response::builder().header("content-type", "application/json");
        if method == "initialize" {
            answer = answer.header("mcp-session-id", "up-1");
        }
        answer.body(Body::from(Self::result(method, message))).unwrap()
    }

    fn open(&self) -> Response {
        let (say, said) = mpsc::channel::<String>(16);
        say.try_send("event: endpoint\ndata: /messages\n\n".to_owned()).unwrap();
        *self.stream.lock().unwrap() = Some(say);
        let stream = futures_util::stream::unfold(said, |mut said| async move {
            let text = said.recv().await?;
            Some((Ok::<_, Infallible>(Bytes::from(text)), said))
        });
        Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(stream)).unwrap()
    }

    fn result(method: &str, message: &Value) -> String {
        let capabilities = json!({"tools": {}, "resources": {}});
        let result = match method {
            "initialize" => json!({"protocolVersion": "2024-11-05", "capabilities": capabilities,
                "serverInfo": {"name": "faulty", "version": "1"}}),
            "server/discover" => json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
                "capabilities": capabilities, "ttlMs": 0, "cacheScope": "private"}),
            "resources/read" => json!({"resultType": "complete", "contents": [], "ttlMs": 0, "cacheScope": "private"}),
            _ => json!({"resultType": "complete", "content": []}),
        };
        json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string()
    }
}

/// A client of one era at one URL of one server, and what its things are called there.
struct Way {
    client: Client,
    speaks: Speaks,
    url: &'static str,
    shown: String,
}

impl Way {
    async fn ask(&self, method: &str) -> Answer {
        let account = self.url == "/mcp";
        let params = match method {
            "tools/call" => json!({"name": if account { "mlflow__echo" } else { "echo" }, "arguments": {}}),
            _ => json!({"uri": if account { "srv.mlflow+a:b" } else { "a:b" }}),
        };
        let (client, message) = in_era(self.client.clone(), self.speaks, method, params);
        client.post(message).await
    }

    /// No answer to a message may be one of those.
    fn not_ours(&self, answer: &Answer, shown: &str) {
        let shown = format!("{} {shown}: {} {}", self.shown, answer.status, answer.text());
        for never in ["www-authenticate", "retry-after", "location", "set-cookie"] {
            assert!(!answer.headers.contains_key(never), "{shown}: {never}");
        }
        assert!(answer.headers.get("mcp-session-id").is_none_or(|id| id != "theirs"), "{shown}");
    }

    async fn bears(&self, fault: Fault) {
        for method in ["tools/call", "resources/read"] {
            let answer = self.ask(method).await;
            let shown = format!("{method} {fault:?}");
            self.not_ours(&answer, &shown);
            // The one status that means the same from there as from here: the session is gone, begin another.
            let session_gone = fault.0 == 404 && self.speaks == Speaks::Sessions && self.url != "/mcp";
            if session_gone && answer.status == StatusCode::NOT_FOUND {
                assert_eq!(answer.reason(), "no_such_session");
                continue;
            }
            let json = answer.json();
            assert_eq!((answer.status, &json["id"]), (StatusCode::OK, &json!(7)), "{} {shown}: {json}", self.shown);
            let code = json["error"]["code"].as_i64().unwrap_or_else(|| panic!("{} {shown}: {json}", self.shown));
            assert!(!(-32_768..=-32_000).contains(&code), "{} {shown}: {json}", self.shown);
            assert_ne!(code, -31_001, "{} {shown}: {json}", self.shown);
        }
        if self.speaks == Speaks::Stateless {
            return;
        }
        // What has no answer: that it did not go on is told, but not as if it was for us.
        let told = self.client.post(r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).await;
        let answered = self.client.post(r#"{"jsonrpc":"2.0","id":"q","result":{}}"#).await;
        let stream = self.client.clone().with("accept", "text/event-stream").open(Method::GET, "").await;
        let shown = format!("{} {fault:?}", self.shown);
        for status in [told.status, answered.status, stream.status] {
            let session_gone = fault.0 == 404 && self.url != "/mcp" && status == StatusCode::NOT_FOUND;
            let theirs = matches!(status.as_u16(), 300..=399 | 401 | 403 | 404 | 429 | 503);
            assert!(!theirs || session_gone, "{shown}: {status}");
        }
        self.not_ours(&told, "a notification");
        self.not_ours(&answered, "a response");
    }
}

async fn ways(world: &World, kind: Kind) -> (Arc<Faulty>, Vec<Way>) {
    let (faulty, url) = start(kind).await;
    let mut acme = world.account("acme");
    let server = acme.server("mlflow", Transport::Http { url }, &[("echo", policy::RiskClass::Read)]);
    let agent = acme.agent("ci");
    let policy = acme.policy(OPEN);
    acme.grant(agent.principal.as_subject(), server, Some(policy));
    world.publish(&acme).await;
    let mut ways = Vec::new();
    for url in ["/mlflow/mcp", "/mcp"] {
        for speaks in [Speaks::Sessions, Speaks::Stateless] {
            let client = super::ready(Client::new(world, &acme, url, &agent), speaks).await;
            let era = if speaks == Speaks::Sessions { "initialize" } else { "stateless" };
            ways.push(Way { client, speaks, url, shown: format!("{era} client at {url} of a {kind:?} server") });
        }
    }
    (faulty, ways)
}

async fn all_faults(faulty: &Faulty, ways: &[Way], wanted: impl Fn(u16) -> bool) {
    for way in ways {
        let before = way.ask("tools/call").await;
        assert!(before.is_ok(), "{}: {}", way.shown, before.text());
        for fault in FAULTS.iter().filter(|fault| wanted(fault.0)) {
            *faulty.fault.lock().unwrap() = Some(*fault);
            way.bears(*fault).await;
            *faulty.fault.lock().unwrap() = None;
            let after = way.ask("tools/call").await;
            assert!(after.is_ok(), "{} after {fault:?}: {}", way.shown, after.text());
        }
    }
}

async fn over_http(kind: Kind) {
    let world = World::start().await;
    let (faulty, ways) = ways(&world, kind).await;
    // Over HTTP+SSE every success says that the message was taken; its answer comes on the stream.
    all_faults(&faulty, &ways, |status| kind != Kind::Events || status >= 300).await;
}

#[tokio::test]
async fn an_upstreams_status_never_reads_as_ours_from_a_server_of_the_first_era() {
    over_http(Kind::Legacy).await;
}

#[tokio::test]
async fn an_upstreams_status_never_reads_as_ours_from_a_stateless_server() {
    over_http(Kind::Modern).await;
}

#[tokio::test]
async fn an_upstreams_status_never_reads_as_ours_over_http_and_sse() {
    over_http(Kind::Events).await;
}

#[tokio::test]
async fn a_server_of_http_and_sse_is_found_by_its_endpoint() {
    let world = World::start().await;
    let (_faulty, ways) = ways(&world, Kind::Events).await;
    for way in ways {
        for method in ["tools/call", "resources/read"] {
            let answer = way.ask(method).await;
            assert!(answer.is_ok(), "{} {method}: {}", way.shown, answer.text());
        }
    }
}

#[tokio::test]
async fn an_upstreams_status_never_reads_as_ours_through_a_tunnel() {
    for kind in [Kind::Legacy, Kind::Modern] {
        let world = World::start().await;
        let tunnelled = tunnel::tunnelled(&world, "acme", OPEN).await;
        let (faulty, url) = start(kind).await;
        let target = Target::Url(UpstreamUrl::parse(&url).unwrap());
        let mut connector = tunnel::connect(&world, &tunnelled, &tunnelled.token, target);
        connector.connected().await;
        let mut ways = Vec::new();
        for url in ["/mlflow/mcp", "/mcp"] {
            for speaks in [Speaks::Sessions, Speaks::Stateless] {
                let client = Client::new(&world, &tunnelled.account, url, &tunnelled.agent);
                let client = super::ready(client, speaks).await;
                let era = if speaks == Speaks::Sessions { "initialize" } else { "stateless" };
                ways.push(Way { client, speaks, url, shown: format!("{era} client at {url} of a {kind:?} tunnel") });
            }
        }
        // The connector hands answers on as they are: a few stand for all.
        all_faults(&faulty, &ways, |status| [200, 307, 401, 403, 404, 429, 503].contains(&status)).await;
    }
}
