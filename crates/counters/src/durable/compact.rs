//! The disk thread: fsync within a second, and a snapshot when the journal has become long.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use super::{
    Store, codec, files,
    journal::{Start, Work},
};

pub(super) fn run(store: &Store) {
    loop {
        let work = store.journal.next_work();
        let done = match work {
            Work::Sync | Work::End => store.journal.sync(),
            Work::Snapshot => turn_over(store),
        };
        if let Err(error) = done {
            // After a failed fsync nobody knows what is on the disk.
            tracing::error!(%error, "the counters' disk failed; limits cannot be counted until the process is started anew");
            store.journal.end(&error.to_string());
        }
        if matches!(work, Work::End) {
            return;
        }
    }
}

/// Goes on in a new journal and writes a snapshot for it. A snapshot that fails (a full disk) is no harm: the old one and
/// all journals since stay, and it is tried again when the journal has grown as much again.
fn turn_over(store: &Store) -> io::Result<()> {
    let start = store.journal.turn_over()?;
    if let Err(error) = write(store, &start) {
        tracing::error!(%error, "the counters' snapshot could not be written; the journal goes on growing");
    }
    Ok(())
}

/// Writes a snapshot for the journal just begun.
pub(super) fn snapshot(store: &Store) -> io::Result<()> {
    write(store, &store.journal.current())
}

fn write(store: &Store, start: &Start) -> io::Result<()> {
    let folder = &store.journal.folder;
    let content = content(store, start)?;
    let new = files::new_snapshot(folder);
    let mut file = File::create(&new)?;
    file.write_all(&content)?;
    file.sync_all()?;
    fs::rename(&new, files::snapshot(folder))?;
    File::open(folder)?.sync_all()?;
    store.journal.long_at(content.len() as u64 * 4);
    delete_before(folder, start.generation)
}

fn content(store: &Store, start: &Start) -> io::Result<Vec<u8>> {
    let now = store.memory.now();
    let (mut counters, mut requests) = (0, 0);
    // Counters come first, so requests are gathered apart.
    let (mut frames, mut request_frames) = (Vec::new(), Vec::new());
    for mut part in store.memory.each_part() {
        part.sweep(now);
        for (key, counter) in &part.counters {
            let mut body = Vec::new();
            codec::write_counter(&mut body, key, counter)?;
            files::frame(&mut frames, |out| out.extend_from_slice(&body));
            counters += 1;
        }
        for (place, stored) in part.requests.iter() {
            files::frame(&mut request_frames, |out| codec::write_stored(out, *place, stored));
            requests += 1;
        }
    }
    let head = codec::Head { generation: start.generation, number: start.number, counters, requests };
    let mut content = Vec::with_capacity(frames.len() + request_frames.len() + 64);
    files::frame(&mut content, |out| head.write(out));
    content.extend_from_slice(&frames);
    content.extend_from_slice(&request_frames);
    Ok(content)
}

fn delete_before(folder: &Path, generation: u64) -> io::Result<()> {
    for old in files::generations(folder)?.into_iter().filter(|old| *old < generation) {
        fs::remove_file(files::journal(folder, old))?;
    }
    Ok(())
}
