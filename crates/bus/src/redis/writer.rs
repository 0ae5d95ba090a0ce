//! The gateway's side of the event streams. One task gathers what callers append and sends it in pipelines; while Redis
//! is away, and until what was put by meanwhile is sent, it writes to the spool instead. Another task empties the spool,
//! in order.
//!
//! Invariant: an accepted event has its place in the spool kept from the start, so none is dropped for want of room.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{AccountId, EventEnvelope};
use redis::Cmd;
use redis_kit::{Publish, Store, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::listener::EVENTS;
use crate::{
    BusError, NotRecorded,
    event::{Durability, EVENT_FIELD, event_stream_key},
    spool::{EntryId, Spool},
};

/// Events that may wait for the sending task; the next caller waits, too.
const QUEUE: usize = 4096;
/// Events in one pipeline.
const BATCH: usize = 256;
/// First and longest pause between attempts to empty the spool.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MOST: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    queue: mpsc::Sender<Item>,
    spool: Option<Arc<Spool>>,
    on_the_way: Arc<AtomicU64>,
    closing: CancellationToken,
}

struct Item {
    account: AccountId,
    payload: Vec<u8>,
    done: Option<oneshot::Sender<Result<(), NotRecorded>>>,
    _room: Room,
}

/// Bytes of the spool that are kept for an event until it is sent or spooled.
struct Room {
    bytes: u64,
    of: Arc<AtomicU64>,
}

struct Sending {
    queue: mpsc::Receiver<Item>,
    store: Store,
    spool: Option<Arc<Spool>>,
    spooled: Arc<Notify>,
    closing: CancellationToken,
}

struct Emptying {
    store: Store,
    spool: Arc<Spool>,
    spooled: Arc<Notify>,
    /// What reads the spool is waited for, too: until then its folder is in use.
    tasks: TaskTracker,
}

impl Writer {
    pub(super) fn start(store: Store, spool: Option<Arc<Spool>>, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let spooled = Arc::new(Notify::new());
        if let Some(spool) = &spool {
            let (spool, spooled) = (Arc::clone(spool), Arc::clone(&spooled));
            let emptying = Emptying { store: store.clone(), spool, spooled, tasks: tasks.clone() };
            tasks.spawn(stop.run_until_cancelled_owned(emptying.run()));
        }
        let sending = Sending { queue, store, spool: spool.clone(), spooled, closing: closing.clone() };
        tasks.spawn(sending.run());
        Self { queue: sender, spool, on_the_way: Arc::default(), closing }
    }

    pub(super) async fn append(&self, envelope: &EventEnvelope, durability: Durability) -> Result<(), NotRecorded> {
        let payload = serde_json::to_vec(envelope).map_err(|error| NotRecorded::Unwritable(error.to_string()))?;
        let room = self.keep_room(envelope.account, payload.len())?;
        // Without a spool nothing stands behind an answer given early.
        let waits = durability == Durability::Durable || self.spool.is_none();
        let (done, outcome) = oneshot::channel();
        let item = Item { account: envelope.account, payload, done: waits.then_some(done), _room: room };
        self.queue.send(item).await.map_err(|_| NotRecorded::Closed)?;
        if waits { outcome.await.unwrap_or(Err(NotRecorded::Closed)) } else { Ok(()) }
    }

    fn keep_room(&self, account: AccountId, payload: usize) -> Result<Room, NotRecorded> {
        let bytes = Spool::cost(payload);
        let before = self.on_the_way.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { bytes, of: Arc::clone(&self.on_the_way) };
        match &self.spool {
            Some(spool) if !spool.has_room(before + bytes) || !spool.has_share(account.uuid(), bytes) => {
                Err(NotRecorded::SpoolFull)
            }
            _ => Ok(room),
        }
    }

