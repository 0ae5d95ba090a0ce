//! Where the messages that answer a request come from.

use std::{collections::VecDeque, time::Duration};

use bytes::{Bytes, BytesMut};
use mcp::{SseEvent, SseParser, SsePart, SsePiece};
use tokio::sync::mpsc;

use crate::{
    failure::UpstreamFailure,
    relay::Plain,
    shared::Shared,
    space::{Held, Space},
};

/// Up to this size an event is held without being asked for room.
const WHOLE: usize = 64 << 10;

/// Most bytes of the fields of one event besides its data.
const FIELDS: usize = 64 << 10;
/// A source of messages.
pub(crate) struct Source {
    from: From,
    /// A large message that is put together.
    holding: Option<(BytesMut, Space)>,
    /// Most bytes of a message that is held, where that is less than elsewhere.
    limit: Option<usize>,
}

enum From {
    /// One message, or none any more.
    Whole(Option<Held>),
    /// One large message: its start, until that was given, and the rest.
    Large(Option<Bytes>, Box<Plain>),
    /// An event stream.
    Events(Box<Events>),
    /// A part of a stream that is shared.
    Line(mpsc::Receiver<Held>),
}

/// What comes of messages.
pub(crate) enum Came {
    /// A message.
    Whole(Held),
    /// The start of a large one: the rest comes piece by piece, or as a whole if it is held.
    Start(Bytes),
}

/// A piece of a large message.
pub(crate) struct Piece {
    pub bytes: Bytes,
    /// The message is over.
    pub ends: bool,
}

