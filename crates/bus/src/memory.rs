//! The bus inside one process: snapshots and presence in memory, events in the spool on disk.
//!
//! Snapshots do not outlive the process; the publisher publishes them anew at start.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{AccountId, AccountSlug, Clock, EventEnvelope, GatewayId, ServerId, SignedSnapshot, Timestamp};
use tokio::sync::broadcast;

use crate::{
    BusError, NotRecorded, Notice, Presence, SpoolLimit,
    event::{Ack, AckPlace, Durability, Taken},
    notice,
    spool::{EntryId, Record, Spool},
};

/// A recorder that failed is woken this often while something waits.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A recorder looks at most this often, so that a busy gateway does not make it turn for every event.
const GATHER_FOR: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct MemoryBus {
    clock: Clock,
    spool: Arc<Spool>,
    state: Mutex<State>,
    notices: broadcast::Sender<Notice>,
}

#[derive(Debug, Default)]
struct State {
    snapshots: HashMap<AccountSlug, SignedSnapshot>,
    presence: HashMap<(AccountId, ServerId), BTreeMap<GatewayId, Heartbeat>>,
    gateways: HashMap<GatewayId, (Timestamp, String)>,
}

#[derive(Debug)]
struct Heartbeat {
    said_at: Timestamp,
    until: Timestamp,
    presence: Presence,
}

impl MemoryBus {
    pub(crate) fn open(spool_dir: &Path, limit: SpoolLimit, clock: Clock) -> Result<Self, BusError> {
        let spool = Arc::new(Spool::open(spool_dir, limit)?);
        Ok(Self { clock, spool, state: Mutex::default(), notices: broadcast::Sender::new(notice::WAITING) })
    }

    pub(crate) fn publish(&self, slug: &AccountSlug, snapshot: &SignedSnapshot) {
        let version = snapshot.claimed_version();
        let mut state = self.lock();
        if state.snapshots.get(slug).is_some_and(|old| old.claimed_version() > version) {
            return;
        }
        state.snapshots.insert(slug.clone(), snapshot.clone());
        drop(state);
        self.notify(Notice { slug: slug.clone(), version });
    }

    pub(crate) fn withdraw(&self, slug: &AccountSlug) {
        self.lock().snapshots.remove(slug);
        self.notify(Notice { slug: slug.clone(), version: None });
    }

    pub(crate) fn load(&self, slug: &AccountSlug) -> Option<SignedSnapshot> {
        self.lock().snapshots.get(slug).cloned()
    }

    pub(crate) fn version(&self, slug: &AccountSlug) -> Option<u64> {
        self.lock().snapshots.get(slug).and_then(SignedSnapshot::claimed_version)
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    pub(crate) async fn append(&self, envelope: &EventEnvelope, durability: Durability) -> Result<(), NotRecorded> {
        let payload = serde_json::to_vec(envelope).map_err(|e| NotRecorded::Unwritable(e.to_string()))?;
        if !self.spool.has_share(envelope.account.uuid(), Spool::cost(payload.len())) {
            return Err(NotRecorded::SpoolFull);
        }
        let position = self.spool.append(envelope.account.uuid(), &payload)?;
        if durability == Durability::Durable {
            self.spool.synced(position).await?;
        }
        Ok(())
    }

    pub(crate) async fn take(&self, accounts: &[AccountId], max: usize) -> Result<Vec<Taken>, BusError> {
        let wanted: std::collections::HashSet<_> = accounts.iter().map(|account| account.uuid()).collect();
        let spool = Arc::clone(&self.spool);
        let read = tokio::task::spawn_blocking(move || {
            let records = spool.peek(|tag| wanted.contains(&tag), max)?;
            if records.len() >= max {
                spool.wake();
            }
            Ok(records.into_iter().filter_map(|record| envelope(&spool, &record)).collect())
        });
        read.await.map_err(|error| BusError::Queue(std::io::Error::other(error)))?
    }

    pub(crate) fn ack(&self, acks: &[Ack]) {
        let ids: Vec<EntryId> = acks
            .iter()
            .filter_map(|ack| match &ack.0 {
                AckPlace::Spool(id) => Some(*id),
                AckPlace::Stream { .. } => None,
            })
            .collect();
        self.spool.ack(&ids);
    }

    pub(crate) async fn event_ready(&self) {
        tokio::time::sleep(GATHER_FOR).await;
        while tokio::time::timeout(AGAIN_AFTER, self.spool.appended()).await.is_err() {
            if !self.spool.is_empty() {
                return;
            }
        }
    }

    pub(crate) fn set_presence(&self, account: AccountId, server: ServerId, presence: &Presence, ttl: Duration) {
        let said_at = self.clock.now();
        let until = after(said_at, ttl);
        let mut state = self.lock();
        let gateways = state.presence.entry((account, server)).or_default();
        gateways.insert(presence.gateway, Heartbeat { said_at, until, presence: presence.clone() });
        gateways.retain(|_, heartbeat| heartbeat.until > said_at && !heartbeat.presence.tunnels.is_empty());
        if gateways.is_empty() {
            state.presence.remove(&(account, server));
        }
    }

    pub(crate) fn presence(&self, account: AccountId, server: ServerId) -> Vec<Presence> {
        let now = self.clock.now();
        let state = self.lock();
        let Some(gateways) = state.presence.get(&(account, server)) else { return Vec::new() };
        let mut alive: Vec<&Heartbeat> = gateways.values().filter(|heartbeat| heartbeat.until > now).collect();
        alive.sort_by_key(|heartbeat| heartbeat.said_at);
        alive.into_iter().map(|heartbeat| heartbeat.presence.clone()).collect()
    }

    pub(crate) fn set_gateway(&self, gateway: GatewayId, address: Option<&str>, ttl: Duration) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.gateways.retain(|id, (until, _)| *id != gateway && *until > now);
        if let Some(address) = address {
            state.gateways.insert(gateway, (after(now, ttl), address.to_owned()));
        }
    }

    pub(crate) fn gateway(&self, gateway: GatewayId) -> Option<String> {
        let now = self.clock.now();
        let state = self.lock();
        state.gateways.get(&gateway).filter(|(until, _)| *until > now).map(|(_, address)| address.clone())
    }

    pub(crate) fn forget_account(&self, account: AccountId) {
        self.spool.forget(account.uuid());
        self.lock().presence.retain(|(of, _), _| *of != account);
    }

    pub(crate) async fn close(&self) {
        self.spool.close().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody listening is no error.
    fn notify(&self, notice: Notice) {
        drop(self.notices.send(notice));
    }
}

fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX)))
}

/// An event that does not read (of another version of the product) is set aside, so that it does not block the others.
fn envelope(spool: &Spool, record: &Record) -> Option<Taken> {
    match serde_json::from_slice(&record.payload) {
        Ok(envelope) => Some(Taken { envelope, ack: Ack(AckPlace::Spool(record.id)) }),
        Err(error) => {
            tracing::error!(%error, "an event in the spool does not read; it is set aside in the file `unread`");
            if let Err(error) = spool.set_aside(record) {
                tracing::error!(%error, "the unreadable event could not be set aside");
            }
            None
        }
    }
}
