//! The event stream codec (WHATWG HTML "Server-sent events", §9.2.6).
//!
//! Incremental: bytes in any chunks, events out. Every event keeps its own bytes, so a stream can be forwarded untouched
//! while its data is looked at. Invariant: the raw bytes of all events, in order, and what [`SseParser::finish`] returns
//! are the stream, byte for byte.

mod passing;
mod split;

use std::mem;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use split::Large;

pub use passing::PassingEvent;
pub use split::{SsePart, SsePiece};

/// The most bytes of one event unless another limit is set: 16 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event, or comments and blank lines between events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// Every byte of it, with its line ends.
    pub raw: Bytes,
    /// The value of `event:`, if there is one.
    pub name: Option<String>,
    /// The data, lines joined by LF. None when there is no `data:` line: such an event is never seen by a client's
    /// handler, but its comments keep the connection open and its `id` and `retry` count.
    pub data: Option<Bytes>,
    /// The value of `id:`, if there is one. Empty resets the last id.
    pub id: Option<String>,
    /// The value of `retry:` in milliseconds.
    pub retry_ms: Option<u64>,
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is longer than the limit.
    #[error("an event longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// Reads an event stream.
#[derive(Debug)]
pub struct SseParser {
    max_event_bytes: usize,
    /// Beyond it an event is given in pieces.
    whole_bytes: usize,
    /// The event that is being given in pieces.
    large: Option<Large>,
    /// Nothing has been given yet.
    at_start: bool,
    buffer: BytesMut,
    /// Up to where line ends were looked for.
    scanned: usize,
    /// Where the line that is being read starts.
    line: usize,
    first_line: bool,
    /// The last line ended in CR; an LF that follows belongs to it.
    after_cr: bool,
    fields: Fields,
    failed: Option<SseError>,
}

/// What the lines of the current event said. Ranges are in the parser's buffer.
#[derive(Debug, Default)]
struct Fields {
    any: bool,
    name: Option<String>,
    data: Vec<Range<usize>>,
    id: Option<String>,
    retry_ms: Option<u64>,
}

impl SseEvent {
    /// An event of our own that carries a JSON-RPC message.
    pub fn message(data: impl Into<Bytes>) -> Self {
        let event = SseEvent { name: Some("message".to_owned()), data: Some(data.into()), ..SseEvent::default() };
        SseEvent { raw: event.encode(), ..event }
    }

    /// A comment, which keeps a connection open and says nothing.
    pub fn keep_alive() -> Self {
        SseEvent { raw: Bytes::from_static(b":\n\n"), ..SseEvent::default() }
    }

    /// The same event with other data; its raw bytes are made anew.
    pub fn with_data(self, data: impl Into<Bytes>) -> Self {
        let event = SseEvent { data: Some(data.into()), ..self };
        SseEvent { raw: event.encode(), ..event }
    }

    /// The data, if there is any and it is not empty: what has to be read as a message. The event's name does not
    /// matter, since clients differ in whether they look at it.
    pub fn payload(&self) -> Option<&Bytes> {
        self.data.as_ref().filter(|data| !data.is_empty())
    }

    /// The bytes of an event with these fields, independent of `raw`.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.data.as_ref().map_or(0, Bytes::len) + 64);
        let mut line = |field: &[u8], value: &[u8]| {
            out.extend_from_slice(field);
            out.extend_from_slice(b": ");
            out.extend(value.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
            out.extend_from_slice(b"\n");
        };
        if let Some(name) = &self.name {
            line(b"event", name.as_bytes());
        }
        if let Some(id) = &self.id {
            line(b"id", id.as_bytes());
        }
        if let Some(retry_ms) = self.retry_ms {
            line(b"retry", retry_ms.to_string().as_bytes());
        }
        for value in self.data.iter().flat_map(|data| lines(data)) {
            line(b"data", value);
        }
        out.extend_from_slice(b"\n");
        out.freeze()
    }
}

impl Default for SseParser {
    fn default() -> Self {
        SseParser::new(DEFAULT_MAX_EVENT_BYTES)
    }
}

impl SseParser {
    /// A parser that refuses events of more than `max_event_bytes` bytes.
    pub fn new(max_event_bytes: usize) -> Self {
        SseParser {
            max_event_bytes,
            whole_bytes: usize::MAX,
            large: None,
            at_start: true,
            buffer: BytesMut::new(),
            scanned: 0,
            line: 0,
            first_line: true,
            after_cr: false,
            fields: Fields::default(),
            failed: None,
        }
    }