/// An event stream, and how to go on where it ends.
struct Events {
    body: Plain,
    parser: SseParser,
    waiting: VecDeque<SsePart>,
    /// The fields of the large event that is coming.
    fields: Vec<Bytes>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Source {
    /// Nothing more.
    pub(crate) fn none() -> Self {
        Self::of(From::Whole(None))
    }

    pub(crate) fn whole(message: Held) -> Self {
        Self::of(From::Whole(Some(message)))
    }

    /// One message of which so much is here.
    pub(crate) fn large(start: Bytes, rest: Box<Plain>) -> Self {
        Self::of(From::Large(Some(start), rest))
    }

    pub(crate) fn line(line: mpsc::Receiver<Held>) -> Self {
        Self::of(From::Line(line))
    }

    pub(crate) fn events(shared: &Shared, body: Plain) -> Self {
        Self::of(From::Events(Box::new(Events {
            body,
            parser: SseParser::splitting(WHOLE, shared.config.limits.streamed_bytes),
            waiting: VecDeque::new(),
            fields: Vec::new(),
            last_id: None,
            retry: None,
        })))
    }

    /// The next event of a stream that has data, whole, if it is small; for streams whose first event is another thing.
    pub(super) async fn event(&mut self) -> Result<Option<SseEvent>, UpstreamFailure> {
        let From::Events(events) = &mut self.from else { return Ok(None) };
        while let Some(part) = events.part().await? {
            match part {
                SsePart::Event(event) if event.payload().is_none() => {}
                SsePart::Event(event) => return Ok(Some(event)),
                SsePart::Piece(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The same, with messages of at most so many bytes.
    pub(super) fn up_to(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn of(from: From) -> Self {
        Self { from, holding: None, limit: None }
    }

    /// The next message, a large one held within the limits; none at the end. Nothing is lost when this is dropped while it
    /// waits.
    pub(crate) async fn next(&mut self, shared: &Shared) -> Result<Option<Held>, UpstreamFailure> {
        loop {
            match self.come(shared).await? {
                None => return Ok(None),
                Some(Came::Whole(message)) => return Ok(Some(message)),
                Some(Came::Start(start)) => self.hold(shared, &start)?,
            }
        }
    }

    /// The next message, or the start of a large one; none at the end. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn come(&mut self, shared: &Shared) -> Result<Option<Came>, UpstreamFailure> {
        while self.holding.is_some() {
            let Some(piece) = self.more().await? else { return Ok(None) };
            self.take_in(shared, &piece.bytes)?;
            if piece.ends {
                return Ok(self.holding.take().map(|(bytes, space)| Came::Whole(Held::new(bytes.freeze(), space))));
            }
        }
        match &mut self.from {
            From::Whole(message) => Ok(message.take().map(Came::Whole)),
            From::Large(start, _) => Ok(start.take().map(Came::Start)),
            From::Events(events) => events.come().await,
            From::Line(line) => Ok(line.recv().await.map(Came::Whole)),
        }
    }

    /// The large message that has begun is put together: it is the next one.
    pub(crate) fn hold(&mut self, shared: &Shared, start: &Bytes) -> Result<(), UpstreamFailure> {
        let body = match &self.from {
            From::Large(_, body) => body,
            From::Events(events) => &events.body,
            From::Whole(_) | From::Line(_) => return Ok(()),
        };
        self.holding = Some((BytesMut::new(), body.space()));
        self.take_in(shared, start)
    }

    fn take_in(&mut self, shared: &Shared, bytes: &Bytes) -> Result<(), UpstreamFailure> {
        let Some((held, space)) = &mut self.holding else { return Ok(()) };
        let limit = self.limit.unwrap_or(usize::MAX).min(shared.config.limits.answer_bytes);
        let size = held.len() + bytes.len();
        if size > limit {
            return Err(UpstreamFailure::TooLarge { limit });
        }
        space.hold(size)?;
        held.extend_from_slice(bytes);
        Ok(())
    }

    /// The next piece of the large message that has begun; none if it breaks off. Nothing is lost when this is dropped while
    /// it waits.
    pub(crate) async fn more(&mut self) -> Result<Option<Piece>, UpstreamFailure> {
        match &mut self.from {
            From::Large(_, body) => {
                let bytes = body.data().await.transpose()?;
                let ends = bytes.is_none();
                Ok(Some(Piece { bytes: bytes.unwrap_or_default(), ends }))
            }
            From::Events(events) => events.more().await,
            From::Whole(_) | From::Line(_) => Ok(None),
        }
    }

    /// After which time the server wants the stream to be opened again, if it says so.
    pub(crate) fn retry(&self) -> Option<Duration> {
        let From::Events(events) = &self.from else { return None };
        events.retry
    }

    /// After which event the stream can be taken up again, if it can (2025-11-25 basic/transports "Resumability").
    pub(crate) fn resumption(&self) -> Option<String> {
        let From::Events(events) = &self.from else { return None };
        events.last_id.clone().filter(|id| !id.is_empty())
    }
}

impl Events {
    async fn come(&mut self) -> Result<Option<Came>, UpstreamFailure> {
        while let Some(part) = self.part().await? {
            match part {
                SsePart::Event(event) => {
                    self.note(&event);
                    if let Some(payload) = event.payload() {
                        return Ok(Some(Came::Whole(payload.clone().into())));
                    }
                }
                SsePart::Piece(piece) => {
                    let Piece { bytes, ends } = self.piece(piece)?;
                    // Comments and other fields before the data.
                    if bytes.is_empty() {
                        continue;
                    }
                    return Ok(Some(if ends { Came::Whole(bytes.into()) } else { Came::Start(bytes) }));
                }
            }
        }
        Ok(None)
    }

    async fn more(&mut self) -> Result<Option<Piece>, UpstreamFailure> {
        while let Some(part) = self.part().await? {
            if let SsePart::Piece(piece) = part {
                return self.piece(piece).map(Some);
            }
        }
        Ok(None)
    }

    /// The data of a piece. What its other fields say counts once the event has come wholly.
    fn piece(&mut self, piece: SsePiece) -> Result<Piece, UpstreamFailure> {
        self.fields.extend(piece.fields.into_iter().filter(|field| !field.is_empty()));
        if self.fields.iter().map(Bytes::len).sum::<usize>() > FIELDS {
            return Err(UpstreamFailure::TooLarge { limit: FIELDS });
        }
        if piece.ends {
            let fields = [std::mem::take(&mut self.fields).concat(), b"\n".to_vec()].concat();
            let noted = SseParser::new(fields.len()).push(&fields).unwrap_or_default();
            noted.iter().for_each(|event| self.note(event));
        }
        let bytes = match piece.data.as_slice() {
            [only] => only.clone(),
            several => several.concat().into(),
        };
        Ok(Piece { bytes, ends: piece.ends })
    }

    async fn part(&mut self) -> Result<Option<SsePart>, UpstreamFailure> {
        while self.waiting.is_empty() {
            let Some(data) = self.body.data().await else { return Ok(None) };
            let parts = self.parser.split(&data?);
            self.waiting
                .extend(parts.map_err(|mcp::SseError::TooLarge { limit }| UpstreamFailure::TooLarge { limit })?);
        }
        Ok(self.waiting.pop_front())
    }

    fn note(&mut self, event: &SseEvent) {
        if let Some(id) = &event.id {
            self.last_id = Some(id.clone());
        }
        if let Some(retry_ms) = event.retry_ms {
            self.retry = Some(Duration::from_millis(retry_ms));
        }
    }
}
