//! What the spool's lock protects: the files, and which of their records are not acknowledged.

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use uuid::Uuid;

use super::{
    EntryId, Position, Shared, Spool, SpoolError,
    segment::{self, Entry, Segment},
};

pub(super) struct State {
    /// Oldest first; the last is the one written to.
    pub(super) segments: VecDeque<Segment>,
    /// Bytes of the records that are not acknowledged, by tag.
    waiting: HashMap<Uuid, u64>,
    pub(super) next_segment: u64,
    pub(super) written: u64,
    pub(super) sync_asked: u64,
    /// Nothing was written since the last fsync.
    pub(super) clean: bool,
    /// Files that were full before their last fsync.
    pub(super) unsynced: Vec<Arc<File>>,
    /// A file was made since the last fsync, so the folder needs one, too.
    pub(super) new_file: bool,
    pub(super) failed: Option<String>,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn new(segments: VecDeque<Segment>, next_segment: u64) -> Self {
        let mut waiting = HashMap::new();
        for entry in segments.iter().flat_map(|segment| segment.entries.values()) {
            *waiting.entry(entry.tag).or_default() += Spool::cost(entry.length);
        }
        Self {
            segments,
            waiting,
            next_segment,
            written: 0,
            sync_asked: 0,
            clean: true,
            unsynced: Vec::new(),
            new_file: false,
            failed: None,
            closed: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.iter().all(|segment| segment.entries.is_empty())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Bytes of a tag's records that are not acknowledged.
    pub(super) fn waiting(&self, tag: Uuid) -> u64 {
        self.waiting.get(&tag).copied().unwrap_or_default()
    }

    /// Nothing of a tag waits any more.
    pub(super) fn forget(&mut self, tag: Uuid) {
        for segment in &mut self.segments {
            segment.entries.retain(|_, entry| entry.tag != tag);
        }
        self.waiting.remove(&tag);
    }

    pub(super) fn append(&mut self, shared: &Shared, tag: Uuid, payload: &[u8]) -> Result<Position, SpoolError> {
        if self.closed {
            return Err(SpoolError::Closed);
        }
        if let Some(why) = &self.failed {
            return Err(SpoolError::Disk(why.clone()));
        }
        let cost = Spool::cost(payload.len());
        if self.bytes() + cost > shared.limit || payload.len() > segment::MAX_PAYLOAD {
            return Err(SpoolError::Full);
        }
        let disk = |error: io::Error| SpoolError::Disk(error.to_string());
        let segment = self.writable(shared, cost).map_err(disk)?;
        let offset = segment.bytes;
        segment.file.write_all_at(&segment::encode(tag, payload), offset).map_err(disk)?;
        segment.bytes += cost;
        segment.entries.insert(offset, Entry { tag, length: payload.len() });
        *self.waiting.entry(tag).or_default() += cost;
        self.written += 1;
        if std::mem::take(&mut self.clean) {
            shared.sync_wanted.notify_one();
        }
        Ok(Position(self.written))
    }

    /// The last segment, or a new one when it is full (or none of this process).
    fn writable(&mut self, shared: &Shared, cost: u64) -> io::Result<&mut Segment> {
        let fits = |last: &Segment| last.writable && (last.bytes == 0 || last.bytes + cost <= shared.segment_bytes);
        if !self.segments.back().is_some_and(fits) {
            let segment = Segment::create(&shared.folder, self.next_segment)?;
            self.next_segment += 1;
            if let Some(last) = self.segments.back_mut().filter(|last| last.writable) {
                last.writable = false;
                self.unsynced.push(Arc::clone(&last.file));
            }
            self.segments.push_back(segment);
            self.new_file = true;
            self.drop_done(&shared.folder);
        }
        self.segments.back_mut().ok_or_else(|| io::Error::other("a segment was just made"))
    }

    pub(super) fn places(&self, wanted: impl Fn(Uuid) -> bool, max: usize) -> Vec<(EntryId, Entry, Arc<File>)> {
        let entries =
            self.segments.iter().flat_map(|s| s.entries.iter().map(move |(offset, entry)| (s, offset, entry)));
        entries
            .filter(|(_, _, entry)| wanted(entry.tag))
            .take(max)
            .map(|(s, offset, entry)| (EntryId { segment: s.number, offset: *offset }, *entry, Arc::clone(&s.file)))
            .collect()
    }

    pub(super) fn remove(&mut self, id: EntryId) {
        if let Ok(at) = self.segments.binary_search_by_key(&id.segment, |segment| segment.number) {
            let Some(entry) = self.segments[at].entries.remove(&id.offset) else { return };
            let left = self.waiting(entry.tag).saturating_sub(Spool::cost(entry.length));
            match left {
                0 => self.waiting.remove(&entry.tag),
                left => self.waiting.insert(entry.tag, left),
            };
        }
    }

    /// Deletes the files of which every record is acknowledged, and notes where the first unacknowledged one stands.
    pub(super) fn drop_done(&mut self, folder: &Path) {
        let current = self.segments.back().filter(|last| last.writable).map(|last| last.number);
        self.segments.retain(|segment| {
            let keep = !segment.entries.is_empty() || Some(segment.number) == current;
            if !keep {
                segment.delete(folder);
            }
            keep
        });
        let first = self.segments.iter().find_map(|s| s.entries.keys().next().map(|offset| (s.number, *offset)));
        let first =
            first.unwrap_or_else(|| self.segments.back().map_or((self.next_segment, 0), |s| (s.number, s.bytes)));
        segment::note_first_open(folder, EntryId { segment: first.0, offset: first.1 });
    }
}
