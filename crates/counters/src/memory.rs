//! Counters in this process, in 64 parts with a lock each. All counters of an account are in one part, so a call's limits
//! are decided under one lock, and no lock is held across an await.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{AccountId, ApprovalId, Clock};
use policy::{
    Decimal, Timestamp,
    window::{Ring, Slot},
};

use crate::{
    Answered, ApprovalAnswer, ApprovalState, CounterKey, CountersUnavailable, GiveBack, Reservation, Reserve, Reserved,
    approval::{Request, Stands, Used},
    plan::{self, Entry, Verdict},
};

mod requests;

use requests::{Found, Requests};
pub(crate) use requests::{Place, Stored};

const PARTS: usize = 64;
/// A part looks for idle counters and expired requests when it has grown to twice what was left the last time, and not below this.
const SWEEP_FROM: usize = 1024;

pub(crate) struct Memory {
    clock: Clock,
    parts: Box<[Mutex<Part>]>,
}

pub(crate) struct Part {
    pub(crate) counters: HashMap<CounterKey, Counter>,
    pub(crate) requests: Requests,
    sweep_at: usize,
}

pub(crate) struct Counter {
    pub(crate) ring: Ring,
    /// The journal's number of the last change; 0 without a journal.
    pub(crate) changed: u64,
}

/// A change to one counter or to one request, as a journal keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    /// `amount` was added at `at`.
    Took { key: &'a CounterKey, at: Timestamp, amount: &'a Decimal },
    /// `amount` went back to `slot`.
    GaveBack { key: &'a CounterKey, slot: Slot, amount: &'a Decimal },
    /// This request stands there from now on.
    Stands { place: Place, request: Request },
    /// None stands there any more.
    Gone { place: Place },
}

/// Where changes are written before they count. Called under the lock of the counters' part, so the order of the journal
/// is the order of the changes.
pub(crate) trait Journal {
    /// Writes the changes of one call as one record and gives its number; after an error nothing of it is kept.
    fn write(&self, changes: &[Change<'_>]) -> std::io::Result<u64>;
}

/// No journal: counters end with the process.
pub(crate) struct NoJournal;

impl Journal for NoJournal {
    fn write(&self, _: &[Change<'_>]) -> std::io::Result<u64> {
        Ok(0)
    }
}

impl Memory {
    pub(crate) fn new(clock: Clock) -> Self {
        let part =
            || Mutex::new(Part { counters: HashMap::new(), requests: Requests::default(), sweep_at: SWEEP_FROM });
        Self { clock, parts: std::iter::repeat_with(part).take(PARTS).collect() }
    }

    pub(crate) fn reserve(
        &self,
        reserve: &Reserve<'_>,
        journal: &impl Journal,
    ) -> Result<Reserved, CountersUnavailable> {
        let entries = plan::entries(reserve)?;
        let now = self.now();
        let mut part = self.part(reserve.account);
        let used = match part.approval(reserve, self.clock.now(), journal)? {
            Ok(used) => used,
            Err(not_approved) => return Ok(not_approved),
        };
        let mut verdict = part.ask(&entries, now);
        verdict.shadow_full.sort_unstable();
        if let Some((index, retry_after_us)) = verdict.refused() {
            return Ok(Reserved::Full { index, retry_after_us });
        }
        let charged: Vec<&Entry<'_>> = entries.iter().filter(|entry| !entry.is_left_out(&verdict)).collect();
        let took = charged.iter().map(|e| Change::Took { key: e.key, at: now, amount: e.amount });
        let gone = used.map(|used| Change::Gone { place: Place { account: reserve.account, binding: used.binding } });
        let changes: Vec<Change<'_>> = gone.into_iter().chain(took).collect();
        let number = write(journal, &changes)?;
        let taken = charged.into_iter().map(|entry| entry.taken(part.add(entry, now, number))).collect();
        if let Some(gone) = gone {
            part.apply(gone, number);
        }
        part.sweep_when_grown(now);
        let reservation = Reservation { account: reserve.account, taken, used };
        Ok(Reserved::Granted { reservation, shadow_full: verdict.shadow_full, record_stored: false })
    }

    pub(crate) fn give_back(
        &self,
        reservation: Reservation,
        what: GiveBack,
        journal: &impl Journal,
    ) -> Result<(), CountersUnavailable> {
        let account = reservation.account;
        let (returned, used) = reservation.returns(what);
        let gave_back =
            returned.iter().map(|taken| Change::GaveBack { key: &taken.key, slot: taken.slot, amount: &taken.amount });
        let now = self.clock.now();
        let mut part = self.part(account);
        let restored = used.and_then(|used| part.restored(account, used, now));
        let changes: Vec<Change<'_>> = restored.into_iter().chain(gave_back).collect();
        let number = write(journal, &changes)?;
        for change in changes {
            part.apply(change, number);
        }
        Ok(())
    }

    pub(crate) fn answer_approval(
        &self,
        place: Place,
        id: ApprovalId,
        answer: ApprovalAnswer,
        journal: &impl Journal,
    ) -> Result<Answered, CountersUnavailable> {
        let mut part = self.part(place.account);
        let now = self.clock.now();
        let answered = part.requests.get(place).and_then(|stored| stored.request.answered(id, answer, now));
        let Some(request) = answered else { return Ok(Answered::Gone) };
        part.make(Change::Stands { place, request }, journal)?;
        Ok(Answered::Done)
    }

    pub(crate) fn withdraw_approval(
        &self,
        place: Place,
        id: ApprovalId,
        journal: &impl Journal,
    ) -> Result<(), CountersUnavailable> {
        let mut part = self.part(place.account);
        let waits = |stored: &&Stored| stored.request.id == id && stored.request.stands == Stands::Pending;
        match part.requests.get(place).filter(waits) {
            Some(_) => part.make(Change::Gone { place }, journal),
            None => Ok(()),
        }
    }

    pub(crate) fn read(&self, keys: &[CounterKey]) -> Vec<Decimal> {
        let now = self.now();
        let sum = |key: &CounterKey| self.part(key.account).counters.get(key).map(|counter| counter.ring.sum(now));
        keys.iter().map(|key| sum(key).unwrap_or(Decimal::ZERO)).collect()
    }

    /// How many counters and requests it holds, idle ones included.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.each_part().map(|part| part.counters.len() + part.requests.len()).sum()
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.now().0)
    }

    pub(crate) fn part(&self, account: AccountId) -> MutexGuard<'_, Part> {
        let [.., last] = *account.uuid().as_bytes();
        lock(&self.parts[usize::from(last) % PARTS])
    }

