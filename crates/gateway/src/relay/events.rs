//! An answer that is an event stream, and the server's own stream: passed on event by event as the bytes that came.
//!
//! Nothing passes that was not looked at: every payload is one JSON-RPC message that may go this way, lists of tools are
//! filtered on every stream, and what a stream breaks off with is told to the client that waits for an answer.

mod messages;
mod pieces;

use std::collections::VecDeque;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::Settlement;
use futures_util::stream;
use mcp::{Era, Frame, Method, Part, SseEvent, SseParser, SsePart};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Plain, large::Large, listen::Telling, through::Cut};
use crate::{
    answer::event_stream,
    ask::Asked,
    failure::{Failure, UpstreamFailure},
    forward::Forward,
    link::Replies,
    methods, rescue,
    standing::{self, Change, Standing},
};

/// After the answer the upstream has this long to end its stream, so that its connection can be used again.
const END_WITHIN: std::time::Duration = std::time::Duration::from_millis(500);
/// Up to this size an event is held and checked whole before a byte of it is passed on.
const WHOLE: usize = 64 << 10;

/// Relays a stream.
pub(super) async fn answer(forward: Forward, body: Plain) -> Response {
    let watched = forward.must_end_at().is_none();
    let account = &forward.place.caller.account;
    let standing = if watched { Some(Standing::since(&forward.shared, account).await) } else { None };
    let events = Events {
        parser: SseParser::splitting(WHOLE, forward.shared.config.limits.streamed_bytes),
        large: None,
        until: forward.must_end_at(),
        heard: Instant::now(),
        told: Instant::now(),
        checked: Instant::now(),
        out: VecDeque::new(),
        resumable: false,
        phase: Phase::Open,
        telling: Telling::on(&forward),
        replies: Replies::default(),
        standing,
        body,
        forward,
    };
    // Boxed, since most streams are silent and there may be thousands: what waits is to be small.
    event_stream(Body::from_stream(stream::unfold(Box::new(events), |mut events| async move {
        let bytes = events.next().await?;
        Some((bytes, events))
    })))
}

/// A stream on its way through.
struct Events {
    forward: Forward,
    body: Plain,
    parser: SseParser,
    /// The event that comes in pieces.
    large: Option<Large>,
    out: VecDeque<Bytes>,
    /// For the caller's standing, on streams without an end.
    standing: Option<Standing>,
    /// When the whole answer must have come.
    until: Option<Instant>,
    /// When the upstream last said something.
    heard: Instant,
    /// When the client was last told something.
    told: Instant,
    /// When the caller's standing was last looked at.
    checked: Instant,
    /// An event had an id, so the client can ask for what follows it.
    resumable: bool,
    phase: Phase,
    telling: Telling,
    replies: Replies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The answer has been passed on; only the end is waited for.
    Answered,
    /// Some of an event has passed whose rest does not: the connection must break.
    Broken,
    Over,
}

enum Heard {
    Bytes(Bytes),
    End,
    Failed(UpstreamFailure),
    Late,
    Silence,
    Changed,
    Closing,
}

