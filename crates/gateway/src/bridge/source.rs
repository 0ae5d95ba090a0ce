//! Where the messages that answer a request come from.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use mcp::{SseEvent, SseParser};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::{failure::UpstreamFailure, relay::Plain};

/// A reconnection is waited for at least this long, and at most the other, whatever the server says.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(30));

/// A source of messages.
pub(crate) enum Source {
    /// One message, with the room it takes.
    Whole(Option<Bytes>, Vec<OwnedSemaphorePermit>),
    /// An event stream.
    Events(Box<Events>),
    /// A part of a stream that is shared.
    Line(mpsc::Receiver<Bytes>),
}

/// An event stream, and how to go on where it ends.
pub(crate) struct Events {
    body: Plain,
    parser: SseParser,
    waiting: VecDeque<Bytes>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Source {
    pub(crate) fn events(body: Plain, max_event_bytes: usize) -> Self {
        Self::Events(Box::new(Events {
            body,
            parser: SseParser::new(max_event_bytes),
            waiting: VecDeque::new(),
            last_id: None,
            retry: None,
        }))
    }

    /// The next message; none at the end. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, UpstreamFailure> {
        match self {
            Self::Whole(message, _) => Ok(message.take()),
            Self::Events(events) => events.next().await,
            Self::Line(line) => Ok(line.recv().await),
        }
    }

    /// Where and when the stream can be taken up again, if it can (2025-11-25 basic/transports "Resumability").
    pub(crate) fn resumption(&self) -> Option<(String, Duration)> {
        let Self::Events(events) = self else { return None };
        let id = events.last_id.clone().filter(|id| !id.is_empty())?;
        Some((id, events.retry.unwrap_or(RETRY.0).clamp(RETRY.0, RETRY.1)))
    }
}

impl Events {
    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamFailure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(Some(message));
            }
            let Some(data) = self.body.data().await else { return Ok(None) };
            let events = self.parser.push(&data?).map_err(|error| {
                let mcp::SseError::TooLarge { limit } = error;
                UpstreamFailure::TooLarge { limit }
            })?;
            for event in events {
                self.note(&event);
                self.waiting.extend(event.payload().cloned());
            }
        }
    }

    fn note(&mut self, event: &SseEvent) {
        if let Some(id) = &event.id {
            self.last_id = Some(id.clone());
        }
        if let Some(retry_ms) = event.retry_ms {
            self.retry = Some(Duration::from_millis(retry_ms));
        }
    }
}
