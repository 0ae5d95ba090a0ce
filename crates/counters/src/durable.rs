//! In-process counters that survive the end of the process: every change is written to a journal before it is answered,
//! fsynced within a second, and now and then all counters are written to a snapshot and the journal starts anew.
//!
//! In the folder: `counters.snapshot`, `counters.journal.<generation>`, `lock`. A snapshot names the generation from
//! which on journals are to be replayed over it; each counter in it has the number of its last change, and a journal's
//! record that is not newer is skipped. So it does not matter that the counters change while they are written.
//!
//! Invariants: after `kill -9` nothing answered is forgotten; after a power failure at most the last second; a torn
//! tail (a record that was never answered) is dropped.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use domain::Clock;

use crate::memory::Memory;

mod codec;
mod compact;
mod files;
mod journal;
mod load;

pub(crate) use journal::DiskJournal;

/// A journal this long is replaced by a snapshot, or one four times as long as the last snapshot if that is longer.
const LONG_BYTES: u64 = 8 << 20;

/// An open store; its drop writes everything down and gives the folder free.
pub(crate) struct Durable {
    store: Arc<Store>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lock: File,
}

pub(crate) struct Store {
    pub(crate) memory: Memory,
    pub(crate) journal: DiskJournal,
}

impl Durable {
    pub(crate) fn open(folder: &Path, clock: Clock) -> io::Result<Self> {
        Self::open_with(folder, clock, LONG_BYTES)
    }

    pub(crate) fn open_with(folder: &Path, clock: Clock, long_bytes: u64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("the counters' folder {} is in use by another process", folder.display()),
            )
        })?;
        let memory = Memory::new(clock);
        let found = load::load(folder, &memory)?;
        let journal = DiskJournal::start(folder, &found, long_bytes)?;
        let store = Arc::new(Store { memory, journal });
        // A journal is never continued: its end may be torn.
        compact::snapshot(&store)?;
        let for_thread = Arc::clone(&store);
        let thread =
            std::thread::Builder::new().name("counters-disk".to_owned()).spawn(move || compact::run(&for_thread))?;
        Ok(Self { store, thread: Mutex::new(Some(thread)), lock })
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.store.memory
    }

    pub(crate) fn journal(&self) -> &DiskJournal {
        &self.store.journal
    }

    /// Ends the thread after a last fsync; changes are refused from then on. Blocks.
    pub(crate) fn close(&self) {
        self.store.journal.close();
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the counters' disk thread panicked");
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        self.close();
        // Said in so many words: a child process just being started may hold a copy of the file for a moment.
        if let Err(error) = rustix::fs::flock(&self.lock, rustix::fs::FlockOperation::Unlock) {
            tracing::warn!(%error, "the counters' folder could not be given free");
        }
    }
}
