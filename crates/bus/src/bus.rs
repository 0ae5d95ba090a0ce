//! The one type that others hold; which bus is behind it was decided at start.

use std::{path::Path, sync::Arc, time::Duration};

use domain::{AccountId, AccountSlug, Clock, EventEnvelope, GatewayId, ServerId, SignedSnapshot};
use tokio::sync::broadcast;

use crate::{
    BusError, NotRecorded, Notice, Presence, RedisConfig, SpoolLimit,
    event::{Ack, Durability, Taken},
    memory::MemoryBus,
    redis::RedisBus,
};

/// What control plane and gateways tell each other. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Memory(MemoryBus),
    Redis(RedisBus),
}

impl Bus {
    /// A bus inside this process. Events are kept in `spool_dir` until they are acknowledged; snapshots and presence are
    /// in memory only, so the control plane has to publish anew at start.
    ///
    /// # Errors
    /// [`BusError::Spool`] when the folder cannot be used.
    pub fn memory(spool_dir: &Path, clock: Clock) -> Result<Self, BusError> {
        Self::memory_bounded(spool_dir, SpoolLimit::default(), clock)
    }

    /// [`Bus::memory`] with a bound of one's own for the event queue.
    ///
    /// # Errors
    /// [`BusError::Spool`] when the folder cannot be used.
    pub fn memory_bounded(spool_dir: &Path, limit: SpoolLimit, clock: Clock) -> Result<Self, BusError> {
        Ok(Self(Arc::new(Inner::Memory(MemoryBus::open(spool_dir, limit, clock)?))))
    }

    /// A bus over Redis. Call it within a tokio runtime: it starts background tasks, which [`Bus::close`] ends.
    ///
    /// # Errors
    /// [`BusError::Address`] for a URL that is none, [`BusError::Away`] when Redis does not answer within
    /// [`RedisConfig::connect_within`], [`BusError::Spool`] when the spool folder cannot be used. Later outages are survived.
    pub async fn redis(config: RedisConfig) -> Result<Self, BusError> {
        Ok(Self(Arc::new(Inner::Redis(RedisBus::connect(config).await?))))
    }

