//! The client's side of a bridged request: one JSON answer, or, where something comes before the answer or it takes long,
//! an event stream.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use mcp::{Era, Frame, Id, PassingEvent, ResponseFacts, ResponseKind, SseEvent, code};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    answer::{event_stream, json_answer},
    ask::Asked,
    failure::Failure,
    relay::Cut,
    rescue,
    shared::Shared,
    space::Held,
};

/// Messages that may wait for a client that reads slowly; the server waits with it.
const WAITING: usize = 4;
/// The name that our events have.
const MESSAGE: Bytes = Bytes::from_static(b"event: message\n");

/// Something said to the client.
pub(crate) enum Said {
    /// A message before the answer.
    Event(Held),
    /// The answer.
    Last(Held),
    /// Some of a large result, which is the answer.
    Part(Bytes),
    /// The end of it.
    End(Bytes),
    /// It has no end.
    Cut,
    Failed(Failure),
}

/// Where it is said.
#[derive(Clone, Debug)]
pub(crate) struct Out(mpsc::Sender<Said>);

impl Out {
    /// Says it; whether anybody is there to hear it.
    pub(crate) async fn say(&self, said: Said) -> bool {
        self.0.send(said).await.is_ok()
    }

    /// Returns when the client has gone.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

pub(crate) fn channel() -> (Out, mpsc::Receiver<Said>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Out(sender), receiver)
}

/// Answers with what is said.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    era: Era,
    id: Id<'static>,
    mut said: mpsc::Receiver<Said>,
) -> Result<Response, Failure> {
    let keep_alive = shared.config.times.keep_alive;
    let first = match timeout(keep_alive, said.recv()).await {
        Ok(Some(Said::Last(message))) => {
            return Ok(json_answer(status(era, &message.bytes), message.into_bytes()));
        }
        Ok(Some(Said::Failed(failure))) => return Err(failure),
        Ok(Some(part @ (Said::Part(_) | Said::End(_)))) => {
            let mut response = json_answer(StatusCode::OK, Bytes::new());
            *response.body_mut() = Body::from_stream(stream::unfold(Some((said, Some(part))), next_part));
            return Ok(response);
        }
        Ok(Some(Said::Event(message))) => Some(as_event(message)),
        Ok(Some(Said::Cut) | None) => None,
        Err(_) => Some(SseEvent::keep_alive().raw),
    };
    let asked = Asked { id: Some(id), era, ..Asked::default() };
    Ok(Telling { said, asked, keep_alive, first, large: None }.answer())
}

/// A stream that begins at once and answers nothing.
pub(crate) fn stream_of(shared: &Arc<Shared>, said: mpsc::Receiver<Said>) -> Response {
    let keep_alive = shared.config.times.keep_alive;
    let first = Some(SseEvent::keep_alive().raw);
    Telling { said, asked: Asked::default(), keep_alive, first, large: None }.answer()
}

type Parts = Option<(mpsc::Receiver<Said>, Option<Said>)>;

/// The next bytes of an answer that is one large result: the part that is here, or the next that is said.
async fn next_part(parts: Parts) -> Option<(Result<Bytes, Cut>, Parts)> {
    let (mut said, here) = parts?;
    let next = match here {
        Some(part) => Some(part),
        None => said.recv().await,
    };
    Some(match next {
        Some(Said::Part(part)) => (Ok(part), Some((said, None))),
        Some(Said::End(part)) => (Ok(part), None),
        _ => (Err(Cut), None),
    })
}

struct Telling {
    said: mpsc::Receiver<Said>,
    asked: Asked,
    keep_alive: Duration,
    first: Option<Bytes>,
    /// The event of which some has been told.
    large: Option<PassingEvent>,
}

impl Telling {
    fn answer(self) -> Response {
        event_stream(Body::from_stream(stream::unfold(self, |mut telling| async move {
            let bytes = telling.next().await?;
            Some((bytes, telling))
        })))
    }

    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        loop {
            let said = timeout(self.keep_alive, self.said.recv()).await;
            return match said {
                // A comment would fall into the middle of the event.
                Err(_) if self.large.is_some() => continue,
                Err(_) => Some(Ok(SseEvent::keep_alive().raw)),
                Ok(Some(Said::Part(part))) => Some(self.part(&part)),
                Ok(Some(Said::End(part))) => Some(self.end(&part)),
                // An event that breaks off must not end cleanly.
                Ok(Some(Said::Cut | Said::Failed(_)) | None) if self.large.is_some() => Some(Err(Cut)),
                Ok(Some(Said::Cut) | None) => None,
                Ok(Some(Said::Event(message) | Said::Last(message))) => Some(Ok(as_event(message))),
                Ok(Some(Said::Failed(failure))) => Some(Ok(SseEvent::message(rescue::body(&failure, &self.asked)).raw)),
            };
        }
    }

    fn part(&mut self, part: &Bytes) -> Result<Bytes, Cut> {
        let name = if self.large.is_none() { &[MESSAGE][..] } else { &[] };
        self.large.get_or_insert_default().piece(name, part, false).map_err(|_| Cut)
    }

    fn end(&mut self, part: &Bytes) -> Result<Bytes, Cut> {
        let name = if self.large.is_none() { &[MESSAGE][..] } else { &[] };
        self.large.take().unwrap_or_default().piece(name, part, true).map_err(|_| Cut)
    }
}

/// A message as the event that it becomes.
fn as_event(message: Held) -> Bytes {
    let raw = SseEvent::message(message.bytes.clone()).raw;
    message.edited(raw).into_bytes()
}

/// The HTTP status that goes with an answer (2026-07-28 basic/transports/streamable-http).
fn status(era: Era, message: &[u8]) -> StatusCode {
    let Ok(Frame::Response(ResponseFacts { kind: ResponseKind::Error { code }, .. })) = mcp::frame(message) else {
        return StatusCode::OK;
    };
    match (era, code) {
        (Era::Stateless, code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        (
            Era::Stateless,
            code::HEADER_MISMATCH | code::MISSING_CLIENT_CAPABILITY | code::UNSUPPORTED_PROTOCOL_VERSION,
        ) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}
