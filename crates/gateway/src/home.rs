//! A session that the gateway itself holds lives at one process, its *home*: the one that began it, as its sealed id says.
//! What it waits for is there: questions that are open, requests that can be cancelled, what it asked to hear, its sessions
//! with servers.
//!
//! Another gateway hands its requests on before they are read, so that each is judged, counted and recorded once, there. When
//! the home is gone, whoever gets a request goes on in its place: the id says whose session it is and what the client can
//! do, and sessions with servers are opened anew. What waited at the process that is gone is lost with it.
//!
//! Not here: sessions that are a server's own; those any gateway serves alike.

use axum::response::Response;
use bytes::Bytes;
use domain::ServerSlug;
use http::{HeaderMap, Method};

use crate::{
    account::Server,
    ask::Ask,
    authenticate::Caller,
    failure::Failure,
    mesh::{Holder, redispatch},
    session::{Named, Owner},
    shared::Shared,
};

/// The session that a request names. One that was begun with a server elsewhere, before it moved or was shown something else,
/// is not one any more; nor is one of our own that its client has ended. `server`: none on the account's own URL.
pub(crate) fn named(shared: &Shared, owner: Owner, server: Option<&Server>, headers: &HeaderMap) -> Named {
    let named = shared.sessions.named(owner, headers);
    let Named::Session(known) = &named else { return named };
    let session = &known.session;
    let has_moved = server.is_some_and(|server| session.reach.as_ref().is_some_and(|reach| *reach != server.reach()));
    let has_ended = || session.home.is_some() && shared.bridges.wishes.has_ended(&session.ours(owner.principal));
    if has_moved || has_ended() { Named::Ended } else { named }
}

/// Hands a request to the home of its session. None: it is at home here, or its home is gone.
///
/// # Errors
/// [`Failure::HolderGone`] when the home may have begun to work on it.
pub(crate) async fn hand_on(
    ask: &mut Ask<'_>,
    caller: &Caller,
    server: Option<&ServerSlug>,
    (method, body): (Method, &Bytes),
) -> Result<Option<Response>, Failure> {
    // In the stateless era there are no sessions, whatever header is sent along.
    let stateless = ask.headers.get(mcp::PROTOCOL_VERSION_HEADER).is_some_and(|version| version == mcp::STATELESS);
    let Named::Session(known) = &ask.named else { return Ok(None) };
    let Some(gateway) = known.session.home.filter(|_| !stateless) else { return Ok(None) };
    match Box::pin(redispatch(ask, Holder { gateway, caller, server }, (method, body.clone()))).await {
        // Nobody can say where the home is: what can be done is done here.
        Err(Failure::Unavailable) => Ok(None),
        handed => handed,
    }
}