    /// Publishes an account's snapshot and sends a notice. An older version than the published one changes nothing.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not do it; in process never.
    pub async fn publish(&self, slug: &AccountSlug, snapshot: &SignedSnapshot) -> Result<(), BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.publish(slug, snapshot),
            Inner::Redis(bus) => bus.publish(slug, snapshot).await?,
        }
        Ok(())
    }

    /// Takes an account's snapshot away (the account was removed, or its slug changed) and sends a notice.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not do it.
    pub async fn withdraw(&self, slug: &AccountSlug) -> Result<(), BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.withdraw(slug),
            Inner::Redis(bus) => bus.withdraw(slug).await?,
        }
        Ok(())
    }

    /// The version that gateways would load now.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not answer.
    pub async fn published_version(&self, slug: &AccountSlug) -> Result<Option<u64>, BusError> {
        Ok(self.versions(std::slice::from_ref(slug)).await?.pop().flatten())
    }

    /// The versions of several accounts, in their order, in one round trip. As claimed: opening a snapshot verifies it.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not answer.
    pub async fn versions(&self, slugs: &[AccountSlug]) -> Result<Vec<Option<u64>>, BusError> {
        match &*self.0 {
            Inner::Memory(bus) => Ok(slugs.iter().map(|slug| bus.version(slug)).collect()),
            Inner::Redis(bus) => bus.versions(slugs).await,
        }
    }

    /// An account's snapshot, as it was published.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not answer.
    pub async fn load(&self, slug: &AccountSlug) -> Result<Option<SignedSnapshot>, BusError> {
        match &*self.0 {
            Inner::Memory(bus) => Ok(bus.load(slug)),
            Inner::Redis(bus) => bus.load(slug).await,
        }
    }

    /// Notices from now on. Some may be lost; a listener that is too slow is told so (`Lagged`) and checks versions.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        match &*self.0 {
            Inner::Memory(bus) => bus.notices(),
            Inner::Redis(bus) => bus.notices(),
        }
    }

    /// Sends an event on its way.
    ///
    /// # Errors
    /// [`NotRecorded`]: nothing was kept, and the call that needed the record must not go on.
    pub async fn append(&self, envelope: &EventEnvelope, durability: Durability) -> Result<(), NotRecorded> {
        match &*self.0 {
            Inner::Memory(bus) => bus.append(envelope, durability).await,
            Inner::Redis(bus) => bus.append(envelope, durability).await,
        }
    }

    /// The oldest events of these accounts that are not acknowledged, at most about `max`; the same ones again until they
    /// are. At least once: repeats are told by `(gateway, sequence)`.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not answer or the queue's files cannot be read.
    pub async fn take(&self, accounts: &[AccountId], max: usize) -> Result<Vec<Taken>, BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.take(accounts, max).await,
            Inner::Redis(bus) => bus.take(accounts, max).await,
        }
    }

    /// These are stored for good and need not come again.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not do it; then they come again.
    pub async fn ack(&self, acks: &[Ack]) -> Result<(), BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.ack(acks),
            Inner::Redis(bus) => bus.ack(acks).await?,
        }
        Ok(())
    }

    /// Waits until [`Bus::take`] is worth calling: something may have come. Returns within about a second while anything
    /// waits, so a recorder that failed needs no timer of its own.
    pub async fn event_ready(&self) {
        match &*self.0 {
            Inner::Memory(bus) => bus.event_ready().await,
            Inner::Redis(bus) => bus.event_ready().await,
        }
    }

    /// Says which connectors of a server a gateway holds now; to be said again well before `ttl` is over. With none it is
    /// taken back at once.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not do it.
    pub async fn set_presence(
        &self,
        account: AccountId,
        server: ServerId,
        presence: &Presence,
        ttl: Duration,
    ) -> Result<(), BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.set_presence(account, server, presence, ttl),
            Inner::Redis(bus) => bus.set_presence(account, server, presence, ttl).await?,
        }
        Ok(())
    }

    /// The connectors of a server that are there now, gateway by gateway, the one that spoke last at the end; each has at
    /// least one.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not answer.
    pub async fn presence(&self, account: AccountId, server: ServerId) -> Result<Vec<Presence>, BusError> {
        match &*self.0 {
            Inner::Memory(bus) => Ok(bus.presence(account, server)),
            Inner::Redis(bus) => bus.presence(account, server).await,
        }
    }

    /// Says where the other gateways reach this one (`host:port`), to be said again well before `ttl` is over; with none it
    /// is taken back at once.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not do it.
    pub async fn set_gateway(&self, gateway: GatewayId, address: Option<&str>, ttl: Duration) -> Result<(), BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.set_gateway(gateway, address, ttl),
            Inner::Redis(bus) => bus.set_gateway(gateway, address, ttl).await?,
        }
        Ok(())
    }

    /// Where a gateway is reached by the others; none: it is gone, or cannot be reached.
    ///
    /// # Errors
    /// [`BusError`] when Redis does not answer.
    pub async fn gateway(&self, gateway: GatewayId) -> Result<Option<String>, BusError> {
        match &*self.0 {
            Inner::Memory(bus) => Ok(bus.gateway(gateway)),
            Inner::Redis(bus) => bus.gateway(gateway).await,
        }
    }

    /// Drops all events and presence of an account that was removed. Its snapshot goes with [`Bus::withdraw`].
    ///
    /// # Errors
    /// [`BusError`] when Redis does not do it.
    pub async fn forget_account(&self, account: AccountId) -> Result<(), BusError> {
        match &*self.0 {
            Inner::Memory(bus) => bus.forget_account(account),
            Inner::Redis(bus) => bus.forget_account(account).await?,
        }
        Ok(())
    }

    /// Sends or writes down what is on its way and ends the background tasks. Later appends are refused.
    pub async fn close(&self) {
        match &*self.0 {
            Inner::Memory(bus) => bus.close().await,
            Inner::Redis(bus) => bus.close().await,
        }
    }
}
