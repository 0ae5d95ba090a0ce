//! Transactions, each of which sees only what belongs to its scope. Queries are methods, one file per aggregate.
//!
//! Invariant: the setting that row-level security compares with is local to the transaction, so no connection carries it
//! back into the pool. A transaction that is dropped is rolled back; a commit that has begun is finished.

use domain::{AccountId, UserId};
use sqlx::{PgConnection, Postgres, Transaction};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{AccountScope, StorageError};

/// A transaction in one account.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    account: AccountId,
}

/// A transaction of one person, across that person's accounts.
pub struct PersonTx {
    inner: Transaction<'static, Postgres>,
    user: UserId,
}

/// A transaction of a background job, across all accounts, with very few queries.
pub struct JobTx {
    inner: Transaction<'static, Postgres>,
}

impl Tx {
    pub(crate) fn new(inner: Transaction<'static, Postgres>, account: AccountId) -> Self {
        Self { inner, account }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The scope it was opened with.
    #[must_use]
    pub fn scope(&self) -> AccountScope {
        AccountScope::found(self.account)
    }

    /// Makes all that was done last.
    ///
    /// # Errors
    /// [`StorageError::Database`]: then nothing was done.
    pub async fn commit(self) -> Result<(), StorageError> {
        commit(self.inner).await
    }

    pub(crate) fn into_inner(self) -> Transaction<'static, Postgres> {
        self.inner
    }

    /// The account's id as a parameter.
    pub(crate) fn id(&self) -> Uuid {
        self.account.uuid()
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl PersonTx {
    pub(crate) fn new(inner: Transaction<'static, Postgres>, user: UserId) -> Self {
        Self { inner, user }
    }

    pub(crate) fn into_inner(self) -> Transaction<'static, Postgres> {
        self.inner
    }

    /// The person.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Makes all that was done last.
    ///
    /// # Errors
    /// [`StorageError::Database`]: then nothing was done.
    pub async fn commit(self) -> Result<(), StorageError> {
        commit(self.inner).await
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl JobTx {
    pub(crate) fn new(inner: Transaction<'static, Postgres>) -> Self {
        Self { inner }
    }

    /// Makes all that was done last.
    ///
    /// # Errors
    /// [`StorageError::Database`]: then nothing was done.
    pub async fn commit(self) -> Result<(), StorageError> {
        commit(self.inner).await
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

/// Commits, whether or not anybody waits for it to the end. Who waits is a request, and is dropped when its browser goes away:
/// sqlx would then send the rollback of a transaction that is over, and nobody would know which of the two came first. The
/// pool waits for the connection, and so for the task, before it closes.
pub(crate) async fn commit(inner: Transaction<'static, Postgres>) -> Result<(), StorageError> {
    let committed = tokio::spawn(inner.commit().in_current_span()).await;
    Ok(committed.unwrap_or(Err(sqlx::Error::WorkerCrashed))?)
}

macro_rules! opaque {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

opaque! { Tx PersonTx JobTx }