    pub(super) fn close(&self) {
        self.closing.cancel();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Sending {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                received = self.queue.recv_many(&mut batch, BATCH) => if received == 0 { break },
                () = self.closing.cancelled(), if !self.queue.is_closed() => self.queue.close(),
            }
            if !batch.is_empty() {
                self.deliver(std::mem::take(&mut batch)).await;
            }
        }
        if let Some(spool) = &self.spool {
            spool.close().await;
        }
    }

    async fn deliver(&self, batch: Vec<Item>) {
        let unsent = match &self.spool {
            // What is put by goes first.
            Some(spool) if !spool.is_empty() => None,
            _ => Some(send(&self.store, batch.iter().map(|item| (item.account, item.payload.as_slice()))).await),
        };
        let is_sent = |item: &Item| unsent.as_ref().is_some_and(|unsent| !unsent.contains_key(&item.account));
        let (sent, rest): (Vec<Item>, Vec<Item>) = batch.into_iter().partition(is_sent);
        tell(sent, &Ok(()));
        if rest.is_empty() {
            return;
        }
        let error = unsent.and_then(|unsent| unsent.into_values().next());
        let outcome = match (&self.spool, error) {
            (Some(spool), None) => self.put_by(spool, &rest).await,
            (Some(spool), Some(error)) => {
                tracing::warn!(%error, "events go to the spool until Redis takes them");
                self.put_by(spool, &rest).await
            }
            (None, error) => {
                let why = error.map(|error| error.to_string()).unwrap_or_default();
                Err(NotRecorded::Disk(format!("there is no spool, and {why}")))
            }
        };
        let unheard = rest.iter().filter(|item| item.done.is_none()).count();
        if let (Err(error), 1..) = (&outcome, unheard) {
            tracing::error!(%error, events = unheard, "events were lost that had been accepted");
        }
        tell(rest, &outcome);
    }

    /// One fsync for the whole batch, if anybody waits for it.
    async fn put_by(&self, spool: &Spool, batch: &[Item]) -> Result<(), NotRecorded> {
        let mut last = None;
        for item in batch {
            last = Some(spool.append(item.account.uuid(), &item.payload)?);
        }
        self.spooled.notify_one();
        match last {
            Some(last) if batch.iter().any(|item| item.done.is_some()) => Ok(spool.synced(last).await?),
            _ => Ok(()),
        }
    }
}

impl Emptying {
    async fn run(self) {
        let mut pause = RETRY_FIRST;
        // Accounts that could not be sent to: the others need not wait for them.
        let mut away = HashSet::new();
        loop {
            if self.spool.is_empty() {
                self.spooled.notified().await;
            }
            match self.send_some(&mut away).await {
                Ok(true) if away.is_empty() => pause = RETRY_FIRST,
                Ok(true) => {}
                Ok(false) | Err(_) => {
                    away.clear();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MOST);
                }
            }
        }
    }

    /// Sends the oldest events of accounts that are not away; false if there are none.
    async fn send_some(&self, away: &mut HashSet<Uuid>) -> Result<bool, BusError> {
        let (spool, skipped) = (Arc::clone(&self.spool), away.clone());
        let read = self.tasks.spawn_blocking(move || spool.peek(|tag| !skipped.contains(&tag), BATCH));
        let records = read.await.map_err(|error| BusError::Queue(std::io::Error::other(error)))??;
        let events = records.iter().map(|record| (AccountId::from_uuid(record.tag), record.payload.as_slice()));
        let unsent = send(&self.store, events).await;
        if let Some(error) = unsent.values().next() {
            tracing::debug!(%error, accounts = unsent.len(), "the spool cannot be emptied yet");
        }
        away.extend(unsent.keys().map(|account| account.uuid()));
        let sent = records.iter().filter(|record| !away.contains(&record.tag));
        self.spool.ack(&sent.map(|record| record.id).collect::<Vec<EntryId>>());
        Ok(!records.is_empty())
    }
}

/// Tells those who wait what became of their events.
fn tell(items: Vec<Item>, outcome: &Result<(), NotRecorded>) {
    for waiting in items.into_iter().filter_map(|item| item.done) {
        // A caller that went away needs no answer.
        drop(waiting.send(outcome.clone()));
    }
}

/// The events of an account keep their order: all of them are taken or none, since a store that comes up, or runs out of
/// memory, in the middle would take the later ones before the earlier, which then come again. Gives the accounts whose events
/// may not have been taken.
async fn send(store: &Store, events: impl Iterator<Item = (AccountId, &[u8])>) -> HashMap<AccountId, StoreError> {
    let mut groups: Vec<(String, Vec<Cmd>)> = Vec::new();
    let mut accounts = Vec::new();
    let mut of_account = HashMap::new();
    for (account, payload) in events {
        let group = *of_account.entry(account).or_insert_with(|| {
            groups.push((event_stream_key(account), Vec::new()));
            accounts.push(account);
            groups.len() - 1
        });
        let (stream, commands) = &mut groups[group];
        commands.push(redis::cmd("XADD").arg(&*stream).arg("*").arg(EVENT_FIELD).arg(payload).to_owned());
    }
    if groups.is_empty() {
        return HashMap::new();
    }
    let done = store.transact(groups, Some(Publish { channel: EVENTS, text: "" })).await;
    accounts.into_iter().zip(done).filter_map(|(account, done)| Some((account, done.err()?))).collect()
}
