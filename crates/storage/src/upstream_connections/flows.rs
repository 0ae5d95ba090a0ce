//! Authorizations under way in a person's browser.

use domain::{Sealed, ServerId, SessionId, Sharing, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};

use super::{ClientColumns, client};
use crate::{StorageError, Tx, read};

statements! {
    FORGET = "delete from upstream_flow \
              where account_id = $1 and (expires_at <= $2 or (server_id = $3 and user_id = $4))";
    INSERT = "insert into upstream_flow (account_id, state_hash, server_id, user_id, session_id, sharing, \
                  authorization_server, client_id, client_secret, auth_method, resource, scope, verifier, expires_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    TAKE = "delete from upstream_flow \
            where account_id = $1 and state_hash = $2 and user_id = $3 and session_id = $4 and expires_at > $5 \
            returning state_hash, server_id, user_id, session_id, sharing, authorization_server, client_id, client_secret, \
                auth_method, resource, scope, verifier, expires_at";
    DROP = "delete from upstream_flow where account_id = $1 and server_id = $2";
}

/// An authorization under way.
#[derive(Clone, Debug)]
pub struct FlowRow {
    /// SHA-256 of its state.
    pub state_hash: [u8; 32],
    /// The server to connect.
    pub server: ServerId,
    /// Who began it.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// Whose connection it will be.
    pub sharing: Sharing,
    /// The authorization server, as JSON.
    pub authorization_server: String,
    /// As which client.
    pub client: ClientColumns,
    /// What tokens are asked for.
    pub resource: String,
    /// What is asked for.
    pub scope: Option<String>,
    /// The PKCE verifier.
    pub verifier: Sealed,
    /// From then on it is of no use.
    pub expires_at: Timestamp,
}

impl Tx {
    /// Keeps an authorization that begins `now`, in place of an earlier one of the same person and server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_flow(&mut self, new: &FlowRow, now: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        let forget =
            sqlx::query(FORGET).bind(account).bind(now.to_datetime()).bind(new.server.uuid()).bind(new.user.uuid());
        forget.execute(self.connection()).await?;
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.state_hash.as_slice())
            .bind(new.server.uuid())
            .bind(new.user.uuid())
            .bind(new.session.uuid())
            .bind(new.sharing.as_str())
            .bind(&new.authorization_server)
            .bind(&new.client.id)
            .bind(new.client.secret.as_ref().map(|secret| &secret.0))
            .bind(&new.client.method)
            .bind(&new.resource)
            .bind(new.scope.as_deref())
            .bind(&new.verifier.0)
            .bind(new.expires_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Takes an authorization out, for the one time that it is used; none when there is none for this person and session.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn take_flow(
        &mut self,
        state_hash: [u8; 32],
        (user, session): (UserId, SessionId),
        now: Timestamp,
    ) -> Result<Option<FlowRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(TAKE)
            .bind(account)
            .bind(state_hash.as_slice())
            .bind(user.uuid())
            .bind(session.uuid())
            .bind(now.to_datetime());
        Ok(query.try_map(flow).fetch_optional(self.connection()).await?)
    }

    /// Forgets the authorizations under way with a server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn drop_flows_to(&mut self, server: ServerId) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(DROP).bind(account).bind(server.uuid()).execute(self.connection()).await?;
        Ok(())
    }
}

fn flow(row: PgRow) -> Result<FlowRow, sqlx::Error> {
    let hash: Vec<u8> = row.try_get("state_hash")?;
    Ok(FlowRow {
        state_hash: hash.try_into().map_err(|_| read::damaged("state_hash", "a hash has 32 bytes"))?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        session: read::id(&row, "session_id", SessionId::from_uuid)?,
        sharing: read::parsed(&row, "sharing")?,
        authorization_server: row.try_get("authorization_server")?,
        client: client(&row)?,
        resource: row.try_get("resource")?,
        scope: row.try_get("scope")?,
        verifier: Sealed(row.try_get("verifier")?),
        expires_at: read::time(&row, "expires_at")?,
    })
}
