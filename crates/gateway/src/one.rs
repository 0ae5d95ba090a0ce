//! One server's URL: what becomes of each kind of message. Ids, names and bytes go through untouched.

use axum::response::Response;
use bytes::Bytes;
use mcp::{Era, Family, Method, Notification, Request};

use crate::{
    admit::{Admission, Asking, admit},
    answer::accepted,
    ask::Ask,
    bridge, client,
    eras::Known,
    failure::Failure,
    forward::{self, Face, Forward},
    lists::Page,
    methods,
    peer::Peer,
    relay,
    resolve::Place,
    session::ClientSession,
};

/// A request: judged if it calls a tool, gated by the server's settings otherwise, then forwarded.
pub(crate) async fn request(
    ask: Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    methods::gate(request.kind, &request.method, &place.server.settings)?;
    let bridged = ask.era == Era::Stateless
        && (bridge::is_ours(&ask, place, request)
            || Peer::speaks_stateless(ask.shared, &place.server).await == Known::No);
    if bridged {
        return Box::pin(bridge::modern_request(ask, place, request, bytes)).await;
    }
    let session = if request.kind == Method::Initialize { None } else { ask.session()? };
    match session {
        Some(known) if bridge::is_bridged(Some(&known)) => {
            Box::pin(bridge::request_within(ask, place, (request, bytes), known)).await
        }
        session => mirrored(ask, place, (request, bytes), session).await,
    }
}

/// A request to a server of the client's own era.
async fn mirrored(
    mut ask: Ask<'_>,
    place: &Place,
    (request, bytes): (&Request<'_>, &Bytes),
    session: Option<ClientSession>,
) -> Result<Response, Failure> {
    let client = request.client_info().map(client::named).or_else(|| session.as_ref()?.session.client.clone());
    let within = session.as_ref().map(|known| &known.session);
    let asking = Asking { request, sent: request, session: within, client: client.as_ref() };
    let settler = match admit(&ask, place, asking).await? {
        Admission::Goes(settler) => settler,
        Admission::Denied(answer) => return Ok(answer),
    };
    let stream = match request.kind {
        Method::SubscriptionsListen => Some(ask.shared.open_stream(place.owner())?),
        _ => None,
    };
    let forward = Forward {
        shared: ask.shared.clone(),
        place: place.clone(),
        era: ask.era,
        kind: request.kind,
        id: Some(request.id.clone().into_owned()),
        page: match request.params.as_ref().and_then(|params| params.cursor.as_ref()) {
            Some(_) => Page::Further,
            None => Page::First,
        },
        session,
        client,
        bytes: bytes.clone(),
        settler,
        face: Face::Server,
        kept: (ask.room.take(), stream),
    };
    if request.kind == Method::Initialize {
        return Box::pin(bridge::greet(ask, place, request, forward)).await;
    }
    let answer = relay::post(forward, ask.headers).await;
    if let Err(failure) = &answer {
        Box::pin(ask.shared.eras.doubt(&place.server, failure)).await;
    }
    answer
}

/// A notification: gated and passed on; the answer is that it was taken.
pub(crate) async fn notification(
    ask: Ask<'_>,
    place: &Place,
    notification: &Notification<'_>,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    methods::gate(notification.kind, &notification.method, &place.server.settings)?;
    if notification.kind.family() != Family::Lifecycle {
        place.require_active()?;
    }
    let session = ask.session()?;
    if let Some(known) = session.as_ref().filter(|known| bridge::is_bridged(Some(known))) {
        return Box::pin(bridge::notification(&ask, place, (notification, bytes), known)).await;
    }
    // In the stateless era a client ends a request by closing its stream, and says nothing else on its own.
    if ask.era == Era::Stateless && Peer::speaks_stateless(ask.shared, &place.server).await == Known::No {
        return Ok(accepted());
    }
    forward::post_unanswered(
        ask.shared,
        place,
        session.as_ref().map(|known| &known.session),
        ask.headers,
        bytes.clone(),
    )
    .await?;
    Ok(accepted())
}

/// A client's answer to a request of the server.
pub(crate) async fn response(ask: Ask<'_>, place: &Place, bytes: &Bytes) -> Result<Response, Failure> {
    place.require_active()?;
    let session = ask.session()?;
    if bridge::is_bridged(session.as_ref()) {
        return Box::pin(bridge::response(ask, place, Some(&place.server.slug), bytes)).await;
    }
    forward::post_unanswered(
        ask.shared,
        place,
        session.as_ref().map(|known| &known.session),
        ask.headers,
        bytes.clone(),
    )
    .await?;
    Ok(accepted())
}

/// The server's own stream of the `initialize` era.
pub(crate) async fn stream(ask: Ask<'_>, place: &Place) -> Result<Response, Failure> {
    place.require_active()?;
    let session = ask.session()?;
    if let Some(known) = session.as_ref().filter(|known| bridge::is_bridged(Some(known))) {
        return Box::pin(bridge::stream(ask, place, known)).await;
    }
    let stream = ask.shared.open_stream(place.owner())?;
    let forward = Forward {
        shared: ask.shared.clone(),
        place: place.clone(),
        era: ask.era,
        kind: Method::Unknown,
        id: None,
        page: Page::Further,
        session,
        client: None,
        bytes: Bytes::new(),
        settler: None,
        // A stream that waits is no work: it does not keep others out.
        face: Face::Server,
        kept: (None, Some(stream)),
    };
    relay::get(forward, ask.headers).await
}

/// The client ends its session.
pub(crate) async fn end_session(ask: Ask<'_>, place: &Place) -> Result<Response, Failure> {
    let session = ask.session()?.ok_or(Failure::NoSession)?;
    if bridge::is_bridged(Some(&session)) {
        return Ok(Box::pin(bridge::end_session(&ask, place, &session)).await);
    }
    forward::delete(ask.shared, place, &session.session, ask.headers).await
}
