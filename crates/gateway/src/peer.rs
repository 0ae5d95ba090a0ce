//! The gateway as a client of its own: for the lists and sessions behind the account's URL, and to learn what a server
//! offers when its connector arrives.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use domain::{Client, InventoryTool};
use http::{HeaderMap, HeaderValue, Method as HttpMethod, header};
use mcp::{Declared, Era, Frame, HandshakeError, Id, Keep, ListKind, Method, OwnClient, ServerDescription, SseParser};
use tokio::time::Instant;

use crate::{
    account::Server,
    bridge::EventsWire,
    credential,
    eras::{Known, is_not_understood},
    failure::{Failure, UpstreamFailure},
    forward::refused,
    gateway::Shared,
    link::{Link, SESSION_HEADER, upstream_headers},
    relay::{Plain, collect},
    session::Session,
    words,
};

/// Most pages read of one list.
const MOST_PAGES: usize = 100;
/// Longest answer to our introduction, in bytes: it is kept as long as the session.
const MOST_GREETING: usize = 256 << 10;
const OURSELVES: OwnClient<'_> = OwnClient { name: "portcullis", version: env!("CARGO_PKG_VERSION") };

/// A session of our own with a server.
#[derive(Debug)]
pub(crate) struct Peer {
    pub server: Arc<Server>,
    pub era: Era,
    /// As agreed, or as declared with every request; empty until then.
    pub version: String,
    /// None: the server has no sessions.
    pub session: Option<Session>,
    pub description: ServerDescription,
    /// The whole answer to our introduction.
    pub greeting: Bytes,
    /// Who introduced itself.
    pub hello: Hello,
    /// How messages go there and come back.
    pub wire: Wire,
    next_id: AtomicU64,
}

/// Whom a session of our own is for: what it introduces itself as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// None: the gateway itself.
    pub client: Option<Client>,
    /// A raw JSON object.
    pub capabilities: Arc<str>,
    /// The log messages that it wants, where they are asked for once.
    pub log_level: Option<String>,
    /// What it would rather speak, with a server that speaks both.
    pub prefers: Era,
}

/// How messages of a session go there and come back.
#[derive(Clone, Debug)]
pub(crate) enum Wire {
    /// Streamable HTTP: each request has its own answer.
    Streamable,
    /// HTTP+SSE (2024-11-05): all answers come on one stream.
    Events(Arc<EventsWire>),
}

impl Hello {
    /// The gateway itself.
    pub(crate) fn ours() -> Self {
        Self { client: None, capabilities: "{}".into(), log_level: None, prefers: Era::Initialize }
    }

    pub(crate) fn own_client(&self) -> OwnClient<'_> {
        match &self.client {
            Some(client) => OwnClient { name: &client.name, version: &client.version },
            None => OURSELVES,
        }
    }
}

