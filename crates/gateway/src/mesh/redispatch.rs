//! A client's whole request, handed to the gateway that holds what waits for it.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{GatewayId, ServerSlug};
use http::{Method, Request};
use http_body_util::BodyExt as _;

use super::{
    links::To,
    wire::{self, Via},
};
use crate::{authenticate::Caller, failure::Failure, stack::Ask};

/// Who holds what a request is about, and whose request it is.
pub(crate) struct Holder<'a> {
    pub gateway: GatewayId,
    pub caller: &'a Caller,
    /// None: the request came to the account's own URL.
    pub server: Option<&'a ServerSlug>,
}

/// Hands a request on and gives the other gateway's answer, which streams. That gateway authenticates the client's own
/// credential again and judges, counts and records the request; so this one has to do none of it.
///
/// # Errors
/// [`Failure::HolderGone`] at once when the other gateway is gone, cannot be reached, or the request has been handed on
/// before.
#[expect(dead_code, reason = "for whatever waits at one gateway; nothing does yet")]
pub(crate) async fn redispatch(
    ask: Ask<'_>,
    holder: Holder<'_>,
    method: Method,
    body: Bytes,
) -> Result<Response, Failure> {
    let shared = ask.shared;
    if ask.via == Via::Gateway || holder.gateway == shared.id {
        return Err(Failure::HolderGone);
    }
    let address = shared.bus.gateway(holder.gateway).await.map_err(|_| Failure::Unavailable)?;
    let address = address.ok_or(Failure::HolderGone)?;
    let request = handed_on(&ask, &holder, method, body)?;
    let to = To { gateway: holder.gateway, address: &address };
    let sending = shared.mesh.links.send(to, request);
    let answer = tokio::time::timeout(shared.config.times.upstream_whole, sending).await;
    let (head, body) = answer.map_err(|_| Failure::HolderGone)?.map_err(|_| Failure::HolderGone)?.into_parts();
    // Its place among the requests being worked on is kept until the answer has ended.
    let room = ask.room;
    let body = body.map_frame(move |frame| {
        let _kept = &room;
        frame
    });
    Ok(Response::from_parts(head, Body::new(body)))
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
