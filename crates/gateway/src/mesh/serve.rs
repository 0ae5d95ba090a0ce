//! The listener for other gateways.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::task::TaskTracker;

use super::{
    links::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES},
    wire::{self, Outcome},
};
use crate::{
    ask::Via,
    hub::{TunnelError, inside},
    shared::Shared,
    space::Space,
};

/// Peers that have not shown yet who they are, at the same time; further ones wait. So many that strangers who say nothing
/// keep no gateway out.
const HANDSHAKES: usize = 2_048;
/// Requests of one gateway at the same time.
const STREAMS: u32 = 8_192;
const HEADER_BYTES: u32 = 64 << 10;

/// What a client's request goes through at this gateway, by the account and server that its URL names.
pub(crate) type Steps =
    for<'a> fn(&'a Arc<Shared>, (&'a str, Option<&'a str>), Request<Body>) -> BoxFuture<'a, Response<Body>>;

/// Serves other gateways until this one closes.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener, steps: Steps) {
    let acceptor = TlsAcceptor::from(Arc::new(shared.identity.server()));
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = handshakes.clone().acquire_owned().await else { return };
        let stream = tokio::select! {
            () = shared.closing.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection of another gateway");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        shared.tracker.spawn(connection((shared.clone(), steps), acceptor.clone(), stream, permit));
    }
}

async fn connection(
    (shared, steps): (Arc<Shared>, Steps),
    acceptor: TlsAcceptor,
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
) {
    // Small frames of a stream must not wait for more.
    let _slower = stream.set_nodelay(true);
    // As long as a peer waits itself.
    let stream = match timeout(shared.config.times.gateway_connect, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::warn!(%error, "someone who is no gateway of this deployment was turned away"),
        Err(_) => return tracing::debug!("someone did not say in time who it is, and was turned away"),
    };
    drop(permit);
    serve_peer(&shared, steps, stream).await;
}

async fn serve_peer(shared: &Arc<Shared>, steps: Steps, stream: TlsStream<TcpStream>) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(answer(&shared, steps, request).await) }
    });
    let connection = http2::Builder::new(Tracked(shared.tracker.clone()))
        .timer(TokioTimer::new())
        .keep_alive_interval(shared.config.times.gateway_silence)
        .keep_alive_timeout(shared.config.times.gateway_silence)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "the connection of another gateway broke");
        },
        () = shared.closing.cancelled() => {}
    }
}

/// Every request's task belongs to the tracker.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

async fn answer(shared: &Arc<Shared>, steps: Steps, request: Request<Incoming>) -> Response<Body> {
    let leaves = shared.closing.is_cancelled();
    if leaves || wire::gateway_of(request.headers()) != Some(shared.id) {
        return failed(Outcome::Undelivered);
    }
    let path = request.uri().path().to_owned();
    let answered = match path.strip_prefix(wire::ASK) {
        Some(asked_for) => asked(shared, steps, (asked_for, request)).await,
        None if path == wire::TUNNEL => through_tunnel(shared, request).await,
        None => Err(Outcome::Undelivered),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(outcome) => return failed(outcome),
    };
    wire::clean(response.headers_mut());
    say(&mut response, Outcome::Answered);
    response
}

/// A request for a connector whose tunnel is here.
async fn through_tunnel(shared: &Shared, request: Request<Incoming>) -> Result<Response<Body>, Outcome> {
    let (mut parts, body) = request.into_parts();
    let (account, server, instance) = wire::tunnel_of(&parts.headers).ok_or(Outcome::Undelivered)?;
    let tunnel = shared.hub.of_instance(server, instance).filter(|tunnel| tunnel.account == account);
    let tunnel = tunnel.ok_or(Outcome::Undelivered)?;
    let space = Space::new(&shared.asked, account);
    let body = timeout(shared.config.times.request_body, space.fill(body, shared.config.limits.request_bytes));
    let body = body.await.map_err(|_| Outcome::Undelivered)?.map_err(|_| Outcome::Undelivered)?.into_bytes();
    wire::clean(&mut parts.headers);
    let request = inside(parts.method, parts.headers, body).map(Full::new);
    match tunnel.send(request).await {
        Ok(response) => Ok(response.map(Body::new)),
        Err(TunnelError::Undelivered) => Err(Outcome::Undelivered),
        Err(TunnelError::Broken) => Err(Outcome::Broken),
    }
}

/// A client's request, handed on: it goes through every step, as if it had come here first.
async fn asked(
    shared: &Arc<Shared>,
    steps: Steps,
    (path, request): (&str, Request<Incoming>),
) -> Result<Response<Body>, Outcome> {
    let (mut parts, body) = request.into_parts();
    let ip = parts.headers.get(wire::CLIENT_IP).and_then(|value| value.to_str().ok()?.parse().ok());
    wire::clean(&mut parts.headers);
    if let Some(ip) = ip {
        parts.extensions.insert(ConnectInfo(SocketAddr::new(ip, 0)));
    }
    parts.extensions.insert(Via::Gateway);
    let request = Request::from_parts(parts, Body::new(body));
    let named: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (account, server) = match *named.as_slice() {
        [account, server, "mcp"] => (account, Some(server)),
        [account, "mcp"] => (account, None),
        _ => return Err(Outcome::Undelivered),
    };
    Ok(steps(shared, (account, server), request).await)
}

fn failed(outcome: Outcome) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    say(&mut response, outcome);
    response
}

fn say(response: &mut Response<Body>, outcome: Outcome) {
    response.headers_mut().insert(wire::OUTCOME, http::HeaderValue::from_static(outcome.word()));
}
