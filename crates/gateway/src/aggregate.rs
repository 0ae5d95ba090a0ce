//! The account's URL: every server that the caller has a grant on, at once.
//!
//! Here the gateway is a server of its own to the client, in the `initialize` era, with `tools` and nothing else, and a
//! client of its own to each server. Calls go the same way as on a server's URL: judged, counted, forwarded, settled.
//! A server that is down or slow costs only its own tools.

mod modern;
pub(crate) mod names;
pub(crate) mod sessions;
mod stream;

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderValue, StatusCode};
use mcp::{Era, Keep, Method, ProtocolVersion, Request, ToolsPage};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    authenticate::Caller,
    decide::{self, Decision, ToolCall},
    failure::{Failure, UpstreamFailure},
    forward::{self, Face, Forward, Known, Page},
    gateway::Shared,
    link::{Link, SESSION_HEADER},
    lists, one, relay,
    rescue::json_answer,
    resolve::{Place, everywhere},
    session::{Owner, Session},
    stack::Ask,
};

pub(crate) use stream::stream;

/// A request to the account's URL.
pub(crate) async fn request(ask: Ask<'_>, caller: &Caller, request: &Request<'_>) -> Result<Response, Failure> {
    if ask.era == Era::Stateless {
        return Err(Failure::Version { requested: mcp::STATELESS.to_owned() });
    }
    match request.kind {
        Method::Initialize => Ok(initialize(&ask, caller, request)),
        Method::Ping => Ok(json_answer(StatusCode::OK, mcp::result_response(&request.id, "{}"))),
        Method::ToolsList => {
            let ours = ours(&ask, caller)?;
            Ok(json_answer(StatusCode::OK, list(&ask, caller, &ours, request).await))
        }
        Method::ToolsCall => {
            let ours = ours(&ask, caller)?;
            call(ask, caller, &ours, request).await
        }
        _ => Err(Failure::Method { method: request.method.chars().take(100).collect() }),
    }
}

/// The client ends its session; so do we those behind it.
pub(crate) async fn end_session(ask: &Ask<'_>, caller: &Caller) -> Result<Response, Failure> {
    let ours = ours(ask, caller)?;
    let ended = ask.shared.peers.end(&ours.key).await;
    let shared = ask.shared.clone();
    ask.shared.tracker.spawn(async move {
        for peer in ended {
            if let Ok(link) = Link::to(&shared, &peer.server, peer.session.as_ref()).await {
                peer.close(&shared, &link).await;
            }
        }
    });
    Ok(Response::default())
}

/// The client's session with us.
struct Ours {
    /// What the sessions behind it are kept under.
    key: Arc<str>,
    /// None: the client goes without one.
    known: Option<Known>,
}

fn owner(caller: &Caller) -> Owner {
    Owner { account: caller.account.id, server: None, principal: caller.principal }
}

fn ours(ask: &Ask<'_>, caller: &Caller) -> Result<Ours, Failure> {
    let Some(value) = ask.headers.get(SESSION_HEADER) else {
        return Ok(Ours { key: caller.key.to_string().into(), known: None });
    };
    let text = value.to_str().map_err(|_| Failure::NoSession)?;
    let session = ask.shared.sessions.open(owner(caller), text).ok_or(Failure::NoSession)?;
    let key = format!("{}/{}", caller.principal, session.upstream).into();
    Ok(Ours { key, known: Some(Known { text: text.to_owned(), session }) })
}

fn initialize(ask: &Ask<'_>, caller: &Caller, request: &Request<'_>) -> Response {
    let requested = request.params.as_ref().and_then(|params| params.protocol_version.as_deref()).unwrap_or_default();
    let servers: Vec<_> =
        everywhere(caller, ask.shared.clock.now()).iter().map(|place| place.server.slug.to_string()).collect();
    let result = json!({
        "protocolVersion": ProtocolVersion::negotiate(requested).as_str(),
        "capabilities": {"tools": {"listChanged": true}},
        "serverInfo": {"name": "portcullis", "title": format!("Portcullis: {}", caller.account.slug), "version": env!("CARGO_PKG_VERSION")},
        "instructions": instructions(&servers),
    });
    let mut response = json_answer(StatusCode::OK, mcp::result_response(&request.id, &result.to_string()));
    let random: [u8; 16] = ask.shared.entropy.bytes();
    let session = Session {
        upstream: random.iter().map(|byte| format!("{byte:02x}")).collect(),
        instance: None,
        client: request.client_info().map(one::client),
    };
    if let Ok(id) = HeaderValue::from_str(&ask.shared.sessions.seal(owner(caller), &session)) {
        response.headers_mut().insert(SESSION_HEADER, id);
    }
    response
}

fn instructions(servers: &[String]) -> String {
    let listed = if servers.is_empty() { "none yet".to_owned() } else { servers.join(", ") };
    format!("Tools of several servers ({listed}), named <server>__<tool>. Calls are subject to the account's policies.")
}

async fn list(ask: &Ask<'_>, caller: &Caller, ours: &Ours, request: &Request<'_>) -> Bytes {
    let places = everywhere(caller, ask.shared.clock.now());
    let part = |place: Place| async move {
        let within = ask.shared.config.times.aggregate_part;
        let pages =
            timeout(within, pages_of(ask.shared, ours, &place)).await.unwrap_or(Err(UpstreamFailure::Late.into()));
        pages.unwrap_or_else(|error| {
            tracing::info!(server = %place.server.id, %error, "a server's tools are missing from the account's list");
            Vec::new()
        })
    };
    let parts: Vec<ToolsPage> = join_all(places.into_iter().map(part)).await.into_iter().flatten().collect();
    mcp::merge_tools_lists(&request.id, Era::Initialize, &parts, None)
}

