//! The messages that a server sends on its own within a session of ours, whatever its era: opened, and opened again when
//! they end.

mod pauses;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method as HttpMethod};
use mcp::{Era, Frame, Id, Method, ResponseFacts};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::{
    Voice,
    exchange::Exchange,
    outgoing::{Outgoing, mirrored},
    wanted::Wanted,
};
use crate::{
    failure::{Failure, UpstreamFailure},
    link::{self, Link, Replies, upstream_headers},
    peer::{Hello, Peer, Source, Wire},
    relay::{Media, Plain, no_media},
    resolve::Place,
    shared::Shared,
    space::Held,
};
use pauses::Pauses;

/// A server's own messages.
pub(crate) struct Feed {
    shared: Arc<Shared>,
    place: Place,
    hello: Hello,
    ours: Arc<str>,
    wanted: Wanted,
    open: Open,
    pauses: Pauses,
    /// After which event the stream is to go on.
    last_id: Option<String>,
    replies: Replies,
}

enum Open {
    Not,
    /// The server's own stream.
    Stream(Source, Arc<Peer>),
    /// A part of the one stream of HTTP+SSE.
    Line(mpsc::Receiver<Held>, Arc<Peer>),
    /// A subscription of the stateless era.
    Subscription(Box<Exchange>),
    /// There is none.
    Never,
}

impl Feed {
    pub(crate) fn new(shared: &Arc<Shared>, place: &Place, voice: &Voice, ours: Arc<str>) -> Self {
        Self {
            shared: shared.clone(),
            place: place.clone(),
            hello: voice.hello(),
            ours,
            wanted: Wanted::everything(),
            open: Open::Not,
            pauses: Pauses::default(),
            last_id: None,
            replies: Replies::default(),
        }
    }

