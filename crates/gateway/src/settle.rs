//! The end of a forwarded call: what was reserved is given back or kept, and the outcome record is written.
//!
//! Invariant: every admitted call is settled exactly once; one that is dropped on the way is settled as cancelled.

use std::{sync::Arc, time::Duration};

use counters::{GiveBack, Reservation};
use domain::{AccountId, ApprovalBinding, ApprovalId, CallId, CallSettled, Event, Settlement, Timestamp};
use tokio::{sync::oneshot, time::Instant};

use crate::{hub::Load, shared::Shared};

/// An admitted call on its way to its end.
#[derive(Debug)]
pub(crate) struct Settler {
    shared: Arc<Shared>,
    open: Option<Open>,
    /// What it costs the connector that works on it, until it has ended.
    load: Option<Load>,
}

/// What an admitted call is.
#[derive(Debug)]
pub(crate) struct Open {
    pub account: AccountId,
    pub call: CallId,
    pub decided_at: Timestamp,
    /// What was taken from counters.
    pub reservation: Option<Reservation>,
    /// The approval that let it pass.
    pub approved: Option<(ApprovalId, ApprovalBinding)>,
    /// When the request came in.
    pub arrived: Instant,
    /// When the upstream was first asked.
    pub asked: Option<Instant>,
    /// The upstream's HTTP status.
    pub http_status: Option<u16>,
    /// Whether the server got the request, once there is an answer.
    pub delivery: Option<Delivery>,
    /// Bytes of the answer so far.
    pub response_bytes: u64,
}

/// Whether a request reached the server that it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Something answered.
    Delivered,
    /// A connector answered for a server that never got it.
    Undelivered,
}

impl Settler {
    pub(crate) fn new(shared: Arc<Shared>, open: Open) -> Self {
        Self { shared, open: Some(open), load: None }
    }

    /// The approval that let the call pass, if it needed one.
    pub(crate) fn approved(&self) -> Option<(ApprovalId, ApprovalBinding)> {
        self.open.as_ref()?.approved
    }

    /// The request goes out now.
    pub(crate) fn asks(&mut self) {
        if let Some(open) = &mut self.open {
            open.asked.get_or_insert_with(Instant::now);
        }
    }

    /// A connector works on it.
    pub(crate) fn occupies(&mut self, load: Option<Load>) {
        self.load = load;
    }

    /// The head of an answer came.
    pub(crate) fn answered(&mut self, http_status: u16, delivery: Delivery) {
        if let Some(open) = &mut self.open {
            open.http_status = Some(http_status);
            open.delivery = Some(delivery);
        }
    }

    /// Bytes of the answer came.
    pub(crate) fn received(&mut self, bytes: usize) {
        if let Some(open) = &mut self.open {
            open.response_bytes += bytes as u64;
        }
    }

    /// The call ended. Returns once counters have what is given back, so that a caller that reads the answer and calls
    /// again meets them so. Being dropped here changes nothing: the work goes on by itself.
    pub(crate) async fn settle(&mut self, settlement: Settlement) {
        if let Some(given) = self.begin(settlement) {
            let _done = given.await;
        }
    }

    /// Starts the work and tells when counters have been given back to.
    fn begin(&mut self, settlement: Settlement) -> Option<oneshot::Receiver<()>> {
        let mut open = self.open.take()?;
        self.load = None;
        let settlement = match (open.delivery, settlement) {
            (Some(Delivery::Undelivered), _) => Settlement::Unreachable,
            (Some(Delivery::Delivered), Settlement::Unreachable) => Settlement::Error,
            (_, settlement) => settlement,
        };
        let reservation = open.reservation.take();
        let shared = self.shared.clone();
        let (given, when_given) = oneshot::channel();
        let event = Event::Settled(open.record(settlement));
        self.shared.tracker.spawn(async move {
            give_back(&shared, reservation, settlement).await;
            let _nobody_waits = given.send(());
            shared.records.note(open.account, event).await;
        });
        Some(when_given)
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        drop(self.begin(Settlement::Cancelled));
    }
}

impl Open {
    fn record(&self, settlement: Settlement) -> CallSettled {
        let whole = self.arrived.elapsed();
        let upstream = self.asked.map_or(Duration::ZERO, |at| at.elapsed());
        CallSettled {
            call: self.call,
            decided_at: self.decided_at,
            settlement,
            http_status: self.http_status,
            upstream_us: micros(upstream),
            gateway_us: micros(whole.saturating_sub(upstream)),
            response_bytes: self.response_bytes,
        }
    }
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Gives back what this end gives back (POLICY.md §4): everything when the call was never delivered; what counts
/// successes when the upstream answered with an error; nothing when the outcome is unknown.
async fn give_back(shared: &Shared, reservation: Option<Reservation>, settlement: Settlement) {
    let what = match settlement {
        Settlement::Unreachable => GiveBack::All,
        Settlement::IsError | Settlement::Error => GiveBack::NotSuccessful,
        Settlement::Ok | Settlement::Timeout | Settlement::Broken | Settlement::Cancelled => return,
    };
    let Some(reservation) = reservation else { return };
    if let Err(error) = Box::pin(shared.counters.give_back(reservation, what)).await {
        tracing::warn!(%error, "a reservation could not be given back; it stays counted");
    }
}
