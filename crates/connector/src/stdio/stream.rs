//! The event stream of one request, or of a client that listens.

use std::{convert::Infallible, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::{sync::mpsc, time::timeout};

use super::exchange::Outgoing;
use crate::answer::{self, Body};

/// A comment is sent when there was nothing to send for so long, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Streams `first` and then what `receiver` gives, until an answer or its end.
pub(crate) fn events(first: Option<Outgoing>, receiver: mpsc::Receiver<Outgoing>) -> Response<Body> {
    let rest = stream::unfold(Some(receiver), next_event);
    let first = stream::iter(first.map(|first| event(&text_of(first).0)));
    let frames = first.chain(rest).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    answer::event_stream(StreamBody::new(frames).map_err(|never| match never {}).boxed_unsync())
}

async fn next_event(receiver: Option<mpsc::Receiver<Outgoing>>) -> Option<(Bytes, Option<mpsc::Receiver<Outgoing>>)> {
    let mut receiver = receiver?;
    let Ok(outgoing) = timeout(KEEP_ALIVE, receiver.recv()).await else {
        return Some((Bytes::from_static(b": keep-alive\n\n"), Some(receiver)));
    };
    let (text, last) = text_of(outgoing?);
    Some((event(&text), (!last).then_some(receiver)))
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
