//! The event stream of one request, or of a client that listens.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::DropGuard;

use super::{exchange::Outgoing, filed::Text};
use crate::answer::{self, Body, BodyError};

/// A comment is sent when there was nothing to send for so long, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Streams `first` and then what `receiver` gives, until an answer or its end. `left` is dropped with the stream.
pub(crate) fn events(
    first: Option<Outgoing>,
    receiver: mpsc::Receiver<Outgoing>,
    left: Option<DropGuard>,
) -> Response<Body> {
    let rest = stream::unfold(Some(Open { receiver, _left: left }), next_event);
    let first = stream::iter(first.map(|first| event(text_of(first).0)));
    let frames = first.chain(rest).flatten().map(|bytes| bytes.map(Frame::data));
    answer::event_stream(StreamBody::new(frames).boxed_unsync())
}

/// A text as the body of an answer.
pub(crate) fn body(text: Text) -> Body {
    match text {
        Text::Held(text) => answer::full(text),
        Text::Filed(filed) => StreamBody::new(filed.pieces().map(|piece| piece.map(Frame::data))).boxed_unsync(),
    }
}

/// A stream that has not ended.
struct Open {
    receiver: mpsc::Receiver<Outgoing>,
    _left: Option<DropGuard>,
}

type Bytewise = BoxStream<'static, Result<Bytes, BodyError>>;

async fn next_event(open: Option<Open>) -> Option<(Bytewise, Option<Open>)> {
    let mut open = open?;
    let Ok(outgoing) = timeout(KEEP_ALIVE, open.receiver.recv()).await else {
        return Some((at_once(Bytes::from_static(b": keep-alive\n\n")), Some(open)));
    };
    let (text, last) = text_of(outgoing?);
    Some((event(text), (!last).then_some(open)))
}

fn text_of(outgoing: Outgoing) -> (Text, bool) {
    match outgoing {
        Outgoing::Related(text) => (Text::Held(text), false),
        Outgoing::Answer(answer) => (answer.text, true),
    }
}

fn at_once(bytes: Bytes) -> Bytewise {
    stream::iter([Ok(bytes)]).boxed()
}

/// A message is one line, so it is one `data` field.
fn event(text: Text) -> Bytewise {
    let text = match text {
        Text::Held(text) => text,
        Text::Filed(filed) => return filed.event().boxed(),
    };
    let mut event = BytesMut::with_capacity(text.len() + 24);
    event.put_slice(b"event: message\ndata: ");
    event.put_slice(&text);
    event.put_slice(b"\n\n");
    at_once(event.freeze())
}
