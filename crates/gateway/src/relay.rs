//! The answer on its way back: looked at, edited only where policy asks for it, passed on as it is otherwise.

mod coded;
mod events;
mod json;
mod kept;
mod large;
mod listen;
mod passing;
mod through;

pub(crate) use coded::Plain;
pub(crate) use json::{Taken, collect_up_to, take};
pub(crate) use passing::Passing;
pub(crate) use through::Cut;

use axum::response::Response;
use bytes::Bytes;
use domain::Settlement;
use http::{HeaderMap, HeaderValue, Method as HttpMethod, StatusCode, header, response::Parts};
use hyper::body::Incoming;
use mcp::{Era, Frame, Id, Method, Part, ResponseFacts, ResponseKind};

use crate::{
    answer::json_answer,
    failure::{Failure, UpstreamFailure},
    forward::{self, Face, Forward},
    greeting,
    link::Link,
    lists,
    session::{self, SESSION_HEADER, Session},
    words,
};

/// What an upstream's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Events,
    Other,
}

/// What an answer is that is one JSON message; an extension of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Result,
    Error,
}

/// Sends a request and relays the answer.
pub(crate) async fn post(mut forward: Forward, client: &HeaderMap) -> Result<Response, Failure> {
    match forward::send(&mut forward, HttpMethod::POST, client).await {
        Ok((link, response)) => answer(forward, &link, response).await,
        Err(failure) => Err(forward.fail(failure).await),
    }
}

/// Opens the server's own stream and relays it.
pub(crate) async fn get(mut forward: Forward, client: &HeaderMap) -> Result<Response, Failure> {
    match forward::send(&mut forward, HttpMethod::GET, client).await {
        Ok((_, response)) => stream(forward, response).await,
        Err(failure) => Err(forward.fail(failure).await),
    }
}

/// Relays the answer to a request.
pub(crate) async fn answer(
    mut forward: Forward,
    link: &Link,
    response: http::Response<Incoming>,
) -> Result<Response, Failure> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Box::pin(unsuccessful(forward, head, body)).await;
    }
    let session = match session_for_client(&forward, link, &head.headers) {
        Ok(session) => session,
        Err(failure) => return Err(forward.fail(failure.into()).await),
    };
    let body = match Plain::new(&forward.shared, &forward.place.server, &head.headers, body) {
        Ok(body) => body,
        Err(failure) => return Err(forward.fail(failure.into()).await),
    };
    let relayed = match Media::of(&head.headers) {
        Media::Json => json::answer(forward, body).await,
        Media::Events => Ok(Box::pin(events::answer(forward, body)).await),
        Media::Other => Err(forward.fail(no_media(head.status).into()).await),
    };
    relayed.map(|mut response| {
        if let Some(session) = session {
            response.headers_mut().insert(SESSION_HEADER, session);
        }
        response
    })
}

/// Relays an error status, or what is answered in its place.
async fn unsuccessful(mut forward: Forward, head: Parts, body: Incoming) -> Result<Response, Failure> {
    let start = coded::start(&head.headers, &words::start_of(body).await);
    if let Some(own) = listen::instead(&mut forward, &start).await {
        return Ok(own);
    }
    match error_status(&forward, head.status, &head.headers, &start) {
        Ok((settlement, answer)) => {
            if let Some(settler) = &mut forward.settler {
                settler.settle(settlement).await;
            }
            Ok(answer)
        }
        Err(failure) => Err(forward.fail(failure).await),
    }
}

async fn stream(mut forward: Forward, response: http::Response<Incoming>) -> Result<Response, Failure> {
    let (head, body) = response.into_parts();
    match (head.status, Media::of(&head.headers)) {
        (status, Media::Events) if status.is_success() => {
            let body = Plain::new(&forward.shared, &forward.place.server, &head.headers, body)?;
            Ok(events::answer(forward, body).await)
        }
        (StatusCode::METHOD_NOT_ALLOWED, _) if forward.era == Era::Initialize => Ok(listen::own(&mut forward).await),
        (StatusCode::METHOD_NOT_ALLOWED, _) => Err(Failure::HttpMethod),
        (StatusCode::NOT_FOUND, _) if forward.session.is_some() => Err(Failure::NoSession),
        (status, _) => Err(Failure::status(status, words::of_body(body).await)),
    }
}

impl Media {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json,
            "text/event-stream" => Self::Events,
            _ => Self::Other,
        }
    }
}

/// Why an answer cannot be read that is of another kind.
pub(crate) fn no_media(status: StatusCode) -> UpstreamFailure {
    UpstreamFailure::Invalid(format!("HTTP {} without JSON or an event stream", status.as_u16()))
}

