//! What is for every server at once, and has no answer of theirs that a client would look at.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use http::StatusCode;
use mcp::{Era, Method, Notification, Request};
use tokio::time::timeout;

use super::Ours;
use crate::{
    answer::json_answer,
    ask::Ask,
    authenticate::Caller,
    failure::Failure,
    forward, methods,
    peer::Peer,
    resolve::{Place, everywhere},
    shared::Shared,
};

/// Servers that are told at the same time.
const AT_ONCE: usize = 16;

/// `logging/setLevel`: every server that has a log is told, each within its time; the level holds for what they log from
/// then on. It is answered when all were told or have had their time.
pub(super) async fn set_level(
    ask: &Ask<'_>,
    caller: &Caller,
    ours: &Ours,
    request: &Request<'_>,
) -> Result<Response, Failure> {
    ask.shared.bridges.wishes.remember(&ours.key, request)?;
    let params = request.params.as_ref().map_or("{}", |params| params.raw());
    let places = everywhere(caller, ask.shared.clock.now());
    let places = places.into_iter().filter(|place| passes(place, Method::LoggingSetLevel));
    let told: Vec<BoxFuture<'_, ()>> = places.map(|place| in_time(ask.shared, ours, place, params).boxed()).collect();
    stream::iter(told).buffer_unordered(AT_ONCE).collect::<()>().await;
    Ok(json_answer(StatusCode::OK, mcp::result_response(&request.id, "{}")))
}

async fn in_time(shared: &Arc<Shared>, ours: &Ours, place: Place, params: &str) {
    let server = place.server.id;
    let within = ours.patience(shared, &place);
    if timeout(within, set_level_of(shared, ours, &place, params)).await.is_err() {
        shared.memory.failed(server);
    }
}

async fn set_level_of(shared: &Arc<Shared>, ours: &Ours, place: &Place, params: &str) {
    let Ok(peer) = ours.peer(shared, place).await else { return };
    // A stateless server takes the level with every request.
    let has_log = shared.memory.greeted(&peer).capabilities.get("logging").is_some();
    if peer.era == Era::Stateless || !has_log {
        return;
    }
    if let Err(error) = peer.request(shared, Method::LoggingSetLevel, params).await {
        tracing::info!(server = %place.server.id, %error, "a server did not take the level of its log");
    }
}

/// A notification to every server that a session is open with.
pub(super) fn tell_all(
    ask: &Ask<'_>,
    caller: &Caller,
    ours: &Ours,
    (notification, bytes): (&Notification<'_>, &Bytes),
) {
    let places: Vec<Place> = everywhere(caller, ask.shared.clock.now())
        .into_iter()
        .filter(|place| passes(place, notification.kind))
        .collect();
    for peer in ask.shared.peers.behind(&ours.key) {
        let Some(place) = places.iter().find(|place| peer.server.is_reached_like(&place.server)) else { continue };
        let (shared, place, bytes) = (ask.shared.clone(), place.clone(), bytes.clone());
        ask.shared.tracker.spawn(async move {
            if let Err(error) = tell(&shared, &place, &peer, bytes).await {
                tracing::debug!(server = %place.server.id, %error, "a server was not told what its client said");
            }
        });
    }
}

async fn tell(shared: &Arc<Shared>, place: &Place, peer: &Peer, bytes: Bytes) -> Result<(), Failure> {
    forward::post_unanswered(shared, place, peer.session.as_ref(), &peer.headers(), bytes).await
}

/// Whether a server's settings and the caller's grants on it let such a message through.
fn passes(place: &Place, kind: Method) -> bool {
    methods::gate(kind, kind.name().unwrap_or_default(), &place.server.settings).is_ok()
        && place.require_active().is_ok()
}
