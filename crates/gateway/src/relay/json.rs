//! An answer that is one JSON message: taken in whole, so that it is known to be an answer before any of it is passed on;
//! a large one that needs no edit passes while it is read.

use std::time::Duration;

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use mcp::{Frame, Method, Part, ResponseKind};
use tokio::time::{Instant, timeout};

use super::{
    Plain, Says, conclude, filtered, greeted,
    kept::Keeping,
    listen,
    passing::Passing,
    through::{self, Through},
};
use crate::{
    answer::json_answer,
    failure::{Failure, UpstreamFailure},
    forward::Forward,
    shared::Shared,
    space::{Held, Space},
};

/// Up to this size an answer is held and checked whole before a byte of it is passed on.
const WHOLE: usize = 256 << 10;

/// A body that is being taken in.
struct Taking {
    body: Plain,
    until: Option<Instant>,
    first: Bytes,
    more: BytesMut,
    space: Space,
}

/// Whether there is more to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Some,
    None,
}

/// Relays it.
pub(super) async fn answer(mut forward: Forward, body: Plain) -> Result<Response, Failure> {
    let mut taking = Taking::new(body, forward.must_end_at());
    let whole = match taking.take_up_to(WHOLE, &forward.shared).await {
        Ok(Rest::None) => Ok(()),
        Ok(Rest::Some) => match through::begin(&forward, &taking.start()) {
            Some(begun) => return Ok(taking.through(forward, begun)),
            None => taking.take_all(&forward.shared).await,
        },
        Err(failure) => Err(failure),
    };
    if let Err(failure) = whole {
        return Err(forward.fail(failure.into()).await);
    }
    let held = taking.held();
    if let Some(own) = listen::instead(&mut forward, &held.bytes).await {
        return Ok(own);
    }
    let (mut forward, checked) = if held.bytes.len() <= WHOLE {
        let checked = checked(&mut forward, held.bytes.clone()).await;
        (forward, checked)
    } else {
        Box::pin(checked_in_turn(forward, held.bytes.clone())).await
    };
    match checked {
        Ok((bytes, says)) => {
            let mut response = json_answer(StatusCode::OK, Bytes::new());
            response.extensions_mut().insert(says);
            *response.body_mut() = Body::new(Keeping::new(held.edited(bytes).into_bytes(), forward.kept));
            Ok(response)
        }
        Err(failure) => Err(forward.fail(failure.into()).await),
    }
}

/// Checks a long message, which takes a processor for a while, off the async threads, when the account's turn comes.
async fn checked_in_turn(mut forward: Forward, bytes: Bytes) -> (Forward, Result<(Bytes, Says), UpstreamFailure>) {
    let Ok(turn) = forward.shared.checking.next(forward.place.caller.account.id).await else {
        return (forward, Err(UpstreamFailure::NoRoom));
    };
    let runtime = tokio::runtime::Handle::current();
    turn.work(move || {
        let checked = runtime.block_on(checked(&mut forward, bytes));
        (forward, checked)
    })
    .await
}

/// The message, if it is the answer to the request; filtered, if it is a list of tools, whether one was asked for or
/// not: a server that matches answers by id alone can be brought to mix them up. Settles the call.
async fn checked(forward: &mut Forward, bytes: Bytes) -> Result<(Bytes, Says), UpstreamFailure> {
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
    let says = if matches!(facts.kind, ResponseKind::Error { .. }) { Says::Error } else { Says::Result };
    let bytes = if forward.kind != Method::ToolsList && !facts.lists_tools() {
        greeted(forward, bytes)
    } else {
        Box::pin(filtered(forward, bytes)).await?
    };
    Ok((forward.named(Part::Answer(forward.kind), bytes)?, says))
}

/// What has come of a body.
pub(crate) enum Taken {
    /// All of it.
    Whole(Held),
    /// So much that the rest is to pass, if it may.
    Start(Bytes, Box<Plain>),
}

/// Takes a body in, up to the size at which it is to pass.
pub(crate) async fn take(shared: &Shared, body: Plain, until: Option<Instant>) -> Result<Taken, UpstreamFailure> {
    let mut taking = Taking::new(body, until);
    Ok(match taking.take_up_to(WHOLE, shared).await? {
        Rest::None => Taken::Whole(taking.held()),
        Rest::Some => Taken::Start(taking.start(), Box::new(taking.body)),
    })
}

/// Takes a whole body in of at most so many bytes, within its time. Of a longer one no more is read.
pub(crate) async fn collect_up_to(
    limit: usize,
    shared: &Shared,
    body: Plain,
    until: Option<Instant>,
) -> Result<Held, UpstreamFailure> {
    let mut taking = Taking::new(body, until);
    match taking.take_up_to(limit, shared).await? {
        Rest::None => Ok(taking.held()),
        Rest::Some => Err(UpstreamFailure::TooLarge { limit }),
    }
}

impl Taking {
    fn new(body: Plain, until: Option<Instant>) -> Self {
        let space = body.space();
        Self { body, until, first: Bytes::new(), more: BytesMut::new(), space }
    }

    /// Takes what comes until it is more than so many bytes.
    async fn take_up_to(&mut self, bytes: usize, shared: &Shared) -> Result<Rest, UpstreamFailure> {
        while self.so_far().len() <= bytes {
            if self.take(shared).await? == Rest::None {
                return Ok(Rest::None);
            }
        }
        Ok(Rest::Some)
    }

    async fn take_all(&mut self, shared: &Shared) -> Result<(), UpstreamFailure> {
        while self.take(shared).await? == Rest::Some {}
        Ok(())
    }

    /// Takes what comes next.
    async fn take(&mut self, shared: &Shared) -> Result<Rest, UpstreamFailure> {
        let Some(data) = next(&mut self.body, shared.config.times.upstream_silence, self.until).await? else {
            return Ok(Rest::None);
        };
        let (limit, size) = (shared.config.limits.answer_bytes, self.so_far().len() + data.len());
        if size > limit {
            return Err(UpstreamFailure::TooLarge { limit });
        }
        self.space.hold(size)?;
        if self.so_far().is_empty() {
            self.first = data;
        } else {
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
            self.more.extend_from_slice(&data);
        }
        Ok(Rest::Some)
    }

    fn so_far(&self) -> &[u8] {
        if self.more.is_empty() { &self.first } else { &self.more }
    }

    fn held(self) -> Held {
        let bytes = if self.more.is_empty() { self.first } else { self.more.freeze() };
        Held::new(bytes, self.space)
    }

    /// What is here.
    fn start(&mut self) -> Bytes {
        if !self.more.is_empty() {
            self.first = std::mem::take(&mut self.more).freeze();
        }
        self.first.clone()
    }

    /// The rest is not taken in but passed on.
    fn through(self, forward: Forward, (passing, first): (Passing, Bytes)) -> Response {
        let size = self.so_far().len();
        Through::new(forward, self.body, passing, self.until).answer(first, size)
    }
}

/// The next bytes of a body; none at its end.
pub(super) async fn next(
    body: &mut Plain,
    silence: Duration,
    until: Option<Instant>,
) -> Result<Option<Bytes>, UpstreamFailure> {
    let left = until.map_or(silence, |until| silence.min(until.saturating_duration_since(Instant::now())));
    let data = timeout(left, body.data()).await.map_err(|_| UpstreamFailure::Late)?;
    data.transpose()
}
