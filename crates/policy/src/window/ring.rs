//! One counter's count.

use serde::{Deserialize, Serialize};

use super::Window;
use crate::{Decimal, Timestamp};

/// The count of one counter identity. Serialisable, for snapshots.
///
/// Its clock never goes backwards: an earlier `now` counts as the latest one seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    window: Window,
    latest: Timestamp,
    /// By rising index; at most one for calendar windows and 17 for sliding ones.
    buckets: Vec<Bucket>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    index: i64,
    total: Decimal,
}

/// Where a reservation was counted, for giving it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub i64);

/// A limit has no room for the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Microseconds after which the same reservation passes if nobody else makes one; `None` if it never will, because
    /// the amount alone exceeds the limit.
    pub retry_after_us: Option<i64>,
}

impl Full {
    /// The wait in whole milliseconds, rounded up.
    pub fn retry_after_ms(self) -> Option<i64> {
        self.retry_after_us.map(|wait| wait.saturating_add(999) / 1000)
    }
}

impl Ring {
    /// An empty count.
    pub fn new(window: Window) -> Self {
        Self { window, latest: Timestamp(i64::MIN), buckets: Vec::new() }
    }

    /// What counts at `now`.
    pub fn sum(&self, now: Timestamp) -> Decimal {
        let oldest = self.window.oldest_counted(self.window.bucket(now.max(self.latest)));
        let counted = self.buckets.iter().filter(|bucket| bucket.index >= oldest);
        counted.fold(Decimal::ZERO, |sum, bucket| &sum + &bucket.total)
    }

    /// Whether `amount` more fits under `max` at `now`; changes nothing.
    ///
    /// # Errors
    /// [`Full`] when it does not.
    pub fn check(&self, now: Timestamp, amount: &Decimal, max: &Decimal) -> Result<(), Full> {
        let now = now.max(self.latest);
        let mut total = &self.sum(now) + amount;
        if total <= *max {
            return Ok(());
        }
        if amount > max {
            return Err(Full { retry_after_us: None });
        }
        let oldest = self.window.oldest_counted(self.window.bucket(now));
        for bucket in self.buckets.iter().filter(|bucket| bucket.index >= oldest) {
            total -= &bucket.total;
            if total <= *max {
                let wait = self.window.forgotten_at(bucket.index).0.saturating_sub(now.0);
                return Err(Full { retry_after_us: Some(wait) });
            }
        }
        Err(Full { retry_after_us: None })
    }

    /// Counts `amount` at `now` whatever the limit; for use after every limit of a call was checked.
    pub fn add(&mut self, now: Timestamp, amount: &Decimal) -> Slot {
        self.latest = self.latest.max(now);
        let index = self.window.bucket(self.latest);
        let oldest = self.window.oldest_counted(index);
        self.buckets.retain(|bucket| bucket.index >= oldest);
        match self.buckets.last_mut().filter(|bucket| bucket.index == index) {
            Some(bucket) => bucket.total += amount,
            None => self.buckets.push(Bucket { index, total: amount.clone() }),
        }
        Slot(index)
    }

    /// [`Ring::check`], and [`Ring::add`] if it fits.
    ///
    /// # Errors
    /// [`Full`] when it does not; then nothing was counted.
    pub fn reserve(&mut self, now: Timestamp, amount: &Decimal, max: &Decimal) -> Result<Slot, Full> {
        self.check(now, amount, max)?;
        Ok(self.add(now, amount))
    }

    /// Gives an amount back to the bucket it was taken from. A bucket that no longer counts has nothing to give back.
    pub fn refund(&mut self, slot: Slot, amount: &Decimal) {
        if let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.index == slot.0) {
            bucket.total -= amount;
        }
    }

    /// Nothing counts any more at `now`, so the ring can be dropped.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.buckets.last().is_none_or(|bucket| self.window.forgotten_at(bucket.index) <= now)
    }
}
