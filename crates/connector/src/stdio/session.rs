//! One MCP session: one client, one process, whatever happens to the process.
//!
//! A task of its own owns all of a session's state and never waits for one thing only: a request that takes long, a
//! client that reads slowly and a process that is being started again do not hold up what else the session has to do.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    child::{Child, Line},
    exchange::{Answer, Answered, Exchange, From, Outgoing, Route, Stream},
    failure,
    filed::{Large, Text},
    outbox::Outbox,
    spare::Spares,
};
use crate::{
    message::{self, Id, Kind, Message, Notification},
    report::Report,
    waits::Backoff,
};

mod handle;
mod revive;

pub(crate) use handle::{Ask, Asked, Handle, Over, Usage};

/// Asks waiting for the session's task.
const ASKS_WAITING: usize = 32;
/// Asks kept while the process is being started again.
const HELD_ASKS: usize = 256;
/// A process that ran this long was well: the next restart waits the shortest time.
const WELL_AFTER: std::time::Duration = std::time::Duration::from_secs(30);

/// What serves a session now.
#[derive(Debug)]
enum Phase {
    /// A process that can be talked to.
    Up { child: Child, since: Instant },
    /// A new process that has yet to answer the replayed `initialize`.
    Replaying { child: Child, until: Instant },
    /// None; the next is started then.
    Down { until: Instant },
}

/// The client's side of the handshake, for the next process.
#[derive(Debug, Default)]
struct Handshake {
    initialize: Option<(Id, Bytes)>,
    initialized: Option<Bytes>,
    answered: bool,
}

/// The task behind a [`Handle`].
pub(crate) struct Session {
    shared: Arc<Shared>,
    spares: Spares,
    asks: mpsc::Receiver<Ask>,
    usage: watch::Sender<Usage>,
    end: CancellationToken,
    phase: Phase,
    exchange: Exchange,
    handshake: Handshake,
    outbox: Outbox,
    held: VecDeque<(Instant, Ask)>,
    backoff: Backoff,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Over,
}

impl Session {
    /// A session served by `child`, which has been told nothing yet, and the way to it.
    pub(crate) fn new(shared: Arc<Shared>, spares: Spares, child: Child) -> (Self, Handle) {
        let (ask_sender, asks) = mpsc::channel(ASKS_WAITING);
        let now = Instant::now();
        let (usage, usage_reader) = watch::channel(Usage { in_flight: 0, listening: false, since: now });
        let end = CancellationToken::new();
        let handle = Handle { asks: ask_sender, usage: usage_reader, end: end.clone() };
        let outbox = Outbox::new(shared.limits.slow_client);
        let session = Self {
            backoff: Backoff::new(shared.limits.restart),
            shared,
            spares,
            asks,
            usage,
            end,
            phase: Phase::Up { child, since: now },
            exchange: Exchange::default(),
            handshake: Handshake::default(),
            outbox,
            held: VecDeque::new(),
        };
        (session, handle)
    }

    /// Serves the session until it is ended or cannot go on.
    pub(crate) async fn run(mut self) {
        while self.step().await == Next::GoOn {
            let used = (self.exchange.in_flight(), self.exchange.listening());
            self.usage.send_modify(|usage| (usage.in_flight, usage.listening) = used);
        }
        self.fail_all("the session was ended");
    }

    async fn step(&mut self) -> Next {
        let due = self.next_due();
        tokio::select! {
            () = self.end.cancelled() => Next::Over,
            ask = self.asks.recv(), if self.held.len() < HELD_ASKS => match ask {
                Some(ask) => { self.on_ask(ask, Instant::now()); Next::GoOn }
                None => Next::Over,
            },
            room = self.outbox.room(), if !self.outbox.is_empty() => {
                if let Some(slow) = self.outbox.deliver(room) {
                    self.exchange.cut(&slow);
                }
                Next::GoOn
            }
            line = next_line(&mut self.phase), if self.outbox.is_empty() => self.on_line(line).await,
            () = sleep_until(due) => self.on_time(Instant::now()).await,
        }
    }

    fn on_ask(&mut self, ask: Ask, now: Instant) {
        self.usage.send_modify(|usage| usage.since = now);
        match ask {
            Ask::Listen(stream) => {
                self.exchange.listen(stream);
                self.send_unsent(now);
            }
            ask if self.is_up() => self.pass_on(ask, now),
            ask => self.hold(ask, now),
        }
    }

    /// To the process, which is up.
    fn pass_on(&mut self, ask: Ask, now: Instant) {
        match ask {
            Ask::Request(asked) => self.pass_request(asked, now),
            Ask::Tell(message) => self.tell(message, now),
            Ask::Listen(_) => {}
        }
    }