/// Everything of a list, page by page, each the raw answer.
pub(crate) type Pages = Vec<Bytes>;

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
        if known.stateless != Known::No
            && let Ok(peer) = Box::pin(Self::new(server, hello).discover(shared, link)).await
        {
            shared.eras.learn_stateless(server, true).await;
            return Ok(peer);
        }
        match Box::pin(Self::new(server, hello).on_events(shared, link)).await {
            Ok(peer) => Ok(peer),
            Err(failure) => {
                shared.eras.forget(server).await;
                Err(refused.unwrap_or(failure))
            }
        }
    }

    /// Whether a server speaks the stateless era. Any answer but one of that era says that it does not (2026-07-28
    /// basic/versioning "Backward Compatibility"); one that is about who asks says nothing.
    pub(crate) async fn probe(shared: &Arc<Shared>, server: &Arc<Server>, link: &Link) -> Known {
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
        let answer = self.ask(shared, link, &id, greeting).await?.short()?;
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
        let answer = peer.ask(shared, link, &id, request).await?.short()?;
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

    /// What the stateless era's requests of ours declare.
    pub(crate) fn declared(&self) -> Declared<'_> {
        Declared {
            client: self.hello.own_client(),
            capabilities: &self.hello.capabilities,
            log_level: self.hello.log_level.as_deref(),
        }
    }

    /// An id that no other request of this session has.
    pub(crate) fn next_id(&self) -> Id<'static> {
        Id::number(self.next_id.fetch_add(1, Ordering::Relaxed))
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

    /// Every page of `tools/list`.
    pub(crate) async fn list(&self, shared: &Arc<Shared>, link: &Link) -> Result<Pages, Failure> {
        let (mut pages, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let id = self.next_id();
            let request = mcp::tools_list_request(&id, self.era, OURSELVES, cursor.as_deref());
            let message = self.ask(shared, link, &id, request).await?.message;
            let page = mcp::select_tools(&message, |_| Keep::Drop)
                .map_err(|error| Failure::from(UpstreamFailure::Invalid(error.to_string())))?;
            pages.push(message);
            match page.next_cursor {
                Some(next) if pages.len() < MOST_PAGES && Some(&next) != cursor.as_ref() => cursor = Some(next),
                _ => return Ok(pages),
            }
        }
    }

    /// One page of a list, as the server answers it.
    pub(crate) async fn list_page(
        &self,
        shared: &Arc<Shared>,
        link: &Link,
        kind: ListKind,
        cursor: Option<&str>,
    ) -> Result<Bytes, Failure> {
        let id = own_id(shared);
        let request = mcp::list_request(&id, (self.era, kind), OURSELVES, cursor);
        Ok(Box::pin(self.ask(shared, link, &id, request)).await?.message)
    }

    /// A request of our own in the words of the `initialize` era, with these raw params; its answer, whatever it says.
    pub(crate) async fn request(&self, shared: &Arc<Shared>, method: Method, params: &str) -> Result<Bytes, Failure> {
        let link = Link::to(shared, &self.server, self.session.as_ref()).await?;
        let id = own_id(shared);
        let name = method.name().unwrap_or_default();
        let message = format!(r#"{{"jsonrpc":"2.0","id":{},"method":"{name}","params":{params}}}"#, id.raw());
        Ok(Box::pin(self.ask(shared, &link, &id, Bytes::from(message))).await?.message)
    }

    /// Whether the connector that holds the session, if one does, can still be reached.
    pub(crate) async fn still_reaches(&self, shared: &Shared) -> bool {
        let instance = self.session.as_ref().and_then(|session| session.instance.as_deref());
        let open = match &self.wire {
            Wire::Streamable => true,
            Wire::Events(wire) => wire.is_open(),
        };
        open && match instance {
            Some(instance) => shared.around.reaches(&self.server, instance).await,
            None => true,
        }
    }

    /// The headers that go with our messages.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(version) = HeaderValue::from_str(&self.version)
            && !version.is_empty()
        {
            headers.insert("mcp-protocol-version", version);
        }
        headers
    }

    /// Ends the session, if there is one.
    pub(crate) async fn close(&self, shared: &Shared, link: &Link) {
        let Some(session) = &self.session else { return };
        let headers = upstream_headers(&self.server, &self.headers(), &HttpMethod::DELETE, Some(session));
        let Ok(headers) = headers else { return };
        let _not_needed =
            link.send(HttpMethod::DELETE, headers, Bytes::new(), shared.config.times.aggregate_part).await;
    }

    /// Sends what has no answer.
    pub(crate) async fn tell(&self, shared: &Arc<Shared>, link: &Link, message: Bytes) -> Result<(), Failure> {
        if let Wire::Events(wire) = &self.wire {
            return Ok(wire.post(shared, &self.server, link, message).await?);
        }
        let response = self.send(shared, link, message).await?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response).await) }
    }

    async fn ask(&self, shared: &Arc<Shared>, link: &Link, id: &Id<'_>, message: Bytes) -> Result<Answer, Failure> {
        if let Wire::Events(wire) = &self.wire {
            let message = wire.ask(shared, (&self.server, link), id, message).await?;
            return Ok(Answer { message, session: None });
        }
        let response = self.send(shared, link, message).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let session = response.headers().get(SESSION_HEADER).and_then(|value| value.to_str().ok()).map(|upstream| {
            let instance = link.instance().map(str::to_owned);
            Session { upstream: upstream.to_owned(), instance, client: None, capabilities: None }
        });
        let events = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|media_type| media_type.trim_start().starts_with("text/event-stream"));
        let (head, body) = response.into_parts();
        let body = Plain::new(shared, &head.headers, body)?;
        let message = if events {
            answer_in_stream(shared, body, id).await?
        } else {
            let until = Instant::now() + shared.config.times.upstream_silence;
            collect(shared, body, Some(until)).await?.bytes
        };
        Ok(Answer { message, session })
    }

    async fn send(
        &self,
        shared: &Shared,
        link: &Link,
        message: Bytes,
    ) -> Result<http::Response<hyper::body::Incoming>, Failure> {
        let mut client = self.headers();
        if self.era == Era::Stateless
            && let Ok(read) = mcp::read(&message)
        {
            for (name, value) in mcp::mirror_headers(&read) {
                if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), HeaderValue::from_str(&value)) {
                    client.insert(name, value);
                }
            }
        }
        let headers = upstream_headers(&self.server, &client, &HttpMethod::POST, self.session.as_ref())?;
        let response = link.send(HttpMethod::POST, headers, message, shared.config.times.upstream_silence).await?;
        match credential::refused(shared, &self.server, &response).await {
            Some(refused) => Err(refused.into()),
            None => Ok(response),
        }
    }
}