    /// Wants something else from now on. A subscription of the stateless era is begun anew.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
        if matches!(self.open, Open::Subscription(_)) {
            self.open = Open::Not;
            self.pauses.skip();
        }
    }

    /// Asks the server for what is wanted, and opens the stream. What the server will say of it.
    pub(crate) async fn subscribe(&mut self, wanted: &Wanted) -> Wanted {
        self.want(wanted.clone());
        if let Err(failure) = self.open().await {
            self.failed(&failure);
        }
        let mut offered = Wanted { tools: wanted.tools, ..Wanted::default() };
        if let Open::Subscription(exchange) = &mut self.open {
            let acknowledged = exchange.next().await.ok().flatten();
            let filter =
                acknowledged.as_ref().map(|message| &*message.bytes).and_then(mcp::acknowledged).map(Wanted::of_filter);
            match filter {
                Some(theirs) => return Wanted { tools: wanted.tools, ..theirs },
                None => self.open = Open::Never,
            }
        }
        let peer = match &self.open {
            Open::Stream(_, peer) | Open::Line(_, peer) => peer.clone(),
            Open::Not | Open::Never | Open::Subscription(_) => return offered,
        };
        let settings = &self.place.server.settings;
        offered.prompts = wanted.prompts && settings.prompts == domain::Access::On;
        let resources_on = settings.resources == domain::Access::On;
        offered.resource_lists = wanted.resource_lists && resources_on;
        for uri in wanted.resources.iter().filter(|_| resources_on) {
            if self.subscribe_to(&peer, uri).await {
                offered.resources.insert(uri.clone());
            }
        }
        self.wanted = offered.clone();
        offered
    }

    async fn subscribe_to(&self, peer: &Arc<Peer>, uri: &str) -> bool {
        let id = peer.next_id();
        let outgoing = Outgoing { bytes: mcp::subscribe_request(&id, uri), headers: peer.headers(), id };
        let within = self.shared.config.times.aggregate_part;
        let asked = async {
            let mut exchange = Exchange::begin(&self.shared, (&self.place.server, peer), outgoing, None).await.ok()?;
            while let Some(message) = exchange.next().await.ok()? {
                if let Ok(Frame::Response(facts)) = mcp::frame(&message.bytes)
                    && facts.answers(&exchange.id)
                {
                    exchange.finish();
                    return Some(!facts.is_failure());
                }
            }
            None
        };
        tokio::time::timeout(within, asked).await.ok().flatten().unwrap_or_default()
    }

    /// The next message. Waits, and opens again, as long as it takes.
    pub(crate) async fn next(&mut self) -> Held {
        loop {
            let next = match &mut self.open {
                Open::Never => std::future::pending().await,
                Open::Not => {
                    sleep(self.pauses.length()).await;
                    if let Err(failure) = self.open().await {
                        self.failed(&failure);
                    }
                    continue;
                }
                Open::Stream(source, _) => source.next(&self.shared).await,
                Open::Line(line, _) => Ok(line.recv().await),
                Open::Subscription(exchange) => exchange.next().await,
            };
            match next {
                Ok(Some(message)) if !self.is_end(&message.bytes) => return message,
                _ => self.ended(),
            }
        }
    }

    /// What was open has ended.
    fn ended(&mut self) {
        let mut wanted = None;
        if let Open::Stream(source, _) = &self.open {
            wanted = source.retry();
            if let Some(id) = source.resumption() {
                self.last_id = Some(id);
            }
        }
        self.pauses.ended(Instant::now(), wanted);
        self.open = if matches!(self.open, Open::Never) { Open::Never } else { Open::Not };
    }

    /// Whether a message ends a subscription; one that was refused is not asked for again.
    fn is_end(&mut self, message: &Bytes) -> bool {
        let Open::Subscription(exchange) = &mut self.open else {
            self.pauses.brought();
            return false;
        };
        match mcp::frame(message) {
            Ok(Frame::Response(facts)) if facts.answers(&exchange.id) => {
                exchange.finish();
                if let ResponseFacts { kind: mcp::ResponseKind::Error { .. }, .. } = facts {
                    self.open = Open::Never;
                }
                true
            }
            // That it was heard is no news yet.
            Ok(Frame::Notification { kind: Method::SubscriptionsAcknowledged, .. }) => false,
            _ => {
                self.pauses.brought();
                false
            }
        }
    }

    /// Answers what a server asks on its own stream: nobody here can say more than that we are still here. What it asks
    /// while it does not take the answers is not answered.
    pub(crate) fn answer(&self, id: &Id<'_>, kind: Method, method: &str) {
        let (Open::Stream(_, peer) | Open::Line(_, peer)) = &self.open else { return };
        let Some(turn) = self.replies.turn_at_once() else { return };
        let message = match kind {
            Method::Ping => mcp::result_response(id, "{}"),
            _ => mcp::method_not_found(id, method),
        };
        let (shared, server, peer) = (self.shared.clone(), self.place.server.clone(), peer.clone());
        self.shared.tracker.spawn(async move {
            let _turn = turn;
            if let Ok(link) = Link::to(&shared, &server, peer.session.as_ref()).await {
                let within = shared.config.times.aggregate_part;
                let _not_taken = timeout(within, peer.tell(&shared, &link, message)).await;
            }
        });
    }

    fn failed(&mut self, failure: &Failure) {
        tracing::debug!(error = %failure, server = %self.place.server.id, "a server's own stream cannot be opened");
        self.pauses.ended(Instant::now(), None);
        self.open = match failure {
            Failure::Upstream(UpstreamFailure::Status { status: 405 | 501, .. }) => Open::Never,
            _ => Open::Not,
        };
    }

    async fn open(&mut self) -> Result<(), Failure> {
        let peer = self.shared.peers.with_hello(&self.shared, &self.ours, &self.place, &self.hello).await?;
        self.shared.missed.came(self.place.owner());
        self.open = match (peer.era, &peer.wire) {
            (Era::Stateless, _) => Open::Subscription(Box::new(self.subscription(&peer).await?)),
            (Era::Initialize, Wire::Events(wire)) => Open::Line(wire.listen(), peer.clone()),
            (Era::Initialize, Wire::Streamable) => Open::Stream(self.stream(&peer).await?, peer.clone()),
        };
        self.pauses.opened(Instant::now());
        Ok(())
    }

    async fn subscription(&self, peer: &Arc<Peer>) -> Result<Exchange, Failure> {
        let id = peer.next_id();
        let filter = self.wanted.filter().to_string();
        let bytes =
            mcp::own_request(&id, "subscriptions/listen", &[("notifications", filter.as_str())], &peer.declared());
        let headers = mirrored(&bytes, &self.place.server).unwrap_or_default();
        let outgoing = Outgoing { id, bytes, headers };
        let mut exchange = Exchange::begin(&self.shared, (&self.place.server, peer), outgoing, None).await?;
        exchange.lasts();
        Ok(exchange)
    }

    async fn stream(&mut self, peer: &Arc<Peer>) -> Result<Source, Failure> {
        let server = &self.place.server;
        let link = Link::to(&self.shared, server, peer.session.as_ref()).await?;
        let mut headers: HeaderMap = peer.headers();
        if let Some(id) = self.last_id.as_deref().and_then(|id| id.parse().ok()) {
            headers.insert("last-event-id", id);
        }
        let headers = upstream_headers(server, &headers, &HttpMethod::GET, peer.session.as_ref())?;
        let within = self.shared.config.times.upstream_silence;
        let response = link.send(HttpMethod::GET, headers, Bytes::new(), within).await?;
        if let Some(refused) = link::refused(&self.shared, server, &response).await {
            return Err(refused.into());
        }
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        if status == 404 && peer.session.is_some() {
            self.shared.peers.lost(&self.ours, peer);
            self.last_id = None;
        }
        if !head.status.is_success() {
            return Err(UpstreamFailure::Status { status, words: String::new() }.into());
        }
        if Media::of(&head.headers) != Media::Events {
            return Err(no_media(head.status).into());
        }
        let body = Plain::new(&self.shared, server, &head.headers, body)?;
        Ok(Source::events(&self.shared, body))
    }
}
