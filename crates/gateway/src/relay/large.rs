//! An event of a server that is too large to be held: it passes while it is read if it is the answer that is waited for,
//! and is put together, within the limit of what may be held, if it is anything else.
//!
//! A client sees an event only once its blank line has come, so what passed of one that breaks off is never seen.

use bytes::{Bytes, BytesMut};
use mcp::{SseEvent, SseParser, SsePiece};

use super::{passing::Passing, through};
use crate::{
    failure::UpstreamFailure,
    forward::Forward,
    space::{Held, Space},
};

/// A large event of which some has come.
#[derive(Default)]
pub(super) enum Large {
    /// Nothing has come.
    #[default]
    Begins,
    /// It passes.
    Passing(Passing),
    /// It is put together.
    Held(BytesMut, Space),
}

/// What becomes of a piece.
pub(super) enum Passed {
    /// These bytes go on.
    Some(Bytes),
    /// Nothing goes on yet.
    Nothing,
    /// The event has come wholly, held in this room.
    Held(SseEvent, Held),
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
            *self = Self::Held(BytesMut::new(), Space::new(&forward.shared.held, forward.place.server.account));
        }
        let Self::Held(bytes, space) = self else { return Ok(Passed::Nothing) };
        hold((bytes, space), &piece, forward)?;
        if !piece.ends {
            return Ok(Passed::Nothing);
        }
        let Self::Held(bytes, space) = std::mem::take(self) else { return Ok(Passed::Nothing) };
        let event = SseParser::new(bytes.len()).push(&bytes).unwrap_or_default().into_iter().next().unwrap_or_default();
        let held = Held::new(event.raw.clone(), space);
        Ok(Passed::Held(event, held))
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
    (bytes, space): (&mut BytesMut, &mut Space),
    piece: &SsePiece,
    forward: &Forward,
) -> Result<(), UpstreamFailure> {
    let (limit, size) = (forward.shared.config.limits.answer_bytes, bytes.len() + piece.raw.len());
    if size > limit {
        return Err(UpstreamFailure::TooLarge { limit });
    }
    space.hold(size)?;
    bytes.extend_from_slice(&piece.raw);
    Ok(())
}
