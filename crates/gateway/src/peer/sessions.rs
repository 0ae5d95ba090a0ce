//! The gateway's own sessions with servers, behind the sessions of the account's URL: opened when first needed, kept while
//! used, opened anew when the server has forgotten them.
//!
//! Invariant: a session is used only as long as its server is at the address, and is shown the credential, that it was
//! opened with. What was begun with a server elsewhere is never told to the one that is there now, nor the other way round.

use std::{sync::Arc, time::Duration};

use domain::ServerId;
use moka::future::Cache;

use super::{Hello, Peer};
use crate::{
    failure::{Failure, UpstreamFailure},
    link::Link,
    resolve::Place,
    shared::Shared,
};

/// Most bytes of sessions kept, and what one takes besides the server's greeting.
const MOST_BYTES: u64 = 256 << 20;
const BYTES_EACH: usize = 2 << 10;

/// Which client session, and with which server.
type Key = (Arc<str>, ServerId);

/// The sessions with servers.
#[derive(Debug)]
pub(crate) struct PeerSessions(Cache<Key, Arc<Peer>>);

impl PeerSessions {
    pub(crate) fn new(idle: Duration) -> Self {
        let weight = |_: &Key, peer: &Arc<Peer>| {
            // Its parts are kept a second time, as they are read.
            u32::try_from(BYTES_EACH + 2 * peer.greeting.len()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(weight).max_capacity(MOST_BYTES).time_to_idle(idle).build())
    }

    /// The session with a server for one of a client's sessions; opened, and introduced so, if there is none.
    pub(crate) async fn with_hello(
        &self,
        shared: &Arc<Shared>,
        ours: &Arc<str>,
        place: &Place,
        hello: &Hello,
    ) -> Result<Arc<Peer>, Failure> {
        let key = (ours.clone(), place.server.id);
        if let Some(peer) = self.0.get(&key).await {
            if peer.server.is_reached_like(&place.server) && peer.still_reaches(shared).await {
                return Ok(peer);
            }
            self.0.invalidate(&key).await;
        }
        // Calls that come at the same time wait for one session instead of opening one each.
        self.0.try_get_with(key, Box::pin(open(shared, place, hello))).await.map_err(|failure| match &*failure {
            Failure::Upstream(failure) => failure.clone().into(),
            other => UpstreamFailure::Unreachable(other.to_string()).into(),
        })
    }

    /// The server no longer knows the session.
    pub(crate) async fn lost(&self, ours: &Arc<str>, place: &Place) {
        self.0.invalidate(&(ours.clone(), place.server.id)).await;
    }

    /// The session with a server for one of a client's sessions, if there is one.
    pub(crate) async fn existing(&self, ours: &Arc<str>, place: &Place) -> Option<Arc<Peer>> {
        let peer = self.0.get(&(ours.clone(), place.server.id)).await?;
        peer.server.is_reached_like(&place.server).then_some(peer)
    }

    /// The sessions that are open behind one of a client's sessions.
    pub(crate) fn behind(&self, ours: &Arc<str>) -> Vec<Arc<Peer>> {
        self.0.iter().filter(|(key, _)| key.0 == *ours).map(|(_, peer)| peer).collect()
    }

    /// Takes every session of a client's session away.
    pub(crate) async fn end(&self, ours: &Arc<str>) -> Vec<Arc<Peer>> {
        let keys: Vec<_> = self.0.iter().map(|(key, _)| key).filter(|key| key.0 == *ours).collect();
        let mut ended = Vec::new();
        for key in keys {
            ended.extend(self.0.remove(&*key).await);
        }
        ended
    }
}

async fn open(shared: &Arc<Shared>, place: &Place, hello: &Hello) -> Result<Arc<Peer>, Failure> {
    let link = Link::to(shared, &place.server, None).await?;
    Ok(Arc::new(Peer::open(shared, &place.server, &link, hello).await?))
}
