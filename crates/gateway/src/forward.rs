//! Sending a message on to the server, with the bytes that were judged.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use domain::{Client, Settlement};
use http::{HeaderMap, Method as HttpMethod, StatusCode};
use mcp::{Era, Id, Method, Part};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    account::Server,
    answer::accepted,
    failure::{Failure, UpstreamFailure},
    link::{self, Link, upstream_headers},
    lists::Page,
    names,
    pot::{OpenStream, Room},
    resolve::Place,
    session::{ClientSession, Session},
    settle::{Delivery, Settler},
    shared::Shared,
    words,
};

/// A request on its way to a server, and all that its answer is handled with.
pub(crate) struct Forward {
    pub shared: Arc<Shared>,
    pub place: Place,
    pub era: Era,
    pub kind: Method,
    /// None: the server's own stream.
    pub id: Option<Id<'static>>,
    pub page: Page,
    pub session: Option<ClientSession>,
    /// The client, as it names itself.
    pub client: Option<Client>,
    /// What is sent.
    pub bytes: Bytes,
    /// For calls of tools.
    pub settler: Option<Box<Settler>>,
    pub face: Face,
    /// Held until the answer has ended.
    pub kept: (Option<Room>, Option<OpenStream>),
}

/// Which URL the client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// The server's: its sessions are the client's.
    Server,
    /// The account's: sessions with servers are the gateway's own.
    Account,
}

/// Sends what has no answer: a notification, or an answer of the client's.
pub(crate) async fn post_unanswered(
    shared: &Arc<Shared>,
    place: &Place,
    session: Option<&Session>,
    client: &HeaderMap,
    bytes: Bytes,
) -> Result<(), Failure> {
    let link = Link::to(shared, &place.server, session).await?;
    let headers = upstream_headers(&place.server, client, &HttpMethod::POST, session)?;
    let response = link.send(HttpMethod::POST, headers, bytes, shared.config.times.upstream_silence).await?;
    if let Some(refused) = link::refused(shared, &place.server, &response).await {
        return Err(refused.into());
    }
    match response.status() {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND if session.is_some() => Err(Failure::NoSession),
        status => Err(Failure::status(status, words::of_body(response.into_body()).await)),
    }
}

/// Sends a message of the gateway's own within a session; what comes back is of no interest.
async fn post_own(shared: &Shared, server: &Server, link: &Link, session: Option<&Session>, bytes: Bytes) {
    let Ok(headers) = upstream_headers(server, &HeaderMap::new(), &HttpMethod::POST, session) else { return };
    if let Err(error) = link.send(HttpMethod::POST, headers, bytes, shared.config.times.aggregate_part).await {
        tracing::debug!(%error, server = %server.id, "a message of the gateway's own did not arrive");
    }
}

/// Ends a session.
pub(crate) async fn delete(
    shared: &Arc<Shared>,
    place: &Place,
    session: &Session,
    client: &HeaderMap,
) -> Result<Response, Failure> {
    let session = Some(session);
    let link = Link::to(shared, &place.server, session).await?;
    let headers = upstream_headers(&place.server, client, &HttpMethod::DELETE, session)?;
    let response = link.send(HttpMethod::DELETE, headers, Bytes::new(), shared.config.times.upstream_silence).await?;
    match response.status() {
        status if status.is_success() => {
            let mut done = accepted();
            *done.status_mut() = status;
            Ok(done)
        }
        StatusCode::NOT_FOUND => Err(Failure::NoSession),
        StatusCode::METHOD_NOT_ALLOWED => Err(Failure::HttpMethod),
        status => Err(Failure::status(status, words::of_body(response.into_body()).await)),
    }
}

