//! One request of ours to a server, within a session of our own, and the messages that come for it.

mod pauses;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method as HttpMethod, StatusCode};
use hyper::body::Incoming;
use mcp::{Era, Frame, Id};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use pauses::Pauses;

use super::outgoing::Outgoing;
use crate::{
    account::Server,
    failure::{Failure, UpstreamFailure},
    link::{self, Link, Replies, upstream_headers},
    peer::{Came, Peer, Piece, Source, Wire},
    relay::{Media, Plain, Taken, no_media, take},
    settle::{Delivery, Settler},
    shared::Shared,
    space::Held,
    words,
};

/// As good as without end.
const EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A request under way. Dropped before its end, it is cancelled by the rules of the server's era.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    server: Arc<Server>,
    pub peer: Arc<Peer>,
    pub id: Id<'static>,
    link: Link,
    source: Source,
    /// How long is waited where the source ends before the answer has come.
    pauses: Pauses,
    /// When the whole answer must have come.
    until: Instant,
    /// When the server last said something.
    heard: Instant,
    /// How long it may say nothing.
    silence: Duration,
    phase: Phase,
    replies: Replies,
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
            source: Source::none(),
            pauses: Pauses::default(),
            until: now + shared.config.times.upstream_whole,
            heard: now,
            silence: shared.config.times.upstream_silence,
            phase: Phase::Over,
            replies: Replies::default(),
        };
        // From here on it is cancelled if nobody waits for its answer, or for the beginning of that.
        exchange.phase = Phase::Open;
        match exchange.ask(outgoing, settler).await {
            Ok(source) => exchange.source = source,
            Err(failure) => {
                exchange.phase = Phase::Over;
                return Err(failure);
            }
        }
        Ok(exchange)
    }

    async fn ask(&self, outgoing: Outgoing, settler: Option<&mut Settler>) -> Result<Source, Failure> {
        let Wire::Events(wire) = &self.peer.wire else { return self.send(outgoing, settler).await };
        let line = wire.line(&outgoing.id);
        if let Some(settler) = settler {
            settler.asks();
        }
        wire.post(&self.shared, &self.server, &self.link, outgoing.bytes).await?;
        Ok(Source::line(line))
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
        if let Some(refused) = link::refused(&self.shared, &self.server, &response).await {
            return Err(refused.into());
        }
        self.source_of(response).await
    }

    async fn source_of(&self, response: http::Response<Incoming>) -> Result<Source, Failure> {
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return self.error_status(head.status, words::start_of(body).await);
        }
        let body = Plain::new(&self.shared, &self.server, &head.headers, body)?;
        match Media::of(&head.headers) {
            Media::Json => Ok(match take(&self.shared, body, Some(self.until)).await? {
                Taken::Whole(held) => Source::whole(held),
                Taken::Start(start, rest) => Source::large(start, rest),
            }),
            Media::Events => Ok(Source::events(&self.shared, body)),
            Media::Other => Err(no_media(head.status).into()),
        }
    }

    /// An error status: a JSON-RPC error about this request is its answer; what says that the session is gone is told so,
    /// for a new one to be opened.
    fn error_status(&self, status: StatusCode, start: Bytes) -> Result<Source, Failure> {
        let ours_to_answer = matches!(status.as_u16(), 300..=399 | 401..=403 | 407 | 429 | 500..);
        let answers =
            matches!(mcp::frame(&start), Ok(Frame::Response(facts)) if facts.is_failure() && facts.answers(&self.id));
        if answers && !ours_to_answer {
            return Ok(Source::whole(start.into()));
        }
        let lost = self.peer.session.is_some() && matches!(status.as_u16(), 400 | 404);
        if lost { Err(Failure::NoSession) } else { Err(Failure::status(status, words::of_bytes(&start))) }
    }

    /// The next message, a large one held within the limits; none when there are no more. Nothing is lost when this is
    /// dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<Held>, UpstreamFailure> {
        loop {
            match self.come().await? {
                None => return Ok(None),
                Some(Came::Whole(message)) => return Ok(Some(message)),
                Some(Came::Start(start)) => self.hold(&start)?,
            }
        }
    }

    /// The next message, or the start of a large one, which is then gone on with or held; none when there are no more.
    /// Nothing is lost when this is dropped while it waits.
    pub(crate) async fn come(&mut self) -> Result<Option<Came>, UpstreamFailure> {
        loop {
            let came = timeout_at(self.late(), self.source.come(&self.shared)).await;
            let resumption = self.source.resumption().filter(|_| self.peer.era == Era::Initialize);
            match (came.unwrap_or(Err(UpstreamFailure::Late)), resumption) {
                (Ok(Some(came)), _) => {
                    self.heard = Instant::now();
                    self.pauses.brought();
                    return Ok(Some(came));
                }
                (Ok(None) | Err(UpstreamFailure::Broken(_)), Some(last_id)) => {
                    self.resume(&last_id).await?;
                }
                (Ok(None), None) => return Ok(None),
                (Err(failure), _) => return Err(failure),
            }
        }
    }

    /// The next piece of the large message that has begun; none if it breaks off.
    pub(crate) async fn more(&mut self) -> Result<Option<Piece>, UpstreamFailure> {
        let piece = timeout_at(self.late(), self.source.more()).await.unwrap_or(Err(UpstreamFailure::Late))?;
        self.heard = Instant::now();
        Ok(piece)
    }

    /// When the server has been silent for too long.
    fn late(&self) -> Instant {
        self.until.min(self.heard + self.silence)
    }

    /// The large message that has begun is the next one, as a whole.
    pub(crate) fn hold(&mut self, start: &Bytes) -> Result<(), UpstreamFailure> {
        self.source.hold(&self.shared, start)
    }

    /// Takes the stream up again after its last event (2025-11-25 basic/transports "Resumability and Redelivery").
    async fn resume(&mut self, last_id: &str) -> Result<(), UpstreamFailure> {
        sleep(self.pauses.next(self.source.retry())).await;
        let mut headers = self.peer.headers();
        let last = HeaderValue::from_str(last_id)
            .map_err(|_| UpstreamFailure::Invalid("its event id is no header value".to_owned()))?;
        headers.insert("last-event-id", last);
        let headers = upstream_headers(&self.server, &headers, &HttpMethod::GET, self.peer.session.as_ref())?;
        let response = self.link.send(HttpMethod::GET, headers, Bytes::new(), self.silence).await?;
        if let Some(refused) = link::refused(&self.shared, &self.server, &response).await {
            return Err(refused);
        }
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(UpstreamFailure::Broken("its stream ended and could not be taken up again".to_owned()));
        }
        let body = Plain::new(&self.shared, &self.server, &head.headers, body)?;
        self.source = Source::events(&self.shared, body);
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

    /// When the whole answer must have come.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// The answer is here.
    pub(crate) fn finish(&mut self) {
        self.phase = Phase::Over;
        self.source = Source::none();
    }

    /// Answers what the server asks of nobody but us, in its turn.
    pub(crate) async fn reply(&self, message: Bytes) {
        if let Some(turn) = self.replies.turn(self.shared.config.times.aggregate_part).await {
            self.aside(message, turn);
        }
    }

    /// Tells the server something beside everything else, in its turn, for as long as the server may take.
    fn aside(&self, message: Bytes, turn: OwnedSemaphorePermit) {
        let (shared, peer, link) = (self.shared.clone(), self.peer.clone(), self.link.clone());
        self.shared.tracker.spawn(async move {
            let _turn = turn;
            let _not_taken = timeout(shared.config.times.aggregate_part, peer.tell(&shared, &link, message)).await;
        });
    }

    /// Tells the server what a client answered, beside everything else.
    pub(crate) fn tell(&self, message: Bytes) {
        let (shared, peer, link) = (self.shared.clone(), self.peer.clone(), self.link.clone());
        self.shared.tracker.spawn(async move {
            if let Err(error) = peer.tell(&shared, &link, message).await {
                tracing::debug!(%error, server = %peer.server.id, "what a client answered did not arrive");
            }
        });
    }

    /// Tells a server of the first era that nobody waits any more (2025-11-25 basic/utilities/cancellation); in the
    /// stateless era the end of the connection says so.
    fn cancel(&self, reason: &str) {
        let told = mcp::cancelled_notification(&self.id, reason);
        if let Some(turn) = self.shared.asides.turn(self.server.account).filter(|_| self.peer.era == Era::Initialize) {
            self.aside(told, turn);
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
