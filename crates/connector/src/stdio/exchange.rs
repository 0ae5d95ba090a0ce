//! Who waits for what in one session: which stream each message of the process belongs on. No I/O.
//!
//! Invariants: each message goes onto exactly one stream; a response goes only to the request that has its id; an
//! answer of a client passes only if the running process asked for it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};

use super::filed::Text;
use crate::message::{Id, Kind, Message, Notification, Request};

/// Messages kept for a client that has no stream open.
const UNSENT_MESSAGES: usize = 256;
/// Streams a client may hold open by GET; of more, the oldest ends.
const LISTENERS: usize = 4;
/// Requests of one session that may wait at a time.
const PENDING_REQUESTS: usize = 1_024;
/// Ids of one session that the process may still answer although nobody waits any more.
const GIVEN_UP: usize = 4_096;

/// What goes to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// A message that is not the answer.
    Related(Bytes),
    /// The answer, which ends the exchange.
    Answer(Answer),
}

/// The end of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// A JSON-RPC response with the request's id.
    pub(crate) text: Text,
    /// Who made it.
    pub(crate) from: From,
}

/// Who made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The process: a result.
    Result,
    /// The process: an error.
    Error,
    /// We: the process got the request and gave no answer.
    Lost,
    /// We: the process never got the request.
    Undelivered,
}

/// Whether a request's client can read an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    Json,
    EventStream,
}

pub(crate) type Stream = mpsc::Sender<Outgoing>;

/// A request that waits for its answer.
#[derive(Debug)]
struct Pending {
    request: Request,
    stream: Stream,
    accepts: Accepts,
    since: Instant,
    order: u64,
    cancelled_until: Option<Instant>,
}

/// A request that was answered, for the report.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) request: Request,
    pub(crate) elapsed: Duration,
}

/// Where a message of the process goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// Onto this stream.
    To(Stream, Outgoing),
    /// The answer of a request, onto its stream.
    Answer(Stream, Outgoing, Answered),
    /// Kept until a stream is opened.
    Kept,
    /// Nowhere: nobody waits for it.
    Nowhere,
    /// Nowhere: nobody listens, and the process, which waits for an answer, is told so.
    NobodyListens(Id),
}

/// The state of one session's traffic.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pending: HashMap<Id, Pending>,
    /// Requests that the process got, did not answer, and nobody waits for.
    given_up: HashSet<Id>,
    listeners: VecDeque<Stream>,
    asked_by_process: HashSet<Id>,
    unsent: VecDeque<(Bytes, Option<Id>)>,
    order: u64,
}

/// Why a request cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// The process has yet to answer a request with this id.
    IdInUse,
    /// [`PENDING_REQUESTS`] wait, or [`GIVEN_UP`] were left behind.
    TooMany,
}

impl Exchange {
    /// A client's request begins. Its id must not be that of a request that the process may still answer, also if nobody
    /// waits for that: the answer would be taken for the new request's, and a list of tools, say, for something that
    /// needs no filtering. Clients never use an id twice in a session (MCP 2025-11-25, basic "Requests").
    pub(crate) fn begin(
        &mut self,
        request: &Request,
        stream: Stream,
        accepts: Accepts,
        now: Instant,
    ) -> Result<(), NotBegun> {
        if self.pending.contains_key(&request.id) || self.given_up.contains(&request.id) {
            return Err(NotBegun::IdInUse);
        }
        if self.pending.len() >= PENDING_REQUESTS {
            self.give_up(|pending| pending.stream.is_closed());
        }
        if self.pending.len() >= PENDING_REQUESTS || self.given_up.len() >= GIVEN_UP {
            return Err(NotBegun::TooMany);
        }
        self.order += 1;
        let request = request.clone();
        let id = request.id.clone();
        let pending = Pending { request, stream, accepts, since: now, order: self.order, cancelled_until: None };
        self.pending.insert(id, pending);
        Ok(())
    }

    /// A request did not get on its way after all.
    pub(crate) fn forget(&mut self, id: &Id) {
        self.pending.remove(id);
    }

    /// A client listens by GET.
    pub(crate) fn listen(&mut self, stream: Stream) {
        self.listeners.retain(|listener| !listener.is_closed());
        if self.listeners.len() == LISTENERS {
            self.listeners.pop_front();
        }
        self.listeners.push_back(stream);
    }

    /// What was kept for want of a stream, now that there may be one.
    pub(crate) fn unsent(&mut self) -> Vec<(Stream, Outgoing)> {
        let Some(stream) = self.open_stream() else { return Vec::new() };
        self.unsent.drain(..).map(|(text, _)| (stream.clone(), Outgoing::Related(text))).collect()
    }

    /// A client took a request back; the process may answer it until `until` all the same.
    pub(crate) fn cancel(&mut self, id: &Id, until: Instant) {
        if let Some(pending) = self.pending.get_mut(id) {
            pending.cancelled_until.get_or_insert(until);
        }
    }

