//! Connections to other gateways: one for each, opened when first needed, shared by all requests.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::GatewayId;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use moka::future::Cache;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{identity::Identity, wire::Outcome};
use crate::{config::Times, failure::UpstreamFailure};

/// What one answer may be ahead of its reader.
pub(super) const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// The most that HTTP/2 has: only the streams' own windows hold answers back, so that one slow reader stops nobody else.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;
/// A gateway that could not be reached is not dialled again for so long, and nobody waits for it meanwhile: it may have
/// fallen silent, and then each dial would take all of its time.
const NOT_AGAIN_FOR: Duration = Duration::from_secs(5);
/// Other gateways at the same time.
const MOST: u64 = 1_024;

/// The connections.
pub(super) struct Links {
    tls: TlsConnector,
    times: Times,
    open: Cache<(GatewayId, String), SendRequest<Full<Bytes>>>,
    unreachable: Cache<(GatewayId, String), ()>,
    tracker: TaskTracker,
    closing: CancellationToken,
}

/// A gateway and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct To<'a> {
    pub gateway: GatewayId,
    pub address: &'a str,
}

impl Links {
    pub(super) fn new(identity: &Identity, times: Times, tracker: TaskTracker, closing: CancellationToken) -> Self {
        let tls = TlsConnector::from(Arc::new(identity.client()));
        let open = Cache::builder().max_capacity(MOST).time_to_idle(Duration::from_secs(600)).build();
        let unreachable = Cache::builder().max_capacity(MOST).time_to_live(NOT_AGAIN_FOR).build();
        Self { tls, times, open, unreachable, tracker, closing }
    }

    /// Sends a request to a gateway and gives the answer's head. Its failures say whether it can have been delivered.
    pub(super) async fn send(
        &self,
        to: To<'_>,
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        let mut sender = self.link(to).await?;
        sender.ready().await.map_err(|_| gone())?;
        let mut response = match sender.try_send_request(request.map(Full::new)).await {
            Ok(response) => response,
            Err(mut error) => return Err(if error.take_message().is_some() { gone() } else { broke() }),
        };
        match Outcome::take(&mut response) {
            Some(Outcome::Answered) => Ok(response),
            Some(Outcome::Undelivered) => Err(gone()),
            Some(Outcome::Broken) | None => Err(broke()),
        }
    }

    async fn link(&self, to: To<'_>) -> Result<SendRequest<Full<Bytes>>, UpstreamFailure> {
        let key = (to.gateway, to.address.to_owned());
        if let Some(sender) = self.open.get(&key).await {
            if !sender.is_closed() {
                return Ok(sender);
            }
            self.open.invalidate(&key).await;
        }
        if self.unreachable.contains_key(&key) {
            return Err(unreachable());
        }
        // Requests that come at the same time wait for one connection instead of opening one each.
        match self.open.try_get_with_by_ref(&key, self.connect(to.address)).await {
            Ok(sender) => Ok(sender),
            Err(failure) => {
                self.unreachable.insert(key, ()).await;
                Err((*failure).clone())
            }
        }
    }

    async fn connect(&self, address: &str) -> Result<SendRequest<Full<Bytes>>, UpstreamFailure> {
        let unreachable = |why: &dyn std::fmt::Display| {
            tracing::warn!(address, %why, "another gateway cannot be reached");
            unreachable()
        };
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from("gateway").map_err(std::io::Error::other)?;
            self.tls.connect(name, stream).await
        };
        let stream = match timeout(self.times.gateway_connect, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(late) => return Err(unreachable(&late)),
        };
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(self.times.gateway_silence)
            .keep_alive_timeout(self.times.gateway_silence)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = match timeout(self.times.gateway_connect, handshake).await {
            Ok(Ok(parts)) => parts,
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(late) => return Err(unreachable(&late)),
        };
        let closing = self.closing.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "the connection to another gateway broke");
                },
                () = closing.cancelled() => {}
            }
        });
        Ok(sender)
    }
}

fn unreachable() -> UpstreamFailure {
    UpstreamFailure::Unreachable("the gateway that holds the connector cannot be reached".to_owned())
}

fn gone() -> UpstreamFailure {
    UpstreamFailure::Unreachable("the connector has just left the gateway it was connected to".to_owned())
}

fn broke() -> UpstreamFailure {
    UpstreamFailure::Broken("the way to the connector, through another gateway, broke".to_owned())
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("open", &self.open.entry_count()).finish_non_exhaustive()
    }
}
