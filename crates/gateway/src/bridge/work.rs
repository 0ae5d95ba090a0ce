//! A bridged request from its sending to its answer.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::Settlement;
use mcp::{Era, Frame, Id, Method, ResponseFacts};

use super::{
    Kept, Passage,
    exchange::Exchange,
    outgoing::{Departing, Outgoing},
    respond::{Out, Said},
    running::Run,
};
use crate::{
    failure::{Failure, UpstreamFailure},
    forward::settlement,
    methods,
    peer::Came,
    relay::settlement_of,
    space::Held,
};

/// Messages of a parked request, and their bytes, that are kept for later; beyond it the server waits.
pub(super) const KEPT_MESSAGES: usize = 64;
pub(super) const KEPT_BYTES: usize = 1 << 20;

/// Carries a request to its end.
pub(super) async fn run(mut passage: Passage, out: Out) {
    let kept = std::mem::take(&mut passage.kept);
    let run = (passage.voice.era == Era::Initialize)
        .then(|| passage.shared.bridges.running.begin(&passage.ours, passage.place.server.id, &passage.id));
    let begun = tokio::select! {
        biased;
        () = given_up(&out, run.as_ref()) => return,
        begun = begin(&mut passage, None) => begun,
    };
    let exchange = match begun {
        Ok(exchange) => exchange,
        Err(failure) => {
            let failure = failed(&mut passage, failure).await;
            out.say(Said::Failed(failure)).await;
            return;
        }
    };
    let mut work = Work { passage, exchange, out, kept, run, later: VecDeque::new() };
    if let Err(failure) = work.carry().await {
        work.fail(failure).await;
    }
}

/// Sends the request through our session with the server; within a new one, once, if the server has forgotten that.
/// `inputs`: what the server has asked for, by key, and its state.
pub(super) async fn begin(passage: &mut Passage, inputs: Option<&Inputs>) -> Result<Exchange, Failure> {
    let shared = passage.shared.clone();
    let hello = passage.voice.hello();
    for last in [false, true] {
        let peer =
            shared.peers.with_hello(&shared, &passage.ours, &passage.place, &hello).await.map_err(undelivered)?;
        let departing = Departing {
            server: &passage.place.server,
            peer: &peer,
            voice: &passage.voice,
            bytes: &passage.bytes,
            headers: &passage.headers,
        };
        let outgoing: Option<Outgoing> = match inputs {
            Some(inputs) => departing.with_inputs(&inputs.values, inputs.state.as_deref()),
            None => departing.prepare(),
        };
        let outgoing = outgoing.ok_or_else(unpreparable)?;
        let with = (&passage.place.server, &peer);
        match Exchange::begin(&shared, with, outgoing, passage.settler.as_deref_mut()).await {
            Err(Failure::NoSession) if !last => shared.peers.lost(&passage.ours, &peer),
            Err(Failure::NoSession) => break,
            begun => return begun,
        }
    }
    Err(UpstreamFailure::Unreachable("it forgets every session at once".to_owned()).into())
}

/// What a server has asked for in a round.
#[derive(Debug)]
pub(super) struct Inputs {
    pub values: Vec<(String, String)>,
    /// Raw JSON.
    pub state: Option<String>,
}

/// One request under way.
pub(super) struct Work {
    pub passage: Passage,
    pub exchange: Exchange,
    pub out: Out,
    pub kept: Kept,
    pub run: Option<Run>,
    /// Messages that came while the client was away.
    pub later: VecDeque<Held>,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    GoesOn,
    Ends,
}

impl Work {
    /// Handles one message after the other until the answer.
    async fn carry(&mut self) -> Result<(), Failure> {
        loop {
            let came = match self.later.pop_front() {
                Some(message) => Some(Came::Whole(message)),
                None => tokio::select! {
                    biased;
                    () = given_up(&self.out, self.run.as_ref()) => return Ok(()),
                    came = self.exchange.come() => came?,
                },
            };
            let flow = match came {
                Some(Came::Whole(message)) => {
                    self.received(message.bytes.len());
                    self.message(message).await?
                }
                Some(Came::Start(start)) => self.large(start).await?,
                None => return Err(UpstreamFailure::Broken("it ended without an answer".to_owned()).into()),
            };
            if flow == Flow::Ends {
                return Ok(());
            }
        }
    }

