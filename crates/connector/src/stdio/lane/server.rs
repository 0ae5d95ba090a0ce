//! The task that owns the process of the stateless era and the requests that wait for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Ask, Asked, PROBE_ID};
use crate::{
    message::{self, Id, Kind, Message, Notification, Request},
    stdio::{
        Shared,
        child::{Child, Line},
        exchange::{Accepts, Answer, From, Outgoing, Stream},
        failure,
        filed::{Large, Text},
        outbox::Outbox,
        spare::Spares,
    },
    waits::Backoff,
};

/// A process that ran this long was well.
const WELL_AFTER: Duration = Duration::from_secs(30);

/// A request that waits for its answer.
#[derive(Debug)]
struct Waiting {
    request: Request,
    accepts: Accepts,
    stream: Stream,
    since: Instant,
}

/// The task behind a [`Lane`].
pub(super) struct Server {
    shared: Arc<Shared>,
    spares: Spares,
    asks: mpsc::Receiver<Ask>,
    own: mpsc::WeakSender<Ask>,
    child: Option<(Child, Instant)>,
    waiting: HashMap<u64, Waiting>,
    last_id: u64,
    outbox: Outbox,
    backoff: Backoff,
    not_before: Instant,
}

impl Server {
    /// Serves with `child`, which has answered the probe. `asks` is what is asked, and the way to ask it ourselves.
    pub(super) fn new(
        shared: &Arc<Shared>,
        spares: &Spares,
        child: Child,
        asks: (mpsc::Receiver<Ask>, mpsc::WeakSender<Ask>),
    ) -> Self {
        let now = Instant::now();
        Self {
            asks: asks.0,
            own: asks.1,
            child: Some((child, now)),
            waiting: HashMap::new(),
            last_id: PROBE_ID,
            outbox: Outbox::new(shared.limits.slow_client),
            backoff: Backoff::new(shared.limits.restart),
            not_before: now,
            shared: Arc::clone(shared),
            spares: spares.clone(),
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.step()).await.is_some() {}
        self.fail_waiting(failure::SESSION_ENDED);
        self.outbox.flush();
    }

    async fn step(&mut self) {
        tokio::select! {
            Some(ask) = self.asks.recv() => self.on_ask(ask).await,
            room = self.outbox.room(), if !self.outbox.is_empty() => {
                if let Some(slow) = self.outbox.deliver(room) {
                    self.cut(&slow);
                }
            }
            line = next_line(&mut self.child), if self.outbox.is_empty() => match line {
                Some(Line::Whole(line)) => self.on_line(line),
                Some(Line::Large(large)) => self.on_large(large),
                // What is no message is for nobody.
                Some(Line::Unreadable) => {}
                Some(Line::TooLong) => self.child_gone("wrote a message over the limit").await,
                None => self.child_gone("closed its output").await,
            },
        }
    }

