//! A session whose process ended: what waits is answered at once, the next process gets the recorded handshake, and the
//! session goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::{Ask, Asked, HELD_ASKS, Next, Phase, Session, WELL_AFTER};
use crate::{
    message::{Id, Kind, Message},
    report::Report,
    stdio::{child::Child, failure},
};

/// How long to sleep if nothing is due; then it is looked at again whether clients have left.
const NOTHING_DUE: Duration = Duration::from_secs(30);

impl Session {
    pub(super) fn next_due(&self) -> Instant {
        let phase = match &self.phase {
            Phase::Up { .. } => None,
            Phase::Replaying { until, .. } | Phase::Down { until } => Some(*until),
        };
        let held = self.held.front().map(|(until, _)| *until);
        let due = [phase, held, self.exchange.next_due()].into_iter().flatten().min();
        due.unwrap_or_else(|| Instant::now() + NOTHING_DUE)
    }

    /// Keeps what was asked until there is a process again, or for as long as a request may wait.
    pub(super) fn hold(&mut self, ask: Ask, now: Instant) {
        self.held.push_back((now + self.shared.limits.restart_wait, ask));
        debug_assert!(self.held.len() <= HELD_ASKS, "asks are not taken beyond this");
    }

    pub(super) async fn on_time(&mut self, now: Instant) -> Next {
        for (id, stream) in self.exchange.overdue(now) {
            self.answer(stream, failure::lost(&id, failure::CANCELLED), now);
        }
        while self.held.front().is_some_and(|(until, _)| *until <= now) {
            let overdue = self.held.pop_front();
            overdue.into_iter().for_each(|(_, ask)| self.refuse_held(ask, now));
        }
        match self.phase {
            Phase::Down { until } if until <= now => self.start_again().await,
            Phase::Replaying { until, .. } if until <= now => self.child_gone("did not answer the handshake").await,
            _ => Next::GoOn,
        }
    }

    fn refuse_held(&mut self, ask: Ask, now: Instant) {
        if let Ask::Request(Asked { request, stream, .. }) = ask {
            self.answer(stream, failure::undelivered(&request.id, failure::NOT_RUNNING), now);
        }
    }

    /// The process ended, closed its output, or is of no more use.
    pub(super) async fn child_gone(&mut self, otherwise: &str) -> Next {
        let now = Instant::now();
        let (mut child, was_well) = match std::mem::replace(&mut self.phase, Phase::Down { until: now }) {
            Phase::Up { child, since } => (child, now.saturating_duration_since(since) >= WELL_AFTER),
            Phase::Replaying { child, .. } => (child, false),
            Phase::Down { .. } => return Next::GoOn,
        };
        let how = child.end_in_words(otherwise).await;
        drop(child);
        for (id, stream) in self.exchange.process_gone() {
            self.answer(stream, failure::lost(&id, &failure::ended(&how)), now);
        }
        if !self.handshake.answered {
            return Next::Over;
        }
        if was_well {
            self.backoff.reset();
        }
        self.wait_for_restart();
        Next::GoOn
    }

    fn wait_for_restart(&mut self) {
        let after = self.backoff.wait();
        self.shared.report.say(Report::ChildRestarting { after });
        self.phase = Phase::Down { until: Instant::now() + after };
    }

    async fn start_again(&mut self) -> Next {
        let started = self.spares.take().await;
        let Some((_, initialize)) = &self.handshake.initialize else { return Next::Over };
        match started {
            Ok(child) => self.replay(child, initialize.clone()),
            Err(error) => {
                self.shared.report.say(Report::ChildFailed { why: error.to_string() });
                self.wait_for_restart();
            }
        }
        Next::GoOn
    }

    fn replay(&mut self, child: Child, initialize: bytes::Bytes) {
        // A process that does not read this does not answer it either, and the time for that is limited.
        let _unread = child.write(initialize);
        self.phase = Phase::Replaying { child, until: Instant::now() + self.shared.limits.handshake };
    }

    pub(super) fn is_replayed_answer(&self, message: &Message) -> bool {
        let asked = self.handshake.initialize.as_ref().map(|(id, _)| id);
        let answered: Option<&Id> = match &message.kind {
            Kind::Response { id, .. } => id.as_ref(),
            _ => None,
        };
        matches!(self.phase, Phase::Replaying { .. }) && answered.is_some() && answered == asked
    }

    /// The new process answered the replayed `initialize`; the client has had its answer long ago.
    pub(super) fn on_replayed(&mut self, message: &Message) -> Next {
        let now = Instant::now();
        if matches!(message.kind, Kind::Response { is_error: true, .. }) {
            return Next::Over;
        }
        let Phase::Replaying { child, .. } = std::mem::replace(&mut self.phase, Phase::Down { until: now }) else {
            return Next::GoOn;
        };
        if let Some(initialized) = &self.handshake.initialized {
            let _unread = child.write(initialized.clone());
        }
        self.shared.report.say(Report::SessionRevived { pid: child.pid() });
        self.phase = Phase::Up { child, since: now };
        for (_, ask) in std::mem::take(&mut self.held) {
            self.pass_on(ask, now);
        }
        Next::GoOn
    }

    /// The session is over: whatever still waits is told so, as far as there is room.
    pub(super) fn fail_all(mut self, why: &str) {
        let now = Instant::now();
        for (id, stream) in self.exchange.process_gone() {
            self.answer(stream, failure::lost(&id, why), now);
        }
        self.asks.close();
        while let Ok(ask) = self.asks.try_recv() {
            self.refuse_held(ask, now);
        }
        for (_, ask) in std::mem::take(&mut self.held) {
            self.refuse_held(ask, now);
        }
        self.outbox.flush();
    }
}
