//! What is waited for when a connection is read: a head that has begun must come to its end in time. The first head of a
//! connection has a time of its own, and until another one begins the connection may wait (`book`).

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::book::Entry;

/// The heads of a connection.
#[derive(Debug)]
pub(super) struct Heads {
    entry: Arc<Entry>,
    within: Duration,
    begun: Option<Head>,
}

/// A head of which something has come.
#[derive(Debug)]
struct Head {
    /// How many requests there were before it.
    after: u64,
    began: Instant,
    /// Runs while there is more to come.
    late: Option<Pin<Box<Sleep>>>,
}

impl Heads {
    pub(super) fn new(entry: Arc<Entry>, within: Duration) -> Self {
        Self { entry, within, begun: None }
    }

    /// Something has come.
    pub(super) fn came(&mut self) {
        let after = self.entry.waits_for_another();
        if self.begun.as_ref().map(|head| head.after) != after {
            self.begun = after.map(|after| Head { after, began: Instant::now(), late: None });
        }
    }

    /// There is nothing more yet.
    pub(super) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let after = self.entry.waits_for_another();
        let Some(head) = self.begun.as_mut().filter(|head| Some(head.after) == after) else { return Poll::Pending };
        let due = head.began + self.within;
        let late = head.late.get_or_insert_with(|| Box::pin(sleep_until(due)));
        late.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
