//! Making, renewing and ending connections.

use domain::{ConnectionId, ConnectionRefused, Sealed, ServerId, Timestamp, UserId};

use super::{ConnectionRow, connection};
use crate::{StorageError, Tx, read::storable};

statements! {
    INSERT = "insert into upstream_connection (account_id, id, server_id, user_id, authorization_server, client_id, \
                  client_secret, auth_method, resource, scope, generation, access_token, refresh_token, expires_at, \
                  refreshed_at, due_at, failures, refusals, connected_by, connected_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, 0, $17, $15)";
    REMOVE_OF = "delete from upstream_connection where account_id = $1 and server_id = $2 and user_id is not distinct from $3";
    REMOVE = "delete from upstream_connection where account_id = $1 and id = $2";
    REMOVE_ALL = "delete from upstream_connection where account_id = $1 and server_id = $2";
    REMOVE_OF_USER = "delete from upstream_connection where account_id = $1 and user_id = $2";
    CLAIM = "update upstream_connection c set leased_until = $4 \
             where c.account_id = $1 and c.id = $2 and c.dead_at is null and c.due_at <= $3 \
                 and (c.leased_until is null or c.leased_until <= $3) \
             returning c.id, c.server_id, c.user_id, null::text as email, c.authorization_server, c.client_id, \
                 c.client_secret, c.auth_method, c.resource, c.scope, c.generation, c.access_token, c.refresh_token, \
                 c.expires_at, c.refreshed_at, c.due_at, c.failures, c.last_error, c.refusals, c.refused_at, c.needs_scope, \
                 c.dead_at, c.connected_by, c.connected_at, null::text as connected_by_email";
    RENEW = "update upstream_connection set generation = generation + 1, access_token = $4, refresh_token = $5, \
                 expires_at = $6, scope = coalesce($7, scope), refreshed_at = $8, due_at = $9, leased_until = null, \
                 failures = 0, last_error = null, refused_at = null \
             where account_id = $1 and id = $2 and generation = $3";
    FAIL = "update upstream_connection set failures = failures + 1, last_error = $4, due_at = $5, leased_until = null \
            where account_id = $1 and id = $2 and generation = $3";
    DIE = "update upstream_connection set dead_at = $4, last_error = $5, due_at = null, leased_until = null \
           where account_id = $1 and id = $2 and generation = $3 and dead_at is null";
    REFUSED = "update upstream_connection set refused_at = $4, due_at = least(due_at, greatest($4, refreshed_at + $5)), \
                   refusals = case when $4 < refreshed_at + $6 then refusals + 1 else 1 end \
               where account_id = $1 and id = $2 and generation = $3 and dead_at is null and refused_at is null";
    NEEDS = "update upstream_connection set needs_scope = $4 where account_id = $1 and id = $2 and generation = $3";
}

/// A refused token is renewed no sooner than this after it was given.
const RENEW_AGAIN_SECONDS: i64 = 60;
/// A token refused within this time after it was given was never good.
const FRESH_SECONDS: i64 = 600;

/// Tokens that were given, sealed.
#[derive(Clone, Debug)]
pub struct NewTokens {
    /// The access token.
    pub access: Sealed,
    /// For the next one.
    pub refresh: Option<Sealed>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
    /// What it allows, where that was said.
    pub scope: Option<String>,
    /// When it was given.
    pub at: Timestamp,
    /// When to look at it next.
    pub due_at: Option<Timestamp>,
}

/// A renewal that failed.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFailure<'a> {
    /// Why.
    pub words: &'a str,
    /// When to try again.
    pub due_at: Timestamp,
}

