//! The recorder: takes events off the bus and stores them, each in its account, then tells the bus that they are safe.
//!
//! An event may come more than once; storing it again changes nothing. An event that belongs to no account any more is
//! dropped, so that it cannot stand in the way of others.

use std::collections::BTreeMap;

use bus::{Ack, Taken};
use domain::{AccountId, CallDecided, CallSettled, Event, EventEnvelope};
use storage::AccountScope;

use crate::{Accounts, Error};

/// Events stored in one go.
const BATCH: usize = 500;
/// How far ahead the calls' partitions are made, in seconds: into the month after next.
const AHEAD_SECONDS: [i64; 3] = [0, 31 * 86_400, 62 * 86_400];

impl Accounts {
    /// Stores the events that wait; how many.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Bus`]: what was not stored comes again.
    pub async fn record_waiting(&self) -> Result<usize, Error> {
        let mut job = self.db().job().await?;
        let accounts = job.accounts().await?;
        job.commit().await?;
        let scopes: BTreeMap<AccountId, AccountScope> = accounts.into_iter().map(|s| (s.account(), s)).collect();
        let ids: Vec<AccountId> = scopes.keys().copied().collect();
        let mut stored = 0;
        loop {
            let taken = self.bus().take(&ids, BATCH).await?;
            if taken.is_empty() {
                return Ok(stored);
            }
            stored += taken.len();
            self.store(&scopes, taken).await?;
        }
    }

    /// Makes the partitions that calls of the coming weeks fall into.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn make_call_partitions(&self) -> Result<(), Error> {
        let mut job = self.db().job().await?;
        for ahead in AHEAD_SECONDS {
            job.make_call_partition(self.now().plus_seconds(ahead)).await?;
        }
        Ok(job.commit().await?)
    }

    async fn store(&self, scopes: &BTreeMap<AccountId, AccountScope>, taken: Vec<Taken>) -> Result<(), Error> {
        let mut by_account: BTreeMap<AccountId, Vec<EventEnvelope>> = BTreeMap::new();
        let mut acks: Vec<Ack> = Vec::with_capacity(taken.len());
        for Taken { envelope, ack } in taken {
            by_account.entry(envelope.account).or_default().push(envelope);
            acks.push(ack);
        }
        for (account, envelopes) in by_account {
            match scopes.get(&account) {
                Some(scope) => self.store_what_fits(scope, &envelopes).await?,
                None => tracing::warn!(%account, events = envelopes.len(), "events of an unknown account were dropped"),
            }
        }
        Ok(self.bus().ack(&acks).await?)
    }

    /// Stores events together, or one by one when the database refuses the values of one of them: that one is logged and
    /// dropped, so that it does not stand in the way of all others for ever.
    async fn store_what_fits(&self, scope: &AccountScope, envelopes: &[EventEnvelope]) -> Result<(), Error> {
        match self.store_in(scope, envelopes).await {
            Err(Error::Storage(error)) if error.is_about_values() => {}
            other => return other,
        }
        for envelope in envelopes {
            match self.store_in(scope, std::slice::from_ref(envelope)).await {
                Err(Error::Storage(error)) if error.is_about_values() => tracing::error!(
                    account = %envelope.account,
                    gateway = %envelope.gateway,
                    sequence = envelope.sequence,
                    error = &error as &dyn std::error::Error,
                    "an event was dropped, since the database does not take its values"
                ),
                other => other?,
            }
        }
        Ok(())
    }

    async fn store_in(&self, scope: &AccountScope, envelopes: &[EventEnvelope]) -> Result<(), Error> {
        let events = || envelopes.iter().map(|envelope| &envelope.event);
        let decided: Vec<&CallDecided> =
            events().filter_map(|e| if let Event::Decided(call) = e { Some(&**call) } else { None }).collect();
        let settled: Vec<&CallSettled> =
            events().filter_map(|e| if let Event::Settled(call) = e { Some(call) } else { None }).collect();

        let mut tx = self.db().account(scope).await?;
        if !decided.is_empty() {
            tx.store_decided(&decided).await?;
        }
        if !settled.is_empty() {
            tx.store_settled(&settled).await?;
        }
        for (key, at) in last_uses(&decided, |call| call.key) {
            tx.key_used(key, at).await?;
        }
        for (app, at) in last_uses(&decided, |call| call.app) {
            tx.app_used(app, at).await?;
        }
        for event in events() {
            match event {
                Event::Connector(seen) => tx.connector_seen(seen).await?,
                Event::ApprovalAsked(asked) => tx.store_approval(asked).await?,
                Event::ConnectionRefused(refused) => self.connection_refused(&mut tx, refused).await?,
                Event::Decided(_) | Event::Settled(_) | Event::Inventory(_) => {}
            }
        }
        tx.commit().await?;
        for event in events() {
            if let Event::Inventory(inventory) = event {
                self.take_inventory(scope, inventory).await?;
            }
        }
        Ok(())
    }
}

/// When each key or app was last used by these calls.
fn last_uses<T: Ord>(decided: &[&CallDecided], of: fn(&CallDecided) -> Option<T>) -> BTreeMap<T, domain::Timestamp> {
    let mut last = BTreeMap::new();
    for call in decided {
        if let Some(credential) = of(call) {
            let at = last.entry(credential).or_insert(call.at);
            *at = call.at.max(*at);
        }
    }
    last
}
