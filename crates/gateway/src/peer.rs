//! The gateway as a client of its own: for the lists and sessions behind the account's URL, and to learn what a server
//! offers when its connector arrives.

mod events_wire;
mod greeting;
mod messages;
mod sessions;
mod source;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use domain::{Client, InventoryTool};
use http::{HeaderMap, HeaderValue, Method as HttpMethod};
use mcp::{Declared, Era, Id, Keep, ListKind, Method, OwnClient, ServerDescription};

use crate::{
    account::Server,
    failure::{Failure, UpstreamFailure},
    link::{Link, upstream_headers},
    session::Session,
    shared::Shared,
};

pub(crate) use events_wire::EventsWire;
pub(crate) use sessions::PeerSessions;
pub(crate) use source::{Came, Piece, Source};

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
    /// What the stateless era's requests of ours declare.
    pub(crate) fn declared(&self) -> Declared<'_> {
        Declared {
            client: self.hello.own_client(),
            capabilities: &self.hello.capabilities,
            log_level: self.hello.log_level.as_deref(),
        }
    }

    /// An id that no other request of this session has: clients' requests go through it under such ids as well.
    pub(crate) fn next_id(&self) -> Id<'static> {
        Id::number(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Every page of `tools/list`; a list of more than so many bytes is too long.
    pub(crate) async fn list(&self, shared: &Arc<Shared>, link: &Link, limit: usize) -> Result<Pages, Failure> {
        let (mut pages, mut cursor, mut bytes) = (Vec::new(), None::<String>, 0);
        loop {
            let id = self.next_id();
            let request = mcp::tools_list_request(&id, self.era, OURSELVES, cursor.as_deref());
            let message = self.ask(shared, link, &id, request).await?.message;
            bytes += message.len();
            if bytes > limit {
                return Err(UpstreamFailure::TooLarge { limit }.into());
            }
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
        let id = self.next_id();
        let request = mcp::list_request(&id, (self.era, kind), OURSELVES, cursor);
        Ok(Box::pin(self.ask(shared, link, &id, request)).await?.message)
    }

    /// A request of our own in the words of the `initialize` era, with these raw params; its answer, whatever it says.
    pub(crate) async fn request(&self, shared: &Arc<Shared>, method: Method, params: &str) -> Result<Bytes, Failure> {
        let link = Link::to(shared, &self.server, self.session.as_ref()).await?;
        let id = self.next_id();
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
}

/// The tools in the pages of a list.
pub(crate) fn tools_in(pages: &Pages) -> Vec<InventoryTool> {
    let tools = pages.iter().filter_map(|page| mcp::tools_of(page).ok()).flatten();
    tools.map(|tool| InventoryTool { name: tool.name.into_owned(), definition: tool.raw.to_owned() }).collect()
}