    async fn message(&mut self, message: Held) -> Result<Flow, Failure> {
        let invalid = |error: mcp::ReadError| UpstreamFailure::Invalid(error.to_string());
        let bytes = message.bytes.clone();
        match mcp::frame(&bytes).map_err(invalid)? {
            Frame::Notification { kind, .. } => self.notification(kind, message).await?,
            Frame::Request { id, kind, method } => {
                let id = id.into_owned();
                return self.question(id, kind, &method, &bytes).await;
            }
            Frame::Response(facts) if facts.answers(&self.exchange.id) => return self.answer(message, &facts).await,
            Frame::Response(ResponseFacts { id: None, .. }) => {
                return Err(UpstreamFailure::Invalid("an error that names no request".to_owned()).into());
            }
            Frame::Response(_) => {}
        }
        Ok(Flow::GoesOn)
    }

    /// Passes on what belongs to this request and what the client's era has and wants.
    async fn notification(&mut self, kind: Method, message: Held) -> Result<(), Failure> {
        let settings = &self.passage.place.server.settings;
        if !methods::passes_from_server(kind, settings) || !self.wants(kind) {
            return Ok(());
        }
        let bytes = match kind {
            Method::Progress => self.progress(&message.bytes),
            _ => Some(message.bytes.clone()),
        };
        if let Some(bytes) = bytes {
            let bytes = self.passage.names.notification(kind, bytes)?;
            self.out.say(Said::Event(message.edited(bytes))).await;
        }
        Ok(())
    }

    fn wants(&self, kind: Method) -> bool {
        match (self.passage.voice.era, kind) {
            (_, Method::Cancelled) => false,
            (Era::Initialize, kind) => kind.exists_in(Era::Initialize),
            // 2026-07-28 server/utilities/logging: none that was not asked for.
            (Era::Stateless, Method::LogMessage) => self.passage.voice.log_level.is_some(),
            // What else may travel with a request's answer in this era: progress, and what nobody knows.
            (Era::Stateless, kind) => matches!(kind, Method::Progress | Method::OtherNotification),
        }
    }

    /// Progress under the client's own token.
    fn progress(&self, message: &Bytes) -> Option<Bytes> {
        if self.exchange.peer.era == Era::Stateless {
            return Some(message.clone());
        }
        let request = mcp::read(&self.passage.bytes).ok()?;
        let token = request.params()?.meta.as_ref()?.progress_token?;
        let ours = mcp::progress_of(message).is_some_and(|id| id.matches(&self.exchange.id));
        ours.then(|| mcp::with_progress_token(message, token))?
    }

    /// The answer: the end, unless it asks for input.
    async fn answer(&mut self, message: Held, facts: &ResponseFacts<'_>) -> Result<Flow, Failure> {
        self.exchange.finish();
        if facts.wants_input() && self.exchange.peer.era == Era::Stateless {
            return self.round(message).await;
        }
        let answer = match self.urls_first(&message.bytes, facts) {
            Some(answer) => answer,
            None => self.translated(&message.bytes, facts).await?,
        };
        if let Some(settler) = &mut self.passage.settler {
            settler.settle(settlement_of(facts)).await;
        }
        Ok(self.end_with(message.edited(answer)).await)
    }

    /// Ends the client's request with this answer.
    pub(super) async fn end_with(&mut self, answer: Held) -> Flow {
        self.out.say(Said::Last(answer)).await;
        Flow::Ends
    }

    async fn fail(&mut self, failure: Failure) {
        let failure = failed(&mut self.passage, failure).await;
        self.out.say(Said::Failed(failure)).await;
    }
}

/// Settles a call that fails, and says why in the end.
pub(super) async fn failed(passage: &mut Passage, failure: Failure) -> Failure {
    if let Some(settler) = &mut passage.settler {
        settler.settle(settlement(&failure)).await;
    }
    failure
}

/// The client waits no more: one of the stateless era has gone away, one of the other, whose request is a run, has said so
/// (2025-11-25 basic/transports: disconnection is no cancellation).
pub(super) async fn given_up(out: &Out, run: Option<&Run>) {
    match run {
        Some(run) => run.cancelled.cancelled().await,
        None => out.gone().await,
    }
}

pub(super) fn unreadable() -> UpstreamFailure {
    UpstreamFailure::Invalid("its message is not readable".to_owned())
}

fn unpreparable() -> Failure {
    UpstreamFailure::Unreachable("it speaks only a protocol that this request cannot be put into".to_owned()).into()
}

/// A request whose server could not even be greeted was not delivered.
fn undelivered(failure: Failure) -> Failure {
    match failure {
        Failure::Upstream(failure @ (UpstreamFailure::NoConnector | UpstreamFailure::Credential(_))) => failure.into(),
        other => UpstreamFailure::Unreachable(other.to_string()).into(),
    }
}

/// What settles a round that asks for more.
pub(super) const ROUND: Settlement = Settlement::Ok;

/// Refuses a server's question, so that the server goes on.
pub(super) async fn refuse(exchange: &Exchange, id: &Id<'_>, method: &str) {
    exchange.reply(mcp::method_not_found(id, method)).await;
}
