//! Which accounts' snapshots wait to be published. A row is written in the transaction of the change, so no change can be
//! committed and forgotten; it goes once the bus has that version or a later one.

use domain::{AccountId, Timestamp};
use sqlx::{Row as _, postgres::PgRow};

use crate::{AccountScope, JobTx, StorageError, Tx, read};

statements! {
    BUMP = "update account set snapshot_version = snapshot_version + 1 where id = $1 returning snapshot_version";
    LOCK = "select id from account where id = $1 for no key update";
    INSERT = "insert into outbox (account_id, version, created_at) values ($1, $2, $3)";
    WAITING = "select account_id, max(version) as version, min(created_at) as since from outbox \
               group by account_id order by min(created_at) limit $1";
    DONE = "delete from outbox where account_id = $1 and version <= $2";
}

/// An account whose snapshot waits.
#[derive(Clone, Debug)]
pub struct WaitingSnapshot {
    /// Leave to compile it.
    pub scope: AccountScope,
    /// The newest version that waits.
    pub version: u64,
    /// Since when.
    pub since: Timestamp,
}

impl Tx {
    /// Begins a change that gateways must know of: gives it the next version and writes the outbox row. Changes of one
    /// account queue up here, because it locks the account's row until the end of the transaction.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn bump_snapshot(&mut self, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let version: i64 = sqlx::query_scalar(BUMP).bind(account).fetch_one(self.connection()).await?;
        sqlx::query(INSERT).bind(account).bind(version).bind(at.to_datetime()).execute(self.connection()).await?;
        Ok(u64::try_from(version).map_err(|error| read::damaged("snapshot_version", error))?)
    }

    /// Begins a change that gateways need not know of: it takes its place in the same queue, and makes no version.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn lock_account(&mut self) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(LOCK).bind(account).execute(self.connection()).await?;
        Ok(())
    }

    /// Notes that the bus has this version.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_published(&mut self, version: u64) -> Result<(), StorageError> {
        let account = self.id();
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        sqlx::query(DONE).bind(account).bind(version).execute(self.connection()).await?;
        Ok(())
    }
}

impl JobTx {
    /// The accounts whose snapshots wait, the longest waiting first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn waiting_snapshots(&mut self, limit: u32) -> Result<Vec<WaitingSnapshot>, StorageError> {
        let query = sqlx::query(WAITING).bind(i64::from(limit)).try_map(waiting);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

fn waiting(row: PgRow) -> Result<WaitingSnapshot, sqlx::Error> {
    let version: i64 = row.try_get("version")?;
    Ok(WaitingSnapshot {
        scope: AccountScope::found(read::id(&row, "account_id", AccountId::from_uuid)?),
        version: u64::try_from(version).map_err(|error| read::damaged("version", error))?,
        since: read::time(&row, "since")?,
    })
}