    /// Takes the next bytes and gives the events they complete. Comments are given as soon as their line ends.
    ///
    /// # Errors
    /// When an event is too large. Events before it are still given; the error then comes with the next call. Nothing
    /// after it is read.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<SseEvent>, SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let events = self.events(chunk);
        match self.failed {
            Some(error) if events.is_empty() => Err(error),
            _ => Ok(events),
        }
    }

    /// The events that these bytes complete.
    fn events(&mut self, chunk: &[u8]) -> Vec<SseEvent> {
        self.buffer.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some(end) = self.next_line() {
            if let Some(event) = self.read_line(end) {
                events.push(event);
            }
        }
        events.extend(self.loose_lines());
        events.retain(|event| self.is_within_limit(event.raw.len()));
        self.is_within_limit(self.buffer.len());
        events
    }

    /// Ends the stream. Bytes of an event without its blank line come back: a client would not see that event, and
    /// nobody has looked at it, so it is not to be passed on. Of one that was given in pieces none are left.
    ///
    /// # Errors
    /// When an event was too large.
    pub fn finish(self) -> Result<Option<Bytes>, SseError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.large.is_some() => Ok(Some(Bytes::new())),
            None => Ok((!self.buffer.is_empty()).then(|| self.buffer.freeze())),
        }
    }

    /// The end of the next whole line, without its line end; the line end is passed over.
    fn next_line(&mut self) -> Option<usize> {
        if self.failed.is_some() {
            return None;
        }
        if mem::take(&mut self.after_cr) {
            match self.buffer.get(self.scanned) {
                Some(b'\n') => self.scanned += 1,
                Some(_) => {}
                None => self.after_cr = true,
            }
            self.line = self.scanned;
        }
        let found = self.buffer[self.scanned..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(length) = found else {
            self.scanned = self.buffer.len();
            return None;
        };
        let end = self.scanned + length;
        let cr = self.buffer[end] == b'\r';
        let crlf = cr && self.buffer.get(end + 1) == Some(&b'\n');
        self.after_cr = cr && end + 1 == self.buffer.len();
        self.scanned = end + 1 + usize::from(crlf);
        Some(end)
    }

    /// Reads one line; a blank one ends the event, if there is one.
    fn read_line(&mut self, end: usize) -> Option<SseEvent> {
        let mut start = mem::replace(&mut self.line, self.scanned);
        if mem::take(&mut self.first_line) && self.buffer[start..end].starts_with(BYTE_ORDER_MARK) {
            start += BYTE_ORDER_MARK.len();
        }
        if start == end {
            return self.fields.any.then(|| self.take_event());
        }
        self.fields.read(&self.buffer, start..end);
        None
    }

    fn take_event(&mut self) -> SseEvent {
        self.at_start = false;
        let raw = self.buffer.split_to(self.scanned).freeze();
        self.scanned = 0;
        self.line = 0;
        let Fields { name, data, id, retry_ms, .. } = mem::take(&mut self.fields);
        let data = match data.as_slice() {
            [] => None,
            [only] => Some(raw.slice(only.clone())),
            several => {
                let values: Vec<&[u8]> = several.iter().map(|range| &raw[range.clone()]).collect();
                Some(Bytes::from(values.join(&b'\n')))
            }
        };
        SseEvent { raw, name, data, id, retry_ms }
    }

    /// Comments and blank lines that belong to no event.
    fn loose_lines(&mut self) -> Option<SseEvent> {
        if self.fields.any || self.line == 0 || self.failed.is_some() {
            return None;
        }
        self.at_start = false;
        let raw = self.buffer.split_to(self.line).freeze();
        self.scanned -= self.line;
        self.line = 0;
        Some(SseEvent { raw, ..SseEvent::default() })
    }

    /// Remembers the failure if not.
    fn is_within_limit(&mut self, length: usize) -> bool {
        if length > self.max_event_bytes {
            self.failed = Some(SseError::TooLarge { limit: self.max_event_bytes });
        }
        self.failed.is_none()
    }
}

impl Fields {
    fn read(&mut self, buffer: &[u8], line: Range<usize>) {
        let bytes = &buffer[line.clone()];
        let colon = bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len());
        if colon == 0 {
            return;
        }
        let after = bytes.get(colon + 1..).unwrap_or_default();
        let value = after.strip_prefix(b" ").unwrap_or(after);
        let text = || String::from_utf8_lossy(value).into_owned();
        self.any = true;
        match &bytes[..colon] {
            b"data" => self.data.push(line.end - value.len()..line.end),
            b"event" => self.name = Some(text()),
            b"id" if !value.contains(&0) => self.id = Some(text()),
            b"retry" if value.iter().all(u8::is_ascii_digit) => self.retry_ms = text().parse().ok(),
            _ => {}
        }
    }
}

/// Lines of data, at any kind of line end.
fn lines(data: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        lines.push(&rest[..at]);
        let crlf = rest[at..].starts_with(b"\r\n");
        rest = &rest[at + 1 + usize::from(crlf)..];
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests;