impl Events {
    /// The next bytes for the client; none at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        loop {
            if let Some(bytes) = self.out.pop_front() {
                self.told = Instant::now();
                return Some(Ok(bytes));
            }
            match self.phase {
                Phase::Over => return None,
                Phase::Broken => {
                    self.phase = Phase::Over;
                    return Some(Err(Cut));
                }
                Phase::Answered => {
                    let _ended = timeout(END_WITHIN, Box::pin(self.drain())).await;
                    self.phase = Phase::Over;
                }
                Phase::Open => self.turn().await,
            }
        }
    }

    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.body.data().await {}
    }

    /// Waits for the next thing to happen and deals with it.
    async fn turn(&mut self) {
        let heard = self.listen().await;
        Box::pin(self.deal_with(heard)).await;
    }

    async fn deal_with(&mut self, heard: Heard) {
        match heard {
            Heard::Bytes(bytes) => {
                self.bytes(&bytes).await;
                if self.checked.elapsed() >= self.forward.shared.config.times.keep_alive {
                    self.look_again().await;
                }
            }
            Heard::End => self.ended("it ended without an answer").await,
            Heard::Failed(UpstreamFailure::Broken(why)) => self.ended(&why).await,
            Heard::Failed(failure) => self.fail(failure).await,
            Heard::Late => self.fail(UpstreamFailure::Late).await,
            Heard::Silence => {
                self.keep_alive();
                self.look_again().await;
            }
            Heard::Changed => self.look_again().await,
            Heard::Closing => self.ended("the gateway is closing").await,
        }
    }

    async fn listen(&mut self) -> Heard {
        let times = self.forward.shared.config.times;
        let late_at = self.until.map(|until| until.min(self.heard + times.upstream_silence));
        let late = async {
            match late_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let standing = &mut self.standing;
        let changed = async {
            match standing {
                Some(standing) => standing.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = changed => Heard::Changed,
            data = self.body.data() => match data {
                Some(Ok(data)) => Heard::Bytes(data),
                Some(Err(failure)) => Heard::Failed(failure),
                None => Heard::End,
            },
            () = late => Heard::Late,
            () = self.forward.shared.closing.cancelled(), if late_at.is_none() => Heard::Closing,
            () = sleep_until(self.told + times.keep_alive) => Heard::Silence,
        }
    }

    async fn bytes(&mut self, bytes: &Bytes) {
        self.heard = Instant::now();
        if let Some(settler) = &mut self.forward.settler {
            settler.received(bytes.len());
        }
        let parts = match self.parser.split(bytes) {
            Ok(parts) => parts,
            Err(error) => {
                let mcp::SseError::TooLarge { limit } = error;
                return self.fail(UpstreamFailure::TooLarge { limit }).await;
            }
        };
        for part in parts {
            if self.phase != Phase::Open {
                return;
            }
            match part {
                SsePart::Event(event) => self.event(event).await,
                SsePart::Piece(piece) => self.piece(piece).await,
            }
        }
    }

    async fn event(&mut self, event: SseEvent) {
        self.resumable |= event.id.as_ref().is_some_and(|id| !id.is_empty());
        let Some(payload) = event.payload().cloned() else {
            self.out.push_back(event.raw);
            return;
        };
        match mcp::frame(&payload) {
            Ok(Frame::Response(facts)) => self.response(event, &payload, &facts).await,
            Ok(Frame::Request { id, kind, method }) => self.request(event, &id, (kind, &method)).await,
            Ok(Frame::Notification { kind: Method::SubscriptionsAcknowledged, .. }) => {
                self.out.extend(self.telling.acknowledged(event, self.forward.id.as_ref()));
            }
            Ok(Frame::Notification { kind, .. }) => {
                if methods::passes_from_server(kind, &self.forward.place.server.settings) {
                    self.pass(event, Part::FromServer(kind)).await;
                }
            }
            Err(error) => self.fail(UpstreamFailure::Invalid(error.to_string())).await,
        }
    }

    /// The stream came to its end before an answer.
    async fn ended(&mut self, why: &str) {
        let waits = self.forward.id.is_some() && self.forward.kind != Method::SubscriptionsListen;
        // 2025-11-25 basic/transports: a server may end the stream and let the client ask for the rest by the last id.
        let resumes = self.resumable && self.forward.era == Era::Initialize;
        let cut = self.large.as_ref().is_some_and(Large::passes);
        if cut && !resumes {
            return self.cut(UpstreamFailure::Broken(why.to_owned())).await;
        }
        if waits && !resumes {
            return self.fail(UpstreamFailure::Broken(why.to_owned())).await;
        }
        if let Some(settler) = &mut self.forward.settler {
            settler.settle(Settlement::Broken).await;
        }
        self.phase = Phase::Over;
    }

    /// Tells a waiting client of a failure, and ends.
    async fn fail(&mut self, failure: UpstreamFailure) {
        if self.large.as_ref().is_some_and(Large::passes) {
            return self.cut(failure).await;
        }
        let failure = self.forward.fail(Failure::Upstream(failure)).await;
        if let Some(id) = &self.forward.id {
            let asked = Asked {
                id: Some(id.clone()),
                era: self.forward.era,
                kind: Some(self.forward.kind),
                ..Asked::default()
            };
            self.out.push_back(SseEvent::message(rescue::body(&failure, &asked)).raw);
        }
        self.phase = Phase::Over;
    }

    /// The caller may not have this stream any more: a subscription is told to be over.
    fn leave(&mut self) {
        if self.large.as_ref().is_some_and(Large::passes) {
            self.phase = Phase::Broken;
            return;
        }
        self.phase = Phase::Over;
        self.out.extend(self.forward.id.as_ref().map(|id| SseEvent::message(mcp::subscription_ended(id)).raw));
    }

    /// Whether the caller may still have this stream, and what it should know.
    async fn look_again(&mut self) {
        self.checked = Instant::now();
        if self.standing.is_none() {
            return;
        }
        match standing::refresh(&self.forward.shared, &mut self.forward.place).await {
            Change::None => {}
            Change::Gone | Change::Moved => self.leave(),
            Change::Tools => self.out.extend(self.telling.changed(self.forward.id.as_ref())),
        }
    }
}
