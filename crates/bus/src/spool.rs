//! The spool: a bounded queue of records in append-only files, for what must not be lost.
//!
//! Two uses: in process it *is* the event queue; beside Redis it takes the events while Redis is away.
//!
//! Invariants:
//! * A record whose append returned survives the end of the process (`kill -9`); one whose [`Spool::synced`] returned
//!   survives the loss of power.
//! * The files never hold more than the bound; past it an append is refused, nothing is overwritten.
//! * A record comes out again, in order, until it is acknowledged; after a crash, perhaps once more after that. Readers
//!   tell repeats by what is in the record.
//! * A torn tail (the process died in the middle of a write) is dropped at opening: its append had not returned.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use tokio::sync::{Notify, watch};
use uuid::Uuid;

mod segment;
mod state;
mod sync;

use segment::HEADER;
use state::State;

/// Of the bound, this fraction may be one tag's records.
const SHARE: u64 = 4;

/// How much a spool may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimit {
    /// Bytes of all its files together. One account's records may take a quarter of it.
    pub bytes: u64,
}

impl Default for SpoolLimit {
    /// 256 MiB.
    fn default() -> Self {
        Self { bytes: 256 << 20 }
    }
}

/// Why a spool could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolOpenError {
    /// The folder cannot be made, read or written.
    #[error("the spool folder {folder} cannot be used: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("the spool folder {0} is in use by another process")]
    InUse(PathBuf),
}

/// Why a record was not taken. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The bound is reached.
    #[error("the spool is full")]
    Full,
    /// The disk refused the record, or an earlier one; no more are taken until the process starts anew.
    #[error("the spool's disk failed: {0}")]
    Disk(String),
    /// The spool is closed.
    #[error("the spool is closed")]
    Closed,
}

/// A place in the order of appends; what [`Spool::synced`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64);

/// A record that is not acknowledged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId {
    segment: u64,
    offset: u64,
}

/// A record as it is read.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: EntryId,
    pub(crate) tag: Uuid,
    pub(crate) payload: Vec<u8>,
}

/// An open spool; the last owner's drop writes everything down and gives the folder free.
pub(crate) struct Spool {
    shared: Arc<Shared>,
    sync_thread: Option<JoinHandle<()>>,
    lock: File,
}

struct Shared {
    folder: PathBuf,
    limit: u64,
    segment_bytes: u64,
    state: Mutex<State>,
    sync_wanted: Condvar,
    synced: watch::Sender<Progress>,
    appended: Notify,
}

/// How far everything is on the disk for good.
#[derive(Clone, Debug, Default)]
struct Progress {
    synced: u64,
    failed: Option<String>,
}

