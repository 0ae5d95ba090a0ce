//! What is asked of the counters and what they answer. The rules are those of POLICY.md §4.

use std::sync::Arc;

use domain::{AccountId, ApprovalId, ServerId};
use policy::{Decimal, Refund, Window, window::Slot};

use crate::approval::{ApprovalStanding, AskApproval, Used};

/// A counter's identity: two charges with equal keys share one count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CounterKey {
    /// Counters of two accounts never meet.
    pub account: AccountId,
    /// Nor those of two servers.
    pub server: ServerId,
    /// Whose count it is, by scope: `grant:<id>`, `member:<id>`, `session:<hash>`, `server`, `account`.
    pub subject: String,
    /// The limit's `counter`.
    pub counter: Arc<str>,
    /// The limit's `window` and `align`.
    pub window: Window,
    /// Shadow rules count apart.
    pub shadow: Shadow,
}

/// Whether a counter belongs to enforced rules or to shadow rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shadow {
    /// Of enforced rules.
    No,
    /// Of shadow rules.
    Yes,
}

/// What happens when a limit has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enforce {
    /// The call is refused and nothing is counted.
    Yes,
    /// It is told, and no shadow counter of the call is changed; the call goes on.
    Shadow,
}

/// One limit of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which counter.
    pub key: CounterKey,
    /// What the call adds; not negative. Where two charges of a call share a key, the larger amount is added, once.
    pub amount: Decimal,
    /// The most that may count at any moment.
    pub max: Decimal,
    /// When it is given back. Where two charges of a call share a key, only when both would be.
    pub refund: Refund,
    /// What happens when there is no room.
    pub enforce: Enforce,
}

/// All limits of one call: reserved all or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Reserve<'a> {
    /// The account of every key.
    pub account: AccountId,
    /// The limits; a refusal tells the first full one in this order.
    pub charges: &'a [Charge],
    /// On Redis: the stream that `record` is appended to (`bus::event_stream_key`).
    pub stream: &'a str,
    /// On Redis: the call's intent record, appended in the same round trip when all limits have room. Other back ends
    /// leave it to the caller.
    pub record: Option<&'a [u8]>,
    /// The approval that the call needs besides; it is used up in the same step. None: it needs none.
    pub approval: Option<AskApproval>,
}

/// The answer.
#[derive(Debug)]
pub enum Reserved {
    /// The approval, if the call needs one, stood and is used up, every enforced limit had room, and all were charged.
    Granted {
        /// For giving back.
        reservation: Reservation,
        /// Indices of the shadow charges that had no room, rising. If there is one, no shadow counter was charged.
        shadow_full: Vec<usize>,
        /// The record is in the stream; otherwise the caller has to append it.
        record_stored: bool,
    },
    /// At least one enforced limit had no room; nothing was charged, no shadow counter either, and the approval stands.
    Full {
        /// The first such charge.
        index: usize,
        /// Microseconds after which the same reservation is granted if nobody else makes one, on whatever limit it
        /// failed; none: it never will be, since an amount alone exceeds its limit.
        retry_after_us: Option<i64>,
    },
    /// The approval that it needs does not stand; nothing was charged, whether limits have room or not.
    NotApproved(ApprovalStanding),
}

/// What was reserved. Dropping it keeps the charges.
#[derive(Debug)]
pub struct Reservation {
    pub(crate) account: AccountId,
    pub(crate) taken: Vec<Taken>,
    pub(crate) used: Option<Used>,
}

/// What was taken from one counter.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) key: CounterKey,
    pub(crate) slot: Slot,
    pub(crate) amount: Decimal,
    pub(crate) refund: Refund,
}

/// Which charges of a reservation are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveBack {
    /// All, and the approval, which stands again until its old expiry unless the call was asked for anew meanwhile: the
    /// request was never delivered.
    All,
    /// Those that count successes: the upstream answered with an error.
    NotSuccessful,
}

impl Reservation {
    /// The approval that it used up.
    #[must_use]
    pub fn approval(&self) -> Option<ApprovalId> {
        self.used.map(|used| used.request.id)
    }

    /// What is to be given back.
    pub(crate) fn returns(self, what: GiveBack) -> (Vec<Taken>, Option<Used>) {
        let given = |taken: &Taken| what == GiveBack::All || taken.refund == Refund::NotSuccessful;
        let used = self.used.filter(|_| what == GiveBack::All);
        (self.taken.into_iter().filter(given).collect(), used)
    }
}
