//! Connections, ready to show. No secret is in here.

use domain::{ConnectionId, Permission, ServerId, ServerSlug, Sharing, Timestamp, UserId};
use storage::ConnectionRow;

use super::{
    health::{ConnectionHealth, health},
    kept_server,
};
use crate::{Accounts, Caller, Error};

/// How a server is connected by OAuth.
#[derive(Clone, Debug)]
pub struct OAuthView {
    /// Whose connections there are.
    pub sharing: Sharing,
    /// The id of a client that was typed in.
    pub client_id: Option<String>,
    /// What is asked for, where that was typed in.
    pub scope: Option<String>,
    /// What the server asked for besides.
    pub needed_scope: Option<String>,
    /// The connection that the caller's own calls go out with.
    pub own: Option<ConnectionView>,
    /// All connections, for admins; else the caller's.
    pub connections: Vec<ConnectionView>,
    /// Where the authorization server sends browsers back to; for registering a client by hand.
    pub callback_url: String,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct ConnectionView {
    /// Which.
    pub id: ConnectionId,
    /// Whose, by address; none: the server's own.
    pub of: Option<String>,
    /// How it stands.
    pub health: ConnectionHealth,
    /// Who gives its tokens.
    pub issuer: String,
    /// What they allow, as far as it is known.
    pub scope: Option<String>,
    /// Who connected, by address.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When its token was last renewed.
    pub refreshed_at: Timestamp,
    /// When it will be renewed next.
    pub next_at: Option<Timestamp>,
    /// When its token ends.
    pub expires_at: Option<Timestamp>,
}

/// A connection that somebody has to look after.
#[derive(Clone, Debug)]
pub struct TroubledConnection {
    /// The server's name in URLs.
    pub slug: ServerSlug,
    /// Its name for people.
    pub server: String,
    /// Whose connection, by address; none: the server's own.
    pub of: Option<String>,
    /// How it stands.
    pub health: ConnectionHealth,
}

impl Accounts {
    /// How a server is connected by OAuth; none: it is not.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn upstream_oauth(&self, caller: &Caller, server: ServerId) -> Result<Option<OAuthView>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let Some(settings) = tx.upstream_oauth(server).await? else { return Ok(None) };
        let rows = tx.connections(Some(server)).await?;
        tx.commit().await?;
        let owner = match settings.sharing {
            Sharing::Server => None,
            Sharing::Member => Some(caller.user()),
        };
        let all = caller.allowed(Permission::ManageServers).is_ok();
        let seen = |row: &&ConnectionRow| all || row.user.is_none() || row.user == Some(caller.user());
        let now = self.now();
        Ok(Some(OAuthView {
            own: rows.iter().find(|row| row.user == owner).map(|row| view(row, now)),
            connections: rows.iter().filter(seen).map(|row| view(row, now)).collect(),
            callback_url: self.callback_url(),
            sharing: settings.sharing,
            client_id: settings.client_id,
            scope: settings.scope,
            needed_scope: settings.needed_scope,
        }))
    }

    /// The connections that the caller should look after: an admin the servers' own, everyone theirs.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn troubled_connections(&self, caller: &Caller) -> Result<Vec<TroubledConnection>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let rows = tx.connections(None).await?;
        let names = if rows.is_empty() { Vec::new() } else { tx.server_names().await? };
        tx.commit().await?;
        let (now, admin) = (self.now(), caller.allowed(Permission::ManageServers).is_ok());
        let concerned = |user: Option<UserId>| user.map_or(admin, |user| user == caller.user());
        let troubled = rows.iter().filter(|row| concerned(row.user)).filter_map(|row| {
            let health = health(row, now);
            let (_, slug, name) = names.iter().find(|(id, ..)| *id == row.server)?;
            let of = row.email.as_ref().map(ToString::to_string);
            let trouble =
                || TroubledConnection { slug: slug.clone(), server: name.to_string(), of, health: health.clone() };
            (health != ConnectionHealth::Connected).then(trouble)
        });
        Ok(troubled.collect())
    }
}

fn view(row: &ConnectionRow, now: Timestamp) -> ConnectionView {
    let renewable = row.refresh_token.is_some() && row.dead_at.is_none();
    ConnectionView {
        id: row.id,
        of: row.email.as_ref().map(ToString::to_string),
        health: health(row, now),
        issuer: kept_server(&row.authorization_server).map(|server| server.issuer).unwrap_or_default(),
        scope: row.scope.clone(),
        by: row.connected_by_email.as_ref().map(ToString::to_string).unwrap_or_default(),
        at: row.connected_at,
        refreshed_at: row.refreshed_at,
        next_at: row.due_at.filter(|_| renewable),
        expires_at: row.expires_at,
    }
}