impl Spool {
    /// Opens the spool in `folder`, made when missing; what is there and not acknowledged comes out first.
    pub(crate) fn open(folder: &Path, limit: SpoolLimit) -> Result<Self, SpoolOpenError> {
        let unusable = |source| SpoolOpenError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        let lock = File::create(folder.join("lock")).map_err(unusable)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| SpoolOpenError::InUse(folder.to_owned()))?;
        let segments = segment::load(folder).map_err(unusable)?;
        let next_segment =
            segments.back().map_or(1, |last| last.number + 1).max(segment::first_open(folder).segment + 1);
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            limit: limit.bytes,
            segment_bytes: (limit.bytes / 8).clamp(4 << 10, 8 << 20),
            state: Mutex::new(State::new(segments, next_segment)),
            sync_wanted: Condvar::new(),
            synced: watch::Sender::new(Progress::default()),
            appended: Notify::new(),
        });
        if !shared.lock().is_empty() {
            shared.appended.notify_one();
        }
        let for_thread = Arc::clone(&shared);
        let sync_thread = std::thread::Builder::new()
            .name("spool-sync".to_owned())
            .spawn(move || sync::run(&for_thread))
            .map_err(unusable)?;
        Ok(Self { shared, sync_thread: Some(sync_thread), lock })
    }

    /// Writes a record at the end. `tag` is what [`Spool::peek`] chooses by.
    pub(crate) fn append(&self, tag: Uuid, payload: &[u8]) -> Result<Position, SpoolError> {
        let position = self.shared.lock().append(&self.shared, tag, payload)?;
        self.shared.appended.notify_one();
        Ok(position)
    }

    /// Bytes a record of this length takes in the files.
    pub(crate) fn cost(payload: usize) -> u64 {
        HEADER + payload as u64
    }

    /// Whether `more` bytes would still fit.
    pub(crate) fn has_room(&self, more: u64) -> bool {
        let state = self.shared.lock();
        state.failed.is_none() && state.bytes() + more <= self.shared.limit
    }

    /// Whether `more` bytes would still be within a tag's share: however many records one account makes, those of the others
    /// have room. What was once promised room is taken all the same.
    pub(crate) fn has_share(&self, tag: Uuid, more: u64) -> bool {
        self.shared.lock().waiting(tag) + more <= self.shared.limit / SHARE
    }

    /// Waits until everything up to `position` is on the disk for good. Waiters share one fsync.
    pub(crate) async fn synced(&self, position: Position) -> Result<(), SpoolError> {
        {
            let mut state = self.shared.lock();
            state.sync_asked = state.sync_asked.max(position.0);
            self.shared.sync_wanted.notify_one();
        }
        let mut progress = self.shared.synced.subscribe();
        let reached = progress
            .wait_for(|p| p.synced >= position.0 || p.failed.is_some())
            .await
            .map_err(|_| SpoolError::Closed)?;
        match &reached.failed {
            Some(why) if reached.synced < position.0 => Err(SpoolError::Disk(why.clone())),
            _ => Ok(()),
        }
    }

    /// The oldest records not acknowledged whose tag is wanted, at most `max`. Reads files: call it where blocking is fine.
    pub(crate) fn peek(&self, wanted: impl Fn(Uuid) -> bool, max: usize) -> io::Result<Vec<Record>> {
        let places = self.shared.lock().places(wanted, max);
        let mut records = Vec::with_capacity(places.len());
        for (id, entry, file) in places {
            let mut payload = vec![0; entry.length];
            file.read_exact_at(&mut payload, id.offset + HEADER)?;
            records.push(Record { id, tag: entry.tag, payload });
        }
        Ok(records)
    }

    /// These need not come out again.
    pub(crate) fn ack(&self, ids: &[EntryId]) {
        let mut state = self.shared.lock();
        for id in ids {
            state.remove(*id);
        }
        state.drop_done(&self.shared.folder);
    }

    /// Acknowledges every record of a tag.
    pub(crate) fn forget(&self, tag: Uuid) {
        let mut state = self.shared.lock();
        state.forget(tag);
        state.drop_done(&self.shared.folder);
    }

    /// Whether everything is acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.lock().is_empty()
    }

    /// Waits for an append; one that came since the last wait counts.
    pub(crate) async fn appended(&self) {
        self.shared.appended.notified().await;
    }

    /// Ends a wait for an append without one: more is there than was read.
    pub(crate) fn wake(&self) {
        self.shared.appended.notify_one();
    }

    /// Takes no more records and waits until those taken are on the disk for good.
    pub(crate) async fn close(&self) {
        let written = {
            let mut state = self.shared.lock();
            state.closed = true;
            Position(state.written)
        };
        self.shared.sync_wanted.notify_one();
        if let Err(error) = self.synced(written).await {
            tracing::error!(%error, "the last records of the spool could not be written");
        }
    }

    /// Sets aside a record that nobody can read, so that it is not in the way and not lost either.
    pub(crate) fn set_aside(&self, record: &Record) -> io::Result<()> {
        use std::io::Write as _;
        let path = self.shared.folder.join("unread");
        let mut file = File::options().create(true).append(true).open(path)?;
        file.write_all(&record.payload)?;
        file.write_all(b"\n")?;
        file.sync_data()?;
        self.ack(&[record.id]);
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.sync_wanted.notify_one();
        if let Some(thread) = self.sync_thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the spool's sync thread panicked");
        }
        // Said in so many words: a child process just being started may hold a copy of the file for a moment.
        if let Err(error) = rustix::fs::flock(&self.lock, rustix::fs::FlockOperation::Unlock) {
            tracing::warn!(%error, "the spool folder could not be given free");
        }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
