//! What clients say without asking: notifications, and their answers to servers' requests, each to the server it is for.

use axum::response::Response;
use bytes::Bytes;
use mcp::{Era, Message, Method, Notification, Part};

use super::{Ours, fan, ours};
use crate::{
    answer::accepted,
    ask::Ask,
    authenticate::Caller,
    bridge::{self, To, Way},
    failure::Failure,
    forward, methods, names,
    resolve::{Place, everywhere},
};

/// A client's notification. It is taken whether or not there is a server for it, as notifications are never answered.
pub(crate) async fn notification(
    ask: Ask<'_>,
    caller: &Caller,
    notification: &Notification<'_>,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    // In the stateless era a client ends a request by closing its stream, and says nothing else on its own.
    if ask.era == Era::Stateless {
        return Ok(accepted());
    }
    let ours = ours(&ask, caller, None)?;
    match notification.kind {
        Method::Cancelled => {
            let request = notification.params.as_ref().and_then(|params| params.request_id.as_ref());
            request.into_iter().for_each(|id| ask.shared.bridges.running.cancel(&ours.key, id));
        }
        Method::Progress => {
            if let Some((place, own)) = named(&ask, caller, Part::FromClient(notification.kind), bytes) {
                methods::gate(notification.kind, &notification.method, &place.server.settings)?;
                tell(&ask, &ours, &place, own).await?;
            }
        }
        Method::RootsListChanged => fan::tell_all(&ask, caller, &ours, (notification, bytes)),
        _ => {}
    }
    Ok(accepted())
}

/// A client's answer to a question of one of the servers: its id leads there, or names the server.
pub(crate) async fn response(ask: Ask<'_>, caller: &Caller, bytes: &Bytes) -> Result<Response, Failure> {
    let ours = ours(&ask, caller, None)?;
    if let Some(place) = asked_by(&ask, caller, bytes) {
        place.require_active()?;
        return Box::pin(bridge::response(ask, &place, None, bytes)).await;
    }
    if let Some((place, own)) = named(&ask, caller, Part::ClientAnswer, bytes)
        && let Ok(Message::Response(_)) = mcp::read(&own)
    {
        tell(&ask, &ours, &place, own).await?;
    }
    Ok(accepted())
}

/// Where a question came from that was asked under an id of ours. One that something here waits for belongs to no server
/// any more, so any of the caller's will do.
fn asked_by(ask: &Ask<'_>, caller: &Caller, bytes: &Bytes) -> Option<Place> {
    let Ok(Message::Response(response)) = mcp::read(bytes) else { return None };
    let places = everywhere(caller, ask.shared.clock.now());
    match Way::of(ask.shared, caller.owner(), &response.id)?.to {
        To::Server { server, .. } => places.into_iter().find(|place| place.server.id == server),
        To::Waiting { .. } => places.into_iter().find(|place| place.require_active().is_ok()),
    }
}

/// The server that a message names, and the message in that server's names.
fn named(ask: &Ask<'_>, caller: &Caller, part: Part, bytes: &Bytes) -> Option<(Place, Bytes)> {
    let (slug, own) = names::incoming(part, bytes)?;
    let server = caller.account.server(&slug.parse().ok()?)?;
    Some((Place::of(caller, server, ask.shared.clock.now())?, own))
}

/// Tells a server something within the session that is open with it; where none is, there is nobody to tell.
async fn tell(ask: &Ask<'_>, ours: &Ours, place: &Place, bytes: Bytes) -> Result<(), Failure> {
    place.require_active()?;
    let Some(peer) = ask.shared.peers.existing(&ours.key, place) else { return Ok(()) };
    forward::post_unanswered(ask.shared, place, peer.session.as_ref(), &peer.headers(), bytes).await
}