    async fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Left(number) => self.take_back(number),
            Ask::Request(asked) => {
                let Kind::Request(request) = asked.message.kind.clone() else { return };
                if let Err(why) = self.begin(&asked, &request).await {
                    let answer = Outgoing::Answer(failure::undelivered(&request.id, &why));
                    self.outbox.push(asked.stream, answer, Instant::now());
                }
            }
        }
    }

    async fn begin(&mut self, asked: &Asked, request: &Request) -> Result<(), String> {
        // Whoever has left already wants nothing to happen.
        if asked.left.is_cancelled() {
            return Ok(());
        }
        let now = Instant::now();
        self.last_id += 1;
        let number = self.last_id;
        let own = Id::number(number);
        let text = asked.message.with_id_and_token(&own, &own);
        self.child(now).await?.write(text).map_err(|_| failure::NOT_READING.to_owned())?;
        let (accepts, stream) = (asked.accepts, asked.stream.clone());
        self.waiting.insert(number, Waiting { request: request.clone(), accepts, stream, since: now });
        self.watch(number, asked.left.clone());
        Ok(())
    }

    fn watch(&self, number: u64, left: CancellationToken) {
        let asks = self.own.clone();
        self.shared.tasks.spawn(async move {
            left.cancelled().await;
            if let Some(asks) = asks.upgrade() {
                // The lane is gone only when everything is being stopped.
                let _stopping = asks.send(Ask::Left(number)).await;
            }
        });
    }

    /// The process, started anew if it ended.
    async fn child(&mut self, now: Instant) -> Result<&Child, String> {
        if self.child.is_none() {
            if now < self.not_before {
                return Err(failure::NOT_RUNNING.to_owned());
            }
            let child = self.spares.take().await.map_err(|error| failure::cannot_start(&error))?;
            return Ok(&self.child.insert((child, now)).0);
        }
        self.child.as_ref().map(|(child, _)| child).ok_or_else(|| failure::NOT_RUNNING.to_owned())
    }

    /// The client closed its stream, which in this era takes the request back. If it only has read its answer, nothing waits
    /// any more.
    fn take_back(&mut self, number: u64) {
        if self.waiting.remove(&number).is_some()
            && let Some((child, _)) = &self.child
        {
            let _unread = child.write(message::cancelled(number));
        }
    }

    fn on_line(&mut self, line: Bytes) {
        // A line that is no message, or a batch, which this era does not have, is for nobody.
        let Ok(message) = Message::read(line) else { return };
        match &message.kind {
            Kind::Response { id, is_error } => {
                let waiting = id.as_ref().and_then(Id::as_number).and_then(|number| self.waiting.remove(&number));
                if let Some(waiting) = waiting {
                    self.answer(&message, waiting, if *is_error { From::Error } else { From::Result });
                }
            }
            Kind::Request(request) => {
                if let Some((child, _)) = &self.child {
                    let _unread = child.write(failure::no_questions(&request.id));
                }
            }
            Kind::Notification(Notification::Progress(token)) => {
                let Some(waiting) = self.named(token.as_ref()) else { return };
                let Some(token) = &waiting.request.progress_token else { return };
                let (stream, text) = (waiting.stream.clone(), message.with_token(token));
                self.outbox.push(stream, Outgoing::Related(text), Instant::now());
            }
            Kind::Notification(_) => {
                let subscription = message.subscription();
                let Some(waiting) = self.named(subscription.as_ref()) else { return };
                let (stream, text) = (waiting.stream.clone(), message.with_subscription(&waiting.request.id));
                self.outbox.push(stream, Outgoing::Related(text), Instant::now());
            }
        }
    }

    fn on_large(&mut self, Large { text, id, is_error }: Large) {
        let waiting = id.and_then(|id| id.as_number()).and_then(|number| self.waiting.remove(&number));
        let Some(Waiting { request, stream, since, .. }) = waiting else { return };
        let (now, from) = (Instant::now(), if is_error { From::Error } else { From::Result });
        self.shared.note(&request, from, now.saturating_duration_since(since));
        let answer = Answer { text: Text::Filed(text.with_id(&request.id)), from };
        self.outbox.push(stream, Outgoing::Answer(answer), now);
    }

    fn answer(&mut self, message: &Message, waiting: Waiting, from: From) {
        let now = Instant::now();
        let Waiting { request, stream, since, .. } = waiting;
        self.shared.note_answer(message, &request, now.saturating_duration_since(since));
        let text = if request.method == message::LISTEN {
            message.with_subscription(&request.id)
        } else {
            message.with_id(&request.id)
        };
        self.outbox.push(stream, Outgoing::Answer(Answer { text: Text::Held(text), from }), now);
    }

    /// The request that a process names by a number of ours, if its client can read a stream.
    fn named(&self, id: Option<&Id>) -> Option<&Waiting> {
        let waiting = self.waiting.get(&id?.as_number()?)?;
        (waiting.accepts == Accepts::EventStream).then_some(waiting)
    }

    fn cut(&mut self, slow: &Stream) {
        let cut = |waiting: &Waiting| waiting.stream.same_channel(slow);
        let numbers: Vec<u64> =
            self.waiting.iter().filter(|(_, waiting)| cut(waiting)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.take_back(number);
        }
    }

    async fn child_gone(&mut self, otherwise: &str) {
        let Some((mut child, since)) = self.child.take() else { return };
        let how = child.end_in_words(otherwise).await;
        self.fail_waiting(&failure::ended(&how));
        let now = Instant::now();
        if now.saturating_duration_since(since) >= WELL_AFTER {
            self.backoff.reset();
        }
        self.not_before = now + self.backoff.wait();
    }

    fn fail_waiting(&mut self, why: &str) {
        let now = Instant::now();
        for (_, Waiting { request, stream, .. }) in self.waiting.drain() {
            self.outbox.push(stream, Outgoing::Answer(failure::lost(&request.id, why)), now);
        }
    }
}

/// The next line of the process, if there is one. Can be cancelled without loss.
async fn next_line(child: &mut Option<(Child, Instant)>) -> Option<Line> {
    match child {
        Some((child, _)) => child.next_line().await,
        None => std::future::pending().await,
    }
}
