//! A Streamable HTTP endpoint over a program that speaks MCP on its standard input and output.
//!
//! Each MCP session has a process of its own, so that nothing a process remembers of one client reaches another.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Entropy;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    answer::{self, Body, INVALID_REQUEST, PARSE_ERROR},
    config::{ChildCommand, Limits},
    message::{INITIALIZE, Kind, Message, Request as RpcRequest},
    report::{Report, Reporter},
};

mod child;
mod exchange;
mod failure;
mod lines;
mod session;
mod sessions;
mod spare;
mod stream;

use child::Child;
use exchange::{Accepts, Answer, From, Outgoing};
use session::{Ask, Asked, Handle};
use sessions::Sessions;
use spare::Spares;

/// Messages on their way to one client.
const STREAM_WAITING: usize = 64;
/// MCP 2026-07-28 "Error Codes": the stateless era's way to say which versions there are instead.
const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
/// The revisions with a handshake; which of them holds is between the client and the process.
const HANDSHAKE_VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// What all parts of the bridge need.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) command: ChildCommand,
    pub(crate) limits: Limits,
    pub(crate) report: Reporter,
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    /// Reports that a process answered a request.
    fn note_answer(&self, message: &Message, request: &RpcRequest, elapsed: Duration) {
        if request.method == "tools/list"
            && let Some(count) = message.tool_count()
        {
            self.report.say(Report::Tools { count });
        }
        let is_error = matches!(message.kind, Kind::Response { is_error: true, .. });
        let how = if is_error { "answered with an error" } else { "answered" };
        let (method, tool) = (request.method.clone(), request.tool.clone());
        self.report.say(Report::Answered { method, tool, how, elapsed });
    }
}

/// The endpoint.
#[derive(Debug)]
pub(crate) struct Bridge {
    shared: Arc<Shared>,
    sessions: Sessions,
    spares: Spares,
    entropy: Entropy,
    stop: CancellationToken,
}

impl Bridge {
    /// Starts the first process; without it nothing can be served.
    ///
    /// # Errors
    /// What starting it gave.
    pub(crate) fn start(shared: Shared, entropy: Entropy) -> io::Result<Self> {
        let shared = Arc::new(shared);
        let stop = CancellationToken::new();
        let spares = Spares::keep(&shared, Child::start(&shared)?, stop.clone());
        let sessions = Sessions::new(Arc::clone(&shared));
        shared.tasks.spawn(sessions.clone().sweep(stop.clone()));
        Ok(Self { shared, sessions, spares, entropy, stop })
    }

    /// Ends all sessions and processes; they are gone when the task tracker is empty.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.sessions.end_all();
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match head.method {
            Method::POST => self.post(&head.headers, body).await,
            Method::GET => self.listen(&head.headers).await,
            Method::DELETE => self.delete(&head.headers),
            _ => answer::method_not_allowed(),
        }
    }

    async fn post(&self, headers: &HeaderMap, body: Incoming) -> Response<Body> {
        let Ok(body) = Limited::new(body, self.shared.limits.max_message_bytes).collect().await else {
            let why = "the body could not be read or is too long";
            return refused(StatusCode::PAYLOAD_TOO_LARGE, answer::rpc_error("null", INVALID_REQUEST, why, None));
        };
        let message = match Message::read(body.to_bytes()) {
            Ok(message) => message,
            Err(error) => return bad_request("null", PARSE_ERROR, &error.to_string()),
        };
        if let Some(version) = stateless_version(headers, &message) {
            return unsupported_version(&message, version);
        }
        match (session_id(headers), &message.kind) {
            (None, Kind::Request(request)) if request.method == INITIALIZE => {
                self.open(headers, message.text, request.clone()).await
            }
            (None, _) => bad_request(&id_of(&message), INVALID_REQUEST, "Bad Request: Missing session ID"),
            (Some(id), _) => match self.sessions.get(id) {
                Some(session) => in_session(&session, headers, message).await,
                None => unknown_session(&id_of(&message)),
            },
        }
    }

    /// A new session on a process of its own.
    async fn open(&self, headers: &HeaderMap, text: Bytes, request: RpcRequest) -> Response<Body> {
        if !self.sessions.make_room() {
            return whole(failure::undelivered(&request.id, failure::TOO_MANY));
        }
        let child = match self.spares.take().await {
            Ok(child) => child,
            Err(error) => return whole(failure::undelivered(&request.id, &failure::cannot_start(&error))),
        };
        let (id, session) = self.sessions.open(child, self.spares.clone(), &self.entropy);
        let mut opening = Opening { sessions: &self.sessions, id: &id, keep: false };
        let (mut response, from) = exchange(&session, headers, text, request).await;
        opening.keep = matches!(from, None | Some(From::Result));
        if opening.keep
            && let Ok(value) = HeaderValue::from_str(&id)
        {
            response.headers_mut().insert(answer::SESSION, value);
        }
        response
    }

    async fn listen(&self, headers: &HeaderMap) -> Response<Body> {
        let Some(id) = session_id(headers) else {
            return bad_request("null", INVALID_REQUEST, "Bad Request: Missing session ID");
        };
        let Some(session) = self.sessions.get(id) else { return unknown_session("null") };
        let (sender, receiver) = mpsc::channel(STREAM_WAITING);
        match session.ask(Ask::Listen(sender)).await {
            Ok(()) => stream::events(None, receiver),
            Err(session::Over) => unknown_session("null"),
        }
    }

    fn delete(&self, headers: &HeaderMap) -> Response<Body> {
        match session_id(headers) {
            Some(id) if self.sessions.end(id, "its client ended it") => answer::empty(StatusCode::OK),
            Some(_) => unknown_session("null"),
            None => bad_request("null", INVALID_REQUEST, "Bad Request: Missing session ID"),
        }
    }
}

