//! A client's whole request, handed to the gateway that holds what waits for it.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{GatewayId, ServerSlug};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::{
    links::To,
    wire::{self, Via},
};
use crate::{
    authenticate::Caller,
    failure::{Failure, UpstreamFailure},
    stack::Ask,
};

/// Who holds what a request is about, and whose request it is.
pub(crate) struct Holder<'a> {
    pub gateway: GatewayId,
    pub caller: &'a Caller,
    /// None: the request came to the account's own URL.
    pub server: Option<&'a ServerSlug>,
}

/// Hands a request on and gives the other gateway's answer, which streams. That gateway authenticates the client's own
/// credential again and judges, counts and records the request; so this one has to do none of it. None: nothing was
/// delivered, as this is the holder, or it is gone or cannot be reached, or the request has been handed on before.
///
/// # Errors
/// [`Failure::HolderGone`] when the other gateway may have begun to work on it.
pub(crate) async fn redispatch(
    ask: &mut Ask<'_>,
    holder: Holder<'_>,
    (method, body): (Method, Bytes),
) -> Result<Option<Response>, Failure> {
    let shared = ask.shared;
    if ask.via == Via::Gateway || holder.gateway == shared.id {
        return Ok(None);
    }
    let Some(address) = shared.mesh.address_of(holder.gateway).await? else { return Ok(None) };
    // A stream that waits is no work; any other request keeps its place until its answer has ended.
    let works = method != Method::GET;
    let request = handed_on(ask, &holder, method, body)?;
    let sending = shared.mesh.links.send(To { gateway: holder.gateway, address: &address }, request);
    let (head, body) = match timeout(shared.config.times.upstream_whole, sending).await {
        Ok(Ok(answer)) => answer.into_parts(),
        Ok(Err(UpstreamFailure::Unreachable(_))) => return Ok(None),
        Ok(Err(_)) | Err(_) => return Err(Failure::HolderGone),
    };
    let room = ask.room.take().filter(|_| works);
    let body = body.map_frame(move |frame| {
        let _kept = &room;
        frame
    });
    Ok(Some(Response::from_parts(head, Body::new(body))))
}

/// The client's request under the other gateway's address: with every header of the client's but those of its connection.
fn handed_on(ask: &Ask<'_>, holder: &Holder<'_>, method: Method, body: Bytes) -> Result<Request<Bytes>, Failure> {
    let slug = &holder.caller.account.slug;
    let path = match holder.server {
        Some(server) => format!("{}/{slug}/{server}/mcp", wire::ASK),
        None => format!("{}/{slug}/mcp", wire::ASK),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = wire::uri(&path)?;
    *request.headers_mut() = ask.headers.clone();
    wire::clean(request.headers_mut());
    request.headers_mut().insert(wire::TO, wire::value(holder.gateway)?);
    if let Some(ip) = &holder.caller.ip {
        request.headers_mut().insert(wire::CLIENT_IP, wire::value(ip)?);
    }
    Ok(request)
}
