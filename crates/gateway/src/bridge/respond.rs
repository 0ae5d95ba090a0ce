//! The client's side of a bridged request: one JSON answer, or, where something comes before the answer or it takes long,
//! an event stream.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use mcp::{Era, Frame, Id, ResponseFacts, ResponseKind, SseEvent, code};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};

use crate::{
    failure::Failure,
    gateway::Shared,
    relay::{Keeping, event_stream},
    rescue::{self, Asked, json_answer},
};

/// Messages that may wait for a client that reads slowly; the server waits with it.
const WAITING: usize = 4;

/// Something said to the client.
pub(crate) enum Said {
    /// A message before the answer.
    Event(Bytes),
    /// The answer, with the room it takes.
    Last(Bytes, Vec<OwnedSemaphorePermit>),
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
        Ok(Some(Said::Last(message, room))) => {
            let mut response = json_answer(status(era, &message), Bytes::new());
            *response.body_mut() = Body::new(Keeping::new(message, room));
            return Ok(response);
        }
        Ok(Some(Said::Failed(failure))) => return Err(failure),
        Ok(Some(Said::Event(message))) => Some(SseEvent::message(message).raw),
        Ok(None) => None,
        Err(_) => Some(SseEvent::keep_alive().raw),
    };
    let telling = Telling { said, asked: Asked { id: Some(id), era, ..Asked::default() }, keep_alive, first };
    Ok(event_stream(Body::from_stream(stream::unfold(telling, |mut telling| async move {
        let bytes = telling.next().await?;
        Some((Ok::<_, Infallible>(bytes), telling))
    }))))
}

/// A stream that begins at once and answers nothing.
pub(crate) fn stream_of(shared: &Arc<Shared>, said: mpsc::Receiver<Said>) -> Response {
    let asked = Asked::default();
    let keep_alive = shared.config.times.keep_alive;
    let telling = Telling { said, asked, keep_alive, first: Some(SseEvent::keep_alive().raw) };
    event_stream(Body::from_stream(stream::unfold(telling, |mut telling| async move {
        let bytes = telling.next().await?;
        Some((Ok::<_, Infallible>(bytes), telling))
    })))
}

struct Telling {
    said: mpsc::Receiver<Said>,
    asked: Asked,
    keep_alive: Duration,
    first: Option<Bytes>,
}

impl Telling {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        Some(match timeout(self.keep_alive, self.said.recv()).await {
            Err(_) => SseEvent::keep_alive().raw,
            Ok(Some(Said::Event(message) | Said::Last(message, _))) => SseEvent::message(message).raw,
            Ok(Some(Said::Failed(failure))) => SseEvent::message(rescue::body(&failure, &self.asked)).raw,
            Ok(None) => return None,
        })
    }
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
