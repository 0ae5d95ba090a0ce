//! How a server is connected, and as which client.

use domain::{Sealed, ServerId, Sharing, Timestamp};
use sqlx::{Row as _, postgres::PgRow};

use super::{ClientColumns, client};
use crate::{StorageError, Tx, read, read::storable};

statements! {
    LIST = "select server_id, sharing, client_id, client_secret, client_issuer, scope, needed_scope \
            from upstream_oauth where account_id = $1 order by server_id";
    ONE = "select server_id, sharing, client_id, client_secret, client_issuer, scope, needed_scope \
           from upstream_oauth where account_id = $1 and server_id = $2";
    PUT = "insert into upstream_oauth (account_id, server_id, sharing, client_id, client_secret, client_issuer, scope, \
               needed_scope) \
           values ($1, $2, $3, $4, $5, $6, $7, $8) \
           on conflict (account_id, server_id) do update set sharing = excluded.sharing, client_id = excluded.client_id, \
               client_secret = excluded.client_secret, client_issuer = excluded.client_issuer, scope = excluded.scope, \
               needed_scope = excluded.needed_scope";
    DROP = "delete from upstream_oauth where account_id = $1 and server_id = $2";
    CLIENT = "select issuer, client_id, client_secret, auth_method, redirect_uri, expires_at \
              from upstream_client where account_id = $1 and server_id = $2 and issuer = $3";
    PUT_CLIENT = "insert into upstream_client (account_id, server_id, issuer, client_id, client_secret, auth_method, \
                      redirect_uri, expires_at) \
                  values ($1, $2, $3, $4, $5, $6, $7, $8) \
                  on conflict (account_id, server_id, issuer) do update set client_id = excluded.client_id, \
                      client_secret = excluded.client_secret, auth_method = excluded.auth_method, \
                      redirect_uri = excluded.redirect_uri, expires_at = excluded.expires_at";
    DROP_CLIENTS = "delete from upstream_client where account_id = $1 and server_id = $2";
}

/// How a server is connected by OAuth.
#[derive(Clone, Debug)]
pub struct UpstreamOAuthRow {
    /// Which server.
    pub server: ServerId,
    /// Whose connections there are.
    pub sharing: Sharing,
    /// The id of a client that was registered by hand.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Sealed>,
    /// The authorization server that it turned out to belong to.
    pub client_issuer: Option<String>,
    /// What to ask for, where it is not what the server says.
    pub scope: Option<String>,
    /// What the server asked for besides.
    pub needed_scope: Option<String>,
}

/// A client that registered itself.
#[derive(Clone, Debug)]
pub struct UpstreamClientRow {
    /// At which authorization server.
    pub issuer: String,
    /// The client.
    pub client: ClientColumns,
    /// What it registered with.
    pub redirect_uri: String,
    /// When its secret ends.
    pub expires_at: Option<Timestamp>,
}

impl Tx {
    /// How the servers that want OAuth are connected.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn all_upstream_oauth(&mut self) -> Result<Vec<UpstreamOAuthRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(LIST).bind(account).try_map(settings).fetch_all(self.connection()).await?)
    }

    /// How a server is connected; none: not by OAuth.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn upstream_oauth(&mut self, server: ServerId) -> Result<Option<UpstreamOAuthRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(server.uuid()).try_map(settings);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// Says how a server is connected from now on.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn put_upstream_oauth(&mut self, row: &UpstreamOAuthRow) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(PUT)
            .bind(account)
            .bind(row.server.uuid())
            .bind(row.sharing.as_str())
            .bind(row.client_id.as_deref())
            .bind(row.client_secret.as_ref().map(|secret| &secret.0))
            .bind(row.client_issuer.as_deref())
            .bind(row.scope.as_deref())
            .bind(row.needed_scope.as_deref().map(storable))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The server is not connected by OAuth any more: its settings, clients and authorizations under way go. Its
    /// connections have to be removed with them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn drop_upstream_oauth(&mut self, server: ServerId) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(DROP).bind(account).bind(server.uuid()).execute(self.connection()).await?;
        sqlx::query(DROP_CLIENTS).bind(account).bind(server.uuid()).execute(self.connection()).await?;
        self.drop_flows_to(server).await
    }

    /// The client that registered itself for a server at an authorization server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn upstream_client(
        &mut self,
        server: ServerId,
        issuer: &str,
    ) -> Result<Option<UpstreamClientRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(CLIENT).bind(account).bind(server.uuid()).bind(issuer).try_map(|row: PgRow| {
            Ok(UpstreamClientRow {
                issuer: row.try_get("issuer")?,
                client: client(&row)?,
                redirect_uri: row.try_get("redirect_uri")?,
                expires_at: read::time_or_none(&row, "expires_at")?,
            })
        });
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// Keeps a client that registered itself.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn put_upstream_client(&mut self, server: ServerId, new: &UpstreamClientRow) -> Result<(), StorageError> {
        let account = self.id();
        let ClientColumns { id, secret, method } = &new.client;
        sqlx::query(PUT_CLIENT)
            .bind(account)
            .bind(server.uuid())
            .bind(&new.issuer)
            .bind(id)
            .bind(secret.as_ref().map(|secret| &secret.0))
            .bind(method)
            .bind(&new.redirect_uri)
            .bind(new.expires_at.map(Timestamp::to_datetime))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn settings(row: PgRow) -> Result<UpstreamOAuthRow, sqlx::Error> {
    Ok(UpstreamOAuthRow {
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        sharing: read::parsed(&row, "sharing")?,
        client_id: row.try_get("client_id")?,
        client_secret: row.try_get::<Option<String>, _>("client_secret")?.map(Sealed),
        client_issuer: row.try_get("client_issuer")?,
        scope: row.try_get("scope")?,
        needed_scope: row.try_get("needed_scope")?,
    })
}
