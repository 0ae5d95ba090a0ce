//! What is for one server: found by what the request names, put into that server's names, and treated from there on as on
//! that server's own URL.

use std::{borrow::Cow, sync::Arc};

use axum::response::Response;
use bytes::Bytes;
use domain::Client;
use http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode};
use mcp::{Era, Family, ListKind, Message, Method, Part, Request, code};
use serde_json::json;

use super::{Ours, list, modern, names};
use crate::{
    authenticate::Caller,
    decide::{self, Decision, ToolCall},
    failure::{Failure, UpstreamFailure},
    forward::{self, Face, Forward, Known, Page},
    methods, one, relay,
    rescue::json_answer,
    resolve::Place,
    rounds::Round,
    settle::Settler,
    stack::Ask,
};

/// Most characters repeated of a name that is not known.
const NAME_CHARS: usize = 256;

/// A request to one of the servers.
pub(super) async fn request(
    ask: Ask<'_>,
    caller: &Caller,
    ours: &Ours,
    (request, bytes): (&Request<'_>, &Bytes),
) -> Result<Response, Failure> {
    let Some((place, own)) = target(&ask, caller, ours, (request, bytes)).await else {
        return Ok(unknown(ask.era, request));
    };
    let Ok(Message::Request(own_request)) = mcp::read(&own) else { return Ok(unknown(ask.era, request)) };
    methods::gate(request.kind, &request.method, &place.server.settings)?;
    let client = request.client_info().map(one::client).or_else(|| ours.known.as_ref()?.session.client.clone());
    let settler = if request.kind == Method::ToolsCall {
        match judged(&ask, &place, (request, &own_request), (ours, client.as_ref())).await? {
            Ok(settler) => Some(settler),
            Err(denied) => return Ok(denied),
        }
    } else {
        place.require_active()?;
        None
    };
    ask.shared.memory.went(&ours.key, &request.id, place.server.id);
    let forward = Forward {
        shared: ask.shared.clone(),
        place,
        era: ask.era,
        kind: request.kind,
        id: Some(request.id.clone().into_owned()),
        page: Page::First,
        session: None,
        client,
        bytes: own.clone(),
        settler,
        face: Face::Account,
        kept: (ask.room, None),
    };
    send(forward, ours, ask.headers).await
}

/// The server that a request is for, and the request in that server's names.
async fn target(
    ask: &Ask<'_>,
    caller: &Caller,
    ours: &Ours,
    (request, bytes): (&Request<'_>, &Bytes),
) -> Option<(Place, Bytes)> {
    let (slug, own) = names::incoming(Part::FromClient(request.kind), bytes)?;
    let server = caller.account.server(&slug.parse().ok()?)?;
    let place = Place::of(caller, server, ask.shared.clock.now())?;
    let kind = match request.kind {
        Method::ToolsCall => ListKind::Tools,
        Method::PromptsGet | Method::CompletionComplete => ListKind::Prompts,
        _ => return Some((place, own)),
    };
    let public = subject(request)?;
    if kind == ListKind::Prompts
        && request.kind == Method::CompletionComplete
        && mcp::split_qualified(&public).is_none()
        || !names::may_be_short(&public)
    {
        return Some((place, own));
    }
    let Some(whole) = list::whole_name(ask.shared, ours, (&place, kind), &public).await else {
        return Some((place, own));
    };
    let whole = mcp::rename_in(bytes, Part::FromClient(request.kind), |name| match name.kind {
        mcp::NameKind::Tool | mcp::NameKind::Prompt => mcp::NewName::Text(whole.to_string()),
        _ => mcp::NewName::Same,
    });
    Some((place, whole.ok()?))
}

/// What a request names, as the client wrote it.
fn subject<'r>(request: &'r Request<'_>) -> Option<Cow<'r, str>> {
    let params = request.params.as_ref()?;
    if request.kind == Method::CompletionComplete {
        let reference: serde_json::Value = serde_json::from_str(params.get("ref")?).ok()?;
        let named = reference.get("name").or_else(|| reference.get("uri"))?.as_str()?;
        return Some(Cow::Owned(named.to_owned()));
    }
    let named = match request.kind.name_field()? {
        "name" => &params.name,
        "uri" => &params.uri,
        _ => &params.task_id,
    };
    named.as_deref().map(Cow::Borrowed)
}

/// The answer to a request that names nothing of any server that the caller has a grant on: as that of a server to
/// something it does not have.
pub(super) fn unknown(era: Era, request: &Request<'_>) -> Response {
    let subject = subject(request).unwrap_or_default();
    let named: String = subject.chars().take(NAME_CHARS).collect();
    let error = |code: i64, what: &str, data: Option<&serde_json::Value>| {
        mcp::error_response(Some(&request.id), code, &format!("{what}: {named}"), data)
    };
    let body = match (request.kind, era) {
        (Method::ToolsCall, _) => mcp::unknown_tool(&request.id, &named),
        (Method::PromptsGet, _) => error(code::INVALID_PARAMS, "Unknown prompt", None),
        (Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe, era) => {
            // The code is another one since 2026-07-28.
            let code = if era == Era::Stateless { code::INVALID_PARAMS } else { RESOURCE_NOT_FOUND };
            error(code, "Resource not found", Some(&json!({"uri": named})))
        }
        (kind, _) if kind.family() == Family::Tasks => error(code::INVALID_PARAMS, "Unknown task", None),
        _ => error(code::INVALID_PARAMS, "Unknown reference", None),
    };
    json_answer(StatusCode::OK, body)
}

/// 2025-11-25 server/resources "Error Handling".
const RESOURCE_NOT_FOUND: i64 = -32_002;

/// A call of a tool, decided: it goes on with a settler, or is answered with its denial.
async fn judged(
    ask: &Ask<'_>,
    place: &Place,
    (public, own): (&Request<'_>, &Request<'_>),
    (ours, client): (&Ours, Option<&Client>),
) -> Result<Result<Box<Settler>, Response>, Failure> {
    let params = own.params.as_ref();
    let call = ToolCall {
        tool: params.and_then(|params| params.name.as_deref()).unwrap_or_default(),
        arguments: params.and_then(|params| params.arguments),
        client,
        session: ours.known.as_ref().map(|known| &known.session),
        retry: one::retry(own),
        repeats: match ask.era {
            Era::Stateless => Round::claimed(place.owner(), own),
            Era::Initialize => None,
        },
        arrived: ask.arrived,
    };
    one::check_mirrored_arguments(ask, place, &call)?;
    Ok(match decide::decide(ask.shared, place, call).await? {
        Decision::Admitted(settler) => Ok(settler),
        Decision::Denied(told) => Err(one::denied(ask, public, &subject(public).unwrap_or_default(), &told)),
    })
}

/// Sends a request the way that the client's era and the server's call for.
async fn send(mut forward: Forward, ours: &Ours, client: &HeaderMap) -> Result<Response, Failure> {
    if forward.era == Era::Initialize {
        return through_peer(forward, &ours.key).await;
    }
    let shared = forward.shared.clone();
    let era = match shared.memory.described(forward.place.server.id) {
        Some(described) => described.era,
        None => match shared.peers.with(&shared, &ours.key, &forward.place).await {
            Ok(peer) => shared.memory.greeted(&peer).era,
            Err(failure) => return Err(forward.fail(undelivered(failure)).await),
        },
    };
    if era == Era::Initialize {
        return Err(forward.fail(Failure::Version { requested: mcp::STATELESS.to_owned() }).await);
    }
    let headers = own_headers(&forward.bytes, client);
    forward::post(forward, &headers).await
}

/// The client's headers, with the name that the server knows.
fn own_headers(bytes: &Bytes, client: &HeaderMap) -> HeaderMap {
    let mut headers = client.clone();
    let Ok(message) = mcp::read(bytes) else { return headers };
    for (name, value) in mcp::mirror_headers(&message) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Forwards a request within our own session with the server; when the server has forgotten that, within a new one, once.
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
        let sent = forward::send(&mut forward, HttpMethod::POST, &headers).await;
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

/// A request whose server could not even be greeted was not delivered.
fn undelivered(failure: Failure) -> Failure {
    match failure {
        Failure::Upstream(failure @ (UpstreamFailure::NoConnector | UpstreamFailure::Credential(_))) => failure.into(),
        other => UpstreamFailure::Unreachable(other.to_string()).into(),
    }
}
