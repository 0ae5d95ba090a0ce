//! What a server says to a greeting, looked for in an event stream too: it may be that it does not know it.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header;
use http_body_util::BodyExt as _;
use mcp::{Frame, ResponseKind, SseParser};

use crate::relay::Says;

/// So many bytes of a stream are looked at; what is longer is passed on as it is.
const MOST: usize = 64 << 10;

/// The answer, whole as it came, and what it says, if that was found.
pub(super) async fn says(answer: Response) -> (Response, Option<Says>) {
    if let Some(says) = answer.extensions().get().copied() {
        return (answer, Some(says));
    }
    let kind = answer.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    if !kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
        return (answer, None);
    }
    let (head, mut body) = answer.into_parts();
    let (mut read, mut bytes, mut found) = (Vec::new(), 0, None);
    let mut parser = SseParser::new(MOST);
    while found.is_none() && bytes <= MOST {
        let data = match body.frame().await.map(|frame| frame.map(http_body::Frame::into_data)) {
            Some(Ok(Ok(data))) => data,
            Some(Ok(Err(_trailers))) => continue,
            Some(Err(error)) => {
                read.push(Err(error));
                break;
            }
            None => break,
        };
        bytes += data.len();
        let events = parser.push(&data);
        read.push(Ok(data));
        let Ok(events) = events else { break };
        found = events.iter().filter_map(|event| event.payload()).find_map(said_by);
    }
    let whole = stream::iter(read).chain(body.into_data_stream());
    (Response::from_parts(head, Body::from_stream(whole)), found)
}

fn said_by(message: &Bytes) -> Option<Says> {
    match mcp::frame(message) {
        Ok(Frame::Response(facts)) if matches!(facts.kind, ResponseKind::Error { .. }) => Some(Says::Error),
        Ok(Frame::Response(_)) => Some(Says::Result),
        _ => None,
    }
}
