//! How a session of our own begins: which era is tried first, and what is done when the server does not speak it.

use std::sync::{Arc, atomic::AtomicU64};

use bytes::Bytes;
use mcp::{Era, HandshakeError, ServerDescription};

use super::{EventsWire, Hello, Peer, Wire, messages::MOST_GREETING};
use crate::{
    account::Server,
    eras::{Known, is_not_understood},
    failure::{Failure, UpstreamFailure},
    link::Link,
    shared::Shared,
    words,
};

impl Peer {
    /// Introduces ourselves to a server, in the era that is wanted if the server speaks it, else in another.
    pub(crate) async fn open(
        shared: &Arc<Shared>,
        server: &Arc<Server>,
        link: &Link,
        hello: &Hello,
    ) -> Result<Self, Failure> {
        let known = shared.eras.known(server).await;
        let stateless_first =
            known.stateless == Known::Yes && (hello.prefers == Era::Stateless || known.handshake == Known::No);
        if stateless_first {
            return match Box::pin(Self::new(server, hello).discover(shared, link)).await {
                Err(failure) if is_not_understood(&failure) => {
                    shared.eras.forget(server).await;
                    Box::pin(Self::new(server, hello).shake_hands(shared, link)).await
                }
                opened => opened,
            };
        }
        let refused = match known.handshake {
            Known::No => None,
            _ => match Box::pin(Self::new(server, hello).shake_hands(shared, link)).await {
                Err(failure) if is_not_understood(&failure) => Some(failure),
                opened => {
                    if opened.is_ok() {
                        shared.eras.learn_handshake(server, true).await;
                    }
                    return opened;
                }
            },
        };
        if known.stateless != Known::No {
            let discovered = Box::pin(Self::new(server, hello).discover(shared, link)).await;
            if discovered.is_ok() {
                shared.eras.learn_stateless(server, true).await;
            }
            // It speaks that era, at a length that is not read.
            if discovered.is_ok() || is_too_large(&discovered) {
                return discovered;
            }
        }
        match Box::pin(Self::new(server, hello).on_events(shared, link)).await {
            Ok(peer) => Ok(peer),
            Err(failure) => {
                shared.eras.forget(server).await;
                Err(refused.unwrap_or(failure))
            }
        }
    }

    /// Whether a server speaks the stateless era; it is asked if that is not known.
    pub(crate) async fn speaks_stateless(shared: &Arc<Shared>, server: &Arc<Server>) -> Known {
        let asked = async {
            match Link::to(shared, server, None).await {
                Ok(link) => Self::probe(shared, server, &link).await,
                Err(_) => Known::Nothing,
            }
        };
        shared.eras.stateless_or(server, asked).await
    }

    /// Whether a server speaks the stateless era. Any answer but one of that era says that it does not (2026-07-28
    /// basic/versioning "Backward Compatibility"); one that is about who asks says nothing.
    async fn probe(shared: &Arc<Shared>, server: &Arc<Server>, link: &Link) -> Known {
        match Box::pin(Self::new(server, &Hello::ours()).discover(shared, link)).await {
            Ok(_) => Known::Yes,
            Err(failure) if is_not_understood(&failure) => Known::No,
            Err(_) => Known::Nothing,
        }
    }

    fn new(server: &Arc<Server>, hello: &Hello) -> Self {
        Self {
            server: server.clone(),
            era: Era::Initialize,
            version: String::new(),
            session: None,
            description: ServerDescription::default(),
            greeting: Bytes::new(),
            hello: hello.clone(),
            wire: Wire::Streamable,
            next_id: AtomicU64::new(1),
        }
    }

    /// The handshake of the `initialize` era.
    async fn shake_hands(self, shared: &Arc<Shared>, link: &Link) -> Result<Self, Failure> {
        let id = self.next_id();
        let greeting = mcp::initialize_request_with(&id, self.hello.own_client(), &self.hello.capabilities);
        let answer = self.introduce(shared, link, &id, greeting).await?;
        let description = mcp::initialize_result(&answer.message).map_err(|error| match error {
            HandshakeError::Refused { code, message, .. } => {
                Failure::from(UpstreamFailure::Refused { code, words: words::shorten(&message) })
            }
            error => UpstreamFailure::Invalid(error.to_string()).into(),
        })?;
        let version = description.protocol_versions.first().cloned().unwrap_or_default();
        let peer = Self { version, session: answer.session, description, greeting: answer.message, ..self };
        peer.tell(shared, link, mcp::initialized_notification()).await?;
        peer.want_logs(shared, link).await;
        Ok(peer)
    }

    async fn discover(self, shared: &Arc<Shared>, link: &Link) -> Result<Self, Failure> {
        let id = self.next_id();
        let peer = Self { era: Era::Stateless, version: mcp::STATELESS.to_owned(), ..self };
        let request = mcp::own_request(&id, "server/discover", &[], &peer.declared());
        if shared.eras.is_too_long(&peer.server) {
            return Err(UpstreamFailure::TooLarge { limit: MOST_GREETING }.into());
        }
        let answer = peer.introduce(shared, link, &id, request).await;
        if is_too_large(&answer) {
            shared.eras.learn_too_long(&peer.server).await;
        }
        let answer = answer?;
        let description = mcp::discover_result(&answer.message).map_err(|error| match error {
            HandshakeError::Refused { code, message, .. } => {
                Failure::from(UpstreamFailure::Refused { code, words: words::shorten(&message) })
            }
            error => UpstreamFailure::Invalid(error.to_string()).into(),
        })?;
        if !description.protocol_versions.iter().any(|version| version == mcp::STATELESS) {
            return Err(UpstreamFailure::Refused {
                code: mcp::code::UNSUPPORTED_PROTOCOL_VERSION,
                words: String::new(),
            }
            .into());
        }
        Ok(Self { description, greeting: answer.message, ..peer })
    }

    /// The handshake over HTTP+SSE (2024-11-05).
    async fn on_events(self, shared: &Arc<Shared>, link: &Link) -> Result<Self, Failure> {
        let wire = EventsWire::open(shared, &self.server, link).await?;
        Self { wire: Wire::Events(wire), ..self }.shake_hands(shared, link).await
    }

    /// Log messages are asked for once in this era; a server that has none does not mind.
    async fn want_logs(&self, shared: &Arc<Shared>, link: &Link) {
        let has_logs = self.description.capabilities.contains("\"logging\"");
        let Some(level) = self.hello.log_level.as_ref().filter(|_| has_logs) else { return };
        let id = self.next_id();
        let request = mcp::set_level_request(&id, level);
        if let Err(error) = self.ask(shared, link, &id, request).await {
            tracing::debug!(%error, server = %self.server.id, "a server took no log level");
        }
    }
}

/// Whether the answer was longer than is read.
fn is_too_large<T>(answer: &Result<T, Failure>) -> bool {
    matches!(answer, Err(Failure::Upstream(UpstreamFailure::TooLarge { .. })))
}
