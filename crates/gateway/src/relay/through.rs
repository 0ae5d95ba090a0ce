//! A large answer that passes while it is read: never more of it is held than what is on its way to the client.
//!
//! Invariants: no byte passes before the bytes up to it were found to be the start of a response that holds no list of
//! tools; the last ones pass only when the whole is known to answer the request and the call is settled; an answer that
//! turns out to be none breaks the client's connection and never ends cleanly.

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::StatusCode;
use mcp::{Frame, FrameScanner, Method, ResponseFacts};
use tokio::time::Instant;

use super::{Plain, conclude, json::next};
use crate::{
    failure::UpstreamFailure,
    forward::{Face, Forward},
    rescue::json_answer,
};

/// Most bytes of white space after a message.
const TAIL: usize = 4 << 10;

/// An answer on its way through.
pub(super) struct Through {
    forward: Forward,
    body: Plain,
    scanner: FrameScanner,
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
pub(super) struct Cut;

/// A scanner that has read the start of an answer, if the rest may pass unheld: a response for which nothing has to be
/// edited, and no more has to be known to tell its call's next round.
pub(super) fn scanner(forward: &Forward, start: &[u8]) -> Option<FrameScanner> {
    let asked = forward.kind;
    let edited =
        matches!(asked, Method::Initialize | Method::Discover | Method::ToolsList | Method::SubscriptionsListen);
    // On the account's URL every answer may hold names to rewrite.
    if edited || forward.face == Face::Account {
        return None;
    }
    let mut scanner = FrameScanner::default();
    scanner.push(start).ok()?;
    (may_pass(&scanner) && !scanner.is_over()).then_some(scanner)
}

/// Whether what was read so far may go on to a client that asked for no list.
pub(super) fn may_pass(scanner: &FrameScanner) -> bool {
    scanner.responds() && !scanner.lists_tools() && !scanner.wants_input()
}

/// The facts of an answer that has wholly come, if it answers the request.
pub(super) fn finished(scanner: FrameScanner, forward: &Forward) -> Result<ResponseFacts<'static>, UpstreamFailure> {
    match scanner.finish() {
        Ok(Frame::Response(facts)) if forward.id.as_ref().is_some_and(|id| facts.answers(id)) => Ok(facts),
        Ok(_) => Err(UpstreamFailure::Invalid("it answers another request".to_owned())),
        Err(error) => Err(UpstreamFailure::Invalid(error.to_string())),
    }
}

/// Reads on, as long as what came may pass.
pub(super) fn read(scanner: &mut FrameScanner, bytes: &[u8]) -> Result<(), UpstreamFailure> {
    scanner.push(bytes).map_err(|error| UpstreamFailure::Invalid(error.to_string()))?;
    match scanner.lists_tools() || !scanner.responds() {
        true => Err(UpstreamFailure::Invalid("it holds a list of tools where none was asked for".to_owned())),
        false => Ok(()),
    }
}

impl Through {
    /// An answer whose start was taken in and read.
    pub(super) fn new(forward: Forward, body: Plain, scanner: FrameScanner, until: Option<Instant>) -> Self {
        Self { forward, body, scanner, until, first: None, size: 0, phase: Phase::Open }
    }

    /// Relays it: what was taken in, and the rest as it comes.
    pub(super) fn answer(mut self, start: Bytes) -> Response {
        self.count(start.len());
        self.first = Some(start);
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
        let bytes = self.take().await?.ok_or_else(too_early)?;
        if !self.scanner.is_over() {
            return Ok(bytes);
        }
        let whole = self.size;
        let mut last = BytesMut::from(bytes);
        while let Some(tail) = self.take().await? {
            if self.size > whole + TAIL {
                return Err(UpstreamFailure::Invalid("too much follows it".to_owned()));
            }
            last.extend_from_slice(&tail);
        }
        let facts = finished(std::mem::take(&mut self.scanner), &self.forward)?;
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
        read(&mut self.scanner, &bytes)?;
        Ok(Some(bytes))
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
