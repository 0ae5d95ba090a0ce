//! The sessions that are open, and which of them ends when there are too many or it is idle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Entropy;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    child::Child,
    session::{Handle, Session, Usage},
    spare::Spares,
};
use crate::report::Report;

/// The sessions of one connector.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    shared: Arc<Shared>,
    open: Arc<Mutex<HashMap<String, Open>>>,
}

#[derive(Debug)]
struct Open {
    handle: Handle,
    ends_because: Option<&'static str>,
}

impl Sessions {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: Arc::default() }
    }

    /// Makes room for one more session, by ending the one that was idle longest if need be. `false` when all are busy.
    pub(crate) fn make_room(&self) -> bool {
        let mut open = self.lock();
        if open.values().filter(|session| session.ends_because.is_none()).count() < self.shared.limits.max_sessions {
            return true;
        }
        let usable = open.values_mut().filter(|session| session.ends_because.is_none());
        let idle = usable.filter(|session| session.handle.usage().in_flight == 0);
        let Some(longest) = idle.min_by_key(|session| session.handle.usage().since) else { return false };
        longest.end("another session needed its place");
        true
    }

    /// Opens a session on a process that has been told nothing yet; its id and the way to it.
    pub(crate) fn open(&self, child: Child, spares: Spares, entropy: &Entropy) -> (String, Handle) {
        let id = new_id(entropy);
        let (session, handle) = Session::new(Arc::clone(&self.shared), spares, child);
        let count = {
            let mut open = self.lock();
            open.insert(id.clone(), Open { handle: handle.clone(), ends_because: None });
            open.len()
        };
        self.shared.report.say(Report::SessionOpened { open: count });
        let (sessions, key) = (self.clone(), id.clone());
        self.shared.tasks.spawn(async move {
            session.run().await;
            sessions.remove(&key);
        });
        (id, handle)
    }

    /// The session of this id, unless it has ended or is about to.
    pub(crate) fn get(&self, id: &str) -> Option<Handle> {
        self.lock().get(id).filter(|session| session.ends_because.is_none()).map(|session| session.handle.clone())
    }

    /// Ends a session; `false` when there is none of this id.
    pub(crate) fn end(&self, id: &str, because: &'static str) -> bool {
        let mut open = self.lock();
        let session = open.get_mut(id).filter(|session| session.ends_because.is_none());
        session.map(|session| session.end(because)).is_some()
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&self) {
        for session in self.lock().values_mut() {
            session.end("the connector stops");
        }
    }

    /// Ends idle sessions, until `stop`.
    pub(crate) async fn sweep(self, stop: CancellationToken) {
        let idle = self.shared.limits.idle;
        let often = (idle / 10).clamp(Duration::from_millis(10), Duration::from_secs(30));
        while stop.run_until_cancelled(sleep(often)).await.is_some() {
            let now = Instant::now();
            for session in self.lock().values_mut().filter(|session| session.is_idle(now, idle)) {
                session.end("it was idle");
            }
        }
    }

    fn remove(&self, id: &str) {
        let (removed, open) = {
            let mut open = self.lock();
            (open.remove(id), open.len())
        };
        let why = removed.and_then(|session| session.ends_because).unwrap_or("its process could not go on");
        self.shared.report.say(Report::SessionEnded { why, open });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn end(&mut self, because: &'static str) {
        self.ends_because.get_or_insert(because);
        self.handle.end();
    }

    fn is_idle(&self, now: Instant, limit: Duration) -> bool {
        self.ends_because.is_none() && is_idle(self.handle.usage(), now, limit)
    }
}

/// A session is in use while a request waits or its client listens.
fn is_idle(usage: Usage, now: Instant, limit: Duration) -> bool {
    usage.in_flight == 0 && !usage.listening && now.saturating_duration_since(usage.since) >= limit
}

/// 128 random bits as 32 hexadecimal digits: visible ASCII and not to be guessed, as the protocol wants it.
fn new_id(entropy: &Entropy) -> String {
    domain::hex(&entropy.bytes::<16>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_idle_when_nothing_waits_and_nobody_listens_for_long_enough() {
        let since = Instant::now();
        let limit = Duration::from_secs(60);
        let table = [(0, false, 60, true), (0, false, 59, false), (1, false, 60, false), (0, true, 60, false)];
        for (in_flight, listening, seconds, idle) in table {
            let usage = Usage { in_flight, listening, since };
            let now = since + Duration::from_secs(seconds);
            assert_eq!(is_idle(usage, now, limit), idle, "{in_flight} {listening} {seconds}");
        }
    }

    #[test]
    fn session_ids_are_long_and_differ() {
        let entropy = Entropy::seeded(1);
        let (one, other) = (new_id(&entropy), new_id(&entropy));
        assert!(one != other && one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