impl Tx {
    /// Adds a connection in place of the one that its owner had with the server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_connection(&mut self, new: &ConnectionRow) -> Result<(), StorageError> {
        let (account, user) = (self.id(), new.user.map(UserId::uuid));
        let replaced = sqlx::query(REMOVE_OF).bind(account).bind(new.server.uuid()).bind(user);
        replaced.execute(self.connection()).await?;
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.server.uuid())
            .bind(user)
            .bind(&new.authorization_server)
            .bind(&new.client.id)
            .bind(new.client.secret.as_ref().map(|secret| &secret.0))
            .bind(&new.client.method)
            .bind(&new.resource)
            .bind(new.scope.as_deref().map(storable))
            .bind(i64::try_from(new.generation).unwrap_or(i64::MAX))
            .bind(&new.access_token.0)
            .bind(new.refresh_token.as_ref().map(|token| &token.0))
            .bind(new.expires_at.map(Timestamp::to_datetime))
            .bind(new.connected_at.to_datetime())
            .bind(new.due_at.map(Timestamp::to_datetime))
            .bind(new.connected_by.uuid())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Removes a connection; whether there was one.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_connection(&mut self, id: ConnectionId) -> Result<bool, StorageError> {
        let account = self.id();
        Ok(sqlx::query(REMOVE).bind(account).bind(id.uuid()).execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Removes every connection of a server; how many there were.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_connections_to(&mut self, server: ServerId) -> Result<u64, StorageError> {
        let account = self.id();
        Ok(sqlx::query(REMOVE_ALL).bind(account).bind(server.uuid()).execute(self.connection()).await?.rows_affected())
    }

    /// Removes every connection of a person.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_connections_of(&mut self, user: UserId) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(REMOVE_OF_USER).bind(account).bind(user.uuid()).execute(self.connection()).await?;
        Ok(())
    }

    /// Takes the lease of a connection that has to be looked at; none when another has it, or has done it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn claim_connection(
        &mut self,
        id: ConnectionId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ConnectionRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(CLAIM).bind(account).bind(id.uuid()).bind(now.to_datetime()).bind(until.to_datetime());
        Ok(query.try_map(connection).fetch_optional(self.connection()).await?)
    }

    /// Puts new tokens in place of those of `generation`; whether those were still there.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn renew_connection(
        &mut self,
        (id, generation): (ConnectionId, u64),
        new: &NewTokens,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(RENEW)
            .bind(account)
            .bind(id.uuid())
            .bind(i64::try_from(generation).unwrap_or(i64::MAX))
            .bind(&new.access.0)
            .bind(new.refresh.as_ref().map(|token| &token.0))
            .bind(new.expires_at.map(Timestamp::to_datetime))
            .bind(new.scope.as_deref().map(storable))
            .bind(new.at.to_datetime())
            .bind(new.due_at.map(Timestamp::to_datetime));
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Notes that a renewal failed and when to try again.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn connection_failed(
        &mut self,
        (id, generation): (ConnectionId, u64),
        failure: ConnectionFailure<'_>,
    ) -> Result<(), StorageError> {
        let account = self.id();
        let query = sqlx::query(FAIL)
            .bind(account)
            .bind(id.uuid())
            .bind(i64::try_from(generation).unwrap_or(i64::MAX))
            .bind(storable(failure.words))
            .bind(failure.due_at.to_datetime());
        query.execute(self.connection()).await?;
        Ok(())
    }

    /// Notes that a connection is of no use any more; whether that is news.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn connection_died(
        &mut self,
        (id, generation): (ConnectionId, u64),
        at: Timestamp,
        words: &str,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(DIE)
            .bind(account)
            .bind(id.uuid())
            .bind(i64::try_from(generation).unwrap_or(i64::MAX))
            .bind(at.to_datetime())
            .bind(storable(words));
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Notes that a server refused a connection's token, so that it is looked at soon; a refusal of an earlier token
    /// changes nothing.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn connection_refused(&mut self, refused: &ConnectionRefused) -> Result<(), StorageError> {
        let account = self.id();
        let text = if refused.needs.is_some() { NEEDS } else { REFUSED };
        let query = sqlx::query(text)
            .bind(account)
            .bind(refused.connection.uuid())
            .bind(i64::try_from(refused.generation).unwrap_or(i64::MAX));
        let query = match &refused.needs {
            Some(scope) => query.bind(storable(scope)),
            None => query
                .bind(refused.at.to_datetime())
                .bind(time::Duration::seconds(RENEW_AGAIN_SECONDS))
                .bind(time::Duration::seconds(FRESH_SECONDS)),
        };
        query.execute(self.connection()).await?;
        Ok(())
    }
}