/// Sends the request and gives the answer's head.
pub(crate) async fn send(
    forward: &mut Forward,
    method: HttpMethod,
    client: &HeaderMap,
) -> Result<(Link, http::Response<hyper::body::Incoming>), Failure> {
    let session = forward.session.as_ref().map(|known| &known.session);
    let link = Link::to(&forward.shared, &forward.place.server, session).await?;
    let headers = upstream_headers(&forward.place.server, client, &method, session)?;
    if let Some(settler) = &mut forward.settler {
        settler.asks();
    }
    let times = forward.shared.config.times;
    let within = times.upstream_silence.min(times.upstream_whole);
    let response = link.send(method, headers, forward.bytes.clone(), within).await?;
    if let Some(settler) = &mut forward.settler {
        let undelivered = link.says_undelivered(response.headers());
        let delivery = if undelivered { Delivery::Undelivered } else { Delivery::Delivered };
        settler.answered(response.status().as_u16(), delivery);
        settler.occupies(link.busy());
    }
    match link::refused(&forward.shared, &forward.place.server, &response).await {
        Some(refused) => Err(refused.into()),
        None => Ok((link, response)),
    }
}

impl Forward {
    /// The request has failed: its call, if it is one, is settled accordingly.
    pub(crate) async fn fail(&mut self, failure: Failure) -> Failure {
        if matches!(failure, Failure::Upstream(UpstreamFailure::Late)) {
            self.cancel();
        }
        if let Some(settler) = &mut self.settler {
            settler.settle(settlement(&failure)).await;
        }
        failure
    }

    /// Tells a server of the first era that nobody waits any more (2025-11-25 basic/utilities/cancellation); in the
    /// stateless era the end of the connection says so.
    fn cancel(&self) {
        let Some(id) = self.id.as_ref().filter(|_| self.era == Era::Initialize && self.kind != Method::Initialize)
        else {
            return;
        };
        let message = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{},"reason":"no answer in time"}}}}"#,
            id.raw()
        );
        let turn = self.shared.asides.turn(self.place.caller.account.id);
        if let Some(turn) = turn {
            self.post_aside(Bytes::from(message), turn);
        }
    }

    /// Sends a message of the gateway's own to the server, within the session, beside everything else, in its turn.
    pub(crate) fn post_aside(&self, bytes: Bytes, turn: OwnedSemaphorePermit) {
        let session = self.session.as_ref().map(|known| known.session.clone());
        let (shared, server) = (self.shared.clone(), self.place.server.clone());
        self.shared.tracker.spawn(async move {
            let _turn = turn;
            if let Ok(link) = Link::to(&shared, &server, session.as_ref()).await {
                post_own(&shared, &server, &link, session.as_ref(), bytes).await;
            }
        });
    }

    /// A message of the server's as the client is to see it: on the account's URL, under that URL's names.
    pub(crate) fn named(&self, part: Part, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        match self.face {
            Face::Server => Ok(message),
            Face::Account => names::outgoing(&self.place.server.slug, part, &message),
        }
    }

    /// When the whole answer must have come whose head is here.
    pub(crate) fn must_end_at(&self) -> Option<Instant> {
        let long_lived = self.id.is_none() || self.kind == Method::SubscriptionsListen;
        (!long_lived).then(|| Instant::now() + self.shared.config.times.upstream_whole)
    }
}

/// How a call ends that fails so.
pub(crate) fn settlement(failure: &Failure) -> Settlement {
    match failure {
        Failure::Upstream(failure) => match failure {
            UpstreamFailure::NoConnector | UpstreamFailure::ConnectorElsewhere | UpstreamFailure::Unreachable(_) => {
                Settlement::Unreachable
            }
            UpstreamFailure::Credential(error) if error.came_from_the_server() => Settlement::Error,
            UpstreamFailure::Credential(_) => Settlement::Unreachable,
            UpstreamFailure::Late => Settlement::Timeout,
            UpstreamFailure::Status { .. }
            | UpstreamFailure::Refused { .. }
            | UpstreamFailure::Unsupported(_)
            | UpstreamFailure::NoInput => Settlement::Error,
            UpstreamFailure::Broken(_)
            | UpstreamFailure::Invalid(_)
            | UpstreamFailure::TooLarge { .. }
            | UpstreamFailure::NoRoom => Settlement::Broken,
        },
        // Unless the server itself said so, the connector that held the session is gone, and nothing was sent.
        Failure::NoSession => Settlement::Unreachable,
        _ => Settlement::Error,
    }
}
