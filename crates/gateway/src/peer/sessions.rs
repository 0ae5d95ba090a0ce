//! The gateway's own sessions with servers, behind its clients' sessions: opened when first needed, kept while used, opened
//! anew when the server has forgotten them.
//!
//! Invariant: a session is used only as long as its server is at the address, and is shown the credential, that it was
//! opened with. What was begun with a server elsewhere is never told to the one that is there now, nor the other way round.

mod opening;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::ServerId;
use moka::{ops::compute::Op, sync::Cache};
use tokio::time::Instant;

use super::{Hello, Peer};
use crate::{
    failure::{Failure, UpstreamFailure},
    resolve::Place,
    shared::Shared,
};
use opening::{Joined, Opening};

/// Most bytes of sessions kept, and what one takes besides the server's greeting.
const MOST_BYTES: u64 = 256 << 20;
const BYTES_EACH: usize = 2 << 10;

/// Which client session, and with which server.
type Key = (Arc<str>, ServerId);

/// The sessions with servers: those that are open, and those that are being opened.
#[derive(Debug)]
pub(crate) struct PeerSessions {
    open: Cache<Key, Arc<Peer>>,
    opening: Mutex<HashMap<Key, Opening>>,
}

impl PeerSessions {
    pub(crate) fn new(idle: Duration) -> Self {
        let weight = |_: &Key, peer: &Arc<Peer>| {
            // Its parts are kept a second time, as they are read.
            u32::try_from(BYTES_EACH + 2 * peer.greeting.len()).unwrap_or(u32::MAX)
        };
        let open = Cache::builder().weigher(weight).max_capacity(MOST_BYTES).time_to_idle(idle).build();
        Self { open, opening: Mutex::default() }
    }

    /// The session with a server for one of a client's sessions; opened, and introduced so, if there is none. Whoever comes
    /// meanwhile waits for the same one, and it is opened to the end even if nobody waits any more.
    pub(crate) async fn with_hello(
        &self,
        shared: &Arc<Shared>,
        ours: &Arc<str>,
        place: &Place,
        hello: &Hello,
    ) -> Result<Arc<Peer>, Failure> {
        if let Some(peer) = self.existing(ours, place) {
            if peer.still_reaches(shared).await {
                return Ok(peer);
            }
            self.lost(ours, &peer);
        }
        match self.join(shared, ours, place, hello) {
            Joined::Open(peer) => Ok(peer),
            Joined::Waits(said) => Ok(opening::told(said).await?),
            Joined::Full => {
                let peer = opening::open(shared, place, hello).await?;
                self.open.insert((ours.clone(), place.server.id), peer.clone());
                Ok(peer)
            }
        }
    }

    /// The server no longer knows this session, or cannot be reached by it.
    pub(crate) fn lost(&self, ours: &Arc<str>, peer: &Arc<Peer>) {
        let same = |entry: Option<moka::Entry<Key, Arc<Peer>>>| match entry {
            Some(entry) if Arc::ptr_eq(entry.value(), peer) => Op::Remove,
            _ => Op::Nop,
        };
        self.open.entry((ours.clone(), peer.server.id)).and_compute_with(same);
    }

    /// The session with a server for one of a client's sessions, if there is one.
    pub(crate) fn existing(&self, ours: &Arc<str>, place: &Place) -> Option<Arc<Peer>> {
        let peer = self.open.get(&(ours.clone(), place.server.id))?;
        peer.server.is_reached_like(&place.server).then_some(peer)
    }

    /// How long the session with a server has been waited for that is being opened; nothing if none is.
    pub(crate) fn opening_for(&self, ours: &Arc<str>, place: &Place) -> Option<Duration> {
        let opening = self.lock();
        let begun: Instant = opening.get(&(ours.clone(), place.server.id))?.begun;
        Some(begun.elapsed())
    }

    /// The sessions that are open behind one of a client's sessions.
    pub(crate) fn behind(&self, ours: &Arc<str>) -> Vec<Arc<Peer>> {
        self.open.iter().filter(|(key, _)| key.0 == *ours).map(|(_, peer)| peer).collect()
    }

    /// Takes every session of a client's session away. What is being opened for it is given up.
    pub(crate) fn end(&self, ours: &Arc<str>) -> Vec<Arc<Peer>> {
        self.lock().retain(|key, opening| {
            let stays = key.0 != *ours;
            if !stays {
                opening.give_up();
            }
            stays
        });
        let keys: Vec<_> = self.open.iter().map(|(key, _)| key).filter(|key| key.0 == *ours).collect();
        keys.iter().filter_map(|key| self.open.remove(&**key)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Opening>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a session could not be opened, as each of those who wait for it is told.
fn as_told(failure: Failure) -> UpstreamFailure {
    match failure {
        Failure::Upstream(failure) => failure,
        other => UpstreamFailure::Unreachable(other.to_string()),
    }
}
