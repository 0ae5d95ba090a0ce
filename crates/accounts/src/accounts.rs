//! The one value that faces hold: everything the use cases need, behind a cheap clone.

use std::{fmt, sync::Arc};

use bus::Bus;
use counters::Counters;
use domain::{AccessTokens, Clock, DataKey, DeploymentKey, Entropy, Permission, Timestamp};
use storage::{Db, Tx};
use tokio::sync::Semaphore;
use upstream::Dialer;

use crate::{
    Caller, Error, Retention,
    apps::{ClientDocuments, Documents},
    passwords::Passwords,
};

/// So many policies are checked at the same time.
const CHECKS: usize = 4;

/// The use cases. Clones share everything.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

/// What the use cases stand on.
#[derive(Clone)]
pub struct Wiring {
    /// Where everything is kept.
    pub db: Db,
    /// Where snapshots are published and records come from.
    pub bus: Bus,
    /// Where limits are counted and approvals stand: read for pages, and told people's answers.
    pub counters: Counters,
    /// How upstream servers are dialled, for probes and test calls.
    pub dialer: Dialer,
    /// The deployment's secret.
    pub key: DeploymentKey,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The rest.
    pub config: Config,
}

/// What an operator sets.
#[derive(Clone, Debug)]
pub struct Config {
    /// The origin before gateway URLs, as clients reach it: `https://gateway.example`; no slash at the end.
    pub gateway_origin: String,
    /// Where the control plane itself reaches a gateway, for test calls; no slash at the end.
    pub internal_gateway: String,
    /// The origin of the pages and of our OAuth server, as browsers and clients reach it; no slash at the end.
    pub issuer: String,
    /// Which clients' metadata documents are read.
    pub client_documents: ClientDocuments,
    /// How long what callers sent is kept.
    pub retention: Retention,
}

struct Inner {
    wiring: Wiring,
    passwords: Passwords,
    checks: Arc<Semaphore>,
    access_tokens: AccessTokens,
    documents: Documents,
}

impl Accounts {
    /// Makes the use cases.
    #[must_use]
    pub fn new(wiring: Wiring) -> Self {
        let access_tokens = AccessTokens::new(&wiring.key, &wiring.config.issuer);
        Self {
            inner: Arc::new(Inner {
                wiring,
                passwords: Passwords::new(),
                checks: Arc::new(Semaphore::new(CHECKS)),
                access_tokens,
                documents: Documents::new(),
            }),
        }
    }

    /// The origin before gateway URLs, as clients reach it.
    #[must_use]
    pub fn gateway_origin(&self) -> &str {
        &self.inner.wiring.config.gateway_origin
    }

    /// The origin of the pages and of our OAuth server.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.wiring.config.issuer
    }

    /// The public keys that access tokens are verified with, now (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.access_tokens().jwks(self.now())
    }

    pub(crate) fn access_tokens(&self) -> &AccessTokens {
        &self.inner.access_tokens
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.inner.documents
    }

    pub(crate) fn client_documents(&self) -> ClientDocuments {
        self.inner.wiring.config.client_documents
    }

    pub(crate) fn retention(&self) -> Retention {
        self.inner.wiring.config.retention
    }

    /// Where the control plane itself reaches a gateway.
    pub(crate) fn internal_gateway(&self) -> &str {
        &self.inner.wiring.config.internal_gateway
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.wiring.db
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.wiring.counters
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.inner.wiring.bus
    }

    pub(crate) fn key(&self) -> &DeploymentKey {
        &self.inner.wiring.key
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.wiring.clock
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &self.inner.wiring.entropy
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.inner.wiring.dialer
    }

    /// Places for checking policies off the async threads.
    pub(crate) fn checks(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.checks)
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.wiring.clock.now()
    }

    /// The key under which the account's secrets and arguments are sealed.
    pub(crate) async fn data_key(&self, tx: &mut Tx) -> Result<DataKey, Error> {
        let account = tx.account_row().await?;
        Ok(self.key().open_data_key(account.id, &account.data_key)?)
    }

    /// A transaction for looking, once the caller's role gives `needs`.
    pub(crate) async fn look(&self, caller: &Caller, needs: Permission) -> Result<Tx, Error> {
        caller.allowed(needs)?;
        Ok(self.db().account(caller.scope()).await?)
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

impl fmt::Debug for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiring")
    }
}
