//! OAuth clients that registered themselves. They belong to no account; nothing of them is secret.

use domain::{Name, Timestamp};
use sqlx::{Row as _, postgres::PgRow};

use crate::{Db, StorageError, read};

statements! {
    INSERT = "insert into oauth_client (id, name, redirect_uris, application_type, grant_types, created_at) \
              values ($1, $2, $3, $4, $5, $6)";
    ONE = "select id, name, redirect_uris, application_type, grant_types, created_at from oauth_client where id = $1";
    USED = "update oauth_client set last_used_at = greatest(last_used_at, $2) where id = $1";
    COUNT = "select count(*) from oauth_client";
    FORGET = "delete from oauth_client where coalesce(last_used_at, created_at) < $1 \
                  and (last_used_at is null or last_used_at < $2)";
}

/// A client as it registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClientRow {
    /// Its id.
    pub id: String,
    /// How it names itself.
    pub name: Name,
    /// Where codes may be sent.
    pub redirect_uris: Vec<String>,
    /// `native` or `web`, as it says.
    pub application_type: String,
    /// The grant types it registered.
    pub grant_types: Vec<String>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Db {
    /// Adds a client.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_oauth_client(&self, new: &OAuthClientRow) -> Result<(), StorageError> {
        sqlx::query(INSERT)
            .bind(&new.id)
            .bind(new.name.as_str())
            .bind(&new.redirect_uris)
            .bind(&new.application_type)
            .bind(&new.grant_types)
            .bind(new.created_at.to_datetime())
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// The client with this id.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn oauth_client(&self, id: &str) -> Result<Option<OAuthClientRow>, StorageError> {
        Ok(sqlx::query(ONE).bind(id).try_map(client).fetch_optional(self.pool()).await?)
    }

    /// Notes that a person allowed it something.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn oauth_client_used(&self, id: &str, at: Timestamp) -> Result<(), StorageError> {
        sqlx::query(USED).bind(id).bind(at.to_datetime()).execute(self.pool()).await?;
        Ok(())
    }

    /// How many clients there are.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn oauth_client_count(&self) -> Result<u64, StorageError> {
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(self.pool()).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Removes the clients that nobody ever allowed anything and that registered before `unused`, and those that nobody has
    /// allowed anything since `idle`; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_oauth_clients(&self, unused: Timestamp, idle: Timestamp) -> Result<u64, StorageError> {
        let query = sqlx::query(FORGET).bind(unused.to_datetime()).bind(idle.to_datetime());
        Ok(query.execute(self.pool()).await?.rows_affected())
    }
}

fn client(row: PgRow) -> Result<OAuthClientRow, sqlx::Error> {
    Ok(OAuthClientRow {
        id: row.try_get("id")?,
        name: read::text(&row, "name")?,
        redirect_uris: row.try_get("redirect_uris")?,
        application_type: row.try_get("application_type")?,
        grant_types: row.try_get("grant_types")?,
        created_at: read::time(&row, "created_at")?,
    })
}
