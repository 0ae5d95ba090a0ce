//! The ledger of this crate: a ring for each counter.

use std::collections::HashMap;

use super::{Ask, Entered, GiveBack, Ledger, Reserve, SimPayer};
use crate::window::{Full, Ring, Slot};
use crate::{Charge, Decimal, Refund, Timestamp};

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
        let full = self.full(at, reserve.payer, permit.charges());
        if let Some((index, _)) = full.first() {
            let longest = full.iter().map(|(_, full)| full.retry_after_us);
            let retry_after_us = longest.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
            return Entered::Full { index: *index, retry_after_us };
        }
        self.last = Taken::default();
        if let Some(ask) = &reserve.ask {
            self.last.approval = self.approvals.remove_entry(ask.binding);
        }
        self.take(at, reserve.payer, permit.charges());
        let shadow_full = self.full(at, reserve.payer, permit.shadow_charges());
        if shadow_full.is_empty() {
            self.take(at, reserve.payer, permit.shadow_charges());
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

    fn full(&self, at: Timestamp, payer: SimPayer<'_>, charges: &[Charge]) -> Vec<(usize, Full)> {
        let check = |charge: &Charge| match self.counts.get(&payer.counter(charge)) {
            Some(ring) => ring.check(at, &charge.amount, &charge.max),
            None => Ring::new(charge.window).check(at, &charge.amount, &charge.max),
        };
        charges.iter().enumerate().filter_map(|(index, charge)| Some((index, check(charge).err()?))).collect()
    }

    fn take(&mut self, at: Timestamp, payer: SimPayer<'_>, charges: &[Charge]) {
        for charge in charges {
            let counter = payer.counter(charge);
            let ring = self.counts.entry(counter.clone()).or_insert_with(|| Ring::new(charge.window));
            let slot = ring.add(at, &charge.amount);
            self.last.charges.push((counter, slot, charge.amount.clone(), charge.refund));
        }
    }
}

fn expiry(at: Timestamp, ask: &Ask<'_>) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::from(ask.stands_seconds) * 1_000_000))
}