/// Ends a session that did not come about: the process refused the handshake, or the client left before its answer.
struct Opening<'a> {
    sessions: &'a Sessions,
    id: &'a str,
    keep: bool,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.keep {
            self.sessions.end(self.id, "its handshake failed");
        }
    }
}

async fn in_session(session: &Handle, headers: &HeaderMap, message: Message) -> Response<Body> {
    match message.kind {
        Kind::Request(request) if request.method == INITIALIZE => {
            bad_request(&request.id.to_json(), INVALID_REQUEST, "Bad Request: the session is initialized already")
        }
        Kind::Request(request) => exchange(session, headers, message.text, request).await.0,
        _ => match session.ask(Ask::Tell(message)).await {
            Ok(()) => answer::empty(StatusCode::ACCEPTED),
            Err(session::Over) => unknown_session("null"),
        },
    }
}

/// Sends a request to the process and gives its answer: as JSON if it is the first thing that comes, else as a stream.
/// Who made the answer is only known in the first case.
async fn exchange(
    session: &Handle,
    headers: &HeaderMap,
    text: Bytes,
    request: RpcRequest,
) -> (Response<Body>, Option<From>) {
    let (stream, mut receiver) = mpsc::channel(STREAM_WAITING);
    let id = request.id.clone();
    let ask = Ask::Request(Asked { text, request, accepts: accepts(headers), stream });
    if session.ask(ask).await.is_err() {
        return (unknown_session(&id.to_json()), Some(From::Undelivered));
    }
    match receiver.recv().await {
        Some(Outgoing::Answer(answer)) => {
            let from = answer.from;
            (whole(answer), Some(from))
        }
        Some(first) => (stream::events(Some(first), receiver), None),
        None => (whole(failure::lost(&id, failure::SESSION_ENDED)), Some(From::Lost)),
    }
}

fn whole(answer: Answer) -> Response<Body> {
    let response = answer::json(StatusCode::OK, answer.text);
    if answer.from == From::Undelivered { answer::undelivered(response) } else { response }
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(answer::SESSION).map(|value| value.to_str().unwrap_or_default())
}

fn accepts(headers: &HeaderMap) -> Accepts {
    let values = headers.get_all(header::ACCEPT);
    let streams =
        values.iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains(answer::EVENT_STREAM));
    if streams { Accepts::EventStream } else { Accepts::Json }
}

/// The version a request of the stateless era is in: named in its body, or at least in a header of its time.
fn stateless_version(headers: &HeaderMap, message: &Message) -> Option<String> {
    if let Kind::Request(RpcRequest { stateless_version: Some(version), .. }) = &message.kind {
        return Some(version.clone());
    }
    let named = headers.get("mcp-protocol-version")?.to_str().ok()?;
    // Versions are dates, so they compare as text.
    (named > HANDSHAKE_VERSIONS[0]).then(|| named.to_owned())
}

/// What makes a client of the stateless era fall back to the handshake.
fn unsupported_version(message: &Message, requested: String) -> Response<Body> {
    let data = json!({"supported": HANDSHAKE_VERSIONS, "requested": requested});
    let why = "this server's process needs the initialize handshake";
    let text = answer::rpc_error(&id_of(message), UNSUPPORTED_PROTOCOL_VERSION, why, Some(data));
    refused(StatusCode::BAD_REQUEST, text)
}

fn unknown_session(id: &str) -> Response<Body> {
    refused(StatusCode::NOT_FOUND, answer::rpc_error(id, INVALID_REQUEST, "Session not found", None))
}

fn bad_request(id: &str, code: i64, why: &str) -> Response<Body> {
    refused(StatusCode::BAD_REQUEST, answer::rpc_error(id, code, why, None))
}

fn refused(status: StatusCode, text: Bytes) -> Response<Body> {
    answer::undelivered(answer::json(status, text))
}

fn id_of(message: &Message) -> String {
    match &message.kind {
        Kind::Request(request) => request.id.to_json(),
        _ => "null".to_owned(),
    }
}
