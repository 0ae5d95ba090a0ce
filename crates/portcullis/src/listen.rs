//! The listening socket: one port, HTTP/1.1 and HTTP/2, header deadline, bounded connections, a drain with an end.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// A client that has not sent its headers by then is let go (slow-loris).
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// Connections served at once; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 16_384;
/// Buffer per HTTP/1 connection, also the limit of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// How long running requests may take to end after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// Takes the port, or says in one sentence why not.
pub fn bind(address: SocketAddr) -> anyhow::Result<StdListener> {
    match StdListener::bind(address) {
        Ok(listener) => {
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

/// Serves until `stop`, then lets running requests end, but not for ever.
pub async fn serve(listener: StdListener, app: Router, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener).context("prepare the listening socket")?;
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(connection_builder());
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => { back_off(&error).await; continue }
            },
        };
        let connection = serve_connection(Arc::clone(&builder), stream, peer, app.clone(), graceful.watcher());
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

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE).max_buf_size(HEAD_BYTES);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES as u32).max_concurrent_streams(256);
    builder
}

async fn serve_connection(
    builder: Arc<auto::Builder<TokioExecutor>>,
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Small frames of a stream must not wait for more.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(app, request.map(Body::new)).await) }
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended with an error");
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
