//! The message: its bytes within the limits, read strictly, its headers agreeing with it.

use axum::body::Body;
use bytes::Bytes;
use domain::AccountId;
use http::{HeaderMap, header};
use mcp::{Era, HeaderView, Message, ReadLimits};

use crate::{
    ask::{Asked, Pages},
    connect,
    failure::Failure,
    shared::Shared,
    space::Space,
};

/// Most nesting of a message (POLICY.md §2).
const MAX_DEPTH: usize = 64;

/// HTTP headers as the header rules look at them.
#[derive(Debug)]
pub(crate) struct Headers<'a>(pub &'a HeaderMap);

impl HeaderView for Headers<'_> {
    fn values<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.0.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }
}

/// Takes the body of a message in, within its limits of size and time. A large one takes room as long as any of it is kept.
pub(crate) async fn body(
    shared: &Shared,
    account: AccountId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Failure> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(is_json) && types.next().is_none();
    let plain = headers.get_all(header::CONTENT_ENCODING).iter().all(|value| value == "identity");
    if !json || !plain {
        return Err(Failure::MediaType);
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let limit = shared.config.limits.request_bytes;
    if announced.is_some_and(|announced| announced > limit) {
        return Err(Failure::TooLarge { limit });
    }
    let taking = Space::new(&shared.asked, account).fill(body, limit);
    let body = tokio::time::timeout(shared.config.times.request_body, taking).await;
    Ok(body.unwrap_or(Err(Failure::BodyLate))?.into_bytes())
}

/// Reads the message and checks the headers that mirror it. What was found out by then is left in `asked`.
pub(crate) fn message<'a>(bytes: &'a Bytes, headers: &HeaderMap, asked: &mut Asked) -> Result<Message<'a>, Failure> {
    let limits = ReadLimits { max_bytes: bytes.len(), max_depth: MAX_DEPTH };
    let message = mcp::read_with(bytes, limits)?;
    asked.era = mcp::era(&message, &Headers(headers));
    if let Message::Request(request) = &message {
        asked.id = Some(request.id.clone().into_owned());
        asked.kind = Some(request.kind);
        if asked.pages == Pages::No && asked.era == Era::Stateless {
            asked.pages = connect::pages(request);
        }
    }
    mcp::check_headers(&Headers(headers), &message)?;
    removed_method(&message, asked.era)?;
    Ok(message)
}

/// A request without a message opens a stream or ends a session, and the stateless era has neither (2026-07-28
/// basic/transports/streamable-http "Earlier revisions").
pub(crate) fn no_message(headers: &HeaderMap, asked: &mut Asked) -> Result<(), Failure> {
    asked.era = mcp::era_without_message(&Headers(headers))?;
    if asked.era == Era::Stateless { Err(Failure::HttpMethod) } else { Ok(()) }
}

/// Reads the message; of one that answers a question of the gateway's own, what was first sent, which is kept in `edited`.
pub(crate) fn first_sent<'a>(
    (bytes, edited): (&'a Bytes, &'a mut Option<Bytes>),
    headers: &HeaderMap,
    asked: &mut Asked,
) -> Result<(Message<'a>, &'a Bytes), Failure> {
    let read = message(bytes, headers, asked)?;
    let Some(first) = connect::as_first_sent(&read, asked) else { return Ok((read, bytes)) };
    let first = &*edited.insert(first);
    Ok((message(first, headers, asked)?, first))
}

/// Refuses what 2026-07-28 has removed: to that version it is an unknown method, whatever its parameters are (changelog).
fn removed_method(message: &Message<'_>, era: Era) -> Result<(), Failure> {
    match message {
        Message::Request(request) if era == Era::Stateless && !request.kind.exists_in(era) => {
            Err(Failure::method(&request.method))
        }
        _ => Ok(()),
    }
}

/// `application/json`, with or without parameters.
fn is_json(media_type: &str) -> bool {
    media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