    fn pass_request(&mut self, asked: Asked, now: Instant) {
        let Asked { text, request, accepts, stream } = asked;
        // The client may have left while this waited for a process: then nothing must happen.
        if stream.is_closed() {
            return;
        }
        if let Err(why) = self.exchange.begin(&request, stream.clone(), accepts, now) {
            return self.answer(stream, failure::undelivered(&request.id, failure::not_begun(why)), now);
        }
        if request.method == message::INITIALIZE {
            self.handshake.initialize = Some((request.id.clone(), text.clone()));
        }
        if self.write(text).is_err() {
            self.exchange.forget(&request.id);
            return self.answer(stream, failure::undelivered(&request.id, failure::NOT_READING), now);
        }
        self.send_unsent(now);
    }

    fn tell(&mut self, message: Message, now: Instant) {
        match &message.kind {
            Kind::Response { id: Some(id), .. } if !self.exchange.take_question(id) => return,
            Kind::Notification(Notification::Initialized) => self.handshake.initialized = Some(message.text.clone()),
            Kind::Notification(Notification::Cancelled(Some(id))) => {
                self.exchange.cancel(id, now + self.shared.limits.cancel_grace);
            }
            _ => {}
        }
        // Nobody waits for these: if the process does not read, its requests tell.
        let _unread = self.write(message.text);
    }

    fn write(&self, text: Bytes) -> Result<(), super::child::NotReading> {
        match &self.phase {
            Phase::Up { child, .. } => child.write(text),
            Phase::Replaying { .. } | Phase::Down { .. } => Err(super::child::NotReading),
        }
    }

    async fn on_line(&mut self, line: Option<Line>) -> Next {
        match line {
            Some(Line::Whole(line)) => self.on_messages(line),
            Some(Line::Large(large)) => {
                self.on_large(large);
                Next::GoOn
            }
            Some(Line::Unreadable) => {
                self.not_a_message("it is long and no JSON-RPC message");
                Next::GoOn
            }
            Some(Line::TooLong) => {
                self.not_a_message("it is longer than the limit");
                self.child_gone("wrote a message over the limit").await
            }
            None => self.child_gone("closed its output").await,
        }
    }

    fn on_messages(&mut self, line: Bytes) -> Next {
        let parts = match message::split_line(line) {
            Ok(parts) => parts,
            Err(error) => {
                self.not_a_message(&error.to_string());
                return Next::GoOn;
            }
        };
        for part in parts {
            match Message::read(part) {
                Ok(message) if self.on_message(&message) == Next::Over => return Next::Over,
                Ok(_) => {}
                Err(error) => self.not_a_message(&error.to_string()),
            }
        }
        Next::GoOn
    }

    fn on_message(&mut self, message: &Message) -> Next {
        if self.is_replayed_answer(message) {
            return self.on_replayed(message);
        }
        let now = Instant::now();
        match self.exchange.route(message, now) {
            Route::To(stream, what) => self.send(stream, what, now),
            Route::Answer(stream, what, answered) => {
                self.note_answer(message, &answered);
                self.send(stream, what, now);
            }
            Route::NobodyListens(id) => {
                let _unread = self.write(failure::nobody_listens(&id));
            }
            Route::Kept | Route::Nowhere => {}
        }
        Next::GoOn
    }

    fn on_large(&mut self, Large { text, id, is_error }: Large) {
        let now = Instant::now();
        let from = if is_error { From::Error } else { From::Result };
        let answer = Answer { text: Text::Filed(text), from };
        if let Route::Answer(stream, what, answered) = self.exchange.answered(id.as_ref(), answer, now) {
            self.shared.note(&answered.request, from, answered.elapsed);
            self.send(stream, what, now);
        }
    }

    fn note_answer(&mut self, message: &Message, answered: &Answered) {
        let is_error = matches!(message.kind, Kind::Response { is_error: true, .. });
        if answered.request.method == message::INITIALIZE && !is_error {
            self.handshake.answered = true;
        }
        self.shared.note_answer(message, &answered.request, answered.elapsed);
    }

    fn send_unsent(&mut self, now: Instant) {
        for (stream, what) in self.exchange.unsent() {
            self.send(stream, what, now);
        }
    }

    fn answer(&mut self, stream: Stream, answer: Answer, now: Instant) {
        self.send(stream, Outgoing::Answer(answer), now);
    }

    fn send(&mut self, stream: Stream, what: Outgoing, now: Instant) {
        self.outbox.push(stream, what, now);
    }

    fn not_a_message(&self, why: &str) {
        let pid = match &self.phase {
            Phase::Up { child, .. } | Phase::Replaying { child, .. } => child.pid(),
            Phase::Down { .. } => return,
        };
        self.shared.report.say(Report::NotAMessage { pid, why: why.to_owned() });
    }

    fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up { .. })
    }
}

/// The next line of whichever process there is. Can be cancelled without loss.
async fn next_line(phase: &mut Phase) -> Option<Line> {
    match phase {
        Phase::Up { child, .. } | Phase::Replaying { child, .. } => child.next_line().await,
        Phase::Down { .. } => std::future::pending().await,
    }
}
