//! Refresh tokens of apps. Each is good for one use; used ones stay, so that a second use is noticed. Only hashes are here.

use domain::{AppId, Timestamp, TokenHash};
use sqlx::postgres::PgRow;

use super::account_of;
use crate::{AccountScope, Db, JobTx, StorageError, Tx, read};

statements! {
    INSERT = "insert into refresh_token (account_id, token_hash, app_id, parent, created_at, expires_at) \
              values ($1, $2, $3, $4, $5, $6)";
    BY_HASH = "select account_id from refresh_token where token_hash = $1";
    ONE = "select app_id, expires_at, used_at from refresh_token where account_id = $1 and token_hash = $2";
    USE_UP = "update refresh_token set used_at = $3 \
              where account_id = $1 and token_hash = $2 and used_at is null and expires_at > $3";
    ONE_ALONE = "select app_id, expires_at, used_at from refresh_token where account_id = $1 and token_hash = $2 for update";
    TAKE_BACK = "update refresh_token set used_at = $3 where account_id = $1 and parent = $2 and used_at is null";
    FORGET = "delete from refresh_token where expires_at < $1";
}

/// A refresh token to be.
#[derive(Clone, Debug)]
pub struct NewRefreshToken {
    /// The hash of its text.
    pub hash: TokenHash,
    /// Whose.
    pub app: AppId,
    /// The one whose use made it; none for the first of an app.
    pub parent: Option<TokenHash>,
    /// When.
    pub created_at: Timestamp,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

/// A refresh token, used or not.
#[derive(Clone, Copy, Debug)]
pub struct RefreshRow {
    /// Whose.
    pub app: AppId,
    /// From then on it is void.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

impl Db {
    /// Leave to work in the account that this refresh token is of.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn account_of_refresh_token(&self, hash: &TokenHash) -> Result<Option<AccountScope>, StorageError> {
        account_of(self, BY_HASH, hash).await
    }
}

impl Tx {
    /// Adds a refresh token.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_refresh_token(&mut self, new: &NewRefreshToken) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.hash.as_bytes().as_slice())
            .bind(new.app.uuid())
            .bind(new.parent.as_ref().map(|hash| hash.as_bytes().as_slice()))
            .bind(new.created_at.to_datetime())
            .bind(new.expires_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// One refresh token.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn refresh_token(&mut self, hash: &TokenHash) -> Result<Option<RefreshRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(hash.as_bytes().as_slice()).try_map(row);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// One refresh token, for this transaction alone: of several at the same time each waits here until the one before it has
    /// ended, and sees what that did.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn refresh_token_alone(&mut self, hash: &TokenHash) -> Result<Option<RefreshRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE_ALONE).bind(account).bind(hash.as_bytes().as_slice()).try_map(row);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// Uses a refresh token up; whether it was still good. Of two at the same time only one gets `true`.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn use_refresh_token(&mut self, hash: &TokenHash, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(USE_UP).bind(account).bind(hash.as_bytes().as_slice()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Takes the unused token back that came of the use of `parent`: whether there was one, so that never two of an app are
    /// good at once.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn take_back_refresh_token(&mut self, parent: &TokenHash, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(TAKE_BACK).bind(account).bind(parent.as_bytes().as_slice()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }
}

impl JobTx {
    /// Removes the refresh tokens that were void before `before`, in all accounts; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_refresh_tokens(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        Ok(sqlx::query(FORGET).bind(before.to_datetime()).execute(self.connection()).await?.rows_affected())
    }
}

fn row(row: PgRow) -> Result<RefreshRow, sqlx::Error> {
    Ok(RefreshRow {
        app: read::id(&row, "app_id", AppId::from_uuid)?,
        expires_at: read::time(&row, "expires_at")?,
        used_at: read::time_or_none(&row, "used_at")?,
    })
}
