//! An event of a server that is too large to be held: it passes while it is read if it is the answer that is waited for,
//! and is put together, within the limit of what may be held, if it is anything else.
//!
//! A client sees an event only once its blank line has come, so what passed of one that breaks off is never seen.

use bytes::{Bytes, BytesMut};
use mcp::{SseEvent, SseParser, SsePiece};
use tokio::sync::OwnedSemaphorePermit;

use super::{json::room, passing::Passing, through};
use crate::{failure::UpstreamFailure, forward::Forward};

/// A large event of which some has come.
#[derive(Default)]
pub(super) enum Large {
    /// Nothing has come.
    #[default]
    Begins,
    /// It passes.
    Passing(Passing),
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
    Last(Bytes, Passing),
}

impl Large {
    /// Whether some of the event has gone on.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Passing(_))
    }

    /// Deals with the next piece.
    pub(super) fn goes_on(&mut self, piece: SsePiece, forward: &Forward) -> Result<Passed, UpstreamFailure> {
        if let Self::Passing(passing) = self {
            let bytes = passing.read_event(&piece)?;
            if !piece.ends {
                return Ok(Passed::Some(bytes));
            }
            let Self::Passing(passing) = std::mem::take(self) else { return Ok(Passed::Nothing) };
            return Ok(Passed::Last(bytes, passing));
        }
        if matches!(self, Self::Begins) {
            if let Some((passing, first)) = begin(&piece, forward) {
                *self = Self::Passing(passing);
                return Ok(Passed::Some(first));
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

/// Begins with the first piece, if the event may pass: the answer that is waited for, or what may yet be it; on the server's
/// own stream, any answer, as the client asks there for what it has missed.
fn begin(piece: &SsePiece, forward: &Forward) -> Option<(Passing, Bytes)> {
    let (passing, first) = Passing::begin_event(piece, through::editor(forward)?)?;
    let another = match (&forward.id, passing.id()) {
        (Some(waited_for), Some(id)) => !waited_for.matches(&id),
        _ => false,
    };
    (!another && !piece.ends).then_some((passing, first))
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
    rooms.extend(room(&forward.shared, bytes.len(), bytes.len() + piece.raw.len())?);
    bytes.extend_from_slice(&piece.raw);
    Ok(())
}
