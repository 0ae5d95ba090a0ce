//! What there is only so much of: places for requests, room for messages, streams, requests that wait for a person. Nobody
//! takes more than a share of it, so that who takes all they can keeps nobody else out. Who shares, an account or a
//! principal at a server, is the key.

use std::{
    collections::HashMap,
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::AccountId;

use crate::{
    failure::{Failure, UpstreamFailure},
    session::Owner,
};

/// Of what accounts share, one takes this part at most.
const PART: usize = 4;

/// One request's place among those that are worked on.
pub(crate) type Room = Portion<AccountId>;
/// One long-lived stream of a principal at a server, or on the account's own URL.
pub(crate) type OpenStream = Portion<Owner>;

/// Who takes shares.
pub(crate) trait Key: Copy + Debug + Eq + Hash {}

impl<K: Copy + Debug + Eq + Hash> Key for K {}

/// So many units of something.
#[derive(Clone, Debug)]
pub(crate) struct Pot<K: Key>(Arc<Inner<K>>);

/// Units that somebody has taken; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Portion<K: Key> {
    pot: Pot<K>,
    /// None: it is not known yet whose it is.
    key: Option<K>,
    units: usize,
}

/// There is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// For anybody.
    Pot,
    /// For this one.
    Share,
}

#[derive(Debug)]
struct Inner<K: Key> {
    taken: Mutex<Taken<K>>,
    share: usize,
}

#[derive(Debug)]
struct Taken<K: Key> {
    left: usize,
    closed: bool,
    by: HashMap<K, usize>,
}

impl Pot<AccountId> {
    /// What accounts share: one has a quarter of it, and in any case room for two of the largest.
    pub(crate) fn of_accounts(units: usize, largest: usize) -> Self {
        Self::new(units, (units / PART).max(2 * largest))
    }
}

impl<K: Key> Pot<K> {
    /// So many units, and so many at most for each key.
    pub(crate) fn new(units: usize, share: usize) -> Self {
        Self(Arc::new(Inner { taken: Mutex::new(Taken { left: units, closed: false, by: HashMap::new() }), share }))
    }

    /// One unit.
    pub(crate) fn one(&self, key: K) -> Result<Portion<K>, Full> {
        let mut portion = self.nothing(key);
        portion.grow(1)?;
        Ok(portion)
    }

    /// One unit for somebody who is not known yet.
    pub(crate) fn one_for_anybody(&self) -> Result<Portion<K>, Full> {
        let mut portion = Portion { pot: self.clone(), key: None, units: 0 };
        portion.grow(1)?;
        Ok(portion)
    }

    /// A portion that has nothing yet.
    pub(crate) fn nothing(&self, key: K) -> Portion<K> {
        Portion { pot: self.clone(), key: Some(key), units: 0 }
    }

    /// Nothing can be taken any more.
    pub(crate) fn close(&self) {
        self.taken().closed = true;
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Portion<K> {
    pub(crate) fn units(&self) -> usize {
        self.units
    }

    /// Takes more.
    pub(crate) fn grow(&mut self, units: usize) -> Result<(), Full> {
        let mut taken = self.pot.taken();
        let left = taken.left.checked_sub(units).filter(|_| !taken.closed).ok_or(Full::Pot)?;
        if let Some(key) = self.key {
            taken.count(key, units, self.pot.0.share)?;
        }
        taken.left = left;
        self.units += units;
        Ok(())
    }

    /// Counts it to whose it is, now that this is known.
    pub(crate) fn counted_to(mut self, key: K) -> Result<Self, Full> {
        self.pot.taken().count(key, self.units, self.pot.0.share)?;
        self.key = Some(key);
        Ok(self)
    }
}

impl<K: Key> Taken<K> {
    fn count(&mut self, key: K, units: usize, share: usize) -> Result<(), Full> {
        let before = self.by.get(&key).copied().unwrap_or(0);
        let now = before.checked_add(units).filter(|now| *now <= share).ok_or(Full::Share)?;
        if now > 0 {
            self.by.insert(key, now);
        }
        Ok(())
    }
}

impl<K: Key> Drop for Portion<K> {
    fn drop(&mut self) {
        let mut taken = self.pot.taken();
        taken.left += self.units;
        let Some(key) = self.key else { return };
        if let Some(of_key) = taken.by.get_mut(&key) {
            *of_key -= self.units;
            if *of_key == 0 {
                taken.by.remove(&key);
            }
        }
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Self {
        match full {
            Full::Pot => Self::Busy,
            Full::Share => Self::Crowded,
        }
    }
}

impl From<Full> for UpstreamFailure {
    fn from(_: Full) -> Self {
        Self::NoRoom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_a_share_and_all_together_no_more_than_there_is() {
        let pot = Pot::new(5, 3);
        let mut first = pot.nothing('a');
        first.grow(2).unwrap();
        assert_eq!(first.grow(2), Err(Full::Share));
        first.grow(1).unwrap();
        let second = pot.one('b').unwrap();
        let third = pot.one_for_anybody().unwrap();
        assert_eq!(pot.one('c').unwrap_err(), Full::Pot);
        drop(first);
        let third = third.counted_to('b').unwrap();
        let fourth = pot.one_for_anybody().unwrap().counted_to('b').unwrap();
        assert_eq!(pot.one_for_anybody().unwrap().counted_to('b').unwrap_err(), Full::Share);
        drop((second, third, fourth));
        let taken = pot.taken();
        assert_eq!((taken.left, taken.by.len()), (5, 0), "all is back, also of what was refused");
    }

    #[test]
    fn an_account_has_a_quarter_or_two_of_the_largest() {
        for (units, largest, share) in [(8_192, 1, 2_048), (512, 64, 128), (512, 100, 200), (4, 64, 128)] {
            assert_eq!(Pot::of_accounts(units, largest).0.share, share, "{units} {largest}");
        }
    }

    #[test]
    fn of_what_is_closed_nothing_is_taken() {
        let pot = Pot::new(5, 3);
        let before = pot.one('a').unwrap();
        pot.close();
        assert_eq!(pot.one('b').unwrap_err(), Full::Pot);
        drop(before);
        assert_eq!(pot.one('b').unwrap_err(), Full::Pot, "nor of what comes back");
    }
}