/// One server's tools, filtered and renamed.
async fn pages_of(shared: &Shared, ours: &Ours, place: &Place) -> Result<Vec<ToolsPage>, Failure> {
    let pages = match list_once(shared, ours, place).await {
        Err(Failure::NoSession | Failure::Upstream(UpstreamFailure::Status { status: 404 | 400, .. })) => {
            shared.peers.lost(&ours.key, place).await;
            list_once(shared, ours, place).await?
        }
        listed => listed?,
    };
    if let [only] = pages.as_slice() {
        shared.seen.note_list(shared, place, only).await;
    }
    let slug = place.server.slug.as_str();
    let select = |page: &Bytes| {
        mcp::select_tools(page, |tool| match lists::keep(place, &tool.name) {
            Keep::Drop => Keep::Drop,
            _ => Keep::Rename(names::public_name(slug, &tool.name)),
        })
    };
    let selected: Result<Vec<_>, _> = pages.iter().map(select).collect();
    selected.map_err(|error| UpstreamFailure::Invalid(error.to_string()).into())
}

async fn list_once(shared: &Shared, ours: &Ours, place: &Place) -> Result<Vec<Bytes>, Failure> {
    let peer = shared.peers.with(shared, &ours.key, place).await?;
    let link = Link::to(shared, &place.server, peer.session.as_ref()).await?;
    peer.list(shared, &link).await
}

async fn call(ask: Ask<'_>, caller: &Caller, ours: &Ours, request: &Request<'_>) -> Result<Response, Failure> {
    let public = request.params.as_ref().and_then(|params| params.name.as_deref()).unwrap_or_default();
    let unknown = || one::unknown_tool(request, public);
    let Some((slug, rest)) = mcp::split_qualified(public) else { return Ok(unknown()) };
    let now = ask.shared.clock.now();
    let server = slug.parse().ok().and_then(|slug| caller.account.server(&slug));
    let Some(place) = server.and_then(|server| Place::of(caller, server, now)) else { return Ok(unknown()) };
    let tool = names::own_name(public, rest, place.server.tools.keys().map(AsRef::as_ref));
    let Some(bytes) = request.renamed(tool) else { return Ok(unknown()) };
    let client = request.client_info().map(one::client).or_else(|| ours.known.as_ref()?.session.client.clone());
    let tool_call = ToolCall {
        tool,
        arguments: request.params.as_ref().and_then(|params| params.arguments),
        client: client.as_ref(),
        session: ours.known.as_ref().map(|known| &known.session),
        retry: one::retry(request),
        repeats: None,
        arrived: ask.arrived,
    };
    let settler = match decide::decide(ask.shared, &place, tool_call).await? {
        Decision::Admitted(settler) => settler,
        Decision::Denied(told) => return Ok(one::denied(&ask, request, public, &told)),
    };
    let forward = Forward {
        shared: ask.shared.clone(),
        place,
        era: Era::Initialize,
        kind: Method::ToolsCall,
        id: Some(request.id.clone().into_owned()),
        page: Page::First,
        session: None,
        client,
        bytes,
        settler: Some(settler),
        face: Face::Account,
        kept: (ask.room, None),
    };
    through_peer(forward, &ours.key).await
}

/// Forwards a call within our own session with the server; when the server has forgotten that, within a new one, once.
async fn through_peer(mut forward: Forward, ours: &Arc<str>) -> Result<Response, Failure> {
    let shared = forward.shared.clone();
    let judged = forward.bytes.clone();
    for last in [false, true] {
        let peer = match shared.peers.with(&shared, ours, &forward.place).await {
            Ok(peer) => peer,
            Err(failure) => return Err(forward.fail(undelivered(failure)).await),
        };
        forward.session = peer.session.clone().map(|session| Known { text: String::new(), session });
        let headers = match &peer.era {
            Era::Initialize => peer.headers(),
            Era::Stateless => match modern::prepare(&forward, &judged) {
                Some((headers, bytes)) => {
                    forward.bytes = bytes;
                    headers
                }
                None => return Err(forward.fail(unpreparable()).await),
            },
        };
        let sent = forward::send(&mut forward, http::Method::POST, &headers).await;
        match sent {
            Ok((_, response)) if response.status() == StatusCode::NOT_FOUND && peer.session.is_some() && !last => {}
            Err(Failure::NoSession) if !last => {}
            Ok((link, response)) => return relay::answer(forward, &link, response).await,
            Err(failure) => return Err(forward.fail(failure).await),
        }
        shared.peers.lost(ours, &forward.place).await;
    }
    Err(forward.fail(Failure::NoSession).await)
}

fn unpreparable() -> Failure {
    UpstreamFailure::Unreachable("it speaks only the stateless protocol, which this call cannot be put into".to_owned())
        .into()
}

/// A call whose server could not even be greeted was not delivered.
fn undelivered(failure: Failure) -> Failure {
    match failure {
        Failure::Upstream(failure @ (UpstreamFailure::NoConnector | UpstreamFailure::Credential(_))) => failure.into(),
        other => UpstreamFailure::Unreachable(other.to_string()).into(),
    }
}
