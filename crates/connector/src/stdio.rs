//! A Streamable HTTP endpoint over a program that speaks MCP on its standard input and output.
//!
//! Each MCP session has a process of its own, so that nothing a process remembers of one client reaches another.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Entropy;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    answer::{self, Body},
    config::{ChildCommand, Limits},
    message::{INITIALIZE, Kind, Message, Request as RpcRequest},
    report::{Report, Reporter},
};

mod child;
mod exchange;
mod failure;
mod filed;
mod lane;
mod lines;
mod outbox;
mod refusal;
mod session;
mod sessions;
mod spare;
mod stream;

use child::Child;
use exchange::{Accepts, Answer, From, Outgoing};
pub(crate) use filed::Files;
use lane::{Lane, Stateless};
use session::{Ask, Asked, Handle};
use sessions::Sessions;
use spare::Spares;

/// Messages on their way to one client.
const STREAM_WAITING: usize = 64;
/// What all parts of the bridge need.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) command: ChildCommand,
    pub(crate) limits: Limits,
    pub(crate) report: Reporter,
    pub(crate) tasks: TaskTracker,
    pub(crate) files: Files,
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
        self.note(request, if is_error { From::Error } else { From::Result }, elapsed);
    }

    fn note(&self, request: &RpcRequest, from: From, elapsed: Duration) {
        let how = if from == From::Error { "answered with an error" } else { "answered" };
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
    lane: Stateless,
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
        let lane = Stateless::new(Arc::clone(&shared), spares.clone(), stop.clone());
        Ok(Self { shared, sessions, spares, lane, entropy, stop })
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
            return refusal::too_long();
        };
        let message = match Message::read(body.to_bytes()) {
            Ok(message) => message,
            Err(error) => return refusal::unreadable(&error.to_string()),
        };
        if let Some(version) = stateless_version(headers, &message) {
            return self.stateless(headers, message, &version).await;
        }
        match (session_id(headers), &message.kind) {
            (None, Kind::Request(request)) if request.method == INITIALIZE => {
                self.open(headers, message.text, request.clone()).await
            }
            (None, _) => refusal::no_session(refusal::id_of(&message)),
            (Some(id), _) => match self.sessions.get(id) {
                Some(session) => in_session(&session, headers, message).await,
                None => refusal::unknown_session(refusal::id_of(&message)),
            },
        }
    }

    /// A message of the stateless era: to the process that serves it, if the program speaks that era.
    async fn stateless(&self, headers: &HeaderMap, message: Message, version: &str) -> Response<Body> {
        let lane = match self.lane.get().await {
            Ok(Some(lane)) => lane,
            Ok(None) => return refusal::handshake_needed(&message, version),
            Err(error) => match refusal::id_of(&message) {
                Some(id) => return whole(failure::undelivered(id, &failure::cannot_start(&error))),
                None => return answer::empty(StatusCode::ACCEPTED),
            },
        };
        match message.kind {
            Kind::Request(_) => lane_exchange(lane, headers, message).await,
            // Here a request is taken back by closing its stream, and nothing else is told outside of one.
            _ => answer::empty(StatusCode::ACCEPTED),
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
            return refusal::no_session(None);
        };
        let Some(session) = self.sessions.get(id) else { return refusal::unknown_session(None) };
        let (sender, receiver) = mpsc::channel(STREAM_WAITING);
        match session.ask(Ask::Listen(sender)).await {
            Ok(()) => stream::events(None, receiver, None),
            Err(session::Over) => refusal::unknown_session(None),
        }
    }

    fn delete(&self, headers: &HeaderMap) -> Response<Body> {
        match session_id(headers) {
            Some(id) if self.sessions.end(id, "its client ended it") => answer::empty(StatusCode::OK),
            Some(_) => refusal::unknown_session(None),
            None => refusal::no_session(None),
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
        Kind::Request(request) if request.method == INITIALIZE => refusal::initialized_already(&request.id),
        Kind::Request(request) => exchange(session, headers, message.text, request).await.0,
        _ => match session.ask(Ask::Tell(message)).await {
            Ok(()) => answer::empty(StatusCode::ACCEPTED),
            Err(session::Over) => refusal::unknown_session(None),
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
        return (refusal::unknown_session(Some(&id)), Some(From::Undelivered));
    }
    match receiver.recv().await {
        Some(Outgoing::Answer(answer)) => {
            let from = answer.from;
            (whole(answer), Some(from))
        }
        Some(first) => (stream::events(Some(first), receiver, None), None),
        None => (whole(failure::lost(&id, failure::SESSION_ENDED)), Some(From::Lost)),
    }
}

/// The same for the lane. When the client closes the answer's stream, or leaves before it, the request is taken back.
async fn lane_exchange(lane: &Lane, headers: &HeaderMap, message: Message) -> Response<Body> {
    let (stream, mut receiver) = mpsc::channel(STREAM_WAITING);
    let id = refusal::id_of(&message).cloned();
    let Some(left) = lane.ask(message, accepts(headers), stream).await else {
        return answer::empty(StatusCode::SERVICE_UNAVAILABLE);
    };
    match (receiver.recv().await, id) {
        (Some(Outgoing::Answer(answer)), _) => lane::with_status(answer),
        (Some(first), _) => stream::events(Some(first), receiver, Some(left)),
        (None, Some(id)) => whole(failure::lost(&id, failure::SESSION_ENDED)),
        (None, None) => answer::empty(StatusCode::ACCEPTED),
    }
}

fn whole(answer: Answer) -> Response<Body> {
    let response = answer::json_body(StatusCode::OK, stream::body(answer.text));
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
    (named > refusal::HANDSHAKE_VERSIONS[0]).then(|| named.to_owned())
}
