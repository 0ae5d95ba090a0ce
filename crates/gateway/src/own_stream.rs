//! A stream of the gateway's own: says when the tools have changed, and keeps the connection open. The account's URL has
//! no other; a server's URL has it where the server has none, so that a client hears of a changed policy all the same.

use std::{convert::Infallible, sync::Arc};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream as streams;
use mcp::{Id, SseEvent};
use tokio::time::sleep;

use crate::{
    answer::event_stream,
    pot::OpenStream,
    shared::Shared,
    standing::{Change, Standing, Watched},
};

/// What a stream of the gateway's own is for.
pub(crate) struct OwnStream {
    pub shared: Arc<Shared>,
    pub watched: Watched,
    /// In the stateless era: the request that it answers.
    pub subscription: Option<Id<'static>>,
    /// It is counted as long as it is open.
    pub open: Option<OpenStream>,
}

struct State {
    shared: Arc<Shared>,
    watched: Watched,
    subscription: Option<Id<'static>>,
    standing: Standing,
    phase: Phase,
    _open: Option<OpenStream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Begins,
    Open,
    Over,
}

impl OwnStream {
    /// Answers with it.
    pub(crate) async fn answer(self) -> Response {
        let Self { shared, watched, subscription, open } = self;
        let standing = Standing::since(&shared, watched.snapshot()).await;
        let state = State { shared, watched, subscription, standing, phase: Phase::Begins, _open: open };
        event_stream(Body::from_stream(streams::unfold(state, |mut state| async move {
            let message = state.next().await?;
            Some((Ok::<_, Infallible>(message), state))
        })))
    }
}

impl State {
    async fn next(&mut self) -> Option<Bytes> {
        if self.phase == Phase::Begins {
            self.phase = Phase::Open;
            if let Some(id) = &self.subscription {
                return Some(SseEvent::message(mcp::subscription_acknowledged(id)).raw);
            }
        }
        while self.phase == Phase::Open {
            let silent = tokio::select! {
                () = self.standing.changed() => false,
                () = self.shared.closing.cancelled() => return self.end(),
                () = sleep(self.shared.config.times.keep_alive) => true,
            };
            match self.watched.refresh(&self.shared).await {
                Change::Gone | Change::Moved => return self.end(),
                Change::Tools => {
                    return Some(SseEvent::message(mcp::tools_list_changed(self.subscription.as_ref())).raw);
                }
                Change::None if silent => return Some(SseEvent::keep_alive().raw),
                Change::None => {}
            }
        }
        None
    }

    fn end(&mut self) -> Option<Bytes> {
        self.phase = Phase::Over;
        let id = self.subscription.as_ref()?;
        Some(SseEvent::message(mcp::subscription_ended(id)).raw)
    }
}
