//! Events too large to be held, given in pieces as they come.
//!
//! Invariant: the pieces' raw bytes are the event's, in order, and their data, put together, is the event's data.

use bytes::Bytes;

use super::{BYTE_ORDER_MARK, Fields, SseError, SseEvent, SseParser};

const DATA: &[u8] = b"data";
const FIELDS: [&[u8]; 3] = [b"event", b"id", b"retry"];
/// As many bytes of a name tell whether it is one of these.
const LONGEST_NAME: usize = 5;
const LINE_FEED: Bytes = Bytes::from_static(b"\n");

/// What a parser gives that splits large events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SsePart {
    /// A whole event, or comments and blank lines.
    Event(SseEvent),
    /// The next piece of a large event.
    Piece(SsePiece),
}

/// A piece of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsePiece {
    /// Every byte of it.
    pub raw: Bytes,
    /// What of it is data, with the line feeds that join the lines.
    pub data: Vec<Bytes>,
    /// What of it is of the other fields that count (`event`, `id`, `retry`), as lines that end in line feeds.
    pub fields: Vec<Bytes>,
    /// The event ends with it.
    pub ends: bool,
}

/// An event of which some has been given.
#[derive(Debug, Default)]
pub(super) struct Large {
    line: Line,
    /// There was a line of data.
    any_data: bool,
    /// Bytes so far.
    size: usize,
}

/// Where in a line the event is.
#[derive(Debug, Default)]
enum Line {
    /// In the field's name: as much of it as tells which it is.
    Name(Vec<u8>),
    /// After the colon of a line of data; one space belongs to it.
    Colon,
    Data,
    /// In the value of another field that counts.
    Field,
    /// In a value that counts for nothing.
    Other,
    /// After a CR; an LF belongs to it.
    #[default]
    AfterCr,
}

/// What bytes of an event are.
#[derive(Debug, Default)]
struct Read {
    data: Vec<Bytes>,
    fields: Vec<Bytes>,
    end: Option<End>,
}

/// What the end of an event looked like.
#[derive(Debug)]
struct End {
    /// How many bytes of the piece are of the event.
    length: usize,
    /// Its last byte is a CR, and an LF may follow in the next piece.
    after_cr: bool,
}

impl SseParser {
    /// A parser that gives events of more than `whole_bytes` bytes in pieces, and refuses those of more than
    /// `max_event_bytes`.
    pub fn splitting(whole_bytes: usize, max_event_bytes: usize) -> Self {
        // A byte order mark is never cut.
        SseParser { whole_bytes: whole_bytes.max(BYTE_ORDER_MARK.len()), ..SseParser::new(max_event_bytes) }
    }

    /// Takes the next bytes and gives the events they complete, and what has come of a large one.
    ///
    /// # Errors
    /// As [`SseParser::push`].
    pub fn split(&mut self, chunk: &Bytes) -> Result<Vec<SsePart>, SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut parts = Vec::new();
        let mut rest = chunk.clone();
        while !rest.is_empty() && self.failed.is_none() {
            if let Some(large) = self.large.take() {
                rest = self.goes_on(large, rest, &mut parts);
                continue;
            }
            parts.extend(self.events(&rest).into_iter().map(SsePart::Event));
            rest = match self.buffer.len() > self.whole_bytes && self.failed.is_none() {
                true => self.begins(&mut parts),
                false => Bytes::new(),
            };
        }
        match self.failed {
            Some(error) if parts.is_empty() => Err(error),
            _ => Ok(parts),
        }
    }

    /// What the buffer holds of an event is its first piece.
    fn begins(&mut self, parts: &mut Vec<SsePart>) -> Bytes {
        let held = self.buffer.split().freeze();
        self.buffer = bytes::BytesMut::new();
        (self.scanned, self.line, self.after_cr, self.first_line) = (0, 0, false, false);
        self.fields = Fields::default();
        let at_start = std::mem::replace(&mut self.at_start, false);
        let large = Large { line: Line::Name(Vec::new()), ..Large::default() };
        if !at_start || !held.starts_with(BYTE_ORDER_MARK) {
            return self.goes_on(large, held, parts);
        }
        let mark = held.slice(..BYTE_ORDER_MARK.len());
        parts.push(SsePart::Piece(SsePiece { raw: mark, data: Vec::new(), fields: Vec::new(), ends: false }));
        self.goes_on(large, held.slice(BYTE_ORDER_MARK.len()..), parts)
    }

    /// The next piece of an event; what is left belongs to others.
    fn goes_on(&mut self, mut large: Large, mut bytes: Bytes, parts: &mut Vec<SsePart>) -> Bytes {
        let Read { data, fields, end } = large.read(&bytes);
        let length = end.as_ref().map_or(bytes.len(), |end| end.length);
        large.size += length;
        if !self.is_within_limit(large.size) {
            return Bytes::new();
        }
        let raw = bytes.split_to(length);
        parts.push(SsePart::Piece(SsePiece { raw, data, fields, ends: end.is_some() }));
        match end {
            Some(end) => self.after_cr = end.after_cr,
            None => self.large = Some(large),
        }
        bytes
    }
}