    /// The next time [`Self::overdue`] has something to give.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.pending.values().filter_map(|pending| pending.cancelled_until).min()
    }

    /// The cancelled requests that the process did not answer in time.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<(Id, Stream)> {
        self.give_up(|pending| pending.cancelled_until.is_some_and(|until| until <= now))
    }

    /// The process is gone: all requests that wait for it, and what it asked is void.
    pub(crate) fn process_gone(&mut self) -> Vec<(Id, Stream)> {
        self.asked_by_process.clear();
        self.unsent.clear();
        let waiting = self.give_up(|_| true);
        self.given_up.clear();
        waiting
    }

    /// Whether the running process asked this; each question is answered once.
    pub(crate) fn take_question(&mut self, id: &Id) -> bool {
        self.asked_by_process.remove(id)
    }

    /// Ends a stream that its client does not read.
    pub(crate) fn cut(&mut self, stream: &Stream) {
        self.listeners.retain(|listener| !listener.same_channel(stream));
        self.give_up(|pending| pending.stream.same_channel(stream));
    }

    /// Requests whose client still waits.
    pub(crate) fn in_flight(&self) -> usize {
        self.pending.values().filter(|pending| !pending.stream.is_closed()).count()
    }

    /// Whether a client listens.
    pub(crate) fn listening(&self) -> bool {
        self.listeners.iter().any(|listener| !listener.is_closed())
    }

    /// Where a message of the process goes.
    pub(crate) fn route(&mut self, message: &Message, now: Instant) -> Route {
        let text = message.text.clone();
        match &message.kind {
            Kind::Response { id, is_error } => {
                let from = if *is_error { From::Error } else { From::Result };
                self.answered(id.as_ref(), Answer { text: Text::Held(text), from }, now)
            }
            Kind::Request(request) => {
                self.asked_by_process.insert(request.id.clone());
                self.send_or_keep(text, Some(&request.id))
            }
            Kind::Notification(Notification::Progress(token)) => match self.stream_of_token(token.as_ref()) {
                Some(stream) => Route::To(stream, Outgoing::Related(text)),
                None => self.send_or_keep(text, None),
            },
            Kind::Notification(_) => self.send_or_keep(text, None),
        }
    }

    /// Where an answer of the process goes.
    pub(crate) fn answered(&mut self, id: Option<&Id>, answer: Answer, now: Instant) -> Route {
        if let Some(id) = id {
            self.given_up.remove(id);
        }
        let pending = id.and_then(|id| self.pending.remove(id));
        pending.map_or(Route::Nowhere, |pending| pending.answer(answer, now))
    }

    fn send_or_keep(&mut self, text: Bytes, question: Option<&Id>) -> Route {
        if let Some(stream) = self.open_stream() {
            return Route::To(stream, Outgoing::Related(text));
        }
        self.unsent.push_back((text, question.cloned()));
        if self.unsent.len() <= UNSENT_MESSAGES {
            return Route::Kept;
        }
        match self.unsent.pop_front() {
            Some((_, Some(id))) => {
                self.asked_by_process.remove(&id);
                Route::NobodyListens(id)
            }
            _ => Route::Nowhere,
        }
    }

    /// The newest stream a client listens on; else that of the newest request whose client can read one.
    fn open_stream(&self) -> Option<Stream> {
        let listener = self.listeners.iter().rev().find(|listener| !listener.is_closed());
        let newest = || {
            let open = self.pending.values().filter(|pending| pending.can_stream());
            open.max_by_key(|pending| pending.order).map(|pending| &pending.stream)
        };
        listener.or_else(newest).cloned()
    }

    fn stream_of_token(&self, token: Option<&Id>) -> Option<Stream> {
        let token = token?;
        let mut asked = self.pending.values().filter(|pending| pending.request.progress_token.as_ref() == Some(token));
        asked.find(|pending| pending.can_stream()).map(|pending| pending.stream.clone())
    }

    /// Takes away requests that are waited for no longer, and keeps their ids from being used again.
    fn give_up(&mut self, which: impl Fn(&Pending) -> bool) -> Vec<(Id, Stream)> {
        let taken = self.pending.extract_if(|_, pending| which(pending));
        let taken: Vec<_> = taken.map(|(id, pending)| (id, pending.stream)).collect();
        self.given_up.extend(taken.iter().map(|(id, _)| id.clone()));
        taken
    }
}

impl Pending {
    fn can_stream(&self) -> bool {
        self.accepts == Accepts::EventStream && !self.stream.is_closed()
    }

    fn answer(self, answer: Answer, now: Instant) -> Route {
        let answered = Answered { elapsed: now.saturating_duration_since(self.since), request: self.request };
        Route::Answer(self.stream, Outgoing::Answer(answer), answered)
    }
}

#[cfg(test)]
mod tests;
