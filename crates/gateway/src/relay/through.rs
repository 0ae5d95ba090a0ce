//! A large answer that passes while it is read: never more of it is held than what is on its way to the client.
//!
//! Invariants: no byte passes before the bytes up to it were found to be the start of a response that holds no list of
//! tools; the last ones pass only when the whole is known to answer the request and the call is settled; an answer that
//! turns out to be none breaks the client's connection and never ends cleanly.

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::StatusCode;
use mcp::{AnswerEditor, Method};
use tokio::time::Instant;

use super::{Plain, conclude, json::next, passing::Passing};
use crate::{
    answer::json_answer,
    failure::UpstreamFailure,
    forward::{Face, Forward},
    names,
};

/// Most bytes of white space after a message.
const TAIL: usize = 4 << 10;

/// An answer on its way through.
pub(super) struct Through {
    forward: Forward,
    body: Plain,
    passing: Option<Passing>,
    /// When the whole must have come.
    until: Option<Instant>,
    /// What was taken in before.
    first: Option<Bytes>,
    /// Bytes so far.
    size: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Over,
}

/// An answer broke off after some of it had passed.
#[derive(Debug, thiserror::Error)]
#[error("the server's answer broke off")]
pub(crate) struct Cut;

/// Begins with an answer whose start is here, if the rest may pass unheld: one for which nothing has to be edited that
/// only the whole tells, and no more has to be known to tell its call's next round.
pub(super) fn begin(forward: &Forward, start: &Bytes) -> Option<(Passing, Bytes)> {
    let (passing, first) = Passing::begin(start, editor(forward)?)?;
    (!passing.is_over()).then_some((passing, first))
}

/// What is edited of an answer that passes; none if that cannot be done while it does.
pub(super) fn editor(forward: &Forward) -> Option<Option<AnswerEditor>> {
    let asked = forward.kind;
    let whole =
        matches!(asked, Method::Initialize | Method::Discover | Method::ToolsList | Method::SubscriptionsListen);
    match forward.face {
        _ if whole => None,
        Face::Server => Some(None),
        Face::Account => Some(Some(names::passing(AnswerEditor::default(), &forward.place.server.slug, asked))),
    }
}

impl Through {
    /// An answer whose start was taken in and read.
    pub(super) fn new(forward: Forward, body: Plain, passing: Passing, until: Option<Instant>) -> Self {
        Self { forward, body, passing: Some(passing), until, first: None, size: 0, phase: Phase::Open }
    }

    /// Relays it: what goes on of the start, which had so many bytes, and the rest as it comes.
    pub(super) fn answer(mut self, first: Bytes, size: usize) -> Response {
        self.count(size);
        self.first = Some(first);
        let passing = stream::unfold(self, |mut through| async move {
            let bytes = through.next().await?;
            Some((bytes, through))
        });
        let mut response = json_answer(StatusCode::OK, Bytes::new());
        *response.body_mut() = Body::from_stream(passing);
        response
    }

    /// The next bytes for the client; none at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.phase == Phase::Over {
            return None;
        }
        match self.pass().await {
            Ok(bytes) => Some(Ok(bytes)),
            Err(failure) => {
                self.phase = Phase::Over;
                Some(Err(cut(&mut self.forward, failure).await))
            }
        }
    }

    /// The next bytes that may pass. The last ones wait until the body has ended and the call is settled.
    async fn pass(&mut self) -> Result<Bytes, UpstreamFailure> {
        let too_early = || UpstreamFailure::Broken("it ended too early".to_owned());
        let bytes = loop {
            let bytes = self.take().await?.ok_or_else(too_early)?;
            match self.passing.as_ref().is_some_and(Passing::is_over) {
                true => break bytes,
                false if bytes.is_empty() => {}
                false => return Ok(bytes),
            }
        };
        let whole = self.size;
        let mut last = BytesMut::from(bytes);
        while let Some(tail) = self.take().await? {
            if self.size > whole + TAIL {
                return Err(UpstreamFailure::Invalid("too much follows it".to_owned()));
            }
            last.extend_from_slice(&tail);
        }
        let passing = self.passing.take().ok_or_else(too_early)?;
        let facts = passing.finish(self.forward.id.as_ref())?;
        conclude(&mut self.forward, &facts, &Bytes::new()).await?;
        self.phase = Phase::Over;
        Ok(last.freeze())
    }

    async fn take(&mut self) -> Result<Option<Bytes>, UpstreamFailure> {
        let (silence, limit) = {
            let config = &self.forward.shared.config;
            (config.times.upstream_silence, config.limits.streamed_bytes)
        };
        let Some(bytes) = next(&mut self.body, silence, self.until).await? else { return Ok(None) };
        self.count(bytes.len());
        if self.size > limit {
            return Err(UpstreamFailure::TooLarge { limit });
        }
        self.passing.as_mut().map(|passing| passing.read(&bytes)).transpose()
    }

    fn count(&mut self, bytes: usize) {
        self.size += bytes;
        if let Some(settler) = &mut self.forward.settler {
            settler.received(bytes);
        }
    }
}

/// An answer fails of which some has passed: its call is settled, and the client's connection breaks.
pub(super) async fn cut(forward: &mut Forward, failure: UpstreamFailure) -> Cut {
    let failure = forward.fail(failure.into()).await;
    tracing::info!(reason = failure.reason(), error = %failure, "a large answer was cut off");
    Cut
}
