//! The life of a request, in order; each step is a call here and a module beside this one, and none is skipped.
//!
//! 1. limits, `Host` and `Origin`: [`admit`]
//! 2. request id and span: [`live`]
//! 3. authenticate: `authenticate`
//! 4. resolve account, server and grants: `resolve`
//! 5. read: `read`
//! 6. judge, and 7. reserve together with the intent record: `decide`
//! 8. forward the judged bytes and relay the answer: `forward`, `relay`
//! 9. settle at the end of the answer: `settle`
//! 10. rescue: failures become answers: `rescue`

use std::sync::Arc;

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use domain::{Access, ServerSlug};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, request::Parts};
use mcp::{Era, Message};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    account::Server,
    aggregate,
    ask::{Ask, Asked, Via},
    authenticate::{Caller, Door, authenticate},
    failure::Failure,
    home,
    metadata::{self, Spelling},
    one, page,
    pot::Room,
    read, refused, rescue,
    resolve::{Place, resolve},
    scope,
    session::{Named, Owner},
    shared::Shared,
};

/// Names the request in its answer.
const REQUEST_ID_HEADER: &str = "x-request-id";

/// `/{account}/{server}/mcp`: one server, names untouched.
pub(crate) async fn server_url(shared: &Arc<Shared>, account: &str, server: &str, request: Request) -> Response {
    let spelling = Spelling::of(request.uri());
    live(shared, Url { account, server: Some(server), spelling }, request).await
}

/// `/{account}/mcp`: every granted server at once.
pub(crate) async fn account_url(shared: &Arc<Shared>, account: &str, request: Request) -> Response {
    let spelling = Spelling::of(request.uri());
    live(shared, Url { account, server: None, spelling }, request).await
}

/// Either, for a request that another gateway has handed on.
pub(crate) fn handed_on<'a>(
    shared: &'a Arc<Shared>,
    (account, server): (&'a str, Option<&'a str>),
    request: Request,
) -> BoxFuture<'a, Response> {
    let spelling = Spelling::of(request.uri());
    // One type, however deep the work behind it is.
    Box::pin(live(shared, Url { account, server, spelling }, request))
}

/// What the path names.
#[derive(Clone, Copy)]
struct Url<'a> {
    account: &'a str,
    server: Option<&'a str>,
    spelling: Spelling,
}

/// Whom a request is for, and who sent it.
enum To {
    /// One server, as the caller has it.
    Server(Box<Place>),
    /// Every server of the caller.
    All(Caller),
}

/// A request's whole life: steps 2 and 10 around the others.
async fn live(shared: &Arc<Shared>, url: Url<'_>, request: Request) -> Response {
    let request_id = new_request_id(shared);
    let (account, server) = (url.account, url.server.unwrap_or("*"));
    let span = tracing::info_span!("request", account, server, id = format_args!("{request_id:016x}"));
    let mut asked =
        Asked { metadata: metadata::url(&shared.config, (url.account, url.server), url.spelling), ..Asked::default() };
    let answering = async {
        // In a box: the router moves what is around it several times.
        let answer = Box::pin(steps(shared, url, request, &mut asked)).await;
        named(request_id, answer.unwrap_or_else(|failure| rescue::answer(&failure, &asked)))
    };
    answering.instrument(span).await
}

/// Steps 1, 3 and 4, and on to what the request asks for.
async fn steps(shared: &Arc<Shared>, url: Url<'_>, request: Request, asked: &mut Asked) -> Result<Response, Failure> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let via = parts.extensions.get().copied().unwrap_or_default();
    let room = admit(shared, &parts, via)?;
    if page::wanted(&parts) {
        return Ok(page::answer(&shared.config, &parts));
    }
    let now = shared.clock.now();
    let resource = metadata::resource(&shared.config, url.account, url.server);
    let door = Door { snapshots: &shared.snapshots, tokens: &shared.tokens, account: url.account, resource: &resource };
    let caller = authenticate(door, &parts.headers, &parts.extensions, now).await?;
    let room = Some(room.counted_to(caller.account.id)?);
    let named = Named::Nothing;
    let mut ask = Ask { shared, headers: &parts.headers, arrived, era: Era::Initialize, room, via, named };
    if parts.method != Method::POST {
        read::no_message(&parts.headers, asked)?;
    }
    let to = match url.server {
        Some(server) => To::Server(Box::new(resolve(&shared.snapshots, caller, server, now).await?)),
        None => To::All(caller),
    };
    ask.named = home::named(shared, to.owner(), to.server().map(AsRef::as_ref), ask.headers);
    match parts.method {
        Method::POST => Box::pin(post(ask, &to, body, asked)).await,
        Method::GET | Method::DELETE => Box::pin(unread(ask, &to, parts.method)).await,
        _ => Err(Failure::HttpMethod),
    }
}

