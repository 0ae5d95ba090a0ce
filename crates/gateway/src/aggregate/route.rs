//! What is for one server: found by what the request names, put into that server's names, and treated from there on as on
//! that server's own URL.

use std::borrow::Cow;

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mcp::{Era, Family, ListKind, Message, Method, Part, Request, code};
use serde_json::json;

use super::{Ours, capabilities, list, stream::wish_key};
use crate::{
    admit::{Admission, Asking, admit},
    answer::json_answer,
    ask::Ask,
    authenticate::Caller,
    bridge::{self, Passage},
    client, eras,
    failure::Failure,
    forward::{Face, Forward},
    lists::Page,
    mesh::Holder,
    methods,
    names::{self, Names},
    peer::Peer,
    refused, relay,
    resolve::Place,
};

/// Most characters repeated of a name that is not known.
const NAME_CHARS: usize = 256;
/// What a record says of a name that leads nowhere.
const NOTHING_THERE: &str = "no server that the caller has a grant on goes by the name in the request";

/// A request to one of the servers.
pub(super) async fn request(
    ask: Ask<'_>,
    caller: &Caller,
    ours: &Ours,
    (request, bytes): (&Request<'_>, &Bytes),
) -> Result<Response, Failure> {
    let Some((place, own)) = target(&ask, caller, ours, (request, bytes)).await else {
        let method = Some(request.method.to_string());
        let sender = refused::Sender { shared: ask.shared, caller, server: None, method, arrived: ask.arrived };
        refused::note(sender, "unknown_name", NOTHING_THERE.to_owned()).await;
        return Ok(unknown(ask.era, request));
    };
    let Ok(Message::Request(own_request)) = mcp::read(&own) else { return Ok(unknown(ask.era, request)) };
    methods::gate(request.kind, &request.method, &place.server.settings)?;
    let named = Named { public: request, sent: bytes, own: &own_request, bytes: &own };
    match ask.era {
        Era::Initialize => Box::pin(from_legacy(ask, place, ours, named)).await,
        Era::Stateless => Box::pin(from_modern(ask, place, ours, named)).await,
    }
}

/// A request in the account's names and in the server's.
#[derive(Clone, Copy)]
struct Named<'r> {
    public: &'r Request<'r>,
    /// As it came.
    sent: &'r Bytes,
    own: &'r Request<'r>,
    /// In the server's names.
    bytes: &'r Bytes,
}

/// A request of a session, through our own session with the server.
async fn from_legacy(ask: Ask<'_>, place: Place, ours: &Ours, named: Named<'_>) -> Result<Response, Failure> {
    let settler = match admitted(&ask, &place, ours, named).await? {
        Admission::Goes(settler) => settler,
        Admission::Denied(answer) => return Ok(answer),
    };
    let kind = named.own.kind;
    let subscribes = matches!(kind, Method::ResourcesSubscribe | Method::ResourcesUnsubscribe);
    if subscribes || kind.family() == Family::Tasks {
        let peer = ours.peer(ask.shared, &place).await?;
        match (peer.era, subscribes) {
            // The streams of the session carry it to the server.
            (Era::Stateless, true) => {
                ask.shared.bridges.wishes.remember(&wish_key(&ours.key, place.server.id), named.own)?;
                return Ok(json_answer(StatusCode::OK, mcp::result_response(&named.own.id, "{}")));
            }
            // Tasks are other things in the two eras.
            (Era::Stateless, false) => return Err(Failure::method(&named.public.method)),
            (Era::Initialize, _) => {}
        }
    }
    let names = Names::Of(place.server.slug.clone());
    bridge::pass(Passage {
        shared: ask.shared.clone(),
        place,
        voice: ours.voice.clone(),
        kind,
        id: named.own.id.clone().into_owned(),
        bytes: named.bytes.clone(),
        headers: own_headers(named.bytes, ask.headers),
        settler,
        session: ours.known.as_ref().map(|known| known.session.clone()),
        ours: ours.key.clone(),
        names,
        kept: (ask.room, None),
    })
    .await
}

