//! The gateway as a client of its own: for the lists and sessions behind the account's URL, and to learn what a server
//! offers when its connector arrives.

use std::sync::Arc;

use bytes::Bytes;
use domain::InventoryTool;
use http::{HeaderMap, HeaderValue, Method as HttpMethod, header};
use mcp::{Era, Frame, HandshakeError, Id, Keep, ListKind, Method, OwnClient, ServerDescription, SseParser};
use tokio::time::Instant;

use crate::{
    account::Server,
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
}

/// Everything of a list, page by page, each the raw answer.
pub(crate) type Pages = Vec<Bytes>;

impl Peer {
    /// Introduces ourselves to a server: by a handshake, or, if it knows none, by asking what it speaks.
    pub(crate) async fn open(shared: &Shared, server: &Arc<Server>, link: &Link) -> Result<Self, Failure> {
        let hello = Self {
            server: server.clone(),
            era: Era::Initialize,
            version: String::new(),
            session: None,
            description: ServerDescription::default(),
        };
        let asked = hello.ask(shared, link, &Id::number(1), mcp::initialize_request(&Id::number(1), OURSELVES)).await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(failure @ Failure::Upstream(UpstreamFailure::Status { status: 400 | 404 | 405, .. })) => {
                return hello.discover(shared, link).await.map_err(|_| failure);
            }
            Err(failure) => return Err(failure),
        };
        let description = match mcp::initialize_result(&answer.message) {
            Ok(description) => description,
            Err(HandshakeError::Refused { code, message, .. }) => {
                let failure = UpstreamFailure::Invalid(format!("it refused `initialize` with error {code}: {message}"));
                return hello.discover(shared, link).await.map_err(|_| failure.into());
            }
            Err(error) => return Err(UpstreamFailure::Invalid(error.to_string()).into()),
        };
        let version = description.protocol_versions.first().cloned().unwrap_or_default();
        let peer = Self { version, session: answer.session, description, ..hello };
        peer.tell(shared, link, mcp::initialized_notification()).await?;
        Ok(peer)
    }

    async fn discover(self, shared: &Shared, link: &Link) -> Result<Self, Failure> {
        let id = Id::number(2);
        let peer = Self { era: Era::Stateless, version: mcp::STATELESS.to_owned(), ..self };
        let answer = peer.ask(shared, link, &id, mcp::discover_request(&id, OURSELVES)).await?;
        let description = mcp::discover_result(&answer.message)
            .map_err(|error| Failure::from(UpstreamFailure::Invalid(error.to_string())))?;
        Ok(Self { description, ..peer })
    }

    /// Every page of `tools/list`.
    pub(crate) async fn list(&self, shared: &Shared, link: &Link) -> Result<Pages, Failure> {
        let (mut pages, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let id = Id::number(10 + pages.len() as u64);
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
        shared: &Shared,
        link: &Link,
        kind: ListKind,
        cursor: Option<&str>,
    ) -> Result<Bytes, Failure> {
        let id = own_id(shared);
        let request = mcp::list_request(&id, (self.era, kind), OURSELVES, cursor);
        Ok(self.ask(shared, link, &id, request).await?.message)
    }

    /// A request of our own in the words of the `initialize` era, with these raw params; its answer, whatever it says.
    pub(crate) async fn request(&self, shared: &Shared, method: Method, params: &str) -> Result<Bytes, Failure> {
        let link = Link::to(shared, &self.server, self.session.as_ref()).await?;
        let id = own_id(shared);
        let name = method.name().unwrap_or_default();
        let message = format!(r#"{{"jsonrpc":"2.0","id":{},"method":"{name}","params":{params}}}"#, id.raw());
        Ok(self.ask(shared, &link, &id, Bytes::from(message)).await?.message)
    }

    /// Whether the connector that holds the session, if one does, can still be reached.
    pub(crate) async fn still_reaches(&self, shared: &Shared) -> bool {
        let instance = self.session.as_ref().and_then(|session| session.instance.as_deref());
        match instance {
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

    async fn tell(&self, shared: &Shared, link: &Link, message: Bytes) -> Result<(), Failure> {
        let response = self.send(shared, link, message).await?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response).await) }
    }

    async fn ask(&self, shared: &Shared, link: &Link, id: &Id<'_>, message: Bytes) -> Result<Answer, Failure> {
        let response = self.send(shared, link, message).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let session = response.headers().get(SESSION_HEADER).and_then(|value| value.to_str().ok()).map(|upstream| {
            Session { upstream: upstream.to_owned(), instance: link.instance().map(str::to_owned), client: None }
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
        Ok(link.send(HttpMethod::POST, headers, message, shared.config.times.upstream_silence).await?)
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
