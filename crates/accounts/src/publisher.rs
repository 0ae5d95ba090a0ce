//! Publishing snapshots: after each change, and again for those that could not be published then.
//!
//! The outbox row of a change goes only once the bus has its version or a later one, so nothing is forgotten; the bus never
//! goes back in version, so publishing twice or out of order does no harm.

use domain::AccountSlug;
use storage::AccountScope;

use crate::{Accounts, Error, snapshot};

/// So many accounts in one round of the background job.
const ROUND: u32 = 100;
/// So many accounts' versions are asked of the bus at a time.
const COMPARED: usize = 500;

impl Accounts {
    /// Publishes an account's snapshot after a change. The change is committed by now; when the bus is away, the
    /// background job publishes it later, and until then gateways keep what they have.
    pub(crate) async fn published(&self, scope: &AccountScope) {
        if let Err(error) = self.publish(scope).await {
            tracing::warn!(
                account = %scope.account(),
                error = &error as &dyn std::error::Error,
                "a snapshot waits to be published"
            );
        }
    }

    /// Compiles, signs and publishes an account's snapshot.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Bus`], [`Error::Snapshot`].
    pub async fn publish(&self, scope: &AccountScope) -> Result<(), Error> {
        let mut tx = self.db().account_at_one_moment(scope).await?;
        let snapshot = snapshot::compile(&mut tx, self.now(), self.issuer()).await?;
        tx.commit().await?;
        let signed = snapshot.sign(self.key())?;
        self.bus().publish(&snapshot.slug, &signed).await?;
        let mut tx = self.db().account(scope).await?;
        tx.snapshot_published(snapshot.version).await?;
        Ok(tx.commit().await?)
    }

    /// Publishes the snapshots that wait; how many.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be seen which wait. An account whose snapshot fails keeps waiting and is logged.
    pub async fn publish_waiting(&self) -> Result<usize, Error> {
        let mut job = self.db().job().await?;
        let waiting = job.waiting_snapshots(ROUND).await?;
        job.commit().await?;
        for one in &waiting {
            self.published(&one.scope).await;
        }
        Ok(waiting.len())
    }

    /// Publishes every account whose snapshot on the bus is missing or older than the database's: at start, since a bus
    /// in process is empty then, and after Redis has lost its memory. How many.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Bus`] when it cannot be seen which are missing. An account whose snapshot fails is
    /// logged and keeps nobody else waiting.
    pub async fn publish_missing(&self) -> Result<usize, Error> {
        let mut job = self.db().job().await?;
        let accounts = job.account_versions().await?;
        job.commit().await?;
        let mut published = 0;
        for some in accounts.chunks(COMPARED) {
            let slugs: Vec<AccountSlug> = some.iter().map(|account| account.slug.clone()).collect();
            let there = self.bus().versions(&slugs).await?;
            for (account, version) in some.iter().zip(there) {
                if version.is_none_or(|version| version < account.version) {
                    self.published(&account.scope).await;
                    published += 1;
                }
            }
        }
        Ok(published)
    }
}
