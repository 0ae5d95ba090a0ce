//! The tunnels that are up on this gateway.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use domain::{AccountId, AccountSlug, ConnectorId, ServerId, tunnel};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2::SendRequest};
use tokio_util::sync::CancellationToken;

/// One connector's tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub account: AccountId,
    pub slug: AccountSlug,
    pub server: ServerId,
    pub connector: ConnectorId,
    /// The connector process; sessions stay with it over reconnects.
    pub instance: String,
    /// What it says of itself.
    pub about: String,
    /// Cancelled when the token no longer stands.
    pub refused: CancellationToken,
    /// Cancelled when the same process has another tunnel here.
    pub replaced: CancellationToken,
    sender: SendRequest<Full<Bytes>>,
    in_flight: Arc<AtomicU32>,
    /// When it was last chosen, in choices made here.
    chosen: AtomicU64,
}

/// Who is at the other end of a new tunnel.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub account: AccountId,
    pub slug: AccountSlug,
    pub server: ServerId,
    pub connector: ConnectorId,
    pub instance: String,
    pub about: String,
    pub refused: CancellationToken,
}

/// All tunnels, by server.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    tunnels: Mutex<HashMap<ServerId, Vec<Arc<Tunnel>>>>,
    choices: AtomicU64,
}

/// The server has as many connectors here as are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this server has as many connectors as this gateway lets in")]
pub(crate) struct Crowded;

/// One request under way at a connector; it is counted as long as this lives.
#[derive(Debug)]
pub(crate) struct Load(Arc<AtomicU32>);

/// Why a request did not get an answer through a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TunnelError {
    /// It never left.
    Undelivered,
    /// It may have left.
    Broken,
}

impl Tunnel {
    pub(crate) fn new(arrival: Arrival, sender: SendRequest<Full<Bytes>>) -> Self {
        let Arrival { account, slug, server, connector, instance, about, refused } = arrival;
        Self {
            account,
            slug,
            server,
            connector,
            instance,
            about,
            refused,
            replaced: CancellationToken::new(),
            sender,
            in_flight: Arc::default(),
            chosen: AtomicU64::new(0),
        }
    }

    /// Sends a request to the connector and gives the answer's head.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, TunnelError> {
        let _counted = self.busy();
        let mut sender = self.sender.clone();
        sender.ready().await.map_err(|_| TunnelError::Undelivered)?;
        sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(_) => TunnelError::Undelivered,
            None => TunnelError::Broken,
        })
    }

    /// Counts one more request.
    pub(crate) fn busy(&self) -> Load {
        Load::on(&self.in_flight)
    }

    /// Requests under way.
    pub(crate) fn load(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn alive(&self) -> bool {
        !self.refused.is_cancelled() && !self.sender.is_closed()
    }
}

impl Load {
    /// One more on this count.
    pub(crate) fn on(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    /// Lets a tunnel in. One of the same process takes the place of the one before it, which ends: a process that dials
    /// again and again has one tunnel, and not any number.
    pub(crate) fn enter(&self, tunnel: Arc<Tunnel>, most: usize) -> Result<(), Crowded> {
        let mut all = self.lock();
        let of_server = all.entry(tunnel.server).or_default();
        of_server.retain(|other| {
            let same = other.instance == tunnel.instance;
            if same {
                other.replaced.cancel();
            }
            !same
        });
        if of_server.len() >= most {
            return Err(Crowded);
        }
        of_server.push(tunnel);
        Ok(())
    }

    /// Forgets a tunnel that ended.
    pub(crate) fn leave(&self, tunnel: &Arc<Tunnel>) {
        let mut all = self.lock();
        if let Some(of_server) = all.get_mut(&tunnel.server) {
            of_server.retain(|other| !Arc::ptr_eq(other, tunnel));
            if of_server.is_empty() {
                all.remove(&tunnel.server);
            }
        }
    }

    /// The tunnel of one connector process.
    pub(crate) fn of_instance(&self, server: ServerId, instance: &str) -> Option<Arc<Tunnel>> {
        self.lock().get(&server)?.iter().find(|tunnel| tunnel.alive() && tunnel.instance == instance).cloned()
    }

    /// The least busy tunnel of a server among those `wanted`; of several, the one that was not chosen for longest.
    pub(crate) fn least(&self, server: ServerId, wanted: impl Fn(&Arc<Tunnel>) -> bool) -> Option<Arc<Tunnel>> {
        let all = self.lock();
        let alive = all.get(&server)?.iter().filter(|tunnel| tunnel.alive() && wanted(tunnel));
        let least = alive.min_by_key(|tunnel| (tunnel.load(), tunnel.chosen.load(Ordering::Relaxed))).cloned()?;
        least.chosen.store(self.choices.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Some(least)
    }

    /// A server's tunnels, in the order in which they came.
    pub(crate) fn of_server(&self, server: ServerId) -> Vec<Arc<Tunnel>> {
        self.lock().get(&server).map_or_else(Vec::new, |all| all.iter().filter(|t| t.alive()).cloned().collect())
    }

    /// Every tunnel that is up.
    pub(crate) fn all(&self) -> Vec<Arc<Tunnel>> {
        self.lock().values().flatten().cloned().collect()
    }

    /// How many tunnels a server has here.
    pub(crate) fn count(&self, server: ServerId) -> usize {
        self.of_server(server).len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ServerId, Vec<Arc<Tunnel>>>> {
        self.tunnels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request as it travels through a tunnel.
#[expect(clippy::expect_used, reason = "made of constants")]
pub(crate) fn inside(method: Method, headers: HeaderMap, body: Bytes) -> Request<Bytes> {
    let uri = Uri::builder().scheme("http").authority(tunnel::AUTHORITY).path_and_query(tunnel::MCP_PATH).build();
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri.expect("constants make a URI");
    *request.headers_mut() = headers;
    request
}
