//! The HTTP client for upstreams.
//!
//! HTTP/1.1 and HTTP/2, pooled. No redirects, no proxies from the environment, no cookies, no decompression: what is sent
//! is what was given, and what comes back is what the upstream sent.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use ipnet::IpNet;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    AddressRefused, Egress, Names,
    body::WatchedBody,
    connector::{ConnectTimeout, Connector, GuardedTcp},
    egress::Rule,
    resolver::{GuardedResolver, ResolveError},
};

/// How long a connection that nobody uses is kept. The HTTP servers that most MCP servers stand on (Node.js, Uvicorn) close
/// theirs after 5 s: a request sent just then is lost, and nobody knows whether it took effect.
const IDLE: Duration = Duration::from_secs(4);
/// What one HTTP/2 answer may be ahead of whoever reads it.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// The most that HTTP/2 has. The answers on one connection share this window, so those that lie unread take from it; only
/// the streams' own windows are to hold them back, or a few slow readers would stop everybody's answers.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// How to dial.
#[derive(Clone, Debug)]
pub struct DialerConfig {
    /// What may be dialled.
    pub egress: Egress,
    /// Where names are looked up.
    pub names: Names,
    /// Only addresses in these networks are dialled; none: all that the rule allows.
    pub networks: Option<Arc<[IpNet]>>,
    /// Certificate authorities to trust besides the web's, in PEM; empty for none.
    pub extra_roots_pem: Vec<u8>,
    /// The limit for look-up, TCP and TLS together.
    pub connect_limit: Duration,
}

/// The HTTP client for upstreams. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Dialer {
    client: Client<Connector, WatchedBody>,
    egress: Egress,
    way: Arc<Way>,
}

/// What a dialer with another rule is made of.
struct Way {
    names: Names,
    networks: Option<Arc<[IpNet]>>,
    tls: rustls::ClientConfig,
    connect_limit: Duration,
}

/// Why a dialer cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DialerError {
    /// The extra authorities do not read.
    #[error("the extra certificate authorities do not read as PEM certificates: {0}")]
    Roots(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Not a byte of the message reached the upstream.
    #[error(transparent)]
    Undelivered(#[from] Undelivered),
    /// The message may have reached the upstream; what came of it is unknown.
    #[error("the connection broke before the answer came: {0}")]
    Broken(String),
}

/// Which step towards the upstream failed.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// The rule for outgoing connections.
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    /// The name.
    #[error("{0}")]
    Name(String),
    /// The connection.
    #[error("the connection failed: {0}")]
    Connect(String),
    /// TLS: the certificate, or no TLS spoken there.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// Time.
    #[error("{0}")]
    TimedOut(String),
}

impl DialerConfig {
    /// The system's names, the web's authorities, ten seconds to connect.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self {
            egress,
            names: Names::System,
            networks: None,
            extra_roots_pem: Vec::new(),
            connect_limit: Duration::from_secs(10),
        }
    }
}

impl Dialer {
    /// Makes a dialer.
    ///
    /// # Errors
    /// [`DialerError`].
    pub fn new(config: DialerConfig) -> Result<Self, DialerError> {
        let tls = tls_config(&config.extra_roots_pem)?;
        let way = Way { names: config.names, networks: config.networks, tls, connect_limit: config.connect_limit };
        Ok(Self::along(Arc::new(way), config.egress))
    }

    /// A dialer by another rule, with connections of its own. For addresses that the operator set, such as the internal one
    /// of a gateway; never for one that a tenant typed.
    #[must_use]
    pub fn with_egress(&self, egress: Egress) -> Self {
        Self::along(Arc::clone(&self.way), egress)
    }

    fn along(way: Arc<Way>, egress: Egress) -> Self {
        let rule = Rule { egress, networks: way.networks.clone() };
        let resolver = GuardedResolver { names: way.names.clone(), rule };
        let connector = Connector::new(GuardedTcp::new(resolver), way.tls.clone(), way.connect_limit);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(64)
            .timer(TokioTimer::new())
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .build(connector);
        Self { client, egress, way }
    }

    /// The rule it dials by.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Sends a request (with an absolute `http` or `https` URI) and gives the answer's head; its body streams.
    ///
    /// There is no time limit on the answer: the caller has one for the whole exchange.
    ///
    /// # Errors
    /// [`SendError`], which tells whether the message can have reached the upstream.
    pub async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Incoming>, SendError> {
        let (head, bytes) = request.into_parts();
        let (body, watch) = WatchedBody::new(bytes);
        self.client.request(http::Request::from_parts(head, body)).await.map_err(|error| {
            if error.is_connect() || !watch.was_polled() {
                SendError::Undelivered(Undelivered::from_error(&error))
            } else {
                SendError::Broken(innermost(&error))
            }
        })
    }
}

impl Undelivered {
    fn from_error(error: &hyper_util::client::legacy::Error) -> Self {
        for cause in causes(error) {
            if let Some(refused) = cause.downcast_ref::<AddressRefused>() {
                return Self::Refused(refused.clone());
            }
            if let Some(resolve) = cause.downcast_ref::<ResolveError>() {
                return match resolve {
                    ResolveError::Refused(refused) => Self::Refused(refused.clone()),
                    other => Self::Name(other.to_string()),
                };
            }
            if let Some(timeout) = cause.downcast_ref::<ConnectTimeout>() {
                return Self::TimedOut(timeout.to_string());
            }
            if let Some(tls) = tls_cause(cause) {
                return Self::Tls(tls.to_string());
            }
        }
        Self::Connect(innermost(error))
    }
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |e| e.source())
}

/// `io::Error::source` skips the error it wraps, so a TLS error has to be looked for inside.
fn tls_cause<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut inner: &(dyn std::error::Error + 'static) = cause;
    while let Some(io) = inner.downcast_ref::<std::io::Error>() {
        inner = io.get_ref()?;
    }
    inner.downcast_ref::<rustls::Error>()
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

/// TLS that trusts the web's certificate authorities, and these in PEM besides.
///
/// # Errors
/// [`DialerError`].
pub fn tls_config(extra_roots_pem: &[u8]) -> Result<rustls::ClientConfig, DialerError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in CertificateDer::pem_slice_iter(extra_roots_pem) {
        let certificate = certificate.map_err(|e| DialerError::Roots(e.to_string()))?;
        roots.add(certificate).map_err(|e| DialerError::Roots(e.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("egress", &self.egress).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
