//! The life of a request, in order. Each step is one call here and one module beside this one; none is skipped.

use std::sync::Arc;

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderMap, Method, request::Parts};
use mcp::{Era, Message};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tracing::Instrument as _;

use crate::{
    aggregate,
    authenticate::{Caller, authenticate},
    failure::Failure,
    gateway::Shared,
    one, page, read, refused,
    rescue::{self, Asked},
    resolve::{Place, resolve},
};

/// A request that was let in: its head, and what goes with it through every step.
pub(crate) struct Ask<'a> {
    pub shared: &'a Arc<Shared>,
    pub headers: &'a HeaderMap,
    /// When it came in.
    pub arrived: Instant,
    /// Which era it speaks; known once it is read.
    pub era: Era,
    /// Its place among the requests being worked on; whoever streams the answer keeps it until the end.
    pub room: Option<OwnedSemaphorePermit>,
}

/// `/{account}/{server}/mcp`: one server, names untouched.
pub(crate) async fn server_url(shared: &Arc<Shared>, account: &str, server: &str, request: Request) -> Response {
    let span = tracing::debug_span!("request", account, server);
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let mut asked = Asked::default();
    let steps = async {
        let room = admit(shared, &parts)?; //                                                        1 limits
        if page::wanted(&parts) {
            return Ok(page::answer(&shared.config, &parts));
        }
        let now = shared.clock.now();
        let caller = authenticate(&shared.snapshots, account, &parts.headers, &parts.extensions, now).await?; // 3
        let place = resolve(&shared.snapshots, caller, server, now).await?; //                        4 resolve
        let ask = Ask { shared, headers: &parts.headers, arrived, era: Era::Initialize, room: Some(room) };
        match parts.method {
            Method::POST => post(ask, &place, body, &mut asked).await, //                             5 to 9
            Method::GET => one::stream(ask, &place).await,
            Method::DELETE => one::end_session(ask, &place).await,
            _ => Err(Failure::HttpMethod),
        }
    };
    let answer = steps.instrument(span).await;
    answer.unwrap_or_else(|failure| rescue::answer(&failure, &asked)) //                             10 rescue
}

/// `/{account}/mcp`: every granted server at once.
pub(crate) async fn account_url(shared: &Arc<Shared>, account: &str, request: Request) -> Response {
    let span = tracing::debug_span!("request", account);
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let mut asked = Asked::default();
    let steps = async {
        let room = admit(shared, &parts)?;
        if page::wanted(&parts) {
            return Ok(page::answer(&shared.config, &parts));
        }
        let now = shared.clock.now();
        let caller = authenticate(&shared.snapshots, account, &parts.headers, &parts.extensions, now).await?;
        let ask = Ask { shared, headers: &parts.headers, arrived, era: Era::Initialize, room: Some(room) };
        match parts.method {
            Method::POST => post_to_all(ask, &caller, body, &mut asked).await,
            Method::GET => aggregate::stream(ask, &caller).await,
            Method::DELETE => aggregate::end_session(&ask, &caller).await,
            _ => Err(Failure::HttpMethod),
        }
    };
    let answer = steps.instrument(span).await;
    answer.unwrap_or_else(|failure| rescue::answer(&failure, &asked))
}

/// Step 1: there is room, and the page that asks, if one does, may.
fn admit(shared: &Arc<Shared>, parts: &Parts) -> Result<OwnedSemaphorePermit, Failure> {
    shared.guard.check(&parts.uri, &parts.headers)?;
    shared.room.clone().try_acquire_owned().map_err(|_| Failure::Busy)
}

/// Steps 5 to 9 for one server.
async fn post(mut ask: Ask<'_>, place: &Place, body: Body, asked: &mut Asked) -> Result<Response, Failure> {
    let (shared, arrived) = (ask.shared, ask.arrived);
    let config = &shared.config;
    let mut method = None;
    let answer = async {
        let bytes = read::body(ask.headers, body, config.limits.request_bytes, config.times.request_body).await?;
        let message = read::message(&bytes, ask.headers, asked)?; //                                 5 read
        method = message.method().map(str::to_owned);
        ask.era = asked.era;
        match &message {
            Message::Request(request) => one::request(ask, place, request, &bytes).await, //         6 to 9
            Message::Notification(notification) => one::notification(ask, place, notification, &bytes).await,
            Message::Response(_) => one::response(ask, place, &bytes).await,
        }
    }
    .await;
    let sender = refused::Sender { shared, caller: &place.caller, server: Some(&place.server), method, arrived };
    refused::record(sender, answer).await
}

/// Steps 5 to 9 for all servers of the caller.
async fn post_to_all(mut ask: Ask<'_>, caller: &Caller, body: Body, asked: &mut Asked) -> Result<Response, Failure> {
    let (shared, arrived) = (ask.shared, ask.arrived);
    let config = &shared.config;
    let mut method = None;
    let answer = async {
        let bytes = read::body(ask.headers, body, config.limits.request_bytes, config.times.request_body).await?;
        let message = read::message(&bytes, ask.headers, asked)?;
        method = message.method().map(str::to_owned);
        ask.era = asked.era;
        match &message {
            Message::Request(request) => aggregate::request(ask, caller, request).await,
            Message::Notification(_) | Message::Response(_) => Ok(one::accepted()),
        }
    }
    .await;
    refused::record(refused::Sender { shared, caller, server: None, method, arrived }, answer).await
}
