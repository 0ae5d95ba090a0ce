//! One request of ours to a server, within a session of our own, and the messages that come for it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method as HttpMethod, StatusCode, header};
use hyper::body::Incoming;
use mcp::{Era, Frame, Id};
use tokio::time::{Instant, sleep, timeout_at};

use super::source::Source;
use crate::{
    account::Server,
    credential,
    failure::{Failure, UpstreamFailure},
    forward::refused,
    gateway::Shared,
    link::{Link, upstream_headers},
    peer::{Peer, Wire},
    relay::{Plain, collect},
    settle::{Delivery, Settler},
    words,
};

/// As good as without end.
const EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// What is sent, in the server's era.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub id: Id<'static>,
    pub bytes: Bytes,
    pub headers: HeaderMap,
}

/// A request under way. Dropped before its end, it is cancelled by the rules of the server's era.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    server: Arc<Server>,
    pub peer: Arc<Peer>,
    pub id: Id<'static>,
    link: Link,
    source: Source,
    /// When the whole answer must have come.
    until: Instant,
    /// When the server last said something.
    heard: Instant,
    /// How long it may say nothing.
    silence: Duration,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Over,
}

impl Exchange {
    /// Sends the request and takes the head of the answer.
    pub(crate) async fn begin(
        shared: &Arc<Shared>,
        (server, peer): (&Arc<Server>, &Arc<Peer>),
        outgoing: Outgoing,
        settler: Option<&mut Settler>,
    ) -> Result<Self, Failure> {
        let link = Link::to(shared, server, peer.session.as_ref()).await?;
        let now = Instant::now();
        let mut exchange = Self {
            shared: shared.clone(),
            server: server.clone(),
            peer: peer.clone(),
            id: outgoing.id.clone(),
            link,
            source: Source::Whole(None, Vec::new()),
            until: now + shared.config.times.upstream_whole,
            heard: now,
            silence: shared.config.times.upstream_silence,
            phase: Phase::Over,
        };
        exchange.source = match &peer.wire {
            Wire::Streamable => exchange.send(outgoing, settler).await?,
            Wire::Events(wire) => {
                let line = wire.line(&outgoing.id);
                if let Some(settler) = settler {
                    settler.asks();
                }
                wire.post(shared, server, &exchange.link, outgoing.bytes).await?;
                Source::Line(line)
            }
        };
        exchange.phase = Phase::Open;
        Ok(exchange)
    }

    async fn send(&self, outgoing: Outgoing, mut settler: Option<&mut Settler>) -> Result<Source, Failure> {
        let headers = upstream_headers(&self.server, &outgoing.headers, &HttpMethod::POST, self.peer.session.as_ref())?;
        if let Some(settler) = &mut settler {
            settler.asks();
        }
        let within = self.shared.config.times.upstream_silence;
        let sent = self.link.send(HttpMethod::POST, headers, outgoing.bytes, within).await;
        let response = match sent {
            Err(UpstreamFailure::Late) => {
                self.cancel("no answer in time");
                return Err(UpstreamFailure::Late.into());
            }
            sent => sent?,
        };
        if let Some(settler) = settler {
            let undelivered = self.link.says_undelivered(response.headers());
            let delivery = if undelivered { Delivery::Undelivered } else { Delivery::Delivered };
            settler.answered(response.status().as_u16(), delivery);
        }
        if let Some(refused) = credential::refused(&self.shared, &self.server, &response).await {
            return Err(refused.into());
        }
        self.source_of(response).await
    }

    async fn source_of(&self, response: http::Response<Incoming>) -> Result<Source, Failure> {
        let (head, body) = response.into_parts();
        let media = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !head.status.is_success() {
            return self.error_status(head.status, words::start_of(body).await);
        }
        let body = Plain::new(&self.shared, &head.headers, body)?;
        match media.as_str() {
            "application/json" => {
                let held = collect(&self.shared, body, Some(self.until)).await?;
                let (bytes, room) = held.into_parts();
                Ok(Source::Whole(Some(bytes), room))
            }
            "text/event-stream" => Ok(Source::events(body, self.shared.config.limits.answer_bytes)),
            _ => {
                let words = format!("HTTP {} without JSON or an event stream", head.status.as_u16());
                Err(UpstreamFailure::Invalid(words).into())
            }
        }
    }