/// An error status of the upstream. A JSON-RPC error in it is the server's answer and is passed on; its status only where
/// the protocol gives it a meaning and a client cannot take it for ours.
fn error_status(
    forward: &Forward,
    status: StatusCode,
    headers: &HeaderMap,
    start: &Bytes,
) -> Result<(Settlement, Response), Failure> {
    if status == StatusCode::NOT_FOUND && forward.era == Era::Initialize && forward.session.is_some() {
        return Err(Failure::NoSession);
    }
    let media = Media::of(headers);
    let ours_to_answer = matches!(status.as_u16(), 300..=399 | 401..=403 | 407 | 429 | 500..);
    if !ours_to_answer
        && media == Media::Json
        && let Some(id) = &forward.id
        && let Some(answer) = json_rpc_error(start, id)
    {
        let answer = forward.named(Part::Answer(forward.kind), answer)?;
        let passed_on = match status {
            StatusCode::NOT_FOUND if forward.era == Era::Initialize => StatusCode::OK,
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => status,
            _ => StatusCode::OK,
        };
        return Ok((Settlement::Error, json_answer(passed_on, answer)));
    }
    Err(Failure::status(status, words::of_bytes(start)))
}

/// A JSON-RPC error as an answer to this very request: as it is if it names the request, with its id put right if the
/// server did not say which request it means.
fn json_rpc_error(body: &[u8], id: &Id<'_>) -> Option<Bytes> {
    let Ok(Frame::Response(ResponseFacts { kind: ResponseKind::Error { code }, id: named })) = mcp::frame(body) else {
        return None;
    };
    if named.is_some_and(|named| id.matches(&named)) {
        return Some(Bytes::copy_from_slice(body));
    }
    let message: serde_json::Value = serde_json::from_slice(body).ok()?;
    let error = message.get("error")?;
    let text = error.get("message").and_then(serde_json::Value::as_str).unwrap_or_default();
    Some(mcp::error_response(Some(id), code, text, error.get("data")))
}

/// The session id to tell the client, when the upstream tells one: the client's own as long as the session is the same.
fn session_for_client(
    forward: &Forward,
    link: &Link,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, UpstreamFailure> {
    let sessions_are_the_clients = forward.era == Era::Initialize && forward.face == Face::Server;
    let Some(upstream) = sessions_are_the_clients.then(|| session::told(headers)).transpose()?.flatten() else {
        return Ok(None);
    };
    let text = match &forward.session {
        Some(known) if known.session.upstream == upstream => known.text.clone(),
        _ => {
            let session = Session {
                upstream: upstream.to_owned(),
                instance: link.instance().map(str::to_owned),
                client: forward.client.clone(),
                capabilities: None,
                home: None,
                reach: Some(forward.place.server.reach()),
            };
            forward.shared.sessions.seal(forward.place.owner(), &session)
        }
    };
    let value = HeaderValue::from_str(&text);
    value.map(Some).map_err(|_| UpstreamFailure::Invalid("its session id cannot be told".to_owned()))
}

/// The answer to a request is here: the call is settled by it, and its next round, if it asks for one, is opened.
async fn conclude(forward: &mut Forward, facts: &ResponseFacts<'_>, answer: &Bytes) -> Result<(), UpstreamFailure> {
    if facts.wants_input() && forward.kind == Method::ToolsCall {
        if forward.face == Face::Account && forward.era == Era::Initialize {
            let words = "it asks for input, which only the server's own URL can carry".to_owned();
            return Err(UpstreamFailure::Invalid(words));
        }
        open_round(forward, answer);
    }
    if let Some(settler) = &mut forward.settler {
        settler.settle(settlement_of(facts)).await;
    }
    Ok(())
}

/// A call was answered with `input_required`: its next round is open.
fn open_round(forward: &Forward, answer: &Bytes) {
    let state = mcp::request_state(answer).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
    let approved = forward.settler.as_ref().and_then(|settler| settler.approved());
    forward.shared.rounds.open(forward.place.owner(), &forward.bytes, approved, &state);
}

/// An answer that holds a list of tools, for the caller. One that cannot be read without doubt does not pass.
async fn filtered(forward: &Forward, message: Bytes) -> Result<Bytes, UpstreamFailure> {
    if forward.kind == Method::ToolsList {
        forward.shared.seen.note_list(&forward.shared, &forward.place, (forward.page, &message)).await;
    }
    lists::filter(&forward.place, forward.era, &message).map_err(|error| UpstreamFailure::Invalid(error.to_string()))
}

/// The answer to a greeting says what holds at the server's URL.
fn greeted(forward: &Forward, answer: Bytes) -> Bytes {
    match forward.kind {
        Method::Initialize | Method::Discover => greeting::honest(&forward.place.server.settings, answer),
        _ => answer,
    }
}

/// How a call ends that was answered so.
pub(crate) fn settlement_of(facts: &ResponseFacts<'_>) -> Settlement {
    match facts.kind {
        ResponseKind::Error { .. } => Settlement::Error,
        ResponseKind::Result { is_error: true, .. } => Settlement::IsError,
        ResponseKind::Result { .. } => Settlement::Ok,
    }
}
