//! The listening socket: one port, HTTP/1.1 and HTTP/2, header deadline, bounded connections, a drain with an end.
//!
//! Who asks for nothing keeps nobody out: a connection without a whole request is let go at the header deadline, and
//! before it when its place is wanted. Who takes nothing of an answer, and who has vanished, is let go as well.

mod book;
mod client;
mod patient;
mod punctual;
mod taken;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::{Router, body::Body, extract::ConnectInfo};
use futures_util::FutureExt as _;
use hyper::{Request, Version, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use self::{
    book::{Book, Entry},
    client::client,
    patient::Patient,
    punctual::Punctual,
    taken::Readers,
};

/// Buffer per HTTP/1 connection, also the limit of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// How long running requests may take to end after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// A peer that is not heard of is asked for a sign of life this often, and is taken for gone after three that did not come.
const ALIVE: Duration = Duration::from_secs(20);

/// What connections may take.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Served at once; further ones wait in the kernel's queue.
    pub all: usize,
    /// Of one address (IPv6: of one /64).
    pub per_address: usize,
    /// Networks that stand for many people, so that they are not counted: this machine, proxies in front.
    pub uncounted: Vec<IpNet>,
    /// Networks of proxies in front: what they say of whom they speak for is believed.
    pub proxies: Arc<[IpNet]>,
    /// A client that has not sent its first request's headers by then is let go (slow-loris).
    pub header_deadline: Duration,
    /// A request's body must have come within this time once it is read.
    pub body_deadline: Duration,
    /// A client that takes nothing of what it is sent for so long is let go; of several answers on one connection, the
    /// one that it takes nothing of.
    pub write_patience: Duration,
}

impl Connections {
    /// The usual, with so many of one address; these proxies and the machine itself are not counted.
    pub fn new(per_address: usize, proxies: &[IpNet]) -> Self {
        let machine = [
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8)),
            IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
        ];
        let uncounted = machine.iter().chain(proxies).copied().collect();
        Self {
            all: 16_384,
            per_address,
            uncounted,
            proxies: proxies.into(),
            header_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(60),
            write_patience: Duration::from_secs(60),
        }
    }
}

/// What every connection is served with.
struct Serving {
    builder: auto::Builder<TokioExecutor>,
    app: Router,
    connections: Connections,
    readers: Arc<Readers>,
}

/// Takes the port, or says in one sentence why not.
pub fn bind(address: SocketAddr) -> anyhow::Result<StdListener> {
    match StdListener::bind(address) {
        Ok(listener) => {
            raise_open_files();
            listener.set_nonblocking(true).context("prepare the listening socket")?;
            Ok(listener)
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            bail!(
                "port {} is taken by another program: stop it, or choose another with --listen {}:PORT",
                address.port(),
                address.ip()
            )
        }
        Err(error) => bail!("cannot listen on {address}: {error}; choose another address with --listen ADDRESS:PORT"),
    }
}

/// Every connection is an open file, and the usual 1,024 are few: as many as the system allows are taken.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "the number of open files stays as it is");
    }
}

/// Serves until `stop`, then lets running requests end, but not for ever.
pub async fn serve(
    listener: StdListener,
    app: Router,
    connections: Connections,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener).context("prepare the listening socket")?;
    let (slots, book) = (Arc::new(Semaphore::new(connections.all)), Arc::new(Book::new(&connections)));
    let graceful = GracefulShutdown::new();
    let builder = connection_builder(connections.header_deadline);
    let readers = Readers::new(connections.write_patience);
    let serving = Arc::new(Serving { builder, app, connections, readers });
    loop {
        let Some((stream, peer)) = accept(&listener, &book, &stop).await else { break };
        let Some(entry) = book.enter(peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "an address has as many connections as it may");
            continue;
        };
        let Some(slot) = slot(&slots, &book, &stop).await else { break };
        let connection = serve_connection(serving.clone(), stream, peer, entry, graceful.watcher());
        tokio::spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::info!("connections still open after the drain time were closed");
    }
    Ok(())
}

/// The next connection; none when it is time to stop. What fails is mostly for want of open files.
async fn accept(listener: &TcpListener, book: &Book, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                book.make_room();
                back_off(&error).await;
            }
        }
    }
}

/// A place for a connection; when there is none, that of one that has asked for nothing. None when it is time to stop.
async fn slot(slots: &Arc<Semaphore>, book: &Book, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    if let Ok(slot) = slots.clone().try_acquire_owned() {
        return Some(slot);
    }
    book.make_room();
    stop.run_until_cancelled(slots.clone().acquire_owned()).await?.ok()
}

fn connection_builder(header_deadline: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_deadline).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(256)
        .keep_alive_interval(ALIVE)
        .keep_alive_timeout(ALIVE);
    builder
}

async fn serve_connection(serving: Arc<Serving>, stream: TcpStream, peer: SocketAddr, entry: Entry, watcher: Watcher) {
    prepare(&stream, serving.connections.write_patience);
    let entry = Arc::new(entry);
    let connection = connection(&serving, stream, peer, entry.clone(), watcher);
    tokio::select! {
        () = connection => {}
        () = entry.let_go(serving.connections.header_deadline) => {}
    }
}

/// A connection's whole life. Boxed, and once: thousands may wait, and each place it is moved through would count.
fn connection(
    serving: &Serving,
    stream: TcpStream,
    peer: SocketAddr,
    entry: Arc<Entry>,
    watcher: Watcher,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let (app, readers) = (serving.app.clone(), serving.readers.clone());
    let (body_deadline, proxies) = (serving.connections.body_deadline, serving.connections.proxies.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        entry.asks();
        let client = client(peer, request.headers(), &proxies);
        request.extensions_mut().insert(ConnectInfo(client));
        let shared = (request.version() == Version::HTTP_2).then(|| readers.clone());
        let (app, request) = (app.clone(), request.map(|body| Body::new(Punctual::new(body, body_deadline))));
        // Gone with the answer, unlike a future that the connection holds itself.
        Box::pin(async move {
            let answer = answer(app, request).await;
            Ok::<_, Infallible>(match shared {
                Some(readers) => answer.map(|body| readers.body(body)),
                None => answer,
            })
        })
    });
    let io = TokioIo::new(Patient::new(stream, serving.connections.write_patience));
    let connection = watcher.watch(serving.builder.serve_connection_with_upgrades(io, service).into_owned());
    Box::pin(connection.map(|ended| {
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended with an error");
        }
    }))
}

/// Small frames of a stream must not wait for more, and a peer that has vanished without a word must be noticed.
fn prepare(stream: &TcpStream, patience: Duration) {
    let socket = SockRef::from(stream);
    let keep_alive = TcpKeepalive::new().with_time(ALIVE).with_interval(ALIVE).with_retries(3);
    let prepared = stream.set_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keep_alive));
    #[cfg(target_os = "linux")]
    let prepared = prepared.and_then(|()| socket.set_tcp_user_timeout(Some(patience)));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection's socket cannot be prepared");
    }
}

async fn answer(app: Router, request: Request<Body>) -> axum::response::Response {
    match app.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn back_off(error: &io::Error) {
    tracing::warn!(%error, "could not accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(test)]
mod tests;