/// An id that no client chooses: clients' own requests go through the same session.
fn own_id(shared: &Shared) -> Id<'static> {
    Id::string(&format!("portcullis-{:016x}", u64::from_be_bytes(shared.entropy.bytes())))
}

/// An answer to us.
struct Answer {
    message: Bytes,
    session: Option<Session>,
}

impl Answer {
    /// The answer, if it is short enough to be kept.
    fn short(self) -> Result<Self, UpstreamFailure> {
        let limit = MOST_GREETING;
        if self.message.len() <= limit { Ok(self) } else { Err(UpstreamFailure::TooLarge { limit }) }
    }
}

/// The tools in the pages of a list.
pub(crate) fn tools_in(pages: &Pages) -> Vec<InventoryTool> {
    let tools = pages.iter().filter_map(|page| mcp::tools_of(page).ok()).flatten();
    tools.map(|tool| InventoryTool { name: tool.name.into_owned(), definition: tool.raw.to_owned() }).collect()
}

async fn refusal(response: http::Response<hyper::body::Incoming>) -> Failure {
    let status = response.status();
    refused(status, words::of_body(response.into_body()).await)
}

/// The answer to a request out of its stream; whatever else is in it is not for us.
async fn answer_in_stream(shared: &Shared, mut body: Plain, id: &Id<'_>) -> Result<Bytes, UpstreamFailure> {
    let mut parser = SseParser::new(shared.config.limits.answer_bytes);
    let reading = async {
        while let Some(data) = body.data().await {
            let data = data?;
            let events = parser.push(&data).map_err(|error| UpstreamFailure::Invalid(error.to_string()))?;
            for payload in events.iter().filter_map(mcp::SseEvent::payload) {
                if matches!(mcp::frame(payload), Ok(Frame::Response(facts)) if facts.answers(id)) {
                    return Ok(payload.clone());
                }
            }
        }
        Err(UpstreamFailure::Broken("it ended without an answer".to_owned()))
    };
    tokio::time::timeout(shared.config.times.upstream_silence, reading).await.unwrap_or(Err(UpstreamFailure::Late))
}
