//! The stateless era (2026-07-28): one process serves all requests, since none of them belongs to a session.
//!
//! Clients choose their request ids and progress tokens without knowing of each other, so both are replaced by numbers of
//! our own on the way in and put back on the way out; all else of a message stays byte for byte. Invariant: what a process
//! says goes to the one request that it names, or nowhere.

use std::{io, sync::Arc, time::Duration};

use http::{Response, StatusCode};
use mcp::{OwnClient, ResponseKind, code};
use tokio::{
    sync::{OnceCell, mpsc},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Shared,
    child::{Child, Line},
    exchange::{Accepts, Answer, From, Stream},
    refusal::HANDSHAKE_VERSIONS,
    spare::Spares,
    stream, whole,
};
use crate::{
    answer::{self, Body},
    message::{Kind, Message},
};

mod server;

use server::Server;

const ASKS_WAITING: usize = 64;
/// How long a program may take to say whether it speaks this era; one that says nothing does not.
const PROBE_LIMIT: Duration = Duration::from_secs(20);
/// The id of the probe.
const PROBE_ID: u64 = 1;

/// Finds out, on the first request, whether the program speaks this era.
#[derive(Debug)]
pub(crate) struct Stateless {
    shared: Arc<Shared>,
    spares: Spares,
    stop: CancellationToken,
    lane: OnceCell<Option<Lane>>,
}

/// The way to the process.
#[derive(Debug)]
pub(crate) struct Lane {
    asks: mpsc::Sender<Ask>,
}

#[derive(Debug)]
enum Ask {
    Request(Box<Asked>),
    /// The client of the request with this number of ours has left.
    Left(u64),
}

/// A request; its answer, and before it what belongs to it, goes onto `stream`. `left` is cancelled when its client is gone.
#[derive(Debug)]
struct Asked {
    message: Message,
    accepts: Accepts,
    stream: Stream,
    left: CancellationToken,
}

impl Stateless {
    pub(crate) fn new(shared: Arc<Shared>, spares: Spares, stop: CancellationToken) -> Self {
        Self { shared, spares, stop, lane: OnceCell::new() }
    }

    /// The lane; `None` when the program needs the handshake.
    ///
    /// # Errors
    /// When no process can be started to ask.
    pub(crate) async fn get(&self) -> io::Result<Option<&Lane>> {
        self.lane.get_or_try_init(|| self.open()).await.map(Option::as_ref)
    }

    async fn open(&self) -> io::Result<Option<Lane>> {
        let mut child = self.spares.take().await?;
        if !timeout(PROBE_LIMIT, speaks_stateless(&mut child)).await.unwrap_or(false) {
            return Ok(None);
        }
        let (asks, receiver) = mpsc::channel(ASKS_WAITING);
        let server = Server::new(&self.shared, &self.spares, child, (receiver, asks.downgrade()));
        self.shared.tasks.spawn(server.run(self.stop.clone()));
        Ok(Some(Lane { asks }))
    }
}

/// A process is of the era of its first request, so one that says no has to be asked nothing more.
async fn speaks_stateless(child: &mut Child) -> bool {
    let client = OwnClient { name: "portcullis-connect", version: env!("CARGO_PKG_VERSION") };
    if child.write(mcp::discover_request(&mcp::Id::number(PROBE_ID), client)).is_err() {
        return false;
    }
    while let Some(Line::Whole(line)) = child.next_line().await {
        let answer = Message::read(line).ok().filter(|message| matches!(message.kind, Kind::Response { .. }));
        if let Some(answer) = answer {
            let described = mcp::discover_result(&answer.text);
            // Versions are dates, so they compare as text.
            let newer = |version: &String| version.as_str() > HANDSHAKE_VERSIONS[0];
            return described.is_ok_and(|server| server.protocol_versions.iter().any(newer));
        }
    }
    false
}

impl Lane {
    /// Sends a request to the process; what is given must be kept until its answer has been read. `None` when everything is
    /// being stopped.
    pub(crate) async fn ask(&self, message: Message, accepts: Accepts, stream: Stream) -> Option<DropGuard> {
        let left = CancellationToken::new();
        let guard = left.clone().drop_guard();
        self.asks.send(Ask::Request(Box::new(Asked { message, accepts, stream, left }))).await.ok()?;
        Some(guard)
    }
}

/// The HTTP status that the era gives to some errors (MCP 2026-07-28, basic/index "Error Codes").
pub(crate) fn with_status(answer: Answer) -> Response<Body> {
    let held = answer.text.held().filter(|_| answer.from == From::Error);
    let status = match held.and_then(|text| mcp::response_facts(text).ok()).map(|facts| facts.kind) {
        Some(ResponseKind::Error { code: code::METHOD_NOT_FOUND }) => StatusCode::NOT_FOUND,
        Some(ResponseKind::Error {
            code: code::HEADER_MISMATCH | code::MISSING_CLIENT_CAPABILITY | code::UNSUPPORTED_PROTOCOL_VERSION,
        }) => StatusCode::BAD_REQUEST,
        _ => return whole(answer),
    };
    answer::json_body(status, stream::body(answer.text))
}