    /// Every part in turn, locked while it is looked at.
    pub(crate) fn each_part(&self) -> impl Iterator<Item = MutexGuard<'_, Part>> {
        self.parts.iter().map(lock)
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(journal: &impl Journal, changes: &[Change<'_>]) -> Result<u64, CountersUnavailable> {
    if changes.is_empty() {
        return Ok(0);
    }
    journal.write(changes).map_err(|error| CountersUnavailable::Disk(error.to_string()))
}

impl Part {
    fn ask(&self, entries: &[Entry<'_>], now: Timestamp) -> Verdict {
        let mut verdict = Verdict::default();
        for entry in entries {
            let empty = Ring::new(entry.key.window);
            let ring = self.counters.get(entry.key).map_or(&empty, |counter| &counter.ring);
            for limit in &entry.limits {
                if let Err(full) = ring.check(now, entry.amount, limit.max) {
                    verdict.full(limit, full);
                }
            }
        }
        verdict
    }

    /// The approval that a call needs, or why it may not pass.
    fn approval(
        &mut self,
        reserve: &Reserve<'_>,
        now: domain::Timestamp,
        journal: &impl Journal,
    ) -> Result<Result<Option<Used>, Reserved>, CountersUnavailable> {
        let Some(ask) = &reserve.approval else { return Ok(Ok(None)) };
        let place = Place { account: reserve.account, binding: ask.binding };
        let standing = match self.requests.ask(place, ask, now) {
            Found::Approved(request) => return Ok(Ok(Some(Used { binding: ask.binding, request }))),
            Found::NotApproved(standing) => standing,
            Found::ToWrite(request) => {
                self.make(Change::Stands { place, request }, journal)?;
                self.sweep_when_grown(now.into());
                request.standing(ApprovalState::Asked)
            }
        };
        Ok(Err(Reserved::NotApproved(standing)))
    }

    /// Puts an approval back whose call was never delivered, unless it is over or the call was asked for anew.
    fn restored(&self, account: AccountId, used: Used, now: domain::Timestamp) -> Option<Change<'static>> {
        let place = Place { account, binding: used.binding };
        let taken = self.requests.get(place).is_some_and(|stored| !stored.request.is_over(now));
        (!taken && !used.request.is_over(now)).then_some(Change::Stands { place, request: used.request })
    }

    /// Writes one change to the journal and makes it.
    fn make(&mut self, change: Change<'_>, journal: &impl Journal) -> Result<(), CountersUnavailable> {
        let number = write(journal, &[change])?;
        self.apply(change, number);
        Ok(())
    }

    fn add(&mut self, entry: &Entry<'_>, now: Timestamp, number: u64) -> Slot {
        let counter = self.counter(entry.key);
        counter.changed = number;
        counter.ring.add(now, entry.amount)
    }

    /// Makes a change that is in the journal already.
    pub(crate) fn apply(&mut self, change: Change<'_>, number: u64) {
        match change {
            Change::Took { key, at, amount } => {
                let counter = self.counter(key);
                counter.changed = number;
                counter.ring.add(at, amount);
            }
            Change::GaveBack { key, slot, amount } => {
                if let Some(counter) = self.counters.get_mut(key) {
                    counter.changed = number;
                    counter.ring.refund(slot, amount);
                }
            }
            Change::Stands { place, request } => self.requests.put(place, request, number),
            Change::Gone { place } => self.requests.remove(place),
        }
    }

    fn counter(&mut self, key: &CounterKey) -> &mut Counter {
        self.counters.entry(key.clone()).or_insert_with(|| Counter { ring: Ring::new(key.window), changed: 0 })
    }

    fn sweep_when_grown(&mut self, now: Timestamp) {
        if self.counters.len() + self.requests.len() >= self.sweep_at {
            self.sweep(now);
        }
    }

    /// Forgets counters that count nothing any more and requests that are over.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.counters.retain(|_, counter| !counter.ring.is_idle(now));
        self.requests.sweep(domain::Timestamp(now.0));
        self.sweep_at = SWEEP_FROM.max((self.counters.len() + self.requests.len()) * 2);
    }
}