/// What has no body is handed to the home of its session at once.
async fn unread(mut ask: Ask<'_>, to: &To, method: Method) -> Result<Response, Failure> {
    if let Some(answer) = home::hand_on(&mut ask, to.caller(), to.slug(), (method.clone(), &Bytes::new())).await? {
        return Ok(answer);
    }
    match (method, to) {
        (Method::GET, To::Server(place)) => one::stream(ask, place).await,
        (Method::GET, To::All(caller)) => aggregate::stream(ask, caller).await,
        (_, To::Server(place)) => one::end_session(ask, place).await,
        (_, To::All(caller)) => aggregate::end_session(&ask, caller).await,
    }
}

/// What has a body is handed to the home of its session before anything of it is judged.
async fn unjudged(
    ask: &mut Ask<'_>,
    to: &To,
    (bytes, asked): (&Bytes, &mut Asked),
) -> Result<Option<Response>, Failure> {
    let handed = home::hand_on(ask, to.caller(), to.slug(), (Method::POST, bytes)).await;
    if handed.is_err() {
        let _known_by_its_id = read::message(bytes, ask.headers, asked);
    }
    handed
}

/// A name under which the logs have this request; the answer carries it.
fn new_request_id(shared: &Shared) -> u64 {
    u64::from_be_bytes(shared.entropy.bytes())
}

fn named(request_id: u64, mut answer: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("{request_id:016x}")) {
        answer.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    answer
}

/// There is room, and the page that asks, if one does, may: the gateway that a client asked first has looked at that.
fn admit(shared: &Arc<Shared>, parts: &Parts, via: Via) -> Result<Room, Failure> {
    if via == Via::Client {
        shared.guard.check(&parts.uri, &parts.headers)?;
    }
    Ok(shared.requests.one_for_anybody()?)
}

/// Steps 5 to 9 for a message.
async fn post(mut ask: Ask<'_>, to: &To, body: Body, asked: &mut Asked) -> Result<Response, Failure> {
    let (shared, arrived) = (ask.shared, ask.arrived);
    let mut method = None;
    let answer = async {
        let bytes = read::body(shared, to.caller().account.id, ask.headers, body).await?;
        if let Some(answer) = unjudged(&mut ask, to, (&bytes, asked)).await? {
            return Ok(answer);
        }
        let mut first_sent = None;
        let (message, bytes) = read::first_sent((&bytes, &mut first_sent), ask.headers, asked)?;
        method = message.method().map(str::to_owned);
        ask.era = asked.era;
        scope::check(to.caller(), to.unknown_methods(), &message)?;
        // In boxes: each is deep, and a future of both is more than a compiler lays out.
        match to {
            To::Server(place) => Box::pin(to_one(ask, place, &message, bytes)).await,
            To::All(caller) => Box::pin(to_all(ask, caller, &message, bytes)).await,
        }
    }
    .await;
    let sender = refused::Sender { shared, caller: to.caller(), server: to.server(), method, arrived };
    refused::record(sender, answer).await
}

async fn to_one(ask: Ask<'_>, place: &Place, message: &Message<'_>, bytes: &Bytes) -> Result<Response, Failure> {
    match message {
        Message::Request(request) => one::request(ask, place, request, bytes).await,
        Message::Notification(notification) => one::notification(ask, place, notification, bytes).await,
        Message::Response(_) => one::response(ask, place, bytes).await,
    }
}

async fn to_all(ask: Ask<'_>, caller: &Caller, message: &Message<'_>, bytes: &Bytes) -> Result<Response, Failure> {
    match message {
        Message::Request(request) => aggregate::request(ask, caller, request, bytes).await,
        Message::Notification(notification) => aggregate::notification(ask, caller, notification, bytes).await,
        Message::Response(_) => aggregate::response(ask, caller, bytes).await,
    }
}

impl To {
    fn caller(&self) -> &Caller {
        match self {
            Self::Server(place) => &place.caller,
            Self::All(caller) => caller,
        }
    }

    fn owner(&self) -> Owner {
        match self {
            Self::Server(place) => place.owner(),
            Self::All(caller) => caller.owner(),
        }
    }

    fn server(&self) -> Option<&Arc<Server>> {
        match self {
            Self::Server(place) => Some(&place.server),
            Self::All(_) => None,
        }
    }

    fn slug(&self) -> Option<&ServerSlug> {
        self.server().map(|server| &server.slug)
    }

    /// Whether methods that nobody knows may pass.
    fn unknown_methods(&self) -> Access {
        self.server().map_or(Access::Off, |server| server.settings.unknown_methods)
    }
}
