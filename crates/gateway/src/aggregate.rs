//! The account's URL: every server that the caller has a grant on, at once.
//!
//! Here the gateway is a server of its own to the client, in both eras, and a client of its own to each server. What is for
//! one server goes there the same way as on that server's URL: gated, judged, counted, forwarded, settled; only the names
//! are others (`names`). What is for all of them is asked of all, and a server that is down or slow costs only its own part.

mod capabilities;
pub(crate) mod cursors;
mod fan;
mod hello;
mod list;
pub(crate) mod memory;
pub(crate) mod missed;
mod route;
mod stream;
mod told;

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::StatusCode;
use mcp::{Era, ListKind, Method, Request};

use crate::{
    answer::json_answer,
    ask::Ask,
    authenticate::Caller,
    bridge::{self, Voice},
    failure::Failure,
    peer::Peer,
    resolve::Place,
    session::{ClientSession, Session},
    shared::Shared,
};
pub(crate) use stream::stream;
pub(crate) use told::{notification, response};

/// A request to the account's URL.
pub(crate) async fn request(
    ask: Ask<'_>,
    caller: &Caller,
    request: &Request<'_>,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    if !request.kind.exists_in(ask.era) {
        return Err(Failure::method(&request.method));
    }
    if request.kind == Method::Initialize {
        return Ok(Box::pin(hello::initialize(&ask, caller, request)).await);
    }
    let ours = ours(&ask, caller, Some(request))?;
    match request.kind {
        Method::Discover => Ok(Box::pin(hello::discover(&ask, caller, &ours, request)).await),
        Method::Ping => Ok(json_answer(StatusCode::OK, mcp::result_response(&request.id, "{}"))),
        Method::LoggingSetLevel => Box::pin(fan::set_level(&ask, caller, &ours, request)).await,
        Method::SubscriptionsListen => Box::pin(stream::listen(ask, caller, ours, request)).await,
        kind if ListKind::of(kind).is_some() => Box::pin(list::answer(&ask, caller, &ours, request)).await,
        kind if kind.name_field().is_some() || kind == Method::CompletionComplete => {
            Box::pin(route::request(ask, caller, &ours, (request, bytes))).await
        }
        _ => Err(Failure::method(&request.method)),
    }
}

/// The client ends its session; so do we those behind it.
pub(crate) async fn end_session(ask: &Ask<'_>, caller: &Caller) -> Result<Response, Failure> {
    let ours = ours(ask, caller, None)?;
    if ours.known.is_none() {
        return Err(Failure::NoSession);
    }
    ask.shared.bridges.wishes.end(&ours.key);
    bridge::end(ask.shared, &ours.key);
    let mut done = Response::new(Body::empty());
    *done.status_mut() = StatusCode::NO_CONTENT;
    Ok(done)
}

/// The client's session with us.
struct Ours {
    /// What the sessions behind it are kept under.
    key: Arc<str>,
    /// None: the client goes without one.
    known: Option<ClientSession>,
    /// As what they are introduced.
    voice: Voice,
}

impl Ours {
    /// The session with a server behind this one; opened if there is none.
    async fn peer(&self, shared: &Arc<Shared>, place: &Place) -> Result<Arc<Peer>, Failure> {
        // In a box: it stands in every future of this URL, and a greeting is deep.
        Box::pin(shared.peers.with_hello(shared, &self.key, place, &self.voice.hello())).await
    }

    /// How long a server may keep an answer of many waiting: its time, without what its session has been waited for already,
    /// and a fraction of it in any case.
    fn patience(&self, shared: &Shared, place: &Place) -> Duration {
        let full = shared.config.times.aggregate_part;
        let waited = shared.peers.opening_for(&self.key, place).unwrap_or_default();
        shared.memory.patience(place.server.id, full, waited)
    }
}

fn ours(ask: &Ask<'_>, caller: &Caller, request: Option<&Request<'_>>) -> Result<Ours, Failure> {
    if let Some(request) = request.filter(|_| ask.era == Era::Stateless) {
        let voice = bridge::voice_of(request);
        return Ok(Ours { key: voice.ours(caller.principal), known: None, voice });
    }
    let Some(known) = ask.session()? else {
        let voice = Voice { era: Era::Initialize, client: None, capabilities: "{}".into(), log_level: None };
        return Ok(Ours { key: caller.credential.to_string().into(), known: None, voice });
    };
    let mut ours = ours_of(caller, known.text, known.session);
    ours.voice.log_level = ask.shared.bridges.wishes.of(&ours.key).log_level();
    Ok(ours)
}

fn ours_of(caller: &Caller, text: String, session: Session) -> Ours {
    let key = session.ours(caller.principal);
    let voice = Voice {
        era: Era::Initialize,
        client: session.client.clone(),
        capabilities: session.capabilities.as_deref().unwrap_or("{}").into(),
        log_level: None,
    };
    Ours { key, known: Some(ClientSession { text, session }), voice }
}
