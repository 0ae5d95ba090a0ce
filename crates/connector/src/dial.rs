//! Dialling the gateway.

use std::{io, sync::Arc, time::Duration};

use domain::{ConnectToken, tunnel};
use http::{HeaderValue, Request, StatusCode, header};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest as _},
};
use url::{Host, Url};

use crate::error::ConnectError;

/// For TCP, TLS and the WebSocket handshake together.
const DIAL_LIMIT: Duration = Duration::from_secs(15);
/// How much of a gateway's refusal is shown.
const SHOWN_WORDS_CHARS: usize = 200;

/// A connection to the gateway, encrypted or not.
pub(crate) trait Link: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}

/// Dials one gateway with one token.
pub(crate) struct Dial {
    token: ConnectToken,
    host: Host<String>,
    port: u16,
    tls: Option<TlsConnector>,
    instance: String,
    about: String,
}

/// Who dials, the same over all tokens.
#[derive(Clone)]
pub(crate) struct Dialler {
    pub(crate) extra_roots_pem: Vec<u8>,
    pub(crate) instance: String,
    pub(crate) about: String,
}

/// Why there is no tunnel this time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The credential is not accepted: no use to try again.
    #[error("the gateway does not accept the token")]
    Refused,
    #[error("cannot reach {origin}: {reason}")]
    Unreachable { origin: String, reason: String },
    #[error("{origin} answered {status}{words}")]
    Answered { origin: String, status: StatusCode, words: String },
}

impl Dial {
    pub(crate) fn new(token: ConnectToken, dialler: &Dialler) -> Result<Self, ConnectError> {
        let Dialler { extra_roots_pem, instance, about } = dialler.clone();
        let bad = |reason: String| ConnectError::Address { origin: token.origin.clone(), reason };
        let url = Url::parse(&token.origin).map_err(|error| bad(error.to_string()))?;
        let host = url.host().ok_or_else(|| bad("it has no host".to_owned()))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| bad("it has no port".to_owned()))?;
        // The same trust as for upstreams.
        let tls = match url.scheme() {
            "https" => Some(TlsConnector::from(Arc::new(upstream::tls_config(&extra_roots_pem)?))),
            _ => None,
        };
        Ok(Self { token, host, port, tls, instance, about })
    }

    /// Whether the token travels in clear to another machine.
    pub(crate) fn is_exposed(&self) -> bool {
        let loopback = match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        self.tls.is_none() && !loopback
    }

    /// Whether it shows this token.
    pub(crate) fn shows(&self, token: &ConnectToken) -> bool {
        self.token == *token
    }

    pub(crate) fn origin(&self) -> &str {
        &self.token.origin
    }

    /// `<account>/<server>`.
    pub(crate) fn server(&self) -> String {
        format!("{}/{}", self.token.account, self.token.server)
    }

    /// Makes one attempt.
    pub(crate) async fn dial(&self) -> Result<WebSocketStream<Box<dyn Link>>, DialError> {
        let attempt = async {
            let link = self.link().await.map_err(|error| self.unreachable(&error))?;
            let request = self.request().map_err(|error| self.unreachable(&error))?;
            client_async(request, link).await.map(|(socket, _)| socket).map_err(|error| self.refused(error))
        };
        timeout(DIAL_LIMIT, attempt).await.unwrap_or_else(|_| Err(self.unreachable(&"no answer in time")))
    }

    async fn link(&self) -> io::Result<Box<dyn Link>> {
        let stream = match &self.host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), self.port)).await?,
            Host::Ipv4(address) => TcpStream::connect((*address, self.port)).await?,
            Host::Ipv6(address) => TcpStream::connect((*address, self.port)).await?,
        };
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
        };
        Ok(Box::new(tls.connect(name, stream).await?))
    }

    fn request(&self) -> Result<Request<()>, tungstenite::Error> {
        let origin = &self.token.origin;
        let address = origin.strip_prefix("http").map(|rest| format!("ws{rest}")).unwrap_or_default();
        let mut request = format!("{address}{}", self.token.tunnel_path()).into_client_request()?;
        let headers = request.headers_mut();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", self.token.token.expose()))?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION"))));
        headers.insert(tunnel::INSTANCE_HEADER, HeaderValue::try_from(&self.instance)?);
        headers.insert(tunnel::ABOUT_HEADER, HeaderValue::try_from(&self.about)?);
        Ok(request)
    }

    fn unreachable(&self, reason: &dyn std::fmt::Display) -> DialError {
        DialError::Unreachable { origin: self.token.origin.clone(), reason: reason.to_string() }
    }

    fn refused(&self, error: tungstenite::Error) -> DialError {
        let tungstenite::Error::Http(response) = error else { return self.unreachable(&error) };
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return DialError::Refused;
        }
        let body = response.body().as_deref().unwrap_or_default();
        let words: String = String::from_utf8_lossy(body).trim().chars().take(SHOWN_WORDS_CHARS).collect();
        let words = if words.is_empty() { words } else { format!(" ({words})") };
        DialError::Answered { origin: self.token.origin.clone(), status: response.status(), words }
    }
}
