//! An answer that is read, and edited, while it passes: what is known of it, and what may go on of it.
//!
//! Invariants: no byte passes before the bytes up to it were found to be the start of a response that holds no list of
//! tools; what the whole turned out to be is said before the last of them.

use bytes::{Bytes, BytesMut};
use mcp::{AnswerEditor, Frame, FrameScanner, Id, PassingEvent, ResponseFacts, SsePiece};

use crate::failure::UpstreamFailure;

/// An answer of which some has come.
#[derive(Debug)]
pub(crate) struct Passing(Box<Parts>);

#[derive(Debug)]
struct Parts {
    scanner: FrameScanner,
    /// None: nothing of it changes.
    editor: Option<AnswerEditor>,
    /// The event that it is, where that has to be written anew.
    event: PassingEvent,
}

impl Passing {
    /// Reads the start of an answer, if the rest may pass unheld: a response that lists no tools and asks for nothing. With
    /// what of it goes on.
    pub(crate) fn begin(start: &Bytes, editor: Option<AnswerEditor>) -> Option<(Self, Bytes)> {
        let parts = Parts { scanner: FrameScanner::default(), editor, event: PassingEvent::default() };
        let mut passing = Self(Box::new(parts));
        let first = passing.read(start).ok()?;
        (!passing.0.scanner.wants_input()).then_some((passing, first))
    }

    /// Reads on; gives what goes on.
    pub(crate) fn read(&mut self, bytes: &Bytes) -> Result<Bytes, UpstreamFailure> {
        let Parts { scanner, editor, .. } = &mut *self.0;
        scanner.push(bytes).map_err(|error| UpstreamFailure::Invalid(error.to_string()))?;
        if scanner.lists_tools() || !scanner.responds() {
            let words = "it holds a list of tools where none was asked for".to_owned();
            return Err(UpstreamFailure::Invalid(words));
        }
        match editor {
            None => Ok(bytes.clone()),
            Some(editor) => editor.push(bytes).map_err(|error| UpstreamFailure::Invalid(error.to_string())),
        }
    }

    /// The first piece of an answer that is an event, and what of it goes on.
    pub(super) fn begin_event(piece: &SsePiece, editor: Option<AnswerEditor>) -> Option<(Self, Bytes)> {
        let (mut passing, data) = Self::begin(&joined(&piece.data), editor)?;
        let first = passing.written(piece, data).ok()?;
        Some((passing, first))
    }

    /// The next piece of an answer that is an event.
    pub(super) fn read_event(&mut self, piece: &SsePiece) -> Result<Bytes, UpstreamFailure> {
        let mut edited = BytesMut::new();
        for data in &piece.data {
            let data = self.read(data)?;
            if self.0.editor.is_some() {
                edited.extend_from_slice(&data);
            }
        }
        self.written(piece, edited.freeze())
    }

    fn written(&mut self, piece: &SsePiece, data: Bytes) -> Result<Bytes, UpstreamFailure> {
        if self.0.editor.is_none() {
            return Ok(piece.raw.clone());
        }
        let written = self.0.event.piece(&piece.fields, &data, piece.ends);
        written.map_err(|mcp::SseError::TooLarge { limit }| UpstreamFailure::TooLarge { limit })
    }

    /// Whether the whole message has come.
    pub(crate) fn is_over(&self) -> bool {
        self.0.scanner.is_over()
    }

    /// Whether it is an error, as far as is known.
    pub(crate) fn is_error(&self) -> bool {
        self.0.scanner.is_error()
    }

    /// The id, once it has come.
    pub(crate) fn id(&self) -> Option<Id<'_>> {
        self.0.scanner.id()
    }

    /// The facts of an answer that has wholly come, if it answers the request; any, if none is named.
    pub(crate) fn finish(self, request: Option<&Id<'_>>) -> Result<ResponseFacts<'static>, UpstreamFailure> {
        match self.0.scanner.finish() {
            Ok(Frame::Response(facts)) if request.is_none_or(|id| facts.answers(id)) => Ok(facts),
            Ok(_) => Err(UpstreamFailure::Invalid("it answers another request".to_owned())),
            Err(error) => Err(UpstreamFailure::Invalid(error.to_string())),
        }
    }
}

fn joined(data: &[Bytes]) -> Bytes {
    match data {
        [only] => only.clone(),
        several => several.concat().into(),
    }
}
