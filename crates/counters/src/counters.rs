//! The one type that others hold; which counters are behind it was decided at start.

use std::{io, path::Path, sync::Arc};

use domain::{AccountId, ApprovalBinding, ApprovalId, Clock};
use policy::Decimal;

use crate::{
    Answered, ApprovalAnswer, CounterKey, CountersUnavailable, GiveBack, RedisConfig, Reservation, Reserve, Reserved,
    durable::Durable,
    memory::{Memory, NoJournal, Place},
    redis::RedisCounters,
};

/// Counts what policies limit. Cheap to clone.
#[derive(Clone)]
pub struct Counters(Arc<Inner>);

enum Inner {
    Memory(Memory),
    Durable(Durable),
    Redis(Box<RedisCounters>),
}

impl Counters {
    /// Counters in this process, forgotten when it ends.
    #[must_use]
    pub fn memory(clock: Clock) -> Self {
        Self(Arc::new(Inner::Memory(Memory::new(clock))))
    }

    /// Counters in this process that survive its end, also `kill -9`: kept in `folder`, which one process at a time can
    /// have. Blocks while it reads what is there.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written, is in use, or holds a damaged snapshot; the text says what to do.
    pub fn durable(folder: &Path, clock: Clock) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner::Durable(Durable::open(folder, clock)?))))
    }

    /// Counters in Redis (or Valkey, 6.2 or later), shared by every process that uses the same one. Its clock decides.
    ///
    /// # Errors
    /// [`CountersUnavailable::Address`] for a URL that is none, [`CountersUnavailable::Away`] when it does not answer within
    /// [`RedisConfig::connect_within`]. Later outages are survived.
    pub async fn redis(config: RedisConfig) -> Result<Self, CountersUnavailable> {
        Ok(Self(Arc::new(Inner::Redis(Box::new(RedisCounters::connect(&config).await?)))))
    }

    /// With a journal that is replaced as soon as it is `long_bytes` long.
    #[cfg(test)]
    pub(crate) fn durable_with(folder: &Path, clock: Clock, long_bytes: u64) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner::Durable(Durable::open_with(folder, clock, long_bytes)?))))
    }

    /// Counters in Redis that go by `clock` instead of the store's: the same scripts but for that. Every key goes an hour
    /// (of the store's) after it was written. For tests and [`crate::ledger`]; for accounts that nothing else counts.
    ///
    /// # Errors
    /// As [`Counters::redis`].
    pub(crate) async fn redis_with_clock(config: &RedisConfig, clock: Clock) -> Result<Self, CountersUnavailable> {
        Ok(Self(Arc::new(Inner::Redis(Box::new(RedisCounters::connect_with_set_clock(config, clock).await?)))))
    }

    /// Removes what a set clock will never let expire.
    pub(crate) async fn remove(&self, keys: &[String]) -> Result<(), CountersUnavailable> {
        match &*self.0 {
            Inner::Redis(redis) => redis.remove(keys).await,
            Inner::Memory(_) | Inner::Durable(_) => Ok(()),
        }
    }

    /// The request that stands, in this process; over or not.
    #[cfg(test)]
    pub(crate) fn standing(&self, account: AccountId, binding: ApprovalBinding) -> Option<ApprovalId> {
        let place = Place { account, binding };
        let of = |memory: &Memory| memory.part(account).requests.get(place).map(|stored| stored.request.id);
        match &*self.0 {
            Inner::Memory(memory) => of(memory),
            Inner::Durable(durable) => of(durable.memory()),
            Inner::Redis(_) => None,
        }
    }

    /// How much is held in this process.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        match &*self.0 {
            Inner::Memory(memory) => memory.held(),
            Inner::Durable(durable) => durable.memory().held(),
            Inner::Redis(_) => 0,
        }
    }

    /// Charges every limit of a call, or none if an enforced one has no room or the approval it needs does not stand. An
    /// approval is used up with the charges, in one step; one that is asked for and does not stand is requested.
    ///
    /// # Errors
    /// [`CountersUnavailable`]: whether anything was charged is unknown; what was stays charged.
    pub async fn reserve(&self, reserve: Reserve<'_>) -> Result<Reserved, CountersUnavailable> {
        match &*self.0 {
            Inner::Memory(memory) => memory.reserve(&reserve, &NoJournal),
            Inner::Durable(durable) => durable.memory().reserve(&reserve, durable.journal()),
            Inner::Redis(redis) => redis.reserve(&reserve).await,
        }
    }

    /// Gives charges back to the windows in which they were taken; what has left its window has nothing to give back.
    ///
    /// # Errors
    /// [`CountersUnavailable`]: what was not given back stays charged.
    pub async fn give_back(&self, reservation: Reservation, what: GiveBack) -> Result<(), CountersUnavailable> {
        match &*self.0 {
            Inner::Memory(memory) => memory.give_back(reservation, what, &NoJournal),
            Inner::Durable(durable) => durable.memory().give_back(reservation, what, durable.journal()),
            Inner::Redis(redis) => redis.give_back(reservation, what).await,
        }
    }

    /// Puts a person's answer to a request where the call will find it.
    ///
    /// # Errors
    /// [`CountersUnavailable`]: whether the answer stands is unknown; the same may be given again.
    pub async fn answer_approval(
        &self,
        account: AccountId,
        binding: ApprovalBinding,
        id: ApprovalId,
        answer: ApprovalAnswer,
    ) -> Result<Answered, CountersUnavailable> {
        let place = Place { account, binding };
        match &*self.0 {
            Inner::Memory(memory) => memory.answer_approval(place, id, answer, &NoJournal),
            Inner::Durable(durable) => durable.memory().answer_approval(place, id, answer, durable.journal()),
            Inner::Redis(redis) => redis.answer_approval(place, id, answer).await,
        }
    }

    /// Forgets a request that waits, because it could not be recorded: nobody would ever see it. Asked again, the call
    /// opens a new one.
    ///
    /// # Errors
    /// [`CountersUnavailable`]: it may still stand; then a call told to record it again comes after a minute.
    pub async fn withdraw_approval(
        &self,
        account: AccountId,
        binding: ApprovalBinding,
        id: ApprovalId,
    ) -> Result<(), CountersUnavailable> {
        let place = Place { account, binding };
        match &*self.0 {
            Inner::Memory(memory) => memory.withdraw_approval(place, id, &NoJournal),
            Inner::Durable(durable) => durable.memory().withdraw_approval(place, id, durable.journal()),
            Inner::Redis(redis) => redis.withdraw_approval(place, id).await,
        }
    }

    /// What counts now, in the order asked for; for pages.
    ///
    /// # Errors
    /// [`CountersUnavailable`] when Redis does not answer.
    pub async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Decimal>, CountersUnavailable> {
        match &*self.0 {
            Inner::Memory(memory) => Ok(memory.read(keys)),
            Inner::Durable(durable) => Ok(durable.memory().read(keys)),
            Inner::Redis(redis) => redis.read(keys).await,
        }
    }

    /// Writes everything down; durable counters refuse changes afterwards. Dropping the last clone does the same.
    pub async fn close(&self) {
        let this = self.clone();
        let closed = tokio::task::spawn_blocking(move || {
            if let Inner::Durable(durable) = &*this.0 {
                durable.close();
            }
        });
        if closed.await.is_err() {
            tracing::error!("closing the counters panicked");
        }
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &*self.0 {
            Inner::Memory(_) => "Counters(memory)",
            Inner::Durable(_) => "Counters(durable)",
            Inner::Redis(_) => "Counters(redis)",
        })
    }
}
