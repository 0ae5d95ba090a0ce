//! One file of the spool: `[length u32][CRC-32 u32][tag 16 bytes][payload]` again and again, little-endian; length and
//! CRC are of tag and payload together.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use super::EntryId;

/// Bytes before a payload.
pub(super) const HEADER: u64 = 8 + TAG as u64;
/// Longest payload; a longer one read back is damage.
pub(super) const MAX_PAYLOAD: usize = 32 << 20;
const TAG: usize = 16;
const SUFFIX: &str = ".events";
const FIRST_OPEN: &str = "first-open";

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) file: Arc<File>,
    pub(super) bytes: u64,
    /// Only a segment made by this process is written to: never one with an end that may be torn.
    pub(super) writable: bool,
    /// By offset: the records not acknowledged.
    pub(super) entries: BTreeMap<u64, Entry>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) tag: Uuid,
    pub(super) length: usize,
}

impl Segment {
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path(folder, number))?;
        Ok(Self { number, file: Arc::new(file), bytes: 0, writable: true, entries: BTreeMap::new() })
    }

    fn read(folder: &Path, number: u64) -> io::Result<Self> {
        let path = path(folder, number);
        let content = fs::read(&path)?;
        let (entries, whole) = scan(&content);
        let file = File::options().read(true).write(true).open(&path)?;
        if whole < content.len() as u64 {
            let dropped = content.len() as u64 - whole;
            tracing::warn!(
                segment = number,
                dropped_bytes = dropped,
                "the spool file has a torn end, which is dropped"
            );
            file.set_len(whole)?;
        }
        Ok(Self { number, file: Arc::new(file), bytes: whole, writable: false, entries })
    }

    /// Best effort: a file that stays is read again at the next start, and its records are told apart by their readers.
    pub(super) fn delete(&self, folder: &Path) {
        if let Err(error) = fs::remove_file(path(folder, self.number)) {
            tracing::warn!(segment = self.number, %error, "a spool file that is done could not be deleted");
        }
    }
}

pub(super) fn encode(tag: Uuid, payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(payload.len() + TAG + 8);
    let length = u32::try_from(TAG + payload.len()).unwrap_or(u32::MAX);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&[0; 4]);
    record.extend_from_slice(tag.as_bytes());
    record.extend_from_slice(payload);
    let crc = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
    record
}

/// All segments with unacknowledged records, oldest first; the others are deleted.
pub(super) fn load(folder: &Path) -> io::Result<VecDeque<Segment>> {
    let first = first_open(folder);
    let mut numbers = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|number| number.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    let mut segments = VecDeque::new();
    for number in numbers {
        let mut segment = Segment::read(folder, number)?;
        segment.entries.retain(|offset, _| EntryId { segment: number, offset: *offset } >= first);
        if segment.entries.is_empty() {
            segment.delete(folder);
        } else {
            segments.push_back(segment);
        }
    }
    Ok(segments)
}

/// Where the first record not acknowledged stands, as last noted; the very start when nothing (readable) was noted.
pub(super) fn first_open(folder: &Path) -> EntryId {
    let noted = fs::read_to_string(folder.join(FIRST_OPEN)).unwrap_or_default();
    let mut numbers = noted.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(segment)), Some(Ok(offset))) => EntryId { segment, offset },
        _ => EntryId { segment: 0, offset: 0 },
    }
}

/// Not synced, and a failure is only logged: what comes out twice for it is told apart by its reader.
pub(super) fn note_first_open(folder: &Path, first: EntryId) {
    let new = folder.join("first-open.new");
    let noted = fs::write(&new, format!("{} {}\n", first.segment, first.offset));
    if let Err(error) = noted.and_then(|()| fs::rename(&new, folder.join(FIRST_OPEN))) {
        tracing::warn!(%error, "how far the spool is read could not be noted");
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}{SUFFIX}"))
}

/// The whole records of a file, and how many bytes they take from its start.
fn scan(content: &[u8]) -> (BTreeMap<u64, Entry>, u64) {
    let mut entries = BTreeMap::new();
    let mut offset = 0;
    while let Some(entry) = record_at(&content[offset..]) {
        entries.insert(offset as u64, entry);
        offset += 8 + TAG + entry.length;
    }
    (entries, offset as u64)
}

fn record_at(bytes: &[u8]) -> Option<Entry> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let body = rest.get(..length)?;
    let (tag, payload) = body.split_first_chunk::<TAG>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    Some(Entry { tag: Uuid::from_bytes(*tag), length: payload.len() })
}
