//! The way to a connection: port and address literal checked, name resolved through the guard, TCP, TLS, all within one
//! time limit.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::net::TcpStream;
use tower::Service;

use crate::{AddressRefused, egress::Rule, resolver::GuardedResolver};

/// A peer that is not heard of is asked for a sign of life this often.
const ALIVE: Duration = Duration::from_secs(15);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// TCP to addresses that the egress rule lets through.
#[derive(Clone, Debug)]
pub(crate) struct GuardedTcp {
    tcp: HttpConnector<GuardedResolver>,
    rule: Rule,
}

/// TLS where the scheme asks for it, and the time limit.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    inner: HttpsConnector<GuardedTcp>,
    limit: Duration,
}

/// The connection did not stand in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", .0.as_secs())]
pub(crate) struct ConnectTimeout(Duration);

impl GuardedTcp {
    pub(crate) fn new(resolver: GuardedResolver) -> Self {
        let rule = resolver.rule.clone();
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // An upstream that vanishes without a word is noticed, also when nothing is sent to it.
        tcp.set_keepalive(Some(ALIVE));
        tcp.set_keepalive_interval(Some(ALIVE));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(4 * ALIVE));
        Self { tcp, rule }
    }

    /// The HTTP connector does not ask the resolver about address literals, so they are checked here.
    fn check(&self, uri: &Uri) -> Result<(), AddressRefused> {
        let default_port = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) { 443 } else { 80 };
        self.rule.egress.check_port(uri.port_u16().unwrap_or(default_port))?;
        let host = uri.host().unwrap_or_default();
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => self.rule.check_address(None, address),
            Err(_) => Ok(()),
        }
    }
}

impl Connector {
    pub(crate) fn new(tcp: GuardedTcp, tls: rustls::ClientConfig, limit: Duration) -> Self {
        let inner = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        Self { inner, limit }
    }
}

impl Service<Uri> for GuardedTcp {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Err(refused) = self.check(&uri) {
            return Box::pin(async move { Err(refused.into()) });
        }
        let connecting = self.tcp.call(uri);
        Box::pin(async move { Ok(connecting.await?) })
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| Err(ConnectTimeout(limit).into()))
        })
    }
}