    /// An error status: a JSON-RPC error about this request is its answer; what says that the session is gone is told so,
    /// for a new one to be opened.
    fn error_status(&self, status: StatusCode, start: Bytes) -> Result<Source, Failure> {
        let ours_to_answer = matches!(status.as_u16(), 300..=399 | 401..=403 | 407 | 429 | 500..);
        let answers =
            matches!(mcp::frame(&start), Ok(Frame::Response(facts)) if facts.is_failure() && facts.answers(&self.id));
        if answers && !ours_to_answer {
            return Ok(Source::Whole(Some(start), Vec::new()));
        }
        let lost = self.peer.session.is_some() && matches!(status.as_u16(), 400 | 404);
        if lost { Err(Failure::NoSession) } else { Err(refused(status, words::of_bytes(&start))) }
    }

    /// The next message; none when there are no more. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, UpstreamFailure> {
        loop {
            let late = self.until.min(self.heard + self.silence);
            match timeout_at(late, self.source.next()).await {
                Err(_) => return Err(UpstreamFailure::Late),
                Ok(Ok(Some(message))) => {
                    self.heard = Instant::now();
                    return Ok(Some(message));
                }
                Ok(Err(failure @ UpstreamFailure::Broken(_))) if self.source.resumption().is_none() => {
                    return Err(failure);
                }
                Ok(Ok(None) | Err(UpstreamFailure::Broken(_))) => match self.source.resumption() {
                    Some((last_id, retry)) if self.peer.era == Era::Initialize => self.resume(&last_id, retry).await?,
                    _ => return Ok(None),
                },
                Ok(Err(failure)) => return Err(failure),
            }
        }
    }

    /// Takes the stream up again after its last event (2025-11-25 basic/transports "Resumability and Redelivery").
    async fn resume(&mut self, last_id: &str, retry: Duration) -> Result<(), UpstreamFailure> {
        sleep(retry).await;
        let mut headers = self.peer.headers();
        let last = HeaderValue::from_str(last_id)
            .map_err(|_| UpstreamFailure::Invalid("its event id is no header value".to_owned()))?;
        headers.insert("last-event-id", last);
        let headers = upstream_headers(&self.server, &headers, &HttpMethod::GET, self.peer.session.as_ref())?;
        let within = self.shared.config.times.upstream_silence;
        let response = self.link.send(HttpMethod::GET, headers, Bytes::new(), within).await?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(UpstreamFailure::Broken("its stream ended and could not be taken up again".to_owned()));
        }
        let body = Plain::new(&self.shared, &head.headers, body)?;
        self.source = Source::events(body, self.shared.config.limits.answer_bytes);
        Ok(())
    }

    /// A person was waited for: what counted as silence did not.
    pub(crate) fn goes_on(&mut self) {
        self.heard = Instant::now();
        self.until = self.heard + self.shared.config.times.upstream_whole;
    }

    /// It has no end that is waited for: a subscription.
    pub(crate) fn lasts(&mut self) {
        self.silence = EVER;
        self.until = Instant::now() + EVER;
    }

    /// The answer is here.
    pub(crate) fn finish(&mut self) -> Source {
        self.phase = Phase::Over;
        std::mem::replace(&mut self.source, Source::Whole(None, Vec::new()))
    }

    /// Answers a question of the server's, or tells it something, beside everything else.
    pub(crate) fn tell(&self, message: Bytes) {
        let (shared, server, peer, link) =
            (self.shared.clone(), self.server.clone(), self.peer.clone(), self.link.clone());
        self.shared.tracker.spawn(async move {
            if let Err(error) = peer.tell(&shared, &link, message).await {
                tracing::debug!(%error, server = %server.id, "a message of the gateway's own did not arrive");
            }
        });
    }

    /// Tells a server of the first era that nobody waits any more (2025-11-25 basic/utilities/cancellation); in the
    /// stateless era the end of the connection says so.
    fn cancel(&self, reason: &str) {
        if self.peer.era == Era::Initialize {
            self.tell(mcp::cancelled_notification(&self.id, reason));
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.phase == Phase::Open {
            self.cancel("nobody waits for it any more");
        }
    }
}
