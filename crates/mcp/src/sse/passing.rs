//! An event that is written while its data comes.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::SseError;
use crate::read::on_one_line;

/// Most bytes of fields that come after the data has begun.
const FIELDS: usize = 64 << 10;

/// Writes one event piece by piece. Its data is one JSON message, so line breaks in it become spaces.
#[derive(Debug, Default)]
pub struct PassingEvent {
    begun: bool,
    /// What comes of the other fields once the data has begun.
    fields: BytesMut,
}

impl PassingEvent {
    /// The bytes of the next piece. `fields`: lines of the other fields; `ends`: it is the last one.
    ///
    /// # Errors
    /// When fields of more than 64 KiB come after the data has begun.
    pub fn piece(&mut self, fields: &[Bytes], data: &Bytes, ends: bool) -> Result<Bytes, SseError> {
        let size: usize = fields.iter().map(Bytes::len).sum();
        if self.fields.len() + size > FIELDS {
            return Err(SseError::TooLarge { limit: FIELDS });
        }
        fields.iter().for_each(|field| self.fields.put_slice(field));
        let data = on_one_line(data).unwrap_or_else(|| data.clone());
        if self.begun && !ends {
            return Ok(data);
        }
        let mut out = BytesMut::with_capacity(data.len() + self.fields.len() + 16);
        if !std::mem::replace(&mut self.begun, true) {
            let whole = self.fields.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            out.put(self.fields.split_to(whole));
            out.put_slice(b"data: ");
        }
        out.put(data);
        if ends {
            out.put_slice(b"\n");
            out.put(self.fields.split());
            out.put_slice(b"\n");
        }
        Ok(out.freeze())
    }
}
