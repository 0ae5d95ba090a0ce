//! Authorization codes: what a person has just allowed, until its client fetches it. Only hashes are here.

use domain::{AppId, Scopes, Timestamp, TokenHash, UserId};
use sqlx::{Row as _, postgres::PgRow};

use super::{AppClient, account_of, client, scopes};
use crate::{AccountScope, Db, JobTx, StorageError, Tx, read};

statements! {
    INSERT = "insert into authorization_code (account_id, token_hash, user_id, client_id, client_name, client_host, \
                  resource, scopes, redirect_uri, challenge, created_at, expires_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    BY_HASH = "select account_id from authorization_code where token_hash = $1";
    ONE = "select user_id, client_id, client_name, client_host, resource, scopes, redirect_uri, challenge, expires_at, \
               used_at, app_id from authorization_code where account_id = $1 and token_hash = $2";
    USE_UP = "update authorization_code set used_at = $3, app_id = $4 \
              where account_id = $1 and token_hash = $2 and used_at is null and expires_at > $3";
    VOID_OF = "update authorization_code set expires_at = $3 where account_id = $1 and user_id = $2 and expires_at > $3";
    FORGET = "delete from authorization_code where expires_at < $1";
}

/// A code to be.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The hash of its text.
    pub hash: TokenHash,
    /// Who allowed it.
    pub user: UserId,
    /// To which client.
    pub client: AppClient,
    /// For which gateway URL.
    pub resource: String,
    /// To do what.
    pub scopes: Scopes,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The PKCE challenge (S256) that its bearer has to answer.
    pub challenge: String,
    /// When.
    pub created_at: Timestamp,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

/// A code, used or not.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// Who allowed it.
    pub user: UserId,
    /// To which client.
    pub client: AppClient,
    /// For which gateway URL.
    pub resource: String,
    /// To do what.
    pub scopes: Scopes,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The PKCE challenge (S256).
    pub challenge: String,
    /// From then on it is void.
    pub expires_at: Timestamp,
    /// When it was exchanged.
    pub used_at: Option<Timestamp>,
    /// For which app it was exchanged.
    pub app: Option<AppId>,
}

impl Db {
    /// Leave to work in the account that this code is of.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn account_of_code(&self, hash: &TokenHash) -> Result<Option<AccountScope>, StorageError> {
        account_of(self, BY_HASH, hash).await
    }
}

impl Tx {
    /// Adds a code.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_code(&mut self, new: &NewCode) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.hash.as_bytes().as_slice())
            .bind(new.user.uuid())
            .bind(&new.client.id)
            .bind(new.client.name.as_str())
            .bind(&new.client.host)
            .bind(&new.resource)
            .bind(new.scopes.to_string())
            .bind(&new.redirect_uri)
            .bind(&new.challenge)
            .bind(new.created_at.to_datetime())
            .bind(new.expires_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// One code.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn code(&mut self, hash: &TokenHash) -> Result<Option<CodeRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(hash.as_bytes().as_slice()).try_map(code);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// Uses a code up for an app; whether it was still good. Of two at the same time only one gets `true`.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn use_code(&mut self, hash: &TokenHash, app: AppId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query =
            sqlx::query(USE_UP).bind(account).bind(hash.as_bytes().as_slice()).bind(at.to_datetime()).bind(app.uuid());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Makes a person's codes void that were not exchanged yet.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn void_codes_of(&mut self, user: UserId, at: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(VOID_OF).bind(account).bind(user.uuid()).bind(at.to_datetime()).execute(self.connection()).await?;
        Ok(())
    }
}

impl JobTx {
    /// Removes the codes that were void before `before`, in all accounts; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_codes(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        Ok(sqlx::query(FORGET).bind(before.to_datetime()).execute(self.connection()).await?.rows_affected())
    }
}

fn code(row: PgRow) -> Result<CodeRow, sqlx::Error> {
    Ok(CodeRow {
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        client: client(&row)?,
        resource: row.try_get("resource")?,
        scopes: scopes(&row)?,
        redirect_uri: row.try_get("redirect_uri")?,
        challenge: row.try_get("challenge")?,
        expires_at: read::time(&row, "expires_at")?,
        used_at: read::time_or_none(&row, "used_at")?,
        app: read::id_or_none(&row, "app_id", AppId::from_uuid)?,
    })
}
