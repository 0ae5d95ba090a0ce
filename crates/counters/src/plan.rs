//! The charges of a call, gathered by counter.

use policy::{Decimal, Refund};

use crate::{Charge, CounterKey, CountersUnavailable, Enforce, Reserve, charge::Taken};
use policy::window::{Full, Slot};

/// One counter of a call, with every limit on it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a CounterKey,
    pub(crate) amount: &'a Decimal,
    pub(crate) refund: Refund,
    pub(crate) limits: Vec<Limit<'a>>,
}

/// One limit: the charge at `index`.
#[derive(Debug)]
pub(crate) struct Limit<'a> {
    pub(crate) index: usize,
    pub(crate) max: &'a Decimal,
    pub(crate) enforce: Enforce,
}

/// What the limits of a call said, gathered one by one.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    refused: Option<(usize, Option<i64>)>,
    pub(crate) shadow_full: Vec<usize>,
}

/// Gathers the charges of `reserve` by counter, in the order in which the counters first occur.
pub(crate) fn entries<'a>(reserve: &Reserve<'a>) -> Result<Vec<Entry<'a>>, CountersUnavailable> {
    let mut entries: Vec<Entry<'a>> = Vec::with_capacity(reserve.charges.len());
    for (index, charge) in reserve.charges.iter().enumerate() {
        check(reserve, charge)?;
        let limit = Limit { index, max: &charge.max, enforce: charge.enforce };
        match entries.iter_mut().find(|entry| *entry.key == charge.key) {
            Some(entry) => entry.join(charge, limit),
            None => entries.push(Entry {
                key: &charge.key,
                amount: &charge.amount,
                refund: charge.refund,
                limits: vec![limit],
            }),
        }
    }
    Ok(entries)
}

/// What the callers promise; a mistake there must not become a counter that runs backwards.
fn check(reserve: &Reserve<'_>, charge: &Charge) -> Result<(), CountersUnavailable> {
    if charge.key.account != reserve.account {
        return Err(CountersUnavailable::Invalid("a counter of another account"));
    }
    if charge.amount.is_negative() {
        return Err(CountersUnavailable::Invalid("a negative amount"));
    }
    Ok(())
}

impl<'a> Entry<'a> {
    fn join(&mut self, charge: &'a Charge, limit: Limit<'a>) {
        self.amount = self.amount.max(&charge.amount);
        if charge.refund == Refund::Undelivered {
            self.refund = Refund::Undelivered;
        }
        self.limits.push(limit);
    }

    pub(crate) fn taken(&self, slot: Slot) -> Taken {
        Taken { key: self.key.clone(), slot, amount: self.amount.clone(), refund: self.refund }
    }

    /// Whether the counter is left as it is: shadow counters are charged all or none, as enforced ones would be.
    pub(crate) fn is_left_out(&self, verdict: &Verdict) -> bool {
        !verdict.shadow_full.is_empty() && self.limits.iter().any(|limit| limit.enforce == Enforce::Shadow)
    }
}

impl Verdict {
    pub(crate) fn full(&mut self, limit: &Limit<'_>, full: Full) {
        if limit.enforce == Enforce::Shadow {
            self.shadow_full.push(limit.index);
            return;
        }
        let (first, wait) = self.refused.unwrap_or((limit.index, Some(0)));
        let longest = wait.zip(full.retry_after_us).map(|(a, b)| a.max(b));
        self.refused = Some((first.min(limit.index), longest));
    }

    /// The first enforced limit without room, and how long until all have room again.
    pub(crate) fn refused(&self) -> Option<(usize, Option<i64>)> {
        self.refused
    }
}
