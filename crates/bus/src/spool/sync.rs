//! The spool's own thread: it fsyncs at once when someone waits, and within a second otherwise.

use std::{
    fs::File,
    io,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Shared, State};

/// Longest that a record nobody waits for stays off the disk.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

struct Round {
    files: Vec<Arc<File>>,
    folder: bool,
    upto: u64,
    last: bool,
}

pub(super) fn run(shared: &Shared) {
    let mut synced = 0;
    loop {
        let round = next_round(shared, synced);
        match sync(shared, &round) {
            Ok(()) => synced = round.upto,
            Err(error) => return fail(shared, &error),
        }
        shared.synced.send_modify(|progress| progress.synced = synced);
        if round.last {
            return;
        }
    }
}

fn next_round(shared: &Shared, synced: u64) -> Round {
    let mut state = wait_until_dirty(shared);
    if !state.closed && state.sync_asked <= synced {
        state = shared
            .sync_wanted
            .wait_timeout_while(state, AT_LEAST_EVERY, |state| !state.closed && state.sync_asked <= synced)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    let mut files = std::mem::take(&mut state.unsynced);
    files.extend(state.segments.back().filter(|last| last.writable).map(|last| Arc::clone(&last.file)));
    state.clean = true;
    let folder = std::mem::take(&mut state.new_file);
    Round { files, folder, upto: state.written, last: state.closed }
}

fn wait_until_dirty(shared: &Shared) -> MutexGuard<'_, State> {
    shared
        .sync_wanted
        .wait_while(shared.lock(), |state| state.clean && !state.closed)
        .unwrap_or_else(PoisonError::into_inner)
}

fn sync(shared: &Shared, round: &Round) -> io::Result<()> {
    for file in &round.files {
        file.sync_data()?;
    }
    if round.folder { File::open(&shared.folder)?.sync_all() } else { Ok(()) }
}

/// After a failed fsync nobody knows what is on the disk: nothing more is taken, and whoever waits is told.
fn fail(shared: &Shared, error: &io::Error) {
    tracing::error!(%error, "the spool's disk failed; no records are taken until the process is started anew");
    shared.lock().failed = Some(error.to_string());
    shared.synced.send_modify(|progress| progress.failed = Some(error.to_string()));
}
