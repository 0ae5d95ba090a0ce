//! Connectors: the tokens that a program beside a server dials in with, and when one was last there.

use domain::{ConnectorId, ConnectorSeen, ServerId, SnapshotConnector, Timestamp, TokenHash, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{StorageError, Tx, read};

statements! {
    INSERT = "insert into connector (account_id, id, server_id, token_hash, created_by, created_at) \
              values ($1, $2, $3, $4, $5, $6)";
    LIST = "select id, created_at, seen_at, about, ends_at from connector \
            where account_id = $1 and server_id = $2 and revoked_at is null and (ends_at is null or ends_at > $3) \
            order by created_at desc, id desc";
    END = "update connector set ends_at = $4 where account_id = $1 and server_id = $2 and id = $3 and revoked_at is null \
               and ends_at is null";
    REVOKE = "update connector set revoked_at = $4 where account_id = $1 and server_id = $2 and id = $3 and revoked_at is null";
    REVOKE_ALL = "update connector set revoked_at = $3 where account_id = $1 and server_id = $2 and revoked_at is null";
    SEEN = "update connector set seen_at = $4, about = $5 where account_id = $1 and server_id = $2 and id = $3 \
                and (seen_at is null or seen_at < $4)";
    SNAPSHOT = "select id, token_hash, server_id, ends_at from connector where account_id = $1 and revoked_at is null \
                and (ends_at is null or ends_at > $2) order by id";
}

/// A connector's token to be.
#[derive(Clone, Debug)]
pub struct NewConnectorRow {
    /// The new id.
    pub id: ConnectorId,
    /// The server it may stand for.
    pub server: ServerId,
    /// The hash of its text.
    pub hash: TokenHash,
    /// Who makes it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// A connector's token that is not revoked.
#[derive(Clone, Debug)]
pub struct ConnectorRow {
    /// Which.
    pub id: ConnectorId,
    /// Since when.
    pub created_at: Timestamp,
    /// When a connector with it was last heard to come or go.
    pub seen_at: Option<Timestamp>,
    /// What the connector said of itself then.
    pub about: Option<String>,
    /// When it ends, because it was replaced.
    pub ends_at: Option<Timestamp>,
}

impl Tx {
    /// Adds a connector's token.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_connector(&mut self, new: &NewConnectorRow) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.server.uuid())
            .bind(new.hash.as_bytes().as_slice())
            .bind(new.created_by.uuid())
            .bind(new.created_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// A server's connector tokens that are in force at `now`, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn connectors(&mut self, server: ServerId, now: Timestamp) -> Result<Vec<ConnectorRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(server.uuid()).bind(now.to_datetime()).try_map(connector);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Lets a server's connector token end; whether there was one that had no end yet.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn end_connector(
        &mut self,
        server: ServerId,
        id: ConnectorId,
        at: Timestamp,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(END).bind(account).bind(server.uuid()).bind(id.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes a server's connector token; whether there was one.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_connector(
        &mut self,
        server: ServerId,
        id: ConnectorId,
        at: Timestamp,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE).bind(account).bind(server.uuid()).bind(id.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes all of a server's connector tokens; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_connectors_of(&mut self, server: ServerId, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE_ALL).bind(account).bind(server.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Notes that a connector came or went, unless something later is noted already.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn connector_seen(&mut self, seen: &ConnectorSeen) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(SEEN)
            .bind(account)
            .bind(seen.server.uuid())
            .bind(seen.connector.uuid())
            .bind(seen.at.to_datetime())
            .bind(read::storable(&seen.about))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The connector tokens that are in force at `now`, as a snapshot carries them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_connectors(&mut self, now: Timestamp) -> Result<Vec<SnapshotConnector>, StorageError> {
        let account = self.id();
        let query = sqlx::query(SNAPSHOT).bind(account).bind(now.to_datetime()).try_map(snapshot_connector);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

fn connector(row: PgRow) -> Result<ConnectorRow, sqlx::Error> {
    Ok(ConnectorRow {
        id: read::id(&row, "id", ConnectorId::from_uuid)?,
        created_at: read::time(&row, "created_at")?,
        seen_at: read::time_or_none(&row, "seen_at")?,
        about: row.try_get("about")?,
        ends_at: read::time_or_none(&row, "ends_at")?,
    })
}

fn snapshot_connector(row: PgRow) -> Result<SnapshotConnector, sqlx::Error> {
    Ok(SnapshotConnector {
        id: read::id(&row, "id", ConnectorId::from_uuid)?,
        hash: read::hash(&row, "token_hash")?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        ends_at: read::time_or_none(&row, "ends_at")?,
    })
}
