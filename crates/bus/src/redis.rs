//! The bus over Redis (or Valkey, 6.2 or later).
//!
//! Keys: `pcl:snap:<slug>` the published snapshot; `pcl:{<account>}:events` a stream of events;
//! `pcl:{<account>}:presence:<server>` a hash of heartbeats by gateway; `pcl:gateway:<id>` where a gateway is
//! reached by the others. Channels: `pcl:notices`, `pcl:events`.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use domain::{AccountId, AccountSlug, EventEnvelope, GatewayId, Secret, ServerId, SignedSnapshot};
use tokio::sync::{Notify, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    BusError, NotRecorded, Notice, Presence, SpoolLimit,
    event::{Ack, Durability, Taken},
    notice,
    spool::Spool,
};

mod events;
mod listener;
mod presence;
mod snapshots;
mod writer;

use redis_kit::{Settings, Store};
use writer::Writer;

/// How to reach Redis, and where events go meanwhile when it cannot be reached.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/db]`, `rediss://…` or `unix:///path`; for a cluster, any of its nodes, or several
    /// with a comma between.
    pub url: Secret<String>,
    /// A folder of this process' own; none for a process that appends no events (the control plane), whose appends are
    /// then refused while Redis is away.
    pub spool_dir: Option<PathBuf>,
    /// The spool's bound.
    pub spool_limit: SpoolLimit,
    /// How long the start waits for Redis.
    pub connect_within: Duration,
    /// How long an operation may take before it counts as failed.
    pub answer_within: Duration,
}

impl RedisConfig {
    /// The usual: no spool, 5 s for the start, 2 s for an operation.
    #[must_use]
    pub fn new(url: Secret<String>) -> Self {
        Self {
            url,
            spool_dir: None,
            spool_limit: SpoolLimit::default(),
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(2),
        }
    }

    /// The same with a spool in this folder.
    #[must_use]
    pub fn with_spool(self, folder: PathBuf) -> Self {
        Self { spool_dir: Some(folder), ..self }
    }
}

pub(crate) struct RedisBus {
    store: Store,
    writer: Writer,
    notices: broadcast::Sender<Notice>,
    events: Arc<Notify>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A recorder looks at least this often: intents that the counters' script appended are not announced.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// And at most this often, so that a busy gateway does not make it turn for every event.
const GATHER_FOR: Duration = Duration::from_millis(20);

impl RedisBus {
    pub(crate) async fn connect(config: RedisConfig) -> Result<Self, BusError> {
        let spool = match &config.spool_dir {
            Some(folder) => Some(Arc::new(Spool::open(folder, config.spool_limit)?)),
            None => None,
        };
        let settings =
            Settings { connect_within: config.connect_within, answer_within: config.answer_within, reconnects: 3 };
        let store = Store::open(config.url.expose(), settings).await?;
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let notices = broadcast::Sender::new(notice::WAITING);
        let events = Arc::new(Notify::new());
        let writer = Writer::start(store.clone(), spool, &tasks, stop.clone());
        let listener =
            listener::Listener { store: store.clone(), notices: notices.clone(), events: Arc::clone(&events) };
        tasks.spawn(stop.clone().run_until_cancelled_owned(listener.run()));
        Ok(Self { store, writer, notices, events, tasks, stop })
    }

    pub(crate) async fn publish(&self, slug: &AccountSlug, snapshot: &SignedSnapshot) -> Result<(), BusError> {
        snapshots::publish(&self.store, slug, snapshot).await
    }

    pub(crate) async fn withdraw(&self, slug: &AccountSlug) -> Result<(), BusError> {
        snapshots::withdraw(&self.store, slug).await
    }

    pub(crate) async fn versions(&self, slugs: &[AccountSlug]) -> Result<Vec<Option<u64>>, BusError> {
        snapshots::versions(&self.store, slugs).await
    }

    pub(crate) async fn load(&self, slug: &AccountSlug) -> Result<Option<SignedSnapshot>, BusError> {
        snapshots::load(&self.store, slug).await
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    pub(crate) async fn append(&self, envelope: &EventEnvelope, durability: Durability) -> Result<(), NotRecorded> {
        self.writer.append(envelope, durability).await
    }

    pub(crate) async fn take(&self, accounts: &[AccountId], max: usize) -> Result<Vec<Taken>, BusError> {
        let batch = events::take(&self.store, accounts, max).await?;
        if batch.more {
            self.events.notify_one();
        }
        Ok(batch.taken)
    }

    pub(crate) async fn ack(&self, acks: &[Ack]) -> Result<(), BusError> {
        events::ack(&self.store, acks).await
    }

    pub(crate) async fn event_ready(&self) {
        tokio::time::sleep(GATHER_FOR).await;
        // Nothing announced in time is a reason to look, too.
        let _ = tokio::time::timeout(LOOK_EVERY, self.events.notified()).await;
    }

    pub(crate) async fn set_presence(
        &self,
        account: AccountId,
        server: ServerId,
        presence: &Presence,
        ttl: Duration,
    ) -> Result<(), BusError> {
        presence::set(&self.store, &presence::key(account, server), presence, ttl).await
    }

    pub(crate) async fn presence(&self, account: AccountId, server: ServerId) -> Result<Vec<Presence>, BusError> {
        presence::get(&self.store, &presence::key(account, server)).await
    }

    pub(crate) async fn set_gateway(
        &self,
        gateway: GatewayId,
        address: Option<&str>,
        ttl: Duration,
    ) -> Result<(), BusError> {
        presence::set_gateway(&self.store, gateway, address, ttl).await
    }

    pub(crate) async fn gateway(&self, gateway: GatewayId) -> Result<Option<String>, BusError> {
        presence::gateway(&self.store, gateway).await
    }

    pub(crate) async fn forget_account(&self, account: AccountId) -> Result<(), BusError> {
        events::forget(&self.store, account).await
    }

    pub(crate) async fn close(&self) {
        self.writer.close();
        self.tasks.close();
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// Without [`RedisBus::close`]: what is on its way is still sent or spooled, but nobody waits for it.
impl Drop for RedisBus {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisBus")
    }
}
