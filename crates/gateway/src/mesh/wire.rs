//! The words between gateways. A request is for a connector's tunnel (`/tunnel`, with the method, headers and body that the
//! connector is to get), or a client's own (`/ask` and the path it was sent to). Each names the gateway it is for, since all
//! show the same identity; each answer says what became of the request.

use bytes::Bytes;
use domain::{AccountId, GatewayId, ServerId};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};

use super::Elsewhere;
use crate::failure::UpstreamFailure;

/// Path of requests for a tunnel.
pub(super) const TUNNEL: &str = "/tunnel";
/// What stands before the path of a client's request.
pub(super) const ASK: &str = "/ask";
/// In place of a host, which all gateways have in common.
const AUTHORITY: &str = "gateway";
/// Every header between gateways begins so; none of a client's or an upstream's passes.
const OURS: &str = "portcullis-mesh-";

/// The gateway a request is for.
pub(super) const TO: HeaderName = HeaderName::from_static("portcullis-mesh-to");
/// The account, server and connector process of a tunnel.
pub(super) const ACCOUNT: HeaderName = HeaderName::from_static("portcullis-mesh-account");
pub(super) const SERVER: HeaderName = HeaderName::from_static("portcullis-mesh-server");
pub(super) const INSTANCE: HeaderName = HeaderName::from_static("portcullis-mesh-instance");
/// The address a client's request came from.
pub(super) const CLIENT_IP: HeaderName = HeaderName::from_static("portcullis-mesh-client-ip");
/// What became of a request.
pub(super) const OUTCOME: HeaderName = HeaderName::from_static("portcullis-mesh-outcome");

/// Headers that belong to one connection (RFC 9110 §7.6.1), and those that the connection itself makes.
const NOT_PASSED: [HeaderName; 9] = [
    http::header::CONNECTION,
    http::header::HOST,
    http::header::CONTENT_LENGTH,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    http::header::TE,
    http::header::TRAILER,
    http::header::EXPECT,
    HeaderName::from_static("keep-alive"),
];

/// What became of a request at the other gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The answer is what was asked for.
    Answered,
    /// It went nowhere: another gateway is meant, or the tunnel is not there (any more).
    Undelivered,
    /// It may have reached the connector.
    Broken,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Undelivered => "undelivered",
            Self::Broken => "broken",
        }
    }

    /// What an answer says; it is taken out of the headers.
    pub(super) fn take(response: &mut Response<impl Sized>) -> Option<Self> {
        let word = response.headers_mut().remove(OUTCOME)?;
        [Self::Answered, Self::Undelivered, Self::Broken].into_iter().find(|outcome| word == outcome.word())
    }
}

/// Puts the address of a tunnel into a request.
pub(super) fn address_tunnel(request: &mut Request<Bytes>, to: &Elsewhere) -> Result<(), UpstreamFailure> {
    *request.uri_mut() = uri(TUNNEL)?;
    let headers = request.headers_mut();
    clean(headers);
    headers.insert(TO, value(to.gateway)?);
    headers.insert(ACCOUNT, value(to.account)?);
    headers.insert(SERVER, value(to.server)?);
    headers.insert(INSTANCE, value(&to.instance)?);
    Ok(())
}

/// The tunnel that a request names.
pub(super) fn tunnel_of(headers: &HeaderMap) -> Option<(AccountId, ServerId, &str)> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    Some((text(ACCOUNT)?.parse().ok()?, text(SERVER)?.parse().ok()?, text(INSTANCE)?))
}

/// The gateway that a request is for.
pub(super) fn gateway_of(headers: &HeaderMap) -> Option<GatewayId> {
    headers.get(TO)?.to_str().ok()?.parse().ok()
}

/// Takes out what belongs to one connection, and every word between gateways.
pub(super) fn clean(headers: &mut HeaderMap) {
    for name in NOT_PASSED {
        headers.remove(name);
    }
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

pub(super) fn uri(path: &str) -> Result<Uri, UpstreamFailure> {
    Uri::builder().scheme("http").authority(AUTHORITY).path_and_query(path).build().map_err(|error| unwritable(&error))
}

pub(super) fn value(what: impl std::fmt::Display) -> Result<HeaderValue, UpstreamFailure> {
    HeaderValue::try_from(what.to_string()).map_err(|error| unwritable(&error))
}

/// Never for the names that gateways make themselves.
fn unwritable(error: &dyn std::error::Error) -> UpstreamFailure {
    UpstreamFailure::Unreachable(format!("the request cannot be addressed to another gateway: {error}"))
}
