//! Large answers of a process: they wait in a file without a name, so that they take no memory, and a client that reads
//! slowly holds up nobody else who waits for the same process.

use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use mcp::{AnswerEditor, Frame, FrameScanner, PassingEvent, ResponseKind};
use tokio::{
    io::AsyncBufRead,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{child::Line, lines};
use crate::{answer::BodyError, config::Limits, message::Id};

/// Up to this size a line is held.
pub(crate) const HELD: usize = 1 << 20;
/// What is read of a file at a time.
const PIECE: usize = 64 << 10;
/// Bytes of all files of one connector together, in KiB.
const ROOM_KIB: usize = 4 << 20;
/// How long an answer may wait for others to make room.
const ROOM_WITHIN: Duration = Duration::from_secs(30);
/// The name that events have.
const MESSAGE: Bytes = Bytes::from_static(b"event: message\n");

/// The text of a message to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Held(Bytes),
    Filed(Filed),
}

/// An answer in a file, which goes when this does.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    file: Arc<File>,
    length: u64,
    /// The id that it is to have, if not its own.
    id: Option<Id>,
    _room: Arc<Vec<OwnedSemaphorePermit>>,
}

/// A large answer, and what is known of it.
#[derive(Debug)]
pub(crate) struct Large {
    pub(crate) text: Filed,
    pub(crate) id: Option<Id>,
    pub(crate) is_error: bool,
}

/// What files of all processes there may be.
#[derive(Clone, Debug)]
pub(crate) struct Files(Arc<Semaphore>);

impl Default for Files {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB)))
    }
}

impl Files {
    /// Reads the rest of a line whose start is here: an answer into a file, anything else into memory.
    ///
    /// # Errors
    /// `FileTooLarge` for one over its limit, else what reading gave.
    pub(crate) async fn read(
        &self,
        reader: &mut (impl AsyncBufRead + Unpin),
        start: Bytes,
        limits: &Limits,
    ) -> io::Result<Option<Line>> {
        let mut scanner = FrameScanner::default();
        let answers = scanner.push(&start).is_ok() && scanner.responds();
        match spawn_blocking(tempfile::tempfile).await {
            Ok(Ok(file)) if answers => {
                let filing = Filing { file: Arc::new(file), length: 0, scanner, room: Vec::new() };
                filing.read(self, reader, start, limits.max_answer_bytes).await
            }
            // Where no file can be written an answer has the limit of other messages.
            _ => Ok(lines::read_rest(reader, start, limits.max_message_bytes).await?.map(Line::Whole)),
        }
    }

    async fn room(&self, bytes: usize) -> io::Result<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let room = timeout(ROOM_WITHIN, self.0.clone().acquire_many_owned(kib)).await;
        room.map_err(|_| too_large())?.map_err(io::Error::other)
    }
}

/// An answer that is being written into a file.
struct Filing {
    file: Arc<File>,
    length: u64,
    scanner: FrameScanner,
    room: Vec<OwnedSemaphorePermit>,
}

impl Filing {
    async fn read(
        mut self,
        files: &Files,
        reader: &mut (impl AsyncBufRead + Unpin),
        start: Bytes,
        limit: usize,
    ) -> io::Result<Option<Line>> {
        self.write(files, start).await?;
        let mut valid = true;
        while let Some((part, ends)) = lines::next_part(reader, HELD).await? {
            if usize::try_from(self.length).is_ok_and(|length| length + part.len() > limit) {
                return Err(too_large());
            }
            valid &= self.scanner.push(&part).is_ok();
            if valid {
                self.write(files, part).await?;
            }
            if ends {
                return Ok(Some(if valid { self.finish() } else { Line::Unreadable }));
            }
        }
        Ok(None)
    }

    async fn write(&mut self, files: &Files, bytes: Bytes) -> io::Result<()> {
        self.room.push(files.room(bytes.len()).await?);
        let (file, at) = (self.file.clone(), self.length);
        self.length += bytes.len() as u64;
        spawn_blocking(move || file.write_all_at(&bytes, at)).await.map_err(io::Error::other)?
    }

    fn finish(self) -> Line {
        let Ok(Frame::Response(facts)) = self.scanner.finish() else { return Line::Unreadable };
        let id = facts.id.map(|id| id.raw().to_owned());
        let id = id.and_then(|raw| serde_json::value::RawValue::from_string(raw).ok()).and_then(|raw| Id::read(&raw));
        let is_error = matches!(facts.kind, ResponseKind::Error { .. });
        let text = Filed { file: self.file, length: self.length, id: None, _room: Arc::new(self.room) };
        Line::Large(Large { text, id, is_error })
    }
}

impl Text {
    /// The whole text, if it is held.
    pub(crate) fn held(&self) -> Option<&Bytes> {
        match self {
            Self::Held(text) => Some(text),
            Self::Filed(_) => None,
        }
    }
}

impl Filed {
    /// The same with another id.
    pub(crate) fn with_id(self, id: &Id) -> Self {
        Self { id: Some(id.clone()), ..self }
    }

    /// Its bytes, on one line.
    pub(crate) fn pieces(self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
        let id = self.id.as_ref().and_then(|id| mcp::Id::from_raw(id.raw()));
        let editor = id.map_or_else(AnswerEditor::default, |id| AnswerEditor::default().with_id(&id));
        stream::try_unfold((self, 0, editor), |(filed, at, mut editor)| async move {
            let Some(piece) = filed.piece(at).await? else { return Ok(None) };
            let next = at + piece.len() as u64;
            let edited = editor.push(&piece)?;
            Ok(Some((mcp::on_one_line(&edited).unwrap_or(edited), (filed, next, editor))))
        })
    }

    /// It as an event.
    pub(crate) fn event(self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
        let mut event = PassingEvent::default();
        let mut name = Some(MESSAGE);
        self.pieces().map(Some).chain(stream::iter([None])).map(move |piece| {
            let (data, ends) = match piece {
                Some(piece) => (piece?, false),
                None => (Bytes::new(), true),
            };
            Ok(event.piece(name.take().as_slice(), &data, ends)?)
        })
    }

    async fn piece(&self, at: u64) -> io::Result<Option<Bytes>> {
        let left = usize::try_from(self.length - at).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let file = self.file.clone();
        let read = spawn_blocking(move || {
            let mut piece = vec![0; left.min(PIECE)];
            file.read_exact_at(&mut piece, at).map(|()| Some(Bytes::from(piece)))
        });
        read.await.map_err(io::Error::other)?
    }
}

impl PartialEq for Filed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.id == other.id
    }
}

impl Eq for Filed {}

fn too_large() -> io::Error {
    io::Error::from(io::ErrorKind::FileTooLarge)
}
