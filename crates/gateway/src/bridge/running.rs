//! Requests that are under way for clients of the `initialize` era, who cancel them by a notification.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::ServerId;
use mcp::Id;
use tokio_util::sync::CancellationToken;

/// Which session of ours, with which server, and the client's id.
type Key = (Arc<str>, ServerId, String);

/// What is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<Key, Arc<CancellationToken>>>>);

/// One request under way; it can be cancelled as long as this lives.
#[derive(Debug)]
pub(super) struct Run {
    key: Key,
    running: Running,
    pub cancelled: Arc<CancellationToken>,
}

impl Running {
    pub(super) fn begin(&self, ours: &Arc<str>, server: ServerId, id: &Id<'_>) -> Run {
        let key = (ours.clone(), server, id.raw().to_owned());
        let cancelled = Arc::new(CancellationToken::new());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), cancelled.clone());
        Run { key, running: self.clone(), cancelled }
    }

    /// Cancels a client's request, at whichever server of the session it is.
    pub(crate) fn cancel(&self, ours: &Arc<str>, id: &Id<'_>) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, token) in running.iter().filter(|((key, _, raw), _)| key == ours && *raw == id.raw()) {
            token.cancel();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request under the same id, which the client should not have sent, is not forgotten with this one.
        if running.get(&self.key).is_some_and(|other| Arc::ptr_eq(other, &self.cancelled)) {
            running.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Clock, Entropy, Timestamp};

    use super::*;

    #[test]
    fn a_request_that_ends_is_forgotten_and_no_other_with_it() {
        let (running, ours, id) = (Running::default(), Arc::<str>::from("p/1"), Id::number(7));
        let server = ServerId::new(&Clock::fixed(Timestamp(0)), &Entropy::seeded(1));
        let first = running.begin(&ours, server, &id);
        let second = running.begin(&ours, server, &id);
        drop(first);
        running.cancel(&ours, &id);
        assert!(second.cancelled.is_cancelled(), "the one under the same id can be cancelled still");
        drop(second);
        assert!(running.0.lock().unwrap().is_empty());
    }
}
