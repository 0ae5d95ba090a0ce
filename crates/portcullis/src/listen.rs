//! The listening socket: one port, HTTP/1.1 and HTTP/2, header deadline, bounded connections, a drain with an end.
//!
//! Who asks for nothing keeps nobody out: a connection without a whole request is let go at the header deadline, one that
//! waits for another request after a while, and either before when its place is wanted. Who takes nothing of an answer, and
//! who has vanished, is let go as well.

mod book;
mod client;
mod connection;
mod heads;
mod patient;
mod punctual;
mod taken;

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    book::Book,
    taken::{Patience, Readers},
};

/// Connections that wait to be accepted, as far as the system lets so many: where there is no room for another its client may
/// be told of a broken connection.
const WAITING: i32 = 4096;
/// Buffer per HTTP/1 connection, also the limit of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// How long running requests may take to end after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// A connection that is kept for another request is kept so long: longer than the minute after which proxies and clients let
/// theirs go, so that none of them sends a request to a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(75);
/// Who waits for a place looks this often for a connection that can make room.
const WANTED: Duration = Duration::from_millis(100);
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
    /// A client that has not sent its first request's headers by then is let go, and one that has not sent those of another
    /// request so long after their first byte (slow-loris).
    pub header_deadline: Duration,
    /// A connection that was used and waits for another request is let go after so long.
    pub idle: Duration,
    /// A request's body must have come within this time once it is read.
    pub body_deadline: Duration,
    /// A client that takes nothing of what it is sent for so long is let go; of several answers on one connection, the
    /// one that it takes nothing of.
    pub write_patience: Duration,
    /// What is held of an answer as a whole must be taken within this time.
    pub whole_answer: Duration,
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
            idle: IDLE,
            body_deadline: Duration::from_secs(60),
            write_patience: Duration::from_secs(60),
            whole_answer: Duration::from_secs(300),
        }
    }
}

/// What every connection is served with.
struct Serving {
    builder: auto::Builder<TokioExecutor>,
    app: Router,
    connections: Connections,
    readers: Arc<Readers>,
    stop: CancellationToken,
}

/// Takes the port, or says in one sentence why not.
pub fn bind(address: SocketAddr) -> anyhow::Result<StdListener> {
    match StdListener::bind(address) {
        Ok(listener) => {
            raise_open_files();
            let prepared = listener.set_nonblocking(true).and_then(|()| SockRef::from(&listener).listen(WAITING));
            prepared.context("prepare the listening socket")?;
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
    let readers = Readers::new(Patience { away: connections.write_patience, whole: connections.whole_answer });
    let serving = Arc::new(Serving { builder: connection_builder(), app, connections, readers, stop: stop.clone() });
    let open = TaskTracker::new();
    loop {
        let Some((stream, peer)) = accept(&listener, &book, &stop).await else { break };
        let Some(entry) = book.enter(peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "an address has as many connections as it may");
            continue;
        };
        let Some(slot) = slot(&slots, &book, &stop).await else { break };
        entry.begins();
        let connection = connection::serve(serving.clone(), (stream, peer), Arc::new(entry));
        open.spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    open.close();
    if timeout(DRAIN, open.wait()).await.is_err() {
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
    loop {
        // While all are in use nobody makes room; one that has been answered meanwhile does.
        book.make_room();
        let free = timeout(WANTED, slots.clone().acquire_owned());
        if let Ok(slot) = stop.run_until_cancelled(free).await? {
            return slot.ok();
        }
    }
}

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Its own header deadline would close connections that wait for another request: `heads` and `book` see to that.
    builder.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(256)
        .keep_alive_interval(ALIVE)
        .keep_alive_timeout(ALIVE);
    builder
}

async fn back_off(error: &io::Error) {
    tracing::warn!(%error, "could not accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(test)]
mod tests;
