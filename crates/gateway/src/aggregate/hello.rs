//! Who the account's URL says it is, in both eras. A server that is down or slow is not waited for.

use std::sync::Arc;

use axum::response::Response;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use http::{HeaderValue, StatusCode};
use mcp::{Era, ProtocolVersion, Request};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Ours, capabilities, memory::Described, ours_of};
use crate::{
    answer::json_answer,
    ask::Ask,
    authenticate::Caller,
    client,
    resolve::{Place, everywhere},
    session::{SESSION_HEADER, Session},
};

/// Servers that are greeted at the same time.
const AT_ONCE: usize = 32;
/// Most characters of one server's instructions, and of all together.
const INSTRUCTIONS_CHARS: usize = 2_000;
const ALL_INSTRUCTIONS_CHARS: usize = 16_000;

/// A server and what it said of itself, if it did in time.
type Greeted = (Place, Option<Arc<Described>>);

/// Answers `initialize`.
pub(super) async fn initialize(ask: &Ask<'_>, caller: &Caller, request: &Request<'_>) -> Response {
    let params = request.params.as_ref();
    let requested = params.and_then(|params| params.protocol_version.as_deref()).unwrap_or_default();
    let session = Session {
        upstream: domain::hex(&ask.shared.entropy.bytes::<16>()),
        instance: None,
        client: request.client_info().map(client::named),
        capabilities: Some(client::capabilities(request)),
        home: Some(ask.shared.id),
        reach: None,
    };
    let sealed = ask.shared.sessions.seal(caller.owner(), &session);
    let known = servers(ask, caller, &ours_of(caller, sealed.clone(), session)).await;
    let result = json!({
        "protocolVersion": ProtocolVersion::negotiate(requested).as_str(),
        "capabilities": capabilities_of(Era::Initialize, &known),
        "serverInfo": server_info(caller),
        "instructions": instructions(&known),
    });
    let mut response = json_answer(StatusCode::OK, mcp::result_response(&request.id, &result.to_string()));
    if let Ok(id) = HeaderValue::from_str(&sealed) {
        response.headers_mut().insert(SESSION_HEADER, id);
    }
    response
}

/// Answers `server/discover`.
pub(super) async fn discover(ask: &Ask<'_>, caller: &Caller, ours: &Ours, request: &Request<'_>) -> Response {
    let known = servers(ask, caller, ours).await;
    let versions: Vec<_> = ProtocolVersion::ALL.iter().rev().map(|version| version.as_str()).collect();
    let result = json!({
        "resultType": "complete",
        "supportedVersions": versions,
        "capabilities": capabilities_of(Era::Stateless, &known),
        "instructions": instructions(&known),
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": server_info(caller)},
    });
    json_answer(StatusCode::OK, mcp::result_response(&request.id, &result.to_string()))
}

/// What every granted server said of itself: from memory, or asked now.
async fn servers(ask: &Ask<'_>, caller: &Caller, ours: &Ours) -> Vec<Greeted> {
    let places = everywhere(caller, ask.shared.clock.now());
    let greeted: Vec<BoxFuture<'_, Greeted>> =
        places.into_iter().map(|place| greet(ask, ours, place).boxed()).collect();
    stream::iter(greeted).buffered(AT_ONCE).collect().await
}

async fn greet(ask: &Ask<'_>, ours: &Ours, place: Place) -> Greeted {
    let memory = &ask.shared.memory;
    let known = memory.described(&place.server);
    if known.is_some() || place.require_active().is_err() {
        return (place, known);
    }
    let within = ours.patience(ask.shared, &place).min(ask.shared.config.times.greeting);
    let described = match timeout(within, ours.peer(ask.shared, &place)).await {
        Ok(Ok(peer)) => Some(memory.greeted(&peer)),
        Ok(Err(failure)) => {
            if failure.is_away() {
                memory.failed(place.server.id);
            }
            None
        }
        // It is being opened still: the first list waits for the rest of its time.
        Err(_) => None,
    };
    (place, described)
}

fn capabilities_of(era: Era, known: &[Greeted]) -> Value {
    let described = known.iter().filter_map(|(place, described)| {
        let described = described.as_ref()?;
        Some((&place.server.settings, described.era, &described.capabilities))
    });
    capabilities::union(era, described)
}

fn server_info(caller: &Caller) -> Value {
    json!({
        "name": "portcullis",
        "title": format!("Portcullis: {}", caller.account.slug),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Our own words, then each server's, cut.
fn instructions(known: &[Greeted]) -> String {
    let names: Vec<_> = known.iter().map(|(place, _)| place.server.slug.as_str()).collect();
    let listed = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
    let mut text = format!(
        "Tools of several servers ({listed}), named <server>__<tool>. Calls are subject to the account's policies."
    );
    for (place, described) in known {
        let words = described.as_ref().and_then(|described| described.instructions.as_deref()).unwrap_or_default();
        let cut: String = words.chars().take(INSTRUCTIONS_CHARS).collect();
        if !cut.is_empty() && text.chars().count() + cut.chars().count() < ALL_INSTRUCTIONS_CHARS {
            text.push_str(&format!("\n\n{}:\n{cut}", place.server.slug));
        }
    }
    text
}
