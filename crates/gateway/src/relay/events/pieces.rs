//! Events that come in pieces, and what becomes of a stream some of whose event has passed.

use bytes::Bytes;
use mcp::{SseEvent, SsePiece};
use tokio::time::Instant;

use super::{Events, Phase};
use crate::{
    failure::UpstreamFailure,
    relay::{
        conclude,
        large::{Large, Passed},
        passing::Passing,
        through,
    },
};

impl Events {
    /// The next piece of a large event.
    pub(super) async fn piece(&mut self, piece: SsePiece) {
        let passed = self.large.get_or_insert_default().goes_on(piece, &self.forward);
        match passed {
            Ok(Passed::Some(bytes)) => self.out.push_back(bytes),
            Ok(Passed::Nothing) => {}
            Ok(Passed::Held(event, held)) => {
                self.large = None;
                let waiting = self.out.len();
                self.event(event).await;
                // What goes on of it takes its room.
                if let Some(bytes) = self.out.get_mut(waiting) {
                    *bytes = held.edited(std::mem::take(bytes)).into_bytes();
                }
            }
            Ok(Passed::Last(bytes, passing)) => self.last(bytes, passing).await,
            Err(failure) => self.fail(failure).await,
        }
    }

    /// The end of the answer: it passes if the whole turns out to be what was waited for.
    async fn last(&mut self, bytes: Bytes, passing: Passing) {
        let waited_for = self.forward.id.clone();
        let concluded = match passing.finish(waited_for.as_ref()) {
            Ok(facts) => conclude(&mut self.forward, &facts, &Bytes::new()).await,
            Err(failure) => Err(failure),
        };
        match concluded {
            Ok(()) => {
                self.large = None;
                self.out.push_back(bytes);
                if waited_for.is_some() {
                    self.phase = Phase::Answered;
                }
            }
            Err(failure) => self.cut(failure).await,
        }
    }

    /// Some of the answer has passed, and the rest cannot.
    pub(super) async fn cut(&mut self, failure: UpstreamFailure) {
        through::cut(&mut self.forward, failure).await;
        self.phase = Phase::Broken;
    }

    /// A comment, unless it would fall into the middle of an event.
    pub(super) fn keep_alive(&mut self) {
        self.told = Instant::now();
        if !self.large.as_ref().is_some_and(Large::passes) {
            self.out.push_back(SseEvent::keep_alive().raw);
        }
    }
}
