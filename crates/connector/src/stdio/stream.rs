//! The event stream of one request, or of a client that listens.

use std::{convert::Infallible, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::DropGuard;

use super::exchange::Outgoing;
use crate::answer::{self, Body};

/// A comment is sent when there was nothing to send for so long, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Streams `first` and then what `receiver` gives, until an answer or its end. `left` is dropped with the stream.
pub(crate) fn events(
    first: Option<Outgoing>,
    receiver: mpsc::Receiver<Outgoing>,
    left: Option<DropGuard>,
) -> Response<Body> {
    let rest = stream::unfold(Some(Open { receiver, _left: left }), next_event);
    let first = stream::iter(first.map(|first| event(&text_of(first).0)));
    let frames = first.chain(rest).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    answer::event_stream(StreamBody::new(frames).map_err(|never| match never {}).boxed_unsync())
}

/// A stream that has not ended.
struct Open {
    receiver: mpsc::Receiver<Outgoing>,
    _left: Option<DropGuard>,
}

async fn next_event(open: Option<Open>) -> Option<(Bytes, Option<Open>)> {
    let mut open = open?;
    let Ok(outgoing) = timeout(KEEP_ALIVE, open.receiver.recv()).await else {
        return Some((Bytes::from_static(b": keep-alive\n\n"), Some(open)));
    };
    let (text, last) = text_of(outgoing?);
    Some((event(&text), (!last).then_some(open)))
}

fn text_of(outgoing: Outgoing) -> (Bytes, bool) {
    match outgoing {
        Outgoing::Related(text) => (text, false),
        Outgoing::Answer(answer) => (answer.text, true),
    }
}

/// A message is one line, so it is one `data` field.
fn event(text: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(text.len() + 24);
    event.put_slice(b"event: message\ndata: ");
    event.put_slice(text);
    event.put_slice(b"\n\n");
    event.freeze()
}
