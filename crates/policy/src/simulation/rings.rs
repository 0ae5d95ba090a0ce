//! The ledger of this crate: a ring for each counter.

use std::collections::HashMap;

use super::{Ask, Entered, GiveBack, Ledger, Reserve, SimPayer};
use crate::window::{Full, Ring, Slot};
use crate::{Charge, Decimal, Refund, Timestamp, Window};

/// Counts and approvals in memory.
#[derive(Debug, Default)]
pub struct Rings {
    /// By counter and subject.
    counts: HashMap<String, Ring>,
    /// By binding.
    approvals: HashMap<String, Request>,
    last: Taken,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    expires: Timestamp,
    approved: bool,
}

/// What the last granted reservation took.
#[derive(Debug, Default)]
struct Taken {
    charges: Vec<(String, Slot, Decimal, Refund)>,
    approval: Option<(String, Request)>,
}

impl Ledger for Rings {
    fn fresh(&mut self) {
        *self = Self::default();
    }

    fn reserve(&mut self, at: Timestamp, reserve: &Reserve<'_>) -> Entered {
        if let Some(ask) = &reserve.ask
            && !self.is_approved(at, ask)
        {
            return Entered::NotApproved;
        }
        let permit = reserve.permit;
        let enforced = shares(reserve.payer, permit.charges());
        let full = self.full(at, permit.charges(), &enforced);
        if let Some((index, _)) = full.first() {
            let longest = full.iter().map(|(_, full)| full.retry_after_us);
            let retry_after_us = longest.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
            return Entered::Full { index: *index, retry_after_us };
        }
        self.last = Taken::default();
        if let Some(ask) = &reserve.ask {
            self.last.approval = self.approvals.remove_entry(ask.binding);
        }
        self.take(at, enforced);
        let shadow = shares(reserve.payer, permit.shadow_charges());
        let shadow_full = self.full(at, permit.shadow_charges(), &shadow);
        if shadow_full.is_empty() {
            self.take(at, shadow);
        }
        Entered::Granted { shadow_full: shadow_full.into_iter().map(|(index, _)| index).collect() }
    }

    fn give_back(&mut self, _: Timestamp, what: GiveBack) {
        let taken = std::mem::take(&mut self.last);
        for (counter, slot, amount, refund) in taken.charges {
            if (what == GiveBack::All || refund == Refund::NotSuccessful)
                && let Some(ring) = self.counts.get_mut(&counter)
            {
                ring.refund(slot, &amount);
            }
        }
        if what == GiveBack::All {
            self.approvals.extend(taken.approval);
        }
    }

    fn approve(&mut self, at: Timestamp, ask: &Ask<'_>) {
        let pending = self.approvals.get(ask.binding).filter(|request| !request.approved && request.expires > at);
        let expires = pending.map_or_else(|| expiry(at, ask), |request| request.expires);
        self.approvals.insert(ask.binding.to_owned(), Request { expires, approved: true });
    }
}

impl Rings {
    /// Opens a request if there is none.
    fn is_approved(&mut self, at: Timestamp, ask: &Ask<'_>) -> bool {
        if let Some(request) = self.approvals.get(ask.binding).filter(|request| request.expires > at) {
            return request.approved;
        }
        self.approvals.insert(ask.binding.to_owned(), Request { expires: expiry(at, ask), approved: false });
        false
    }

    /// Every limit without room.
    fn full(&self, at: Timestamp, charges: &[Charge], shares: &[Share]) -> Vec<(usize, Full)> {
        let mut full = Vec::new();
        for share in shares {
            let empty = Ring::new(share.window);
            let ring = self.counts.get(&share.counter).unwrap_or(&empty);
            let check = |index: &usize| Some((*index, ring.check(at, &share.amount, &charges.get(*index)?.max).err()?));
            full.extend(share.limits.iter().filter_map(check));
        }
        full.sort_by_key(|(index, _)| *index);
        full
    }

    fn take(&mut self, at: Timestamp, shares: Vec<Share>) {
        for share in shares {
            let ring = self.counts.entry(share.counter.clone()).or_insert_with(|| Ring::new(share.window));
            let slot = ring.add(at, &share.amount);
            self.last.charges.push((share.counter, slot, share.amount, share.refund));
        }
    }
}

/// What one count is charged: once, for every limit on it.
struct Share {
    counter: String,
    window: Window,
    amount: Decimal,
    refund: Refund,
    /// Into the charges.
    limits: Vec<usize>,
}

fn shares(payer: SimPayer<'_>, charges: &[Charge]) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::with_capacity(charges.len());
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, charge) in charges.iter().enumerate() {
        let counter = payer.counter(charge);
        let place = *known.entry(counter.clone()).or_insert(shares.len());
        let Some(share) = shares.get_mut(place) else {
            let (window, amount, refund) = (charge.window, charge.amount.clone(), charge.refund);
            shares.push(Share { counter, window, amount, refund, limits: vec![index] });
            continue;
        };
        if charge.amount > share.amount {
            share.amount = charge.amount.clone();
        }
        if charge.refund == Refund::Undelivered {
            share.refund = Refund::Undelivered;
        }
        share.limits.push(index);
    }
    shares
}

fn expiry(at: Timestamp, ask: &Ask<'_>) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::from(ask.stands_seconds) * 1_000_000))
}
