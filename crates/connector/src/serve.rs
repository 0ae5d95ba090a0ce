//! HTTP/2 served over one tunnel.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use domain::tunnel;
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    answer::{self, Body},
    forward::Forward,
    stdio::Bridge,
};

/// How long answers may still leave when everything is being stopped.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
const STREAMS: u32 = 4_096;
/// Requests that the gateway takes back before we looked at them: its clients come and go as they like.
const RESETS: usize = 4_096;
const HEADER_BYTES: u32 = 64 << 10;
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// What stands behind the tunnel.
#[derive(Debug)]
pub(crate) enum Endpoint {
    Stdio(Bridge),
    Url(Box<Forward>),
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if request.uri().path() != tunnel::MCP_PATH {
            return answer::empty(StatusCode::NOT_FOUND);
        }
        match self {
            Self::Stdio(bridge) => bridge.answer(request).await,
            Self::Url(forward) => forward.answer(request).await,
        }
    }

    /// Ends everything that goes on behind the tunnel.
    pub(crate) fn stop(&self) {
        if let Self::Stdio(bridge) = self {
            bridge.stop();
        }
    }
}

/// What it takes to serve tunnels, one after another.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) tasks: TaskTracker,
    /// A gateway that does not answer a ping for so long is taken for gone; it is pinged as often.
    pub(crate) silence: Duration,
    /// Ends the tunnel, and the endpoint with it.
    pub(crate) stop: CancellationToken,
}

/// Serves a tunnel until it ends.
pub(crate) async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    serving: &Serving,
) -> Result<(), hyper::Error> {
    let Serving { endpoint, tasks, silence, stop } = serving;
    let service = service_fn(|request| {
        let endpoint = Arc::clone(endpoint);
        async move { Ok::<_, Infallible>(endpoint.answer(request).await) }
    });
    let mut connection = pin!(
        http2::Builder::new(Tracked(tasks.clone()))
            .timer(TokioTimer::new())
            .keep_alive_interval(*silence)
            .keep_alive_timeout(*silence)
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .max_header_list_size(HEADER_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .serve_connection(TokioIo::new(io), service)
    );
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => {}
    }
    endpoint.stop();
    connection.as_mut().graceful_shutdown();
    timeout(DRAIN_LIMIT, connection).await.unwrap_or(Ok(()))
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
