//! HTTP+SSE (2024-11-05 basic/transports "HTTP with SSE"): messages are posted to one URL, and all answers come on one
//! stream.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mcp::{Id, SseEvent, SseParser};

use crate::exchange::{Answer, Exchange, Failure, answers, too_large};

/// The URL to post to, which the stream of a server at `server` names first; only one at the server's own origin will do,
/// as its credentials go there.
#[must_use]
pub fn events_endpoint(server: &str, named: &str) -> Option<Uri> {
    let server = url::Url::parse(server).ok()?;
    let endpoint = server.join(named).ok()?;
    let same = endpoint.origin() == server.origin() && endpoint.username().is_empty() && endpoint.password().is_none();
    if same { endpoint.as_str().parse().ok() } else { None }
}

/// The stream of one conversation; the server ends the conversation when this is dropped.
pub(crate) struct Events {
    endpoint: Uri,
    body: Incoming,
    parser: SseParser,
    arrived: VecDeque<SseEvent>,
    max_bytes: usize,
    /// Bytes that may still come until the next answer is whole.
    left: usize,
}

impl Events {
    /// Opens the stream with a GET and waits for the URL to post to.
    pub(crate) async fn open<E: Exchange>(
        via: &E,
        request: http::Request<Bytes>,
        max_bytes: usize,
    ) -> Result<Self, Failure> {
        let server = request.uri().to_string();
        let (head, body) = via.send(request).await.map_err(|error| Failure::unreached(&error))?.into_parts();
        let media = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !head.status.is_success() || !media.is_some_and(|media| media.trim_start().starts_with("text/event-stream"))
        {
            return Err(Failure::answered(format!("it answered HTTP {} to a GET, and with no stream", head.status)));
        }
        let (parser, arrived) = (SseParser::new(max_bytes), VecDeque::new());
        let mut events = Self { endpoint: Uri::default(), body, parser, arrived, max_bytes, left: max_bytes };
        let first = events.event().await?;
        let named = first.data.as_deref().filter(|_| first.name.as_deref() == Some("endpoint"));
        let named = named.map(|data| String::from_utf8_lossy(data).trim().to_owned()).unwrap_or_default();
        let endpoint = events_endpoint(&server, &named).filter(|_| !named.is_empty());
        events.endpoint = endpoint
            .ok_or_else(|| Failure::answered("its stream does not begin with an endpoint at its own origin"))?;
        Ok(events)
    }

    /// Posts a message, and waits for the answer to `id` if there is one to come. The stream is read all the while: a server
    /// may write the answer there before it answers the POST.
    pub(crate) async fn exchange<E: Exchange>(
        &mut self,
        via: &E,
        mut request: http::Request<Bytes>,
        id: Option<&Id<'_>>,
    ) -> Result<Answer, Failure> {
        *request.uri_mut() = self.endpoint.clone();
        self.left = self.max_bytes;
        let mut posting = std::pin::pin!(via.send(request));
        let (mut posted, mut message) = (None, None);
        while posted.is_none() || (id.is_some() && message.is_none()) {
            tokio::select! {
                answer = &mut posting, if posted.is_none() => {
                    let answer = answer.map_err(|error| Failure::unreached(&error))?;
                    if !answer.status().is_success() {
                        return Ok(Answer::of_status(answer.status(), answer.headers().clone()));
                    }
                    posted = Some(answer.into_parts().0);
                }
                event = self.event(), if message.is_none() => {
                    let event = event?;
                    message = event.payload().filter(|payload| id.is_some_and(|id| answers(payload, id))).cloned();
                }
            }
        }
        let head = posted.ok_or_else(|| Failure::answered("it did not answer the POST"))?;
        Ok(Answer { status: head.status, headers: head.headers, message, start: Bytes::new() })
    }

    /// The next event. Nothing is lost when this is dropped.
    async fn event(&mut self) -> Result<SseEvent, Failure> {
        loop {
            if let Some(event) = self.arrived.pop_front() {
                return Ok(event);
            }
            let frame = self.body.frame().await.ok_or_else(|| Failure::answered("its stream ended"))?;
            let frame = frame.map_err(|_| Failure::answered("its stream broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(data.len()).ok_or_else(|| too_large(self.max_bytes))?;
            self.arrived.extend(self.parser.push(&data).map_err(|_| too_large(self.max_bytes))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_posted_to_the_servers_own_origin_only() {
        let server = "https://a.example:8443/sse?x=1";
        for (named, expected) in [
            ("/messages?session=1", Some("https://a.example:8443/messages?session=1")),
            ("messages", Some("https://a.example:8443/messages")),
            ("https://a.example:8443/m", Some("https://a.example:8443/m")),
            ("https://a.example/m", None),
            ("http://a.example:8443/m", None),
            ("//b.example:8443/m", None),
            ("https://a.example:8443@b.example/m", None),
            ("https://u:p@a.example:8443/m", None),
        ] {
            assert_eq!(events_endpoint(server, named).map(|uri| uri.to_string()).as_deref(), expected, "{named}");
        }
    }
}