impl Large {
    /// What these bytes are, up to the end of the event.
    fn read(&mut self, bytes: &Bytes) -> Read {
        let mut read = Read::default();
        let mut pos = 0;
        while let Some(byte) = bytes.get(pos) {
            match (&mut self.line, byte) {
                (Line::AfterCr, b'\n') => {
                    self.line = Line::Name(Vec::new());
                    pos += 1;
                }
                (Line::AfterCr, _) => self.line = Line::Name(Vec::new()),
                (Line::Name(name), b'\n' | b'\r') if name.is_empty() => {
                    read.end = Some(end_at(bytes, pos));
                    return read;
                }
                (Line::Name(_), b'\n' | b'\r') => {
                    self.name_ends(&mut read);
                    pos = self.line_ends(*byte, pos, &mut read);
                }
                (Line::Name(_), b':') => {
                    self.name_ends(&mut read);
                    if matches!(self.line, Line::Field) {
                        read.fields.push(Bytes::from_static(b":"));
                    }
                    pos += 1;
                }
                (Line::Name(name), byte) => {
                    if name.len() <= LONGEST_NAME {
                        name.push(*byte);
                    }
                    pos += 1;
                }
                (Line::Colon, byte) => {
                    pos += usize::from(*byte == b' ');
                    self.line = Line::Data;
                }
                (Line::Data | Line::Field | Line::Other, _) => {
                    let end = line_end(bytes, pos);
                    self.value(bytes.slice(pos..end), &mut read);
                    pos = bytes.get(end).map_or(end, |byte| self.line_ends(*byte, end, &mut read));
                }
            }
        }
        read
    }

    /// A field's name has been read.
    fn name_ends(&mut self, read: &mut Read) {
        let Line::Name(name) = &mut self.line else { return };
        let name = std::mem::take(name);
        self.line = match name.as_slice() {
            DATA => Line::Colon,
            name if FIELDS.contains(&name) => Line::Field,
            _ => Line::Other,
        };
        match self.line {
            Line::Colon if std::mem::replace(&mut self.any_data, true) => read.data.push(LINE_FEED),
            Line::Field => read.fields.push(Bytes::from(name)),
            _ => {}
        }
    }

    fn value(&self, value: Bytes, read: &mut Read) {
        match self.line {
            _ if value.is_empty() => {}
            Line::Data => read.data.push(value),
            Line::Field => read.fields.push(value),
            _ => {}
        }
    }

    fn line_ends(&mut self, byte: u8, pos: usize, read: &mut Read) -> usize {
        if matches!(self.line, Line::Field) {
            read.fields.push(LINE_FEED);
        }
        self.line = if byte == b'\r' { Line::AfterCr } else { Line::Name(Vec::new()) };
        pos + 1
    }
}

fn line_end(bytes: &[u8], pos: usize) -> usize {
    let length = bytes[pos..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    length.map_or(bytes.len(), |length| pos + length)
}

/// The event ends with the blank line whose end is at `pos`.
fn end_at(bytes: &[u8], pos: usize) -> End {
    let cr = bytes[pos] == b'\r';
    let crlf = cr && bytes.get(pos + 1) == Some(&b'\n');
    let length = pos + 1 + usize::from(crlf);
    End { length, after_cr: cr && length == bytes.len() && !crlf }
}

#[cfg(test)]
mod tests;
