//! The way to a session's task, and what it is told.

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    message::{Message, Request},
    stdio::exchange::{Accepts, Stream},
};

/// What a client asks of a session.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A request.
    Request(Asked),
    /// A notification, or an answer to the process.
    Tell(Message),
    /// A stream for whatever the process says by itself.
    Listen(Stream),
}

/// A request; its answer, and before it what belongs to it, goes onto `stream`.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) text: Bytes,
    pub(crate) request: Request,
    pub(crate) accepts: Accepts,
    pub(crate) stream: Stream,
}

/// How a session is used now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) in_flight: usize,
    pub(crate) listening: bool,
    pub(crate) since: Instant,
}

/// The way to a session.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) usage: watch::Receiver<Usage>,
    pub(super) end: CancellationToken,
}

/// The session is over.
#[derive(Debug)]
pub(crate) struct Over;

impl Handle {
    /// Hands something to the session.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<(), Over> {
        self.asks.send(ask).await.map_err(|_| Over)
    }

    pub(crate) fn usage(&self) -> Usage {
        *self.usage.borrow()
    }

    pub(crate) fn end(&self) {
        self.end.cancel();
    }
}
