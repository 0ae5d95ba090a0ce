//! Clients of the `initialize` era at servers that the gateway has to speak for: of the stateless era, or over HTTP+SSE.
//!
//! Their sessions are ours, sealed like all others. What a session has asked for (a log level, resources to hear of) is
//! remembered in this process only: on another gateway, or after a restart, it is forgotten like the streams it is for.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use mcp::{Era, Family, Message, Method, Notification, ProtocolVersion, Request};
use moka::sync::Cache;
use tokio::sync::watch;

use super::{Names, Passage, Voice, Way, listen, pass};
use crate::{
    failure::{Failure, UpstreamFailure},
    forward::{self, Forward, Known as Session},
    greeting,
    link::{Link, SESSION_HEADER},
    one::{self, accepted},
    peer::Peer,
    relay,
    rescue::json_answer,
    resolve::Place,
    session,
    stack::Ask,
};

/// Resources that one session may ask to hear of, and the bytes of their URIs.
const MOST_RESOURCES: usize = 256;
const MOST_URI_BYTES: usize = 64 << 10;
/// Bytes of sessions' wishes that are remembered, and for how long without being used.
const REMEMBERED: (u64, Duration) = (64 << 20, Duration::from_secs(3_600));
/// What a session's wishes take besides URIs, in bytes.
const BYTES_EACH: usize = 512;

/// What sessions have asked for.
#[derive(Debug)]
pub(crate) struct Wishes(Cache<Arc<str>, Arc<Wish>>);

/// What one session has asked for.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    log_level: Mutex<Option<String>>,
    pub resources: watch::Sender<BTreeSet<String>>,
}

impl Default for Wishes {
    fn default() -> Self {
        let weight = |_: &Arc<str>, wish: &Arc<Wish>| {
            let uris = wish.resources.borrow().iter().map(|uri| BYTES_EACH + uri.len()).sum::<usize>();
            u32::try_from(BYTES_EACH + uris).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(weight).max_capacity(REMEMBERED.0).time_to_idle(REMEMBERED.1).build())
    }
}

impl Wishes {
    pub(crate) fn of(&self, ours: &Arc<str>) -> Arc<Wish> {
        self.0.get_with(ours.clone(), Arc::default)
    }

    /// Remembers what a session asks for, until its requests and streams carry it to the server.
    pub(crate) fn remember(&self, ours: &Arc<str>, request: &Request<'_>) -> Result<(), Failure> {
        let wish = self.of(ours);
        wish.take(request)?;
        // Put in again, so that it is weighed anew.
        self.0.insert(ours.clone(), wish);
        Ok(())
    }

    fn forget(&self, ours: &Arc<str>) {
        self.0.invalidate(ours);
    }
}

