//! A client's whole request, handed to the gateway that holds what waits for it.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{GatewayId, ServerSlug};
use futures_util::stream;
use http::{Method, Request, header, response::Parts};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mcp::{Message, SseEvent};
use tokio::time::timeout;

use super::{links::To, wire};
use crate::{
    ask::{Ask, Asked, Via},
    authenticate::Caller,
    failure::{Failure, UpstreamFailure},
    pot::Room,
    rescue,
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
/// delivered, as this is the holder, or it is gone or cannot be reached, or the request has been handed on before. A
/// stream of events that breaks off between two ends with an error that says so.
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
    let request = handed_on(ask, &holder, method, body.clone())?;
    let sending = shared.mesh.links.send(To { gateway: holder.gateway, address: &address }, request);
    let (head, answer) = match timeout(shared.config.times.upstream_whole, sending).await {
        Ok(Ok(answer)) => answer.into_parts(),
        Ok(Err(UpstreamFailure::Unreachable(_))) => return Ok(None),
        Ok(Err(_)) | Err(_) => return Err(Failure::HolderGone),
    };
    let broken = broken(&head, &body);
    let answering =
        Answering { body: answer, broken, between: true, over: false, _room: ask.room.take().filter(|_| works) };
    let body = Body::from_stream(stream::unfold(answering, |mut answering| async move {
        let piece = answering.next().await?;
        Some((piece, answering))
    }));
    Ok(Some(Response::from_parts(head, body)))
}

/// Another gateway's answer on its way to the client.
struct Answering {
    body: Incoming,
    /// What a stream of events ends with if it breaks off.
    broken: Option<Bytes>,
    /// Whether what came so far ends with a whole event.
    between: bool,
    over: bool,
    _room: Option<Room>,
}

impl Answering {
    async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        while !self.over {
            match self.body.frame().await? {
                Ok(frame) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.between = data.ends_with(b"\n\n");
                    return Some(Ok(data));
                }
                Err(error) => {
                    self.over = true;
                    let broken = self.broken.take().filter(|_| self.between);
                    return Some(broken.ok_or(error));
                }
            }
        }
        None
    }
}

/// The event that tells the sender of a request that the gateway which held it is gone.
fn broken(head: &Parts, request: &[u8]) -> Option<Bytes> {
    let media = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())?;
    let Ok(Message::Request(request)) = mcp::read(request) else { return None };
    let asked = Asked { id: Some(request.id.into_owned()), ..Asked::default() };
    let event = || SseEvent::message(rescue::body(&Failure::HolderGone, &asked)).raw;
    media.starts_with("text/event-stream").then(event)
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
