//! The way to an upstream: over HTTP, or through a tunnel.
//!
//! Invariant: only what stands in [`PASSED`] and `Mcp-Param-*` of the client's headers goes on; its `Authorization`,
//! `Cookie`, `Host`, `Origin` and hop-by-hop headers never do.

mod route;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{AccountId, Event, Transport, tunnel};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::Incoming;
use moka::sync::Cache;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use upstream::{Dialer, SendError};

use crate::{
    account::Server,
    credential::Bearer,
    failure::{Failure, UpstreamFailure},
    hub::{self, Load, Tunnel},
    session::{SESSION_HEADER, Session},
    shared::Shared,
};

pub(crate) use route::Around;
use route::Route;

/// The client headers that go on as they are.
const PASSED: &[&str] = &["mcp-protocol-version", "mcp-method", "mcp-name", "traceparent", "tracestate", "baggage"];
/// Asks a stream for what followed an event; with anything else than a stream it means nothing.
const LAST_EVENT: &str = "last-event-id";
const PASSED_PREFIX: &str = "mcp-param-";
/// Headers of an account's server that would change what is sent rather than add to it.
const NOT_ADDED: &[HeaderName] = &[
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
];
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));

/// Answers of ours to what a server asks on one stream that are on their way at the same time.
const REPLIES: usize = 4;

/// Messages of ours that nobody waits for which are on their way to one account's servers at the same time.
const ASIDES: usize = 256;
/// Accounts whose are counted at the same time.
const MOST_ACCOUNTS: u64 = 50_000;

/// The way to one server.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    Http(Box<(Dialer, Uri)>),
    Tunnel(Box<Route>),
}

/// What a server asks of the gateway itself is answered by messages of their own. This counts those of one stream: a server
/// that does not take them is read no faster than it does, and costs no more connections.
#[derive(Clone, Debug)]
pub(crate) struct Replies(Arc<Semaphore>);

/// What is told beside requests, and nobody waits for: cancellations, the ends of sessions. Counted by account, since clients
/// may come and go as they like and servers may take nothing.
#[derive(Debug)]
pub(crate) struct Asides(Cache<AccountId, Arc<Semaphore>>);

impl Default for Asides {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST_ACCOUNTS).time_to_idle(Duration::from_secs(600)).build())
    }
}

impl Asides {
    /// One message's turn, to be kept until it has gone; none if there are too many: then it is not sent.
    pub(crate) fn turn(&self, account: AccountId) -> Option<OwnedSemaphorePermit> {
        self.0.get_with(account, || Arc::new(Semaphore::new(ASIDES))).try_acquire_owned().ok()
    }
}

impl Default for Replies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(REPLIES)))
    }
}

impl Replies {
    /// One answer's turn, to be kept until it has gone; none if the server takes nothing for so long.
    pub(crate) async fn turn(&self, within: Duration) -> Option<OwnedSemaphorePermit> {
        timeout(within, self.0.clone().acquire_owned()).await.ok()?.ok()
    }

    /// The same for those who cannot wait.
    pub(crate) fn turn_at_once(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

impl Link {
    /// The way to a server; a session stays with the connector that holds it, at whichever gateway that is.
    pub(crate) async fn to(shared: &Shared, server: &Server, session: Option<&Session>) -> Result<Self, Failure> {
        let url = match &server.transport {
            Transport::Http { url } => url,
            Transport::Tunnel => {
                let instance = session.and_then(|session| session.instance.as_deref());
                return Ok(Self::Tunnel(Box::new(Box::pin(Route::find(shared, server, instance)).await?)));
            }
        };
        let uri = url.parse().map_err(|_| UpstreamFailure::Unreachable("its URL is not one".to_owned()))?;
        Ok(Self::Http(Box::new((shared.dialer.clone(), uri))))
    }

    /// The way through one tunnel and no other.
    pub(crate) fn through(shared: &Shared, tunnel: Arc<Tunnel>) -> Self {
        Self::Tunnel(Box::new(Route::through(shared, tunnel)))
    }

    /// The connector at the other end, when there is one.
    pub(crate) fn instance(&self) -> Option<&str> {
        match self {
            Self::Http(_) => None,
            Self::Tunnel(route) => Some(route.instance()),
        }
    }

    /// Counts one more request at the connector that got it, for as long as its answer takes.
    pub(crate) fn busy(&self) -> Option<Load> {
        match self {
            Self::Http(_) => None,
            Self::Tunnel(route) => Some(route.busy()),
        }
    }

    /// Whether an answer says that the request never reached the server. Only our own connector is believed.
    pub(crate) fn says_undelivered(&self, headers: &HeaderMap) -> bool {
        matches!(self, Self::Tunnel(_)) && headers.contains_key(tunnel::UNDELIVERED_HEADER)
    }

    /// Sends a request and gives the answer's head, within the time.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        within: Duration,
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        let sending = async {
            match self {
                Self::Http(to) => send_http(&to.0, request(method, to.1.clone(), headers, body)).await,
                Self::Tunnel(route) => Box::pin(route.send(hub::inside(method, headers, body))).await,
            }
        };
        tokio::time::timeout(within, sending).await.unwrap_or(Err(UpstreamFailure::Late))
    }
}

/// The headers of a request to a server: what may pass of the client's, what MCP needs, and the account's own.
pub(crate) fn upstream_headers(
    server: &Server,
    client: &HeaderMap,
    method: &Method,
    session: Option<&Session>,
) -> Result<HeaderMap, UpstreamFailure> {
    let own = server.headers.as_ref().map_err(Clone::clone)?;
    let bearer = server.bearer.header()?;
    let mut headers = HeaderMap::with_capacity(12 + own.len());
    for (name, value) in client {
        let passes = match name.as_str() {
            LAST_EVENT => method == Method::GET,
            name => PASSED.contains(&name) || name.starts_with(PASSED_PREFIX),
        };
        if passes {
            headers.append(name.clone(), value.clone());
        }
    }
    headers.insert(header::USER_AGENT, AGENT);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::ACCEPT, if method == Method::GET { STREAM } else { BOTH });
    if method == Method::POST {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(session) = session {
        let id = HeaderValue::from_str(&session.upstream)
            .map_err(|_| UpstreamFailure::Invalid("its session id is no header value".to_owned()))?;
        headers.insert(SESSION_HEADER, id);
    }
    for (name, value) in own.iter().filter(|(name, _)| !NOT_ADDED.contains(name)) {
        headers.insert(name.clone(), value.clone());
    }
    if let Some(bearer) = bearer {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    Ok(headers)
}

/// A server's refusal of the token that it was shown; the control plane hears of it, once.
pub(crate) async fn refused<B>(shared: &Shared, server: &Server, response: &Response<B>) -> Option<UpstreamFailure> {
    let Bearer::Of(connection) = &server.bearer else { return None };
    let (error, needs) = connection.refusal(response)?;
    if let Some(refused) = connection.news(needs, shared.clock.now()) {
        Box::pin(shared.records.note(server.account, Event::ConnectionRefused(refused))).await;
    }
    Some(error.into())
}

async fn send_http(dialer: &Dialer, request: Request<Bytes>) -> Result<Response<Incoming>, UpstreamFailure> {
    dialer.send(request).await.map_err(|error| match error {
        SendError::Undelivered(why) => UpstreamFailure::Unreachable(why.to_string()),
        SendError::Broken(why) => UpstreamFailure::Broken(why),
    })
}

fn request(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}
