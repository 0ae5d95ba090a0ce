//! An answer that is one JSON message: taken in whole, so that it is known to be an answer before any of it is passed on.

use std::time::Duration;

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use mcp::{Frame, Method};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use super::{Plain, conclude, kept::Keeping, listen, promising};
use crate::{
    failure::{Failure, UpstreamFailure},
    forward::Forward,
    gateway::Shared,
    lists,
    rescue::json_answer,
};

/// Up to this size an answer is held without asking for room.
const SMALL: usize = 64 << 10;

/// A message that is held, with the room it takes.
pub(crate) struct Held {
    pub bytes: Bytes,
    room: Vec<OwnedSemaphorePermit>,
}

/// Relays it.
pub(super) async fn answer(mut forward: Forward, body: Plain) -> Result<Response, Failure> {
    let until = forward.must_end_at();
    let held = match collect(&forward.shared, body, until).await {
        Ok(held) => held,
        Err(failure) => return Err(forward.fail(failure.into()).await),
    };
    if let Some(own) = listen::instead(&mut forward, &held.bytes).await {
        return Ok(own);
    }
    match checked(&mut forward, held.bytes).await {
        Ok(bytes) => {
            let mut response = json_answer(StatusCode::OK, Bytes::new());
            *response.body_mut() = Body::new(Keeping::new(bytes, (held.room, forward.kept)));
            Ok(response)
        }
        Err(failure) => Err(forward.fail(failure.into()).await),
    }
}

/// The message, if it is the answer to the request; filtered, if it is a list of tools, whether one was asked for or
/// not: a server that matches answers by id alone can be brought to mix them up. Settles the call.
async fn checked(forward: &mut Forward, bytes: Bytes) -> Result<Bytes, UpstreamFailure> {
    let facts = match mcp::frame(&bytes) {
        Ok(Frame::Response(facts)) => facts,
        Ok(_) => return Err(UpstreamFailure::Invalid("it is not a response".to_owned())),
        Err(error) => return Err(UpstreamFailure::Invalid(error.to_string())),
    };
    if !forward.id.as_ref().is_some_and(|id| facts.answers(id)) {
        return Err(UpstreamFailure::Invalid("it answers another request".to_owned()));
    }
    if let Some(settler) = &mut forward.settler {
        settler.received(bytes.len());
    }
    conclude(forward, &facts, &bytes).await?;
    if forward.kind != Method::ToolsList && !facts.lists_tools() {
        return Ok(promising(forward, bytes));
    }
    lists::filtered(forward, bytes).await
}

/// Takes a whole body in, within its limits of size and time.
pub(crate) async fn collect(shared: &Shared, mut body: Plain, until: Option<Instant>) -> Result<Held, UpstreamFailure> {
    let limit = shared.config.limits.answer_bytes;
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    let mut room = Vec::new();
    while let Some(data) = next(&mut body, shared.config.times.upstream_silence, until).await? {
        let size = first.len() + more.len() + data.len();
        if size > limit {
            return Err(UpstreamFailure::TooLarge { limit });
        }
        if size > SMALL {
            let kib = u32::try_from(data.len().div_ceil(1 << 10)).unwrap_or(u32::MAX);
            room.push(shared.held.clone().try_acquire_many_owned(kib).map_err(|_| UpstreamFailure::NoRoom)?);
        }
        if first.is_empty() && more.is_empty() {
            first = data;
            continue;
        }
        more.extend_from_slice(&std::mem::take(&mut first));
        more.extend_from_slice(&data);
    }
    let bytes = if more.is_empty() { first } else { more.freeze() };
    Ok(Held { bytes, room })
}

/// The next bytes of a body; none at its end.
async fn next(body: &mut Plain, silence: Duration, until: Option<Instant>) -> Result<Option<Bytes>, UpstreamFailure> {
    let left = until.map_or(silence, |until| silence.min(until.saturating_duration_since(Instant::now())));
    let data = timeout(left, body.data()).await.map_err(|_| UpstreamFailure::Late)?;
    data.transpose()
}
