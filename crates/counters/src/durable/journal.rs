//! The journal that is written to now.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{codec, files};
use crate::memory::{Change, Journal};

/// Longest that a change stays off the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct DiskJournal {
    pub(super) folder: PathBuf,
    long_bytes: u64,
    writing: Mutex<Writing>,
    /// Work for the disk thread.
    work: Condvar,
}

struct Writing {
    file: Arc<File>,
    generation: u64,
    /// Whole records in the file; a torn one behind them is overwritten by the next.
    bytes: u64,
    number: u64,
    /// Something was written since the last fsync.
    dirty: bool,
    long_at: u64,
    ended: Option<String>,
    closing: bool,
}

/// What the disk thread is to do.
pub(super) enum Work {
    Sync,
    Snapshot,
    End,
}

/// Where a journal starts.
pub(super) struct Start {
    pub(super) generation: u64,
    /// Of the last change before it, or of a later one.
    pub(super) number: u64,
}

impl DiskJournal {
    pub(super) fn start(folder: &Path, begin: &Start, long_bytes: u64) -> io::Result<Self> {
        let writing = Writing {
            file: create(folder, begin.generation)?,
            generation: begin.generation,
            bytes: 0,
            number: begin.number,
            dirty: false,
            long_at: long_bytes,
            ended: None,
            closing: false,
        };
        Ok(Self { folder: folder.to_owned(), long_bytes, writing: Mutex::new(writing), work: Condvar::new() })
    }

    /// Waits for work; a change is synced within a second of being written.
    pub(super) fn next_work(&self) -> Work {
        let idle = |w: &mut Writing| !w.dirty && !w.closing;
        let writing = self.work.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let calm = |w: &mut Writing| !w.closing && w.bytes < w.long_at;
        let waited = self.work.wait_timeout_while(writing, SYNC_EVERY, calm).unwrap_or_else(PoisonError::into_inner);
        let writing = waited.0;
        if writing.closing {
            Work::End
        } else if writing.bytes >= writing.long_at {
            Work::Snapshot
        } else {
            Work::Sync
        }
    }

    /// Everything written until now is on the disk for good.
    pub(super) fn sync(&self) -> io::Result<()> {
        let file = {
            let mut writing = self.lock();
            writing.dirty = false;
            Arc::clone(&writing.file)
        };
        file.sync_data()
    }

    /// Goes on in a new file. What was written to the old one is on the disk for good afterwards.
    pub(super) fn turn_over(&self) -> io::Result<Start> {
        let mut writing = self.lock();
        let generation = writing.generation + 1;
        let new = create(&self.folder, generation)?;
        let old = std::mem::replace(&mut writing.file, new);
        writing.generation = generation;
        writing.bytes = 0;
        let number = writing.number;
        drop(writing);
        old.sync_data()?;
        Ok(Start { generation, number })
    }

    pub(super) fn current(&self) -> Start {
        let writing = self.lock();
        Start { generation: writing.generation, number: writing.number }
    }

    pub(super) fn long_at(&self, bytes: u64) {
        self.lock().long_at = bytes.max(self.long_bytes);
    }

    /// Refuses every change from now on.
    pub(super) fn end(&self, why: &str) {
        self.lock().ended = Some(why.to_owned());
    }

    pub(super) fn close(&self) {
        let mut writing = self.lock();
        writing.closing = true;
        writing.ended.get_or_insert_with(|| "closed".to_owned());
        self.work.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for DiskJournal {
    fn write(&self, changes: &[Change<'_>]) -> io::Result<u64> {
        let mut record = Vec::with_capacity(256);
        let mut writing = self.lock();
        if let Some(why) = &writing.ended {
            return Err(io::Error::other(why.clone()));
        }
        let number = writing.number + 1;
        files::frame(&mut record, |body| codec::write_record(body, number, changes));
        writing.file.write_all_at(&record, writing.bytes)?;
        writing.bytes += record.len() as u64;
        writing.number = number;
        let was_clean = !std::mem::replace(&mut writing.dirty, true);
        if was_clean || writing.bytes >= writing.long_at {
            self.work.notify_one();
        }
        Ok(number)
    }
}

fn create(folder: &Path, generation: u64) -> io::Result<Arc<File>> {
    File::options().write(true).create_new(true).open(files::journal(folder, generation)).map(Arc::new)
}
