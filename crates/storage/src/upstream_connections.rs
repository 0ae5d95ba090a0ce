//! Connections by OAuth to upstream servers. All secrets in here are sealed.
//!
//! Invariant: a token is renewed by whoever holds the connection's lease, and is put in place of exactly the generation that
//! it renews.

mod change;
mod flows;
mod settings;

use domain::{AccountId, ConnectionId, Email, Sealed, ServerId, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{AccountScope, JobTx, StorageError, Tx, read};

pub(crate) use change::STATEMENTS as CHANGE_STATEMENTS;
pub use change::{ConnectionFailure, NewTokens};
pub use flows::FlowRow;
pub(crate) use flows::STATEMENTS as FLOW_STATEMENTS;
pub(crate) use settings::STATEMENTS as SETTINGS_STATEMENTS;
pub use settings::{UpstreamClientRow, UpstreamOAuthRow};

statements! {
    LIST = "select c.id, c.server_id, c.user_id, u.email, c.authorization_server, c.client_id, c.client_secret, c.auth_method, \
                c.resource, c.scope, c.generation, c.access_token, c.refresh_token, c.expires_at, c.refreshed_at, c.due_at, \
                c.failures, c.last_error, c.refusals, c.refused_at, c.needs_scope, c.dead_at, c.connected_by, c.connected_at, \
                b.email as connected_by_email \
            from upstream_connection c \
            left join app_user u on u.id = c.user_id \
            left join app_user b on b.id = c.connected_by \
            where c.account_id = $1 and ($2::uuid is null or c.server_id = $2) order by c.connected_at, c.id";
    ONE = "select c.id, c.server_id, c.user_id, u.email, c.authorization_server, c.client_id, c.client_secret, c.auth_method, \
               c.resource, c.scope, c.generation, c.access_token, c.refresh_token, c.expires_at, c.refreshed_at, c.due_at, \
               c.failures, c.last_error, c.refusals, c.refused_at, c.needs_scope, c.dead_at, c.connected_by, c.connected_at, \
               b.email as connected_by_email \
           from upstream_connection c \
           left join app_user u on u.id = c.user_id \
           left join app_user b on b.id = c.connected_by \
           where c.account_id = $1 and c.id = $2";
    DUE = "select account_id, id \
           from (select account_id, id, due_at, row_number() over (partition by account_id order by due_at) as turn \
                 from upstream_connection \
                 where dead_at is null and due_at <= $1 and (leased_until is null or leased_until <= $1)) as due \
           order by turn, due_at limit $2";
}

/// A client at an authorization server, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientColumns {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Option<Sealed>,
    /// How it authenticates, in the protocol's word.
    pub method: String,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// Which.
    pub id: ConnectionId,
    /// To which server.
    pub server: ServerId,
    /// Whose; none: the server's own.
    pub user: Option<UserId>,
    /// Their address.
    pub email: Option<Email>,
    /// The authorization server, as JSON.
    pub authorization_server: String,
    /// As which client.
    pub client: ClientColumns,
    /// What the tokens are for.
    pub resource: String,
    /// What they allow, as far as it is known.
    pub scope: Option<String>,
    /// Grows with each new token.
    pub generation: u64,
    /// The access token.
    pub access_token: Sealed,
    /// For the next one.
    pub refresh_token: Option<Sealed>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
    /// When it was given.
    pub refreshed_at: Timestamp,
    /// When it has to be looked at.
    pub due_at: Option<Timestamp>,
    /// Renewals that failed in a row.
    pub failures: u32,
    /// Why the last one did, or why it is dead.
    pub last_error: Option<String>,
    /// Fresh tokens in a row that the server refused.
    pub refusals: u32,
    /// When the server refused this token.
    pub refused_at: Option<Timestamp>,
    /// What the server asks for besides.
    pub needs_scope: Option<String>,
    /// Since when it is of no use.
    pub dead_at: Option<Timestamp>,
    /// Who connected.
    pub connected_by: UserId,
    /// Their address.
    pub connected_by_email: Option<Email>,
    /// When.
    pub connected_at: Timestamp,
}

/// A connection that a background job has to look at.
#[derive(Clone, Debug)]
pub struct DueConnection {
    /// Leave to do so.
    pub scope: AccountScope,
    /// Which.
    pub connection: ConnectionId,
}

impl Tx {
    /// The connections of a server, or of all servers; the oldest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn connections(&mut self, server: Option<ServerId>) -> Result<Vec<ConnectionRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(server.map(ServerId::uuid)).try_map(connection);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One connection.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn upstream_connection(&mut self, id: ConnectionId) -> Result<Option<ConnectionRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(connection);
        Ok(query.fetch_optional(self.connection()).await?)
    }
}

impl JobTx {
    /// Connections that have to be looked at and that nobody looks at now: of each account in turn, the longest waiting
    /// first, so that however many wait of one, and however slow their authorization servers are, the others' are looked at.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn due_connections(&mut self, now: Timestamp, limit: u32) -> Result<Vec<DueConnection>, StorageError> {
        let query = sqlx::query(DUE).bind(now.to_datetime()).bind(i64::from(limit)).try_map(|row: PgRow| {
            Ok(DueConnection {
                scope: AccountScope::found(read::id(&row, "account_id", AccountId::from_uuid)?),
                connection: read::id(&row, "id", ConnectionId::from_uuid)?,
            })
        });
        Ok(query.fetch_all(self.connection()).await?)
    }
}

fn connection(row: PgRow) -> Result<ConnectionRow, sqlx::Error> {
    let (generation, failures, refusals): (i64, i32, i32) =
        (row.try_get("generation")?, row.try_get("failures")?, row.try_get("refusals")?);
    Ok(ConnectionRow {
        id: read::id(&row, "id", ConnectionId::from_uuid)?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        user: read::id_or_none(&row, "user_id", UserId::from_uuid)?,
        email: read::text_or_none(&row, "email")?,
        authorization_server: row.try_get("authorization_server")?,
        client: client(&row)?,
        resource: row.try_get("resource")?,
        scope: row.try_get("scope")?,
        generation: u64::try_from(generation).map_err(|error| read::damaged("generation", error))?,
        access_token: Sealed(row.try_get("access_token")?),
        refresh_token: row.try_get::<Option<String>, _>("refresh_token")?.map(Sealed),
        expires_at: read::time_or_none(&row, "expires_at")?,
        refreshed_at: read::time(&row, "refreshed_at")?,
        due_at: read::time_or_none(&row, "due_at")?,
        failures: u32::try_from(failures).map_err(|error| read::damaged("failures", error))?,
        last_error: row.try_get("last_error")?,
        refusals: u32::try_from(refusals).map_err(|error| read::damaged("refusals", error))?,
        refused_at: read::time_or_none(&row, "refused_at")?,
        needs_scope: row.try_get("needs_scope")?,
        dead_at: read::time_or_none(&row, "dead_at")?,
        connected_by: read::id(&row, "connected_by", UserId::from_uuid)?,
        connected_by_email: read::text_or_none(&row, "connected_by_email")?,
        connected_at: read::time(&row, "connected_at")?,
    })
}

fn client(row: &PgRow) -> Result<ClientColumns, sqlx::Error> {
    Ok(ClientColumns {
        id: row.try_get("client_id")?,
        secret: row.try_get::<Option<String>, _>("client_secret")?.map(Sealed),
        method: row.try_get("auth_method")?,
    })
}
