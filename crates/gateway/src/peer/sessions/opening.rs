//! A session that is being opened, by a task of its own: a list of many servers does not wait for one that is slow to start,
//! and yet it starts.
//!
//! Bounded: each has the time of one silent request, and there are so many at the same time of one account, and of all.
//! Beyond that a session is opened by whoever waits for it, and only as long as that waits.

use std::{
    collections::hash_map::Entry,
    sync::{Arc, Weak},
};

use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, timeout},
};
use tracing::Instrument as _;

use super::{Key, PeerSessions, as_told};
use crate::{
    account::Server,
    failure::{Failure, UpstreamFailure},
    link::Link,
    peer::{Hello, Peer},
    resolve::Place,
    shared::Shared,
};

/// Most sessions that are being opened at the same time: of one account, of all.
const MOST: (usize, usize) = (512, 4_096);

/// What became of it; nothing as long as it is under way.
type Outcome = Option<Result<Arc<Peer>, UpstreamFailure>>;

/// A session that is being opened.
#[derive(Debug)]
pub(super) struct Opening {
    server: Arc<Server>,
    pub begun: Instant,
    /// Held by the task alone: whoever waits hears if that breaks off.
    says: Weak<watch::Sender<Outcome>>,
    task: AbortHandle,
}

/// How a session comes to whoever wants it.
pub(super) enum Joined {
    /// It was opened in this very moment.
    Open(Arc<Peer>),
    /// It is being opened.
    Waits(watch::Receiver<Outcome>),
    /// As many are being opened as may be.
    Full,
}

impl Opening {
    /// Nobody wants it any more.
    pub(super) fn give_up(&self) {
        self.task.abort();
    }

    fn is_under_way(&self) -> bool {
        self.says.strong_count() > 0
    }
}

impl PeerSessions {
    /// Has a session opened, unless it is already.
    pub(super) fn join(&self, shared: &Arc<Shared>, ours: &Arc<str>, place: &Place, hello: &Hello) -> Joined {
        let key: Key = (ours.clone(), place.server.id);
        let mut opening = self.lock();
        if let Some(peer) = self.existing(ours, place) {
            return Joined::Open(peer);
        }
        if let Entry::Occupied(entry) = opening.entry(key.clone()) {
            let before = entry.get();
            match before.says.upgrade().filter(|_| before.server.is_reached_like(&place.server)) {
                Some(says) => return Joined::Waits(says.subscribe()),
                None => entry.remove().give_up(),
            }
        }
        opening.retain(|_, opening| opening.is_under_way());
        let of_account = opening.values().filter(|opening| opening.server.account == place.server.account);
        if opening.len() >= MOST.1 || of_account.count() >= MOST.0 {
            return Joined::Full;
        }
        let (says, said) = watch::channel(None);
        let says = Arc::new(says);
        let weak = Arc::downgrade(&says);
        let task = carry(shared.clone(), key.clone(), place.clone(), hello.clone(), says);
        let task = shared.tracker.spawn(Box::pin(task).instrument(tracing::Span::current())).abort_handle();
        opening.insert(key, Opening { server: place.server.clone(), begun: Instant::now(), says: weak, task });
        Joined::Waits(said)
    }

    /// A session is open, or could not be opened: those who wait are told, and it is kept.
    fn opened(&self, key: Key, says: &Arc<watch::Sender<Outcome>>, opened: Result<Arc<Peer>, UpstreamFailure>) {
        let mut opening = self.lock();
        // Another has taken its place, or its client's session has ended.
        if !opening.get(&key).is_some_and(|opening| Weak::ptr_eq(&opening.says, &Arc::downgrade(says))) {
            return;
        }
        opening.remove(&key);
        if let Ok(peer) = &opened {
            self.open.insert(key, peer.clone());
        }
        says.send_replace(Some(opened));
    }
}

/// Opens a session and tells what became of it. When the gateway closes, only what somebody waits for is opened.
async fn carry(shared: Arc<Shared>, key: Key, place: Place, hello: Hello, says: Arc<watch::Sender<Outcome>>) {
    let unwanted = async {
        shared.closing.cancelled().await;
        says.closed().await;
    };
    let within = shared.config.times.upstream_silence;
    let opened = tokio::select! {
        biased;
        () = unwanted => return,
        opened = timeout(within, open(&shared, &place, &hello)) => opened,
    };
    let opened = opened.unwrap_or_else(|_| Err(UpstreamFailure::Late.into())).map_err(as_told);
    let is_open = opened.is_ok();
    shared.peers.opened(key, &says, opened);
    if is_open && shared.missed.lacks(place.owner()) {
        // It was slow to start, and is no more.
        shared.memory.answered(place.server.id);
        shared.missed.came(place.owner());
    }
}

/// Opens a session, here and now.
pub(super) async fn open(shared: &Arc<Shared>, place: &Place, hello: &Hello) -> Result<Arc<Peer>, Failure> {
    let link = Link::to(shared, &place.server, None).await?;
    Ok(Arc::new(Peer::open(shared, &place.server, &link, hello).await?))
}

/// What became of a session that is waited for.
pub(super) async fn told(mut said: watch::Receiver<Outcome>) -> Result<Arc<Peer>, UpstreamFailure> {
    let ended = || UpstreamFailure::Unreachable("the client's session has ended, or the server has moved".to_owned());
    let told = said.wait_for(Option::is_some).await.map_err(|_| ended())?;
    told.clone().unwrap_or_else(|| Err(ended()))
}
