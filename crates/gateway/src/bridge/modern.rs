//! Clients of the stateless era at servers that speak the other only.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use domain::GatewayId;
use http::{Method as HttpMethod, StatusCode};
use mcp::{Era, Family, Method, ProtocolVersion, Request};

use super::{
    Passage, Voice, listen,
    parked::{Resume, State, Waits},
    pass, respond,
};
use crate::{
    admit::{Admission, Asking, admit},
    answer::json_answer,
    ask::Ask,
    client,
    failure::{Failure, UpstreamFailure},
    greeting,
    mesh::{Holder, redispatch},
    names::Names,
    resolve::Place,
    settle::Settler,
    shared::Shared,
};

/// A request: judged and gated as anywhere, then put into the server's era.
pub(crate) async fn request(
    ask: Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    // Tasks are other things in the two eras.
    if !request.kind.exists_in(Era::Stateless) || request.kind.family() == Family::Tasks {
        return Err(Failure::method(&request.method));
    }
    let voice = voice(request);
    let round = round_of(&ask, place, request)?;
    if let Continues::At(gateway) = round {
        let holder = Holder { gateway, caller: &place.caller, server: Some(&place.server.slug) };
        return hand_back(ask, holder, bytes).await;
    }
    let asking = Asking { request, sent: request, session: None, client: voice.client.as_ref() };
    let settler = match admit(&ask, place, asking).await? {
        Admission::Goes(settler) => settler,
        Admission::Denied(answer) => {
            round.give_up(ask.shared);
            return Ok(answer);
        }
    };
    match request.kind {
        Method::Discover => discover(&ask, place, request, &voice).await,
        Method::SubscriptionsListen => listen::answer(ask, place, request, voice).await,
        _ => go_on(ask, place, (request, bytes), (voice, round, settler), Names::Own).await,
    }
}

/// Which parked request a request goes on with, if it says that it goes on with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continues {
    /// With none that waits.
    First,
    /// With the one of this number.
    Here(u64),
    /// With one that waits at another process.
    At(GatewayId),
}

impl Continues {
    /// It does not go on.
    pub(crate) fn give_up(self, shared: &Shared) {
        if let Self::Here(number) = self {
            shared.bridges.parked.give_up(number);
        }
    }
}

/// Whether a request says that it goes on with one that was parked by a gateway, whatever is known of the server.
pub(crate) fn is_ours(ask: &Ask<'_>, place: &Place, request: &Request<'_>) -> bool {
    State::opened(ask.shared, place.owner(), request).is_some()
}

/// Hands a round to the process where it waits.
///
/// # Errors
/// [`Failure::HolderGone`] when that is gone, and with it what the call came to: it is not made again by itself.
pub(crate) async fn hand_back(mut ask: Ask<'_>, holder: Holder<'_>, bytes: &Bytes) -> Result<Response, Failure> {
    redispatch(&mut ask, holder, (HttpMethod::POST, bytes.clone())).await?.ok_or(Failure::HolderGone)
}

/// The round that a request is.
///
/// # Errors
/// When it says that it goes on with one that does not wait for it.
pub(crate) fn round_of(ask: &Ask<'_>, place: &Place, request: &Request<'_>) -> Result<Continues, Failure> {
    if request.params.as_ref().is_none_or(|params| params.get("requestState").is_none()) {
        return Ok(Continues::First);
    }
    let state = State::opened(ask.shared, place.owner(), request);
    match state.and_then(|state| state.waits(ask.shared, place, request)).ok_or(Failure::Round)? {
        Waits::Here(number) => Ok(Continues::Here(number)),
        Waits::At(gateway) => Ok(Continues::At(gateway)),
        Waits::Nowhere => Ok(Continues::First),
    }
}

/// A request that may go on, in the server's own names: to the server, or to where its last round waits.
pub(crate) async fn go_on(
    ask: Ask<'_>,
    place: &Place,
    (request, bytes): (&Request<'_>, &Bytes),
    (voice, round, settler): (Voice, Continues, Option<Box<Settler>>),
    names: Names,
) -> Result<Response, Failure> {
    if let Continues::Here(number) = round {
        return resume(ask, request, bytes, (number, settler)).await;
    }
    pass(Passage {
        shared: ask.shared.clone(),
        place: place.clone(),
        ours: voice.ours(place.caller.principal),
        voice,
        kind: request.kind,
        id: request.id.clone().into_owned(),
        bytes: bytes.clone(),
        headers: ask.headers.clone(),
        settler,
        session: None,
        names,
        kept: (ask.room, None),
    })
    .await
}

/// Gives a parked request its input.
async fn resume(
    ask: Ask<'_>,
    request: &Request<'_>,
    bytes: &Bytes,
    (number, settler): (u64, Option<Box<Settler>>),
) -> Result<Response, Failure> {
    let (out, said) = respond::channel();
    let id = request.id.clone().into_owned();
    let kept = (ask.room, None);
    let resume = Resume { out, id: id.clone(), bytes: bytes.clone(), settler, kept };
    ask.shared.bridges.parked.resume(number, resume).map_err(|_| Failure::Round)?;
    respond::answer(ask.shared, Era::Stateless, id, said).await
}

async fn discover(ask: &Ask<'_>, place: &Place, request: &Request<'_>, voice: &Voice) -> Result<Response, Failure> {
    let ours = voice.ours(place.caller.principal);
    let peer = ask.shared.peers.with_hello(ask.shared, &ours, place, &voice.hello()).await?;
    let versions: Vec<_> = ProtocolVersion::ALL.iter().map(|version| version.as_str()).collect();
    let answer = match peer.era {
        Era::Initialize => mcp::discover_from_handshake(&request.id, &peer.greeting, &versions),
        Era::Stateless => mcp::with_id(&peer.greeting, &request.id),
    };
    let answer = answer.ok_or_else(|| UpstreamFailure::Invalid("its greeting is not readable".to_owned()))?;
    let answer = greeting::honest(&place.server.settings, answer);
    Ok(json_answer(StatusCode::OK, answer))
}

/// Who sent a request of the stateless era.
pub(crate) fn voice(request: &Request<'_>) -> Voice {
    let meta = request.params.as_ref().and_then(|params| params.meta.as_ref());
    let capabilities: Arc<str> = meta.and_then(|meta| meta.client_capabilities).unwrap_or("{}").into();
    Voice {
        era: Era::Stateless,
        client: request.client_info().map(client::named),
        capabilities,
        log_level: request.log_level().map(|level| level.chars().take(20).collect()),
    }
}
