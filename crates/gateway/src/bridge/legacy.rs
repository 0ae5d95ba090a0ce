//! Clients of the `initialize` era at servers that the gateway has to speak for: of the stateless era, or over HTTP+SSE.
//!
//! Their sessions are ours, sealed like all others, and live at their home (`home`).

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use domain::ServerSlug;
use http::{HeaderValue, Method as HttpMethod, StatusCode};
use mcp::{Era, Family, Message, Method, Notification, ProtocolVersion, Request};

use super::{
    Passage, Voice, greeted, listen, pass,
    ways::{To, Way},
};
use crate::{
    admit::{Admission, Asking, admit},
    answer::{accepted, json_answer},
    ask::Ask,
    client,
    failure::{Failure, UpstreamFailure},
    forward::{self, Forward},
    greeting,
    link::Link,
    mesh::{Holder, redispatch},
    names::Names,
    peer::Peer,
    relay,
    resolve::Place,
    session::{ClientSession, SESSION_HEADER, Session},
};

/// Whether a session is ours to speak for.
pub(crate) fn is_bridged(session: Option<&ClientSession>) -> bool {
    session.is_some_and(|known| known.session.capabilities.is_some())
}

/// A greeting: the server's own to answer, byte for byte, if it speaks that era; else ours, in the server's name. A server
/// that answers it with an error may just not know it: that is told only if it speaks nothing else either.
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
    let (link, response) = match forward::send(&mut forward, HttpMethod::POST, ask.headers).await {
        Ok(sent) => sent,
        Err(failure) => return Err(forward.fail(failure).await),
    };
    let not_understood = matches!(response.status().as_u16(), 400 | 404 | 405 | 406 | 415 | 501);
    let (answer, says) = match relay::answer(forward, &link, response).await {
        Ok(answer) => {
            let (answer, says) = greeted::says(answer).await;
            (Ok(answer), says)
        }
        Err(failure) => (Err(failure), None),
    };
    if not_understood || says == Some(relay::Says::Error) {
        eras.learn_handshake(server, false).await;
        match speak_for(&ask, place, request).await {
            Ok(answer) => return Ok(answer),
            Err(failure @ Failure::Upstream(UpstreamFailure::TooLarge { .. })) => return Err(failure),
            Err(_) => eras.forget(server).await,
        }
    }
    answer
}

/// Answers a greeting in the name of a server, and begins a session of ours.
async fn speak_for(ask: &Ask<'_>, place: &Place, request: &Request<'_>) -> Result<Response, Failure> {
    let shared = ask.shared;
    let session = Session {
        upstream: domain::hex(&shared.entropy.bytes::<16>()),
        instance: None,
        client: request.client_info().map(client::named),
        capabilities: Some(client::capabilities(request)),
        home: Some(shared.id),
        reach: None,
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
    known: ClientSession,
) -> Result<Response, Failure> {
    if !request.kind.exists_in(Era::Initialize) {
        return Err(Failure::method(&request.method));
    }
    let ours = ours(place, &known.session);
    let client = known.session.client.as_ref();
    let asking = Asking { request, sent: request, session: Some(&known.session), client };
    let settler = match admit(&ask, place, asking).await? {
        Admission::Goes(settler) => settler,
        Admission::Denied(answer) => return Ok(answer),
    };
    let mut voice = voice(&known.session);
    if taken_here(&ask, place, request, (&ours, &voice)).await? {
        return Ok(json_answer(StatusCode::OK, mcp::result_response(&request.id, "{}")));
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

/// Whether the gateway itself does what a request asks for: answers a ping, or remembers what the session's streams and
/// requests carry to a server of the other era.
async fn taken_here(
    ask: &Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    (ours, voice): (&Arc<str>, &Voice),
) -> Result<bool, Failure> {
    let remembers =
        matches!(request.kind, Method::LoggingSetLevel | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe);
    if !remembers && request.kind.family() != Family::Tasks {
        return Ok(request.kind == Method::Ping);
    }
    let peer = ask.shared.peers.with_hello(ask.shared, ours, place, &voice.hello()).await?;
    match (peer.era, remembers) {
        (Era::Stateless, true) => {
            ask.shared.bridges.wishes.remember(ours, request)?;
            Ok(true)
        }
        // Tasks are other things in the two eras.
        (Era::Stateless, false) => Err(Failure::method(&request.method)),
        (Era::Initialize, _) => Ok(false),
    }
}

/// A notification within such a session.
pub(crate) async fn notification(
    ask: &Ask<'_>,
    place: &Place,
    (notification, bytes): (&Notification<'_>, &Bytes),
    known: &ClientSession,
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
            let peer = ask.shared.peers.existing(&ours, place);
            if let Some(peer) = peer.filter(|peer| peer.era == Era::Initialize) {
                tell(ask, place, &peer, bytes.clone()).await?;
            }
        }
    }
    Ok(accepted())
}

/// A client's answer to a question that was asked under an id of ours: it goes to the gateway that asked. One that leads
/// nowhere is taken all the same: it came too late. `server`: whose URL it came to; none: the account's.
pub(crate) async fn response(
    mut ask: Ask<'_>,
    place: &Place,
    server: Option<&ServerSlug>,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    let Ok(Message::Response(response)) = mcp::read(bytes) else { return Ok(accepted()) };
    let Some(way) = Way::of(ask.shared, place.owner().of_account(), &response.id) else { return Ok(accepted()) };
    if way.gateway != ask.shared.id {
        let holder = Holder { gateway: way.gateway, caller: &place.caller, server };
        let handed = redispatch(&mut ask, holder, (HttpMethod::POST, bytes.clone())).await?;
        return Ok(handed.unwrap_or_else(accepted));
    }
    match way.to {
        To::Waiting { number } => ask.shared.bridges.waiting.answered(number, bytes.clone()),
        To::Server { ours, server, id } if server == place.server.id => {
            let peer = ask.shared.peers.existing(&ours.into(), place);
            let message = mcp::Id::from_raw(&id).and_then(|id| mcp::with_id(bytes, &id));
            if let (Some(peer), Some(message)) = (peer, message) {
                tell(&ask, place, &peer, message).await?;
            }
        }
        To::Server { .. } => {}
    }
    Ok(accepted())
}

async fn tell(ask: &Ask<'_>, place: &Place, peer: &Arc<Peer>, message: Bytes) -> Result<(), Failure> {
    let link = Link::to(ask.shared, &place.server, peer.session.as_ref()).await?;
    peer.tell(ask.shared, &link, message).await
}

/// The stream of such a session.
pub(crate) async fn stream(ask: Ask<'_>, place: &Place, known: &ClientSession) -> Result<Response, Failure> {
    let ours = ours(place, &known.session);
    listen::stream(ask, place, voice(&known.session), ours).await
}

/// The client ends such a session.
pub(crate) async fn end_session(ask: &Ask<'_>, place: &Place, known: &ClientSession) -> Response {
    let ours = ours(place, &known.session);
    ask.shared.bridges.wishes.end(&ours);
    listen::end(ask.shared, &ours);
    Response::default()
}

/// Which session of ours stands behind a client's.
fn ours(place: &Place, session: &Session) -> Arc<str> {
    session.ours(place.caller.principal)
}

fn voice(session: &Session) -> Voice {
    Voice {
        era: Era::Initialize,
        client: session.client.clone(),
        capabilities: session.capabilities.as_deref().unwrap_or("{}").into(),
        log_level: None,
    }
}
