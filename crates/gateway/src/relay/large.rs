//! An event of a server that is too large to be held: it passes while it is read if it is the answer that is waited for,
//! and is put together, within the limit of what may be held, if it is anything else.
//!
//! A client sees an event only once its blank line has come, so what passed of one that breaks off is never seen.

use bytes::{Bytes, BytesMut};
use mcp::{FrameScanner, SseEvent, SseParser, SsePiece};
use tokio::sync::OwnedSemaphorePermit;

use super::{json::room, through};
use crate::{failure::UpstreamFailure, forward::Forward};

/// A large event of which some has come.
#[derive(Default)]
pub(super) enum Large {
    /// Nothing has come.
    #[default]
    Begins,
    /// It passes.
    Passing(Box<FrameScanner>),
    /// It is put together.
    Held(BytesMut, Vec<OwnedSemaphorePermit>),
}

/// What becomes of a piece.
pub(super) enum Passed {
    /// These bytes go on.
    Some(Bytes),
    /// Nothing goes on yet.
    Nothing,
    /// The event has come wholly, held in this room.
    Held(SseEvent, Vec<OwnedSemaphorePermit>),
    /// The event has come wholly, and all but these bytes have gone on.
    Last(Bytes, Box<FrameScanner>),
}

impl Large {
    /// Whether some of the event has gone on.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Passing(_))
    }

    /// Deals with the next piece.
    pub(super) fn goes_on(&mut self, piece: SsePiece, forward: &Forward) -> Result<Passed, UpstreamFailure> {
        if let Self::Passing(scanner) = self {
            piece.data.iter().try_for_each(|data| through::read(scanner, data))?;
            return Ok(if piece.ends {
                Passed::Last(piece.raw, std::mem::take(scanner))
            } else {
                Passed::Some(piece.raw)
            });
        }
        if matches!(self, Self::Begins) {
            if let Some(scanner) = scanner(&piece, forward) {
                *self = Self::Passing(Box::new(scanner));
                return Ok(Passed::Some(piece.raw));
            }
            *self = Self::Held(BytesMut::new(), Vec::new());
        }
        let Self::Held(bytes, rooms) = self else { return Ok(Passed::Nothing) };
        hold(bytes, rooms, &piece, forward)?;
        if !piece.ends {
            return Ok(Passed::Nothing);
        }
        let events = SseParser::new(bytes.len()).push(bytes).unwrap_or_default();
        Ok(Passed::Held(events.into_iter().next().unwrap_or_default(), std::mem::take(rooms)))
    }
}

/// A scanner that has read the first piece, if the event may pass: the answer that is waited for, or what may yet be it.
fn scanner(piece: &SsePiece, forward: &Forward) -> Option<FrameScanner> {
    let waited_for = forward.id.as_ref()?;
    let scanner = through::scanner(forward, &piece.data.concat())?;
    let another = scanner.id().is_some_and(|id| !waited_for.matches(&id));
    (!another && !piece.ends).then_some(scanner)
}

fn hold(
    bytes: &mut BytesMut,
    rooms: &mut Vec<OwnedSemaphorePermit>,
    piece: &SsePiece,
    forward: &Forward,
) -> Result<(), UpstreamFailure> {
    let limit = forward.shared.config.limits.answer_bytes;
    if bytes.len() + piece.raw.len() > limit {
        return Err(UpstreamFailure::TooLarge { limit });
    }
    rooms.push(room(&forward.shared, piece.raw.len())?);
    bytes.extend_from_slice(&piece.raw);
    Ok(())
}
