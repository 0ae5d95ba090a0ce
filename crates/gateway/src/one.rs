//! One server's URL: what becomes of each kind of message. Ids, names and bytes go through untouched.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::Client;
use http::StatusCode;
use mcp::{ClientInfo, Era, Family, Method, Notification, Request};
use policy::Visibility;

use crate::{
    bridge,
    decide::{self, Answer, Decision, Told, ToolCall},
    eras,
    failure::Failure,
    forward::{self, Face, Forward, Page},
    lists, methods,
    read::Headers,
    rescue::json_answer,
    resolve::Place,
    rounds::Round,
    session::Known,
    settle::Settler,
    stack::Ask,
};

/// Most characters repeated of a tool's name.
const NAME_CHARS: usize = 256;
/// Most characters kept of what a client calls itself.
const CLIENT_CHARS: usize = 100;
/// Most bytes kept of what a client can do.
const CAPABILITIES_BYTES: usize = 2_048;

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
            || ask.shared.eras.speaks_stateless(ask.shared, &place.server).await == eras::Known::No);
    if bridged {
        return Box::pin(bridge::modern_request(ask, place, request, bytes)).await;
    }
    let session = if request.kind == Method::Initialize { None } else { ask.session()? };
    if let Some(known) = session.clone().filter(|known| bridge::is_bridged(Some(known))) {
        return Box::pin(bridge::request_within(ask, place, (request, bytes), known)).await;
    }
    let client = request.client_info().map(client).or_else(|| session.as_ref()?.session.client.clone());
    let settler = match admitted(&ask, place, request, (session.as_ref(), client.as_ref())).await? {
        Ok(settler) => settler,
        Err(denied) => return Ok(denied),
    };
    let stream = match request.kind {
        Method::SubscriptionsListen => Some(ask.shared.streams.open(place.owner())?),
        _ => None,
    };
    let mut ask = ask;
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
    let answer = forward::post(forward, ask.headers).await;
    if let Err(failure) = &answer {
        ask.shared.eras.doubt(&place.server, failure).await;
    }
    answer
}

/// Whether a request may go to the server: a call is judged, and goes on with a settler or is answered with its denial;
/// anything else needs a grant that is not suspended.
pub(crate) async fn admitted(
    ask: &Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    by: (Option<&Known>, Option<&Client>),
) -> Result<Result<Option<Box<Settler>>, Response>, Failure> {
    match request.kind {
        Method::ToolsCall => Ok(judged(ask, place, request, by).await?.map(Some)),
        kind if kind.family() == Family::Lifecycle || kind == Method::ToolsList => Ok(Ok(None)),
        _ => {
            place.require_active()?;
            Ok(Ok(None))
        }
    }
}

/// A call of a tool, decided: it goes on with a settler, or is answered with its denial.
async fn judged(
    ask: &Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    (session, client): (Option<&Known>, Option<&Client>),
) -> Result<Result<Box<Settler>, Response>, Failure> {
    let params = request.params.as_ref();
    let tool = params.and_then(|params| params.name.as_deref()).unwrap_or_default();
    let call = ToolCall {
        tool,
        arguments: params.and_then(|params| params.arguments),
        client,
        session: session.map(|known| &known.session),
        retry: retry(request),
        repeats: match ask.era {
            Era::Stateless => Round::claimed(place.owner(), request),
            Era::Initialize => None,
        },
        arrived: ask.arrived,
    };
    check_mirrored_arguments(ask, place, &call)?;
    Ok(match decide::decide(ask.shared, place, call).await? {
        Decision::Admitted(settler) => Ok(settler),
        Decision::Denied(told) => Err(denied(ask, request, tool, &told)),
    })
}

/// Whether a call carries input beside its arguments.
pub(crate) fn retry(request: &Request<'_>) -> mcp::Retry {
    request.params.as_ref().map_or(mcp::Retry::No, |params| params.retry)
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
    if ask.era == Era::Stateless && ask.shared.eras.speaks_stateless(ask.shared, &place.server).await == eras::Known::No
    {
        return Ok(accepted());
    }
    forward::post_unanswered(ask.shared, place, session.as_ref(), ask.headers, bytes.clone()).await?;
    Ok(accepted())
}

