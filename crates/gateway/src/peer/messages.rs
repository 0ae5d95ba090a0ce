//! Messages of a session of our own: told, or asked and answered.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method as HttpMethod};
use mcp::{Era, Frame, Id};
use tokio::time::Instant;

use super::{Peer, Source, Wire};
use crate::{
    failure::{Failure, UpstreamFailure},
    link::{self, Link, upstream_headers},
    relay::{Media, Plain, collect_up_to, no_media},
    session::{self, Session},
    shared::Shared,
    words,
};

/// Longest answer to our introduction, in bytes: it is kept as long as the session. A longer one is not read to its end.
pub(super) const MOST_GREETING: usize = 256 << 10;

/// An answer to us.
pub(super) struct Answer {
    pub message: Bytes,
    pub session: Option<Session>,
}

impl Peer {
    /// Sends what has no answer.
    pub(crate) async fn tell(&self, shared: &Arc<Shared>, link: &Link, message: Bytes) -> Result<(), Failure> {
        if let Wire::Events(wire) = &self.wire {
            return Ok(wire.post(shared, &self.server, link, message).await?);
        }
        let response = self.send(shared, link, message).await?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response).await) }
    }

    /// Introduces us, and waits for the answer, which is short enough to be kept.
    pub(super) async fn introduce(
        &self,
        shared: &Arc<Shared>,
        link: &Link,
        id: &Id<'_>,
        message: Bytes,
    ) -> Result<Answer, Failure> {
        let answer = self.ask_for(shared, link, (id, message), MOST_GREETING).await?;
        // A copy, as the original keeps its room among the answers in transit.
        Ok(Answer { message: Bytes::copy_from_slice(&answer.message), ..answer })
    }

    /// Sends a request and waits for its answer, whatever it says.
    pub(super) async fn ask(
        &self,
        shared: &Arc<Shared>,
        link: &Link,
        id: &Id<'_>,
        message: Bytes,
    ) -> Result<Answer, Failure> {
        self.ask_for(shared, link, (id, message), shared.config.limits.answer_bytes).await
    }

    /// The same for an answer of at most so many bytes.
    async fn ask_for(
        &self,
        shared: &Arc<Shared>,
        link: &Link,
        (id, message): (&Id<'_>, Bytes),
        limit: usize,
    ) -> Result<Answer, Failure> {
        if let Wire::Events(wire) = &self.wire {
            let message = wire.ask(shared, (&self.server, link), id, message).await?;
            let short = message.len() <= limit;
            return short
                .then_some(Answer { message, session: None })
                .ok_or(UpstreamFailure::TooLarge { limit }.into());
        }
        let response = self.send(shared, link, message).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let session = session::told(response.headers())?.map(|upstream| {
            let instance = link.instance().map(str::to_owned);
            Session {
                upstream: upstream.to_owned(),
                instance,
                client: None,
                capabilities: None,
                home: None,
                reach: None,
            }
        });
        let (head, body) = response.into_parts();
        let body = Plain::new(shared, &self.server, &head.headers, body)?;
        let message = match Media::of(&head.headers) {
            Media::Events => answer_in_stream(shared, Source::events(shared, body).up_to(limit), id).await?,
            Media::Json => {
                let until = Instant::now() + shared.config.times.upstream_silence;
                collect_up_to(limit, shared, body, Some(until)).await?.into_bytes()
            }
            Media::Other => return Err(no_media(head.status).into()),
        };
        Ok(Answer { message, session })
    }

    async fn send(
        &self,
        shared: &Shared,
        link: &Link,
        message: Bytes,
    ) -> Result<http::Response<hyper::body::Incoming>, Failure> {
        let mut client = self.headers();
        if self.era == Era::Stateless
            && let Ok(read) = mcp::read(&message)
        {
            for (name, value) in mcp::mirror_headers(&read) {
                if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), HeaderValue::from_str(&value)) {
                    client.insert(name, value);
                }
            }
        }
        let headers = upstream_headers(&self.server, &client, &HttpMethod::POST, self.session.as_ref())?;
        let response = link.send(HttpMethod::POST, headers, message, shared.config.times.upstream_silence).await?;
        match link::refused(shared, &self.server, &response).await {
            Some(refused) => Err(refused.into()),
            None => Ok(response),
        }
    }
}

async fn refusal(response: http::Response<hyper::body::Incoming>) -> Failure {
    let status = response.status();
    Failure::status(status, words::of_body(response.into_body()).await)
}

/// The answer to a request out of its stream; whatever else is in it is not for us.
async fn answer_in_stream(shared: &Shared, mut messages: Source, id: &Id<'_>) -> Result<Bytes, UpstreamFailure> {
    let reading = async {
        while let Some(message) = messages.next(shared).await? {
            if matches!(mcp::frame(&message.bytes), Ok(Frame::Response(facts)) if facts.answers(id)) {
                return Ok(message.into_bytes());
            }
        }
        Err(UpstreamFailure::Broken("it ended without an answer".to_owned()))
    };
    tokio::time::timeout(shared.config.times.upstream_silence, reading).await.unwrap_or(Err(UpstreamFailure::Late))
}
