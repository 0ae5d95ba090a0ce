//! Accounts: the tenants.

use domain::{AccountId, AccountSlug, Name, Sealed, Timestamp, WrappedDataKey};
use sqlx::{Row as _, postgres::PgRow};

use crate::{AccountScope, Db, JobTx, StorageError, Tx, read};

statements! {
    INSERT = "insert into account (id, slug, name, data_key, created_at) values ($1, $2, $3, $4, $5)";
    ONE = "select id, slug, name, data_key, snapshot_version, created_at from account where id = $1";
    ALL = "select id from account order by id";
    VERSIONS = "select id, slug, snapshot_version from account order by id";
    EXISTS = "select exists (select from account where id = $1)";
}

/// An account to be.
#[derive(Clone, Debug)]
pub struct NewAccountRow {
    /// The new id.
    pub id: AccountId,
    /// Its name in URLs.
    pub slug: AccountSlug,
    /// Its name for people.
    pub name: Name,
    /// Its data key, sealed under the deployment key.
    pub data_key: WrappedDataKey,
    /// When.
    pub created_at: Timestamp,
}

/// An account.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Which.
    pub id: AccountId,
    /// Its name in URLs.
    pub slug: AccountSlug,
    /// Its name for people.
    pub name: Name,
    /// Its data key, sealed under the deployment key.
    pub data_key: WrappedDataKey,
    /// The version of its last change.
    pub snapshot_version: u64,
    /// Since when.
    pub created_at: Timestamp,
}

/// An account and the version of its last change.
#[derive(Clone, Debug)]
pub struct AccountVersion {
    /// Leave to compile its snapshot.
    pub scope: AccountScope,
    /// Its name in URLs.
    pub slug: AccountSlug,
    /// The version of its last change.
    pub version: u64,
}

impl Db {
    /// Founds an account, and opens the transaction in it that founds it.
    ///
    /// # Errors
    /// [`crate::Constraint::AccountSlugTaken`].
    pub async fn found_account(&self, new: &NewAccountRow) -> Result<Tx, StorageError> {
        let mut tx = self.tx(new.id).await?;
        sqlx::query(INSERT)
            .bind(new.id.uuid())
            .bind(new.slug.as_str())
            .bind(new.name.as_str())
            .bind(&new.data_key.0.0)
            .bind(new.created_at.to_datetime())
            .execute(tx.connection())
            .await?;
        Ok(tx)
    }

    /// A transaction in one account in which all queries see the same moment; for compiling a snapshot.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn account_at_one_moment(&self, scope: &AccountScope) -> Result<Tx, StorageError> {
        let begun = self.pool().begin_with("begin isolation level repeatable read").await?;
        self.scoped(begun, scope.account()).await
    }
}

impl Tx {
    /// The account.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn account_row(&mut self) -> Result<AccountRow, StorageError> {
        let id = self.id();
        Ok(sqlx::query(ONE).bind(id).try_map(account).fetch_one(self.connection()).await?)
    }
}

impl JobTx {
    /// All accounts.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn accounts(&mut self) -> Result<Vec<AccountScope>, StorageError> {
        let query = sqlx::query(ALL).try_map(|row: PgRow| read::id(&row, "id", AccountId::from_uuid));
        Ok(query.fetch_all(self.connection()).await?.into_iter().map(AccountScope::found).collect())
    }

    /// All accounts with the versions of their last changes.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn account_versions(&mut self) -> Result<Vec<AccountVersion>, StorageError> {
        Ok(sqlx::query(VERSIONS).try_map(account_version).fetch_all(self.connection()).await?)
    }

    /// Leave to work in an account that a record or a job names, if there is such an account.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn scope(&mut self, account: AccountId) -> Result<Option<AccountScope>, StorageError> {
        let there: bool = sqlx::query_scalar(EXISTS).bind(account.uuid()).fetch_one(self.connection()).await?;
        Ok(there.then(|| AccountScope::found(account)))
    }
}

fn version(row: &PgRow) -> Result<u64, sqlx::Error> {
    let version: i64 = row.try_get("snapshot_version")?;
    u64::try_from(version).map_err(|error| read::damaged("snapshot_version", error))
}

fn account_version(row: PgRow) -> Result<AccountVersion, sqlx::Error> {
    Ok(AccountVersion {
        scope: AccountScope::found(read::id(&row, "id", AccountId::from_uuid)?),
        slug: read::parsed(&row, "slug")?,
        version: version(&row)?,
    })
}

fn account(row: PgRow) -> Result<AccountRow, sqlx::Error> {
    Ok(AccountRow {
        id: read::id(&row, "id", AccountId::from_uuid)?,
        slug: read::parsed(&row, "slug")?,
        name: read::text(&row, "name")?,
        data_key: WrappedDataKey(Sealed(row.try_get("data_key")?)),
        snapshot_version: version(&row)?,
        created_at: read::time(&row, "created_at")?,
    })
}
