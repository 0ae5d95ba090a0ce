//! Names of files, and the frame that every record in them has: `[length u32][CRC-32 u32][body]`, little-endian.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const JOURNAL: &str = "counters.journal.";
const FRAME: usize = 8;

pub(super) fn snapshot(folder: &Path) -> PathBuf {
    folder.join("counters.snapshot")
}

pub(super) fn new_snapshot(folder: &Path) -> PathBuf {
    folder.join("counters.snapshot.new")
}

pub(super) fn journal(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{JOURNAL}{generation:012}"))
}

/// The generations of all journals there, rising.
pub(super) fn generations(folder: &Path) -> io::Result<Vec<u64>> {
    let mut generations = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name();
        let generation: Option<u64> = name.to_str().and_then(|n| n.strip_prefix(JOURNAL)).and_then(|g| g.parse().ok());
        generations.extend(generation);
    }
    generations.sort_unstable();
    Ok(generations)
}

/// Appends one record to `out`; `body` writes what is in it.
pub(super) fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME]);
    body(out);
    let length = u32::try_from(out.len() - start - FRAME).unwrap_or(u32::MAX);
    let crc = crc32fast::hash(&out[start + FRAME..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + FRAME].copy_from_slice(&crc.to_le_bytes());
}

/// The first record's body and what follows it; none at the end and where a record is torn or damaged.
pub(super) fn unframe(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    // No record is empty; a file's end that was never written reads as zeros, whose CRC would hold.
    (!body.is_empty() && crc32fast::hash(body) == u32::from_le_bytes(*crc)).then_some((body, rest))
}
