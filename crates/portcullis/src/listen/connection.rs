//! One connection: served, kept in use as long as something is worked on, and let go.

use std::{
    convert::Infallible,
    error::Error,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::{Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulConnection};
use socket2::{SockRef, TcpKeepalive};
use tokio::{net::TcpStream, time::timeout};
use tower::ServiceExt as _;

use super::{
    ALIVE, Connections, Serving,
    book::{Asking, Entry, Leave},
    client::client,
    heads::Heads,
    patient::Patient,
    punctual::Punctual,
};

/// How long a connection that leaves politely may take, unless something is worked on.
const LEAVING: Duration = Duration::from_secs(5);

/// An answer's body, which keeps its connection in use until it is given away.
struct Used {
    body: Body,
    _asking: Option<Asking>,
}

/// A connection's whole life.
pub(super) async fn serve(serving: Arc<Serving>, (stream, peer): (TcpStream, SocketAddr), entry: Arc<Entry>) {
    prepare(&stream, serving.connections.write_patience);
    let mut connection = connection(&serving, (stream, peer), &entry);
    let ended = tokio::select! {
        // What has come counts before it is too late.
        biased;
        ended = connection.as_mut() => Some(ended),
        leave = entry.let_go(&serving.connections) => match leave {
            Leave::AtOnce => return,
            Leave::Politely => None,
        },
        () = serving.stop.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            loop {
                match timeout(LEAVING, connection.as_mut()).await {
                    Ok(ended) => break ended,
                    Err(_) if entry.is_used() => {}
                    Err(_) => return,
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended with an error");
    }
}

/// The connection itself. Boxed, and once: thousands may wait, and each place it is moved through would count.
fn connection(
    serving: &Serving,
    (stream, peer): (TcpStream, SocketAddr),
    entry: &Arc<Entry>,
) -> Pin<Box<impl GracefulConnection<Error = Box<dyn Error + Send + Sync>> + use<>>> {
    let (app, readers) = (serving.app.clone(), serving.readers.clone());
    let Connections { header_deadline, body_deadline, write_patience, ref proxies, .. } = serving.connections;
    let (proxies, uses) = (proxies.clone(), entry.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let version = request.version();
        let asking = uses.asks(version);
        let client = client(peer, request.headers(), &proxies);
        request.extensions_mut().insert(ConnectInfo(client));
        let (app, readers) = (app.clone(), readers.clone());
        let request = request.map(|body| Body::new(Punctual::new(body, body_deadline)));
        // Gone with the answer, unlike a future that the connection holds itself.
        Box::pin(async move {
            let answer = answer(app, request).await.map(|body| readers.body(version, body));
            Ok::<_, Infallible>(until_given_away(answer, asking))
        })
    });
    let heads = Heads::new(entry.clone(), header_deadline);
    let io = TokioIo::new(Patient::new(stream, heads, write_patience));
    Box::pin(serving.builder.serve_connection_with_upgrades(io, service).into_owned())
}

/// The answer, which keeps its connection in use until it is given away; one that makes the connection something else keeps
/// it for good.
fn until_given_away(answer: Response<Body>, asking: Asking) -> Response<Used> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        asking.for_good();
        return answer.map(|body| Used { body, _asking: None });
    }
    answer.map(|body| Used { body, _asking: Some(asking) })
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

async fn answer(app: Router, request: Request<Body>) -> Response<Body> {
    match app.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

impl hyper::body::Body for Used {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
