//! Between a client of one era and a server of another, and wherever the gateway has a session of its own with a server: one
//! request through that session, answered in the client's era.
//!
//! What is sent are the judged bytes with the edits of `mcp::bridge` and nothing else. A server's question in the middle of
//! a request reaches the client in the client's way: as a request of its own in the `initialize` era, as a round
//! (2026-07-28 basic/patterns/mrtr) in the other. While a client of the second is away with a round, the server's stream is
//! parked here; how many, and for how long, is bounded (`parked`).
//!
//! Invariants: sessions of our own belong to one principal; a round goes on only for the principal, method and arguments
//! that it was begun with, is judged again, and is counted once.

mod by_url;
mod exchange;
mod feed;
mod greeted;
mod input;
mod large;
mod legacy;
mod listen;
mod modern;
mod outgoing;
mod parked;
mod respond;
mod running;
mod translated;
mod wanted;
mod ways;
mod wishes;
mod work;

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use domain::{Client, Principal};
use http::HeaderMap;
use mcp::{Era, Id, Method};
use tracing::Instrument as _;

use crate::{
    digest,
    failure::Failure,
    names::Names,
    peer::Hello,
    pot::{OpenStream, Room},
    resolve::Place,
    session::Session,
    settle::Settler,
    shared::Shared,
};

pub(crate) use feed::Feed;
pub(crate) use legacy::{end_session, greet, is_bridged, notification, request_within, response, stream};
pub(crate) use listen::end;
pub(crate) use modern::{Continues, go_on, hand_back, is_ours, request as modern_request, round_of, voice as voice_of};
pub(crate) use parked::Parked;
pub(crate) use respond::{Out, Said, answer, channel, stream_of};
pub(crate) use running::Running;
pub(crate) use wanted::Wanted;
pub(crate) use ways::{To, Waiting, Way};
pub(crate) use wishes::Wish;

/// What the bridge remembers, in this process only.
#[derive(Debug, Default)]
pub(crate) struct Bridges {
    /// Requests whose clients are away with a round.
    pub parked: Parked,
    /// Requests that a client may cancel by their id.
    pub running: Running,
    /// Questions to clients that something here waits for.
    pub waiting: Waiting,
    /// What sessions of our own have asked for.
    pub wishes: wishes::Wishes,
}

/// Who speaks, and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub era: Era,
    pub client: Option<Client>,
    /// A raw JSON object.
    pub capabilities: Arc<str>,
    /// The log messages that it wants.
    pub log_level: Option<String>,
}

/// One request through a session of our own.
pub(crate) struct Passage {
    pub shared: Arc<Shared>,
    pub place: Place,
    pub voice: Voice,
    pub kind: Method,
    pub id: Id<'static>,
    /// In the client's era; judged, if it is a call.
    pub bytes: Bytes,
    /// The client's.
    pub headers: HeaderMap,
    /// For calls of tools.
    pub settler: Option<Box<Settler>>,
    /// The client's session, in the era that has them.
    pub session: Option<Session>,
    /// Which session of ours it goes through.
    pub ours: Arc<str>,
    pub names: Names,
    /// Held until the answer has ended.
    pub kept: Kept,
}

/// What is given back when an answer has ended.
pub(crate) type Kept = (Option<Room>, Option<OpenStream>);

/// Sends a request and answers with what comes back.
pub(crate) async fn pass(passage: Passage) -> Result<Response, Failure> {
    let (out, said) = respond::channel();
    let (shared, era) = (passage.shared.clone(), passage.voice.era);
    let id = passage.id.clone();
    shared.tracker.spawn(Box::pin(work::run(passage, out)).instrument(tracing::Span::current()));
    respond::answer(&shared, era, id, said).await
}

impl Voice {
    /// As what a session of ours for this client introduces itself.
    pub(crate) fn hello(&self) -> Hello {
        Hello {
            client: self.client.clone(),
            capabilities: self.capabilities.clone(),
            log_level: self.log_level.clone(),
            prefers: self.era,
        }
    }

    /// Which session of ours serves a client without sessions: one for each principal and what it declares.
    pub(crate) fn ours(&self, principal: Principal) -> Arc<str> {
        let Self { era, client, capabilities, log_level } = self;
        let era = match era {
            Era::Initialize => "initialize",
            Era::Stateless => "stateless",
        };
        let name = client.as_ref().map(|client| client.name.as_str());
        let version = client.as_ref().map(|client| client.version.as_str());
        let declared = digest::of_parts(&[Some(era), name, version, Some(capabilities), log_level.as_deref()]);
        format!("{principal}/declared/{}", domain::hex(&declared[..16])).into()
    }
}
