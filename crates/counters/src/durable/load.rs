//! Reads what an earlier process left.

use std::{fs, io, path::Path};

use super::{codec, files, journal::Start};
use crate::memory::Memory;

/// Fills `memory` and tells where to go on.
pub(super) fn load(folder: &Path, memory: &Memory) -> io::Result<Start> {
    let (from, mut number) = snapshot(folder, memory)?;
    let generations = files::generations(folder)?;
    for generation in generations.iter().filter(|generation| **generation >= from) {
        number = number.max(replay(folder, *generation, memory)?);
    }
    let generation = generations.last().map_or(from, |last| last + 1).max(from);
    Ok(Start { generation, number })
}

/// The generation from which on journals are to be replayed, and the number of the last change before it.
fn snapshot(folder: &Path, memory: &Memory) -> io::Result<(u64, u64)> {
    let path = files::snapshot(folder);
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((1, 0)),
        Err(error) => return Err(error),
    };
    // A snapshot is renamed into its place when it is whole, so this is a fault of the disk: forgetting limits silently
    // would be worse than not starting.
    read_snapshot(&content, memory).ok_or_else(|| {
        let text = format!(
            "the counters' snapshot {} is damaged; restore the folder from a backup, or delete it to start with every limit unused",
            path.display()
        );
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn read_snapshot(content: &[u8], memory: &Memory) -> Option<(u64, u64)> {
    let (head, mut rest) = files::unframe(content)?;
    let head = codec::Head::read(head)?;
    for _ in 0..head.counters {
        let (body, next) = files::unframe(rest)?;
        let (key, counter) = codec::read_counter(body)?;
        memory.part(key.account).counters.insert(key, counter);
        rest = next;
    }
    for _ in 0..head.requests {
        let (body, next) = files::unframe(rest)?;
        let (place, stored) = codec::read_stored(body)?;
        memory.part(place.account).requests.put(place, stored.request, stored.changed);
        rest = next;
    }
    rest.is_empty().then_some((head.generation, head.number))
}

/// Replays a journal up to its end or its torn tail; gives the number of its last change.
fn replay(folder: &Path, generation: u64, memory: &Memory) -> io::Result<u64> {
    let content = fs::read(files::journal(folder, generation))?;
    let mut rest = content.as_slice();
    let mut last = 0;
    while let Some((body, next)) = files::unframe(rest) {
        let Some((number, changes)) = codec::read_record(body) else { break };
        for change in &changes {
            let mut part = memory.part(change.account());
            if change.last_change(&part).is_none_or(|last| last < number) {
                part.apply(change.as_change(), number);
            }
        }
        last = number;
        rest = next;
    }
    if !rest.is_empty() {
        tracing::warn!(
            generation,
            dropped_bytes = rest.len(),
            "the counters' journal has a torn end, which is dropped"
        );
    }
    Ok(last)
}
