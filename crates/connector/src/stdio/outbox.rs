//! What is on its way to the clients of one process, in order. A client that does not read holds up that process for a
//! limited time, and nothing else.

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::exchange::{Outgoing, Stream};

/// Messages and answers that have a stream but have not got onto it.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: VecDeque<Delivery>,
    patience: Duration,
}

#[derive(Debug)]
struct Delivery {
    stream: Stream,
    what: Outgoing,
    due: Instant,
}

/// What became of the first delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    /// Its stream has room.
    Yes,
    /// Its client has left.
    Gone,
    /// Its client did not read in time.
    TooSlow,
}

impl Outbox {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { waiting: VecDeque::new(), patience }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, stream: Stream, what: Outgoing, now: Instant) {
        self.waiting.push_back(Delivery { stream, what, due: now + self.patience });
    }

    /// Waits until something can be done about the first delivery. Can be cancelled without loss.
    pub(crate) async fn room(&self) -> Room {
        let Some(first) = self.waiting.front() else { return std::future::pending().await };
        match timeout_at(first.due, first.stream.reserve()).await {
            Ok(Ok(_permit)) => Room::Yes,
            Ok(Err(_closed)) => Room::Gone,
            Err(_elapsed) => Room::TooSlow,
        }
    }

    /// Does what [`Self::room`] said; gives the stream that must be cut.
    pub(crate) fn deliver(&mut self, room: Room) -> Option<Stream> {
        let first = self.waiting.pop_front()?;
        match room {
            Room::Gone => None,
            // There was room a moment ago and nobody else sends, so a failure means that the client has left.
            Room::Yes => {
                let _left = first.stream.try_send(first.what);
                None
            }
            Room::TooSlow => {
                self.waiting.retain(|other| !other.stream.same_channel(&first.stream));
                Some(first.stream)
            }
        }
    }

    /// The last chance: whatever there is room for.
    pub(crate) fn flush(&mut self) {
        for delivery in self.waiting.drain(..) {
            let _full_or_gone = delivery.stream.try_send(delivery.what);
        }
    }
}