/// A client's answer to a request of the server.
pub(crate) async fn response(ask: Ask<'_>, place: &Place, bytes: &Bytes) -> Result<Response, Failure> {
    place.require_active()?;
    let session = ask.session()?;
    if bridge::is_bridged(session.as_ref()) {
        return Box::pin(bridge::response(ask, place, Some(&place.server.slug), bytes)).await;
    }
    forward::post_unanswered(ask.shared, place, session.as_ref(), ask.headers, bytes.clone()).await?;
    Ok(accepted())
}

/// The server's own stream of the `initialize` era.
pub(crate) async fn stream(ask: Ask<'_>, place: &Place) -> Result<Response, Failure> {
    place.require_active()?;
    let session = ask.session()?;
    if let Some(known) = session.as_ref().filter(|known| bridge::is_bridged(Some(known))) {
        return Box::pin(bridge::stream(ask, place, known)).await;
    }
    let stream = ask.shared.streams.open(place.owner())?;
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
    forward::get(forward, ask.headers).await
}

/// The client ends its session.
pub(crate) async fn end_session(ask: Ask<'_>, place: &Place) -> Result<Response, Failure> {
    let session = ask.session()?.ok_or(Failure::NoSession)?;
    if bridge::is_bridged(Some(&session)) {
        return Ok(Box::pin(bridge::end_session(&ask, place, &session)).await);
    }
    forward::delete(ask.shared, place, &session, ask.headers).await
}

/// "Taken": the answer to what is not answered.
pub(crate) fn accepted() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// The answer to a denied call.
pub(crate) fn denied(ask: &Ask<'_>, request: &Request<'_>, tool: &str, told: &Told) -> Response {
    json_answer(StatusCode::OK, denial(ask.era, request, tool, told))
}

/// The message that tells of a denied call. A hidden tool is answered as one that does not exist.
pub(crate) fn denial(era: Era, request: &Request<'_>, tool: &str, told: &Told) -> Bytes {
    if told.answer == Answer::UnknownTool {
        return no_such_tool(request, tool);
    }
    let outcome = if told.outcome == domain::Outcome::ApprovalRequired { "approval" } else { "deny" };
    let approval = told.approval.map(|id| id.to_string());
    let denial = mcp::DenialBody {
        text: &told.denial.text(),
        decision_id: &told.decision.to_string(),
        outcome,
        code: told.denial.code.as_str(),
        rule: &told.denial.rule,
        retry_after_ms: told.retry_after_ms,
        approval: approval.as_deref(),
    };
    mcp::denial_result(&request.id, era, denial)
}

/// The answer to a call of a tool that does not exist.
fn no_such_tool(request: &Request<'_>, tool: &str) -> Bytes {
    let named: String = tool.chars().take(NAME_CHARS).collect();
    mcp::unknown_tool(&request.id, &named)
}

/// What the client says it is, cut.
pub(crate) fn client(info: &ClientInfo<'_>) -> Client {
    let cut = |text: Option<&str>| text.unwrap_or_default().chars().take(CLIENT_CHARS).collect();
    Client { name: cut(info.name.as_deref()), version: cut(info.version.as_deref()) }
}

/// What a client of the `initialize` era can do, as it said in its greeting: a raw JSON object, short enough to be carried
/// in a session id. Of a longer one the parts that servers ask for are kept.
pub(crate) fn capabilities(request: &Request<'_>) -> String {
    let declared = request.params.as_ref().and_then(|params| params.capabilities()).unwrap_or("{}");
    if declared.len() <= CAPABILITIES_BYTES {
        return declared.to_owned();
    }
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(declared).unwrap_or_default();
    let kept = all.into_iter().filter(|(name, value)| {
        matches!(name.as_str(), "elicitation" | "sampling" | "roots")
            && value.to_string().len() <= CAPABILITIES_BYTES / 4
    });
    serde_json::Value::Object(kept.collect()).to_string()
}

/// Arguments that the tool's schema asks to be mirrored into headers must agree with them (2026-07-28
/// basic/transports/streamable-http "Custom Headers from Tool Parameters"). A hidden tool has no schema.
pub(crate) fn check_mirrored_arguments(ask: &Ask<'_>, place: &Place, call: &ToolCall<'_>) -> Result<(), Failure> {
    let mirrored = place.server.tools.get(call.tool).map_or(&[][..], |tool| &*tool.mirrored);
    if ask.era == Era::Initialize || mirrored.is_empty() || lists::visibility(place, call.tool) == Visibility::Hidden {
        return Ok(());
    }
    Ok(mcp::check_param_headers(&Headers(ask.headers), mirrored, call.arguments)?)
}