impl Wish {
    fn take(&self, request: &Request<'_>) -> Result<(), Failure> {
        let params = request.params.as_ref();
        if request.kind == Method::LoggingSetLevel {
            let level = params.and_then(|params| params.text("level"));
            let level = level
                .filter(|level| LEVELS.contains(&&**level))
                .ok_or(Failure::Params("`level` is none that exists"))?;
            *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level.into_owned());
            return Ok(());
        }
        let uri = params.and_then(|params| params.uri.as_deref()).unwrap_or_default();
        let mut room = true;
        self.resources.send_if_modified(|resources| match request.kind {
            Method::ResourcesUnsubscribe => resources.remove(uri),
            _ => {
                let bytes = uri.len() + resources.iter().map(String::len).sum::<usize>();
                let fits = resources.len() < MOST_RESOURCES && bytes <= MOST_URI_BYTES;
                room = fits || resources.contains(uri);
                room && resources.insert(uri.to_owned())
            }
        });
        if room { Ok(()) } else { Err(Failure::Params("too many resources are subscribed to")) }
    }

    pub(crate) fn log_level(&self) -> Option<String> {
        self.log_level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a session is ours to speak for.
pub(crate) fn is_bridged(session: Option<&Session>) -> bool {
    session.is_some_and(|known| known.session.capabilities.is_some())
}

/// A greeting: the server's own to answer, byte for byte, if it speaks that era; else ours, in the server's name.
pub(crate) async fn greet(
    ask: Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    mut forward: Forward,
) -> Result<Response, Failure> {
    let (eras, server) = (&ask.shared.eras, &place.server);
    if eras.known(server).await.handshake == crate::eras::Known::No {
        return speak_for(&ask, place, request).await;
    }
    let (link, response) = match forward::send(&mut forward, http::Method::POST, ask.headers).await {
        Ok(sent) => sent,
        Err(failure) => return Err(forward.fail(failure).await),
    };
    let status = response.status();
    if matches!(status.as_u16(), 400 | 404 | 405 | 406 | 415 | 501) {
        eras.learn_handshake(server, false).await;
        if let Ok(answer) = speak_for(&ask, place, request).await {
            return Ok(answer);
        }
        eras.forget(server).await;
    }
    relay::answer(forward, &link, response).await
}

/// Answers a greeting in the name of a server, and begins a session of ours.
async fn speak_for(ask: &Ask<'_>, place: &Place, request: &Request<'_>) -> Result<Response, Failure> {
    let shared = ask.shared;
    let random: [u8; 16] = shared.entropy.bytes();
    let session = session::Session {
        upstream: random.iter().map(|byte| format!("{byte:02x}")).collect(),
        instance: None,
        client: request.client_info().map(one::client),
        capabilities: Some(one::capabilities(request)),
    };
    let (ours, voice) = (ours(place, &session), voice(&session));
    let peer = shared.peers.with_hello(shared, &ours, place, &voice.hello()).await?;
    let requested = request.params.as_ref().and_then(|params| params.protocol_version.as_deref()).unwrap_or_default();
    let version = ProtocolVersion::negotiate(requested).as_str();
    let answer = match peer.era {
        Era::Stateless => mcp::handshake_from_discover(&request.id, &peer.greeting, version),
        Era::Initialize => mcp::handshake_again(&request.id, &peer.greeting, version),
    };
    let answer = answer.ok_or_else(|| UpstreamFailure::Invalid("its greeting is not readable".to_owned()))?;
    let answer = greeting::honest(&place.server.settings, answer);
    let mut response = json_answer(StatusCode::OK, answer);
    if let Ok(id) = HeaderValue::from_str(&shared.sessions.seal(place.owner(), &session)) {
        response.headers_mut().insert(SESSION_HEADER, id);
    }
    Ok(response)
}

/// A request within such a session.
pub(crate) async fn request_within(
    ask: Ask<'_>,
    place: &Place,
    (request, bytes): (&Request<'_>, &Bytes),
    known: Session,
) -> Result<Response, Failure> {
    let unknown = || Failure::Method { method: request.method.chars().take(100).collect() };
    if !request.kind.exists_in(Era::Initialize) {
        return Err(unknown());
    }
    let ours = ours(place, &known.session);
    let client = known.session.client.as_ref();
    let settler = match one::admitted(&ask, place, request, (Some(&known), client)).await? {
        Ok(settler) => settler,
        Err(denied) => return Ok(denied),
    };
    let nothing = || Ok(json_answer(StatusCode::OK, mcp::result_response(&request.id, "{}")));
    let mut voice = voice(&known.session);
    let remembers =
        matches!(request.kind, Method::LoggingSetLevel | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe);
    if request.kind == Method::Ping {
        return nothing();
    }
    if remembers || request.kind.family() == Family::Tasks {
        let peer = ask.shared.peers.with_hello(ask.shared, &ours, place, &voice.hello()).await?;
        match (peer.era, remembers) {
            (Era::Stateless, true) => {
                ask.shared.bridges.wishes.remember(&ours, request)?;
                return nothing();
            }
            // Tasks are other things in the two eras.
            (Era::Stateless, false) => return Err(unknown()),
            (Era::Initialize, _) => {}
        }
    }
    voice.log_level = ask.shared.bridges.wishes.of(&ours).log_level();
    pass(Passage {
        shared: ask.shared.clone(),
        place: place.clone(),
        voice,
        kind: request.kind,
        id: request.id.clone().into_owned(),
        bytes: bytes.clone(),
        headers: ask.headers.clone(),
        settler,
        session: Some(known.session),
        ours,
        names: Names::Own,
        kept: (ask.room, None),
    })
    .await
}

/// The log levels that exist (RFC 5424).
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// A notification within such a session.
pub(crate) async fn notification(
    ask: &Ask<'_>,
    place: &Place,
    (notification, bytes): (&Notification<'_>, &Bytes),
    known: &Session,
) -> Result<Response, Failure> {
    let ours = ours(place, &known.session);
    match notification.kind {
        // The handshake with the server is long over.
        Method::Initialized => {}
        Method::Cancelled => {
            let id = notification.params.as_ref().and_then(|params| params.request_id.as_ref());
            id.into_iter().for_each(|id| ask.shared.bridges.running.cancel(&ours, id));
        }
        _ => {
            let peer = ask.shared.peers.existing(&ours, place).await;
            if let Some(peer) = peer.filter(|peer| peer.era == Era::Initialize) {
                tell(ask, place, &peer, bytes.clone()).await?;
            }
        }
    }
    Ok(accepted())
}

/// A client's answer to a question that was asked under an id of ours. One that leads nowhere is taken all the same: it
/// came too late.
pub(crate) async fn response(ask: &Ask<'_>, place: &Place, bytes: &Bytes) -> Result<(), Failure> {
    let Ok(Message::Response(response)) = mcp::read(bytes) else { return Ok(()) };
    match Way::of(ask.shared, place.owner().of_account(), &response.id) {
        Some(Way::Here { gateway, number }) if gateway == ask.shared.id => {
            ask.shared.bridges.waiting.answered(number, bytes.clone());
        }
        Some(Way::Here { .. }) => tracing::info!("an answer to a question came to another gateway than asked it"),
        Some(Way::Server { ours, server, id }) if server == place.server.id => {
            let peer = ask.shared.peers.existing(&ours.into(), place).await;
            let message = mcp::Id::from_raw(&id).and_then(|id| mcp::with_id(bytes, &id));
            if let (Some(peer), Some(message)) = (peer, message) {
                tell(ask, place, &peer, message).await?;
            }
        }
        Some(Way::Server { .. }) | None => {}
    }
    Ok(())
}

async fn tell(ask: &Ask<'_>, place: &Place, peer: &Arc<Peer>, message: Bytes) -> Result<(), Failure> {
    let link = Link::to(ask.shared, &place.server, peer.session.as_ref()).await?;
    peer.tell(ask.shared, &link, message).await
}

/// The stream of such a session.
pub(crate) async fn stream(ask: Ask<'_>, place: &Place, known: &Session) -> Result<Response, Failure> {
    let ours = ours(place, &known.session);
    listen::stream(ask, place, voice(&known.session), ours).await
}

/// The client ends such a session.
pub(crate) async fn end_session(ask: &Ask<'_>, place: &Place, known: &Session) -> Response {
    let ours = ours(place, &known.session);
    ask.shared.bridges.wishes.forget(&ours);
    listen::end(ask.shared, &ours).await;
    Response::default()
}

/// Which session of ours stands behind a client's.
fn ours(place: &Place, session: &session::Session) -> Arc<str> {
    format!("{}/session/{}", place.caller.principal, session.upstream).into()
}

fn voice(session: &session::Session) -> Voice {
    Voice {
        era: Era::Initialize,
        client: session.client.clone(),
        capabilities: session.capabilities.as_deref().unwrap_or("{}").into(),
        log_level: None,
    }
}