/// A request of the stateless era: mirrored to a server that speaks it, bridged to one that does not.
async fn from_modern(ask: Ask<'_>, place: Place, ours: &Ours, named: Named<'_>) -> Result<Response, Failure> {
    let bridged = bridge::is_ours(&ask, &place, named.own)
        || Box::pin(Peer::speaks_stateless(ask.shared, &place.server)).await == eras::Known::No;
    if bridged && named.own.kind.family() == Family::Tasks {
        return Err(Failure::method(&named.public.method));
    }
    let round = if bridged { Some(bridge::round_of(&ask, &place, named.own)?) } else { None };
    if let Some(bridge::Continues::At(gateway)) = round {
        let holder = Holder { gateway, caller: &place.caller, server: None };
        return bridge::hand_back(ask, holder, named.sent).await;
    }
    let settler = match admitted(&ask, &place, ours, named).await? {
        Admission::Goes(settler) => settler,
        Admission::Denied(answer) => {
            round.into_iter().for_each(|round| round.give_up(ask.shared));
            return Ok(answer);
        }
    };
    if let Some(round) = round {
        let names = Names::Of(place.server.slug.clone());
        return bridge::go_on(ask, &place, (named.own, named.bytes), (ours.voice.clone(), round, settler), names).await;
    }
    let headers = own_headers(named.bytes, ask.headers);
    let forward = Forward {
        shared: ask.shared.clone(),
        place,
        era: ask.era,
        kind: named.own.kind,
        id: Some(named.own.id.clone().into_owned()),
        page: Page::First,
        session: None,
        client: ours.voice.client.clone(),
        bytes: named.bytes.clone(),
        settler,
        face: Face::Account,
        kept: (ask.room, None),
    };
    let (shared, server) = (ask.shared, forward.place.server.clone());
    let answer = Box::pin(relay::post(forward, &headers)).await;
    if let Err(failure) = &answer {
        shared.eras.doubt(&server, failure).await;
    }
    answer
}

/// Whether a request may go to the server.
async fn admitted(ask: &Ask<'_>, place: &Place, ours: &Ours, named: Named<'_>) -> Result<Admission, Failure> {
    let client = named.own.client_info().map(client::named).or_else(|| ours.voice.client.clone());
    let session = ours.known.as_ref().map(|known| &known.session);
    let asking = Asking { request: named.own, sent: named.public, session, client: client.as_ref() };
    admit(ask, place, asking).await
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
    if era == Era::Stateless && request.kind.family() == Family::Tasks && !capabilities::declares_tasks(request) {
        return json_answer(StatusCode::BAD_REQUEST, capabilities::tasks_not_declared(&request.id));
    }
    let subject = subject(request).unwrap_or_default();
    let named: String = subject.chars().take(NAME_CHARS).collect();
    let error = |code: i64, what: &str, data: Option<&serde_json::Value>| {
        mcp::error_response(Some(&request.id), code, &format!("{what}: {named}"), data)
    };
    let body = match (request.kind, era) {
        (Method::ToolsCall, _) => mcp::unknown_tool(&request.id, &named),
        (Method::PromptsGet, _) => error(code::INVALID_PARAMS, "Unknown prompt", None),
        (Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe, era) => {
            // The code is another one since 2026-07-28 (2025-11-25 server/resources "Error Handling").
            let code = if era == Era::Stateless { code::INVALID_PARAMS } else { code::RESOURCE_NOT_FOUND };
            error(code, "Resource not found", Some(&json!({"uri": named})))
        }
        (kind, _) if kind.family() == Family::Tasks => error(code::INVALID_PARAMS, "Unknown task", None),
        _ => error(code::INVALID_PARAMS, "Unknown reference", None),
    };
    json_answer(StatusCode::OK, body)
}

/// The client's headers, with the name that the server knows.
fn own_headers(bytes: &Bytes, client: &HeaderMap) -> HeaderMap {
    let mut headers = client.clone();
    headers.remove(mcp::NAME_HEADER);
    let Ok(message) = mcp::read(bytes) else { return headers };
    for (name, value) in mcp::mirror_headers(&message) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    headers
}
