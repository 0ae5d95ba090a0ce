//! What charges and approvals are counted in. One set of calls has to come to the same in every ledger: in the rings of
//! this crate and, through adaptors, in the stores that gateways use.

use crate::{Charge, Permit, Scope, Timestamp};

/// A counter store whose clock is set: every call tells the time, which never goes backwards between two calls of
/// [`Ledger::fresh`].
pub trait Ledger {
    /// Nothing is counted, asked or approved any more, and the clock may be set anew.
    fn fresh(&mut self);

    /// One atomic step. If the permit has to be approved and no approval stands, nothing is charged and a request is
    /// pending from now on, if none was. Else every enforced charge is reserved, or none if one has no room; only if all had
    /// room the approval is used up. Shadow charges are reserved only if all of them have room too, and never refuse.
    fn reserve(&mut self, at: Timestamp, reserve: &Reserve<'_>) -> Entered;

    /// Gives back what the last [`Entered::Granted`] took: with [`GiveBack::All`] also the approval, until its old expiry.
    fn give_back(&mut self, at: Timestamp, what: GiveBack);

    /// A person approves. The approval stands as long as the pending request would have; where none is pending, as long as
    /// one that is made now. A new one takes the place of one that stands unused.
    fn approve(&mut self, at: Timestamp, ask: &Ask<'_>);
}

/// What one call is to take.
#[derive(Clone, Copy, Debug)]
pub struct Reserve<'a> {
    /// Its charges, enforced and shadow.
    pub permit: &'a Permit,
    /// Whose counts they are taken from.
    pub payer: SimPayer<'a>,
    /// The approval it needs.
    pub ask: Option<Ask<'a>>,
}

/// Who makes a call. Equal texts are the same subject; empty where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimPayer<'a> {
    /// For limits of scope `grant`.
    pub grant: &'a str,
    /// For limits of scope `member`.
    pub member: &'a str,
    /// For limits of scope `session`.
    pub session: &'a str,
}

/// The approval of one exact call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The call: equal texts are the same call.
    pub binding: &'a str,
    /// How long a request that is opened now stands.
    pub stands_seconds: u32,
}

/// The answer to [`Ledger::reserve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// Every enforced charge was taken.
    Granted {
        /// Indices into [`Permit::shadow_charges`] of those without room, rising. When there is one, no shadow charge was taken.
        shadow_full: Vec<usize>,
    },
    /// Nothing was taken.
    Full {
        /// Index into [`Permit::charges`] of the first without room.
        index: usize,
        /// Microseconds after which all have room if nobody else calls; none: they never will.
        retry_after_us: Option<i64>,
    },
    /// Nothing was taken: the request is pending.
    NotApproved,
    /// Nothing was taken: a person refused the request, and it has not expired.
    Refused,
    /// The store did not answer.
    Unavailable,
}

/// Which charges are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveBack {
    /// All, and the approval: the request was never delivered.
    All,
    /// Those that count successes: the upstream answered with an error.
    NotSuccessful,
}

impl<'a> SimPayer<'a> {
    /// Whose count a charge is taken from.
    pub fn subject(self, scope: Scope) -> &'a str {
        match scope {
            Scope::Grant => self.grant,
            Scope::Member => self.member,
            Scope::Session => self.session,
            Scope::Server | Scope::Account => "",
        }
    }

    /// The charge's counter: equal texts are the same count.
    pub fn counter(self, charge: &Charge) -> String {
        format!("{}\0{}", self.subject(charge.scope), charge.identity())
    }
}

impl<L: Ledger + ?Sized> Ledger for &mut L {
    fn fresh(&mut self) {
        (**self).fresh();
    }

    fn reserve(&mut self, at: Timestamp, reserve: &Reserve<'_>) -> Entered {
        (**self).reserve(at, reserve)
    }

    fn give_back(&mut self, at: Timestamp, what: GiveBack) {
        (**self).give_back(at, what);
    }

    fn approve(&mut self, at: Timestamp, ask: &Ask<'_>) {
        (**self).approve(at, ask);
    }
}
