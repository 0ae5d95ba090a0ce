//! A Streamable HTTP endpoint of this machine, reached for the gateway. Only that one URL is ever requested, and where the
//! same server redirects to.

use std::time::Duration;

use bytes::Bytes;
use domain::tunnel;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header, request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use mcp::code;
use tokio::time::Instant;
use upstream::{Dialer, DialerConfig, Egress, SendError, UpstreamUrl};

use crate::{
    answer::{self, Body, Delivery},
    config::ConnectConfig,
    error::ConnectError,
    message::{Kind, Message, Request as RpcRequest},
    report::{Report, Reporter},
};

/// Headers that belong to one connection (RFC 9110 §7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Most redirects of one request.
const MOST_REDIRECTS: usize = 3;

/// Forwards to one URL.
#[derive(Debug)]
pub(crate) struct Forward {
    dialer: Dialer,
    url: UpstreamUrl,
    uri: Uri,
    max_message_bytes: usize,
    report: Reporter,
}

impl Forward {
    pub(crate) fn new(url: &UpstreamUrl, config: &ConnectConfig, report: Reporter) -> Result<Self, ConnectError> {
        // The URL is the choice of whoever started this program, and the machine's own network is what it is for.
        let mut dialling = DialerConfig::new(Egress::PRIVATE_ALLOWED);
        dialling.extra_roots_pem.clone_from(&config.extra_roots_pem);
        let not_allowed = |reason| ConnectError::NotAllowed { url: url.authority().to_owned(), reason };
        dialling.networks = config.allow.networks_for(url).map_err(not_allowed)?;
        let max_message_bytes = config.limits.max_message_bytes;
        let bad = |reason: String| ConnectError::Address { origin: url.as_str().to_owned(), reason };
        let uri = url.to_uri().map_err(|error| bad(error.to_string()))?;
        Ok(Self { dialer: Dialer::new(dialling)?, url: url.clone(), uri, max_message_bytes, report })
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if !matches!(head.method, Method::POST | Method::GET | Method::DELETE) {
            return answer::method_not_allowed();
        }
        let Ok(body) = Limited::new(body, self.max_message_bytes).collect().await else {
            let why = "the body could not be read or is too long";
            let text = answer::rpc_error(None, code::INVALID_REQUEST, why, None);
            return answer::undelivered(answer::json(StatusCode::PAYLOAD_TOO_LARGE, text));
        };
        let body = body.to_bytes();
        let since = Instant::now();
        let sent = self.send(self.outgoing(head, body.clone())).await;
        let (response, how) = match sent {
            Ok(response) => (incoming(response), "answered"),
            Err(error) => (failed(&body, &error), "not answered"),
        };
        self.note(body, how, since.elapsed());
        response
    }

    /// Sends a request, and again where the same server says it is to be sent; a redirect to anyone else is an answer.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Incoming>, SendError> {
        let mut at = self.url.clone();
        for _ in 0..MOST_REDIRECTS {
            let mut this = request.clone();
            *this.uri_mut() = at.to_uri().unwrap_or_else(|_| self.uri.clone());
            let response = self.dialer.send(this).await?;
            match redirected(&at, &response) {
                Some(next) if next.origin() == at.origin() => at = next,
                _ => return Ok(response),
            }
        }
        self.dialer.send(request).await
    }

    fn outgoing(&self, head: request::Parts, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = end_to_end(head.headers);
        request.headers_mut().remove(header::HOST);
        request.headers_mut().remove(header::CONTENT_LENGTH);
        request
    }

    fn note(&self, body: Bytes, how: &'static str, elapsed: Duration) {
        if let Some(RpcRequest { method, tool, .. }) = as_request(body) {
            self.report.say(Report::Answered { method, tool, how, elapsed });
        }
    }
}

/// Where an answer says that the very same request is to be sent (RFC 9110 §15.4.8 and §15.4.9).
fn redirected(at: &UpstreamUrl, response: &Response<Incoming>) -> Option<UpstreamUrl> {
    let status = response.status();
    if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let target = url::Url::parse(at.as_str()).ok()?.join(location).ok()?;
    UpstreamUrl::parse(target.as_str()).ok()
}

fn incoming(response: Response<Incoming>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    head.headers = end_to_end(std::mem::take(&mut head.headers));
    // Only the connector says so: a server that answers has the call, whatever it says.
    head.headers.remove(tunnel::UNDELIVERED_HEADER);
    head.version = http::Version::default();
    Response::from_parts(head, body.map_err(Into::into).boxed_unsync())
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

/// There is no answer: a JSON-RPC error in its place, where a request waits for one.
fn failed(body: &Bytes, error: &SendError) -> Response<Body> {
    let delivery = match error {
        SendError::Undelivered(_) => Delivery::Never,
        SendError::Broken(_) => Delivery::Perhaps,
    };
    let why = format!("the connector got no answer from the server: {error}");
    let response = match as_request(body.clone()) {
        Some(request) => answer::json(StatusCode::OK, answer::no_answer(Some(&request.id), &why, delivery)),
        None => answer::json(StatusCode::BAD_GATEWAY, answer::no_answer(None, &why, delivery)),
    };
    if delivery == Delivery::Never { answer::undelivered(response) } else { response }
}

fn as_request(body: Bytes) -> Option<RpcRequest> {
    match Message::read(body).ok()?.kind {
        Kind::Request(request) => Some(request),
        _ => None,
    }
}
