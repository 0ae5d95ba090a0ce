//! Servers that want OAuth: how each is connected, connecting it, renewing its tokens, and how its connections stand.
//!
//! Only the control plane has refresh tokens and client secrets, sealed under the account's data key; gateways get access
//! tokens, sealed, in the snapshot. Tokens of ours are never sent to a server, nor theirs to a client.
//!
//! Invariants: an authorization is finished only in the session that began it, once, within ten minutes, and only with an
//! answer of the authorization server that was asked; clients and tokens are never used at another issuer than theirs; a
//! change of a server's URL ends its connections; each refresh token is redeemed by one control plane at a time.

mod begin;
mod client;
mod finish;
mod health;
mod refresh;
mod settings;
mod view;

use domain::{ConnectionId, DataKey, Sealed, Secret, ServerId, Sharing, SnapshotConnection, SnapshotOAuth, UserId};
use storage::{ConnectionRow, StorageError, Tx, UpstreamOAuthRow};
use upstream::authorization::{AuthorizationError, AuthorizationServer, Rules};

use crate::{Accounts, Error};

pub use begin::StartedConnection;
pub use finish::{ConnectionAnswer, FinishedConnection};
pub(crate) use health::health;
pub use health::{Ailment, ConnectionHealth};
pub use settings::{GivenClient, OAuthForm};
pub use view::{ConnectionView, OAuthView, TroubledConnection};

/// The path that authorization servers send browsers back to, on the pages' origin.
pub const CALLBACK_PATH: &str = "/oauth/callback";
/// The path of the document that says who we are as a client, on the pages' origin.
pub const CLIENT_DOCUMENT_PATH: &str = "/oauth/client-metadata.json";

/// Why a server could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// As in every use case.
    #[error(transparent)]
    Other(#[from] Error),
    /// The server, or its authorization server, does not go along.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// Behind a tunnel, or not set to OAuth.
    #[error("this server is not set to be connected by OAuth")]
    NotByOAuth,
    /// A client that was typed in belongs to one authorization server.
    #[error(
        "the server names another authorization server ({found}) than the one that the client id belongs to ({known}); \
         save the client id anew if that is right"
    )]
    OtherIssuer {
        /// Now.
        found: String,
        /// Before.
        known: String,
    },
    /// No such authorization under way for this person in this session.
    #[error(
        "this answer is not expected: it was used already, took longer than ten minutes, or belongs to another browser"
    )]
    NotExpected,
    /// The person or the authorization server said no.
    #[error("the authorization server did not allow it: {words}")]
    NotAllowed {
        /// Its words, made safe to show.
        words: String,
    },
    /// The server was changed while the person was away.
    #[error("the server was changed meanwhile; connect again")]
    Changed,
}

impl From<StorageError> for ConnectError {
    fn from(error: StorageError) -> Self {
        Self::Other(error.into())
    }
}

impl From<domain::SealError> for ConnectError {
    fn from(error: domain::SealError) -> Self {
        Self::Other(error.into())
    }
}

impl Accounts {
    /// Where authorization servers send browsers back to.
    #[must_use]
    pub fn callback_url(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.issuer())
    }

    pub(crate) fn oauth_rules(&self) -> Rules {
        Rules::new(*self.dialer().egress())
    }

    /// The access token that a person's look at a server goes out with, if there is one.
    pub(crate) async fn bearer_for(
        &self,
        tx: &mut Tx,
        server: ServerId,
        user: UserId,
    ) -> Result<Option<Secret<String>>, Error> {
        let Some(settings) = tx.upstream_oauth(server).await? else { return Ok(None) };
        let owner = match settings.sharing {
            Sharing::Server => None,
            Sharing::Member => Some(user),
        };
        let rows = tx.connections(Some(server)).await?;
        let Some(row) = rows.iter().find(|row| row.user == owner && row.dead_at.is_none()) else { return Ok(None) };
        let key = self.data_key(tx).await?;
        Ok(Some(access_token(row, &key)?))
    }
}

/// What a snapshot says of a server's connections: those that work, of people who are members still.
pub(crate) fn snapshot_oauth(
    settings: &UpstreamOAuthRow,
    (connect_url, members): (String, &[UserId]),
    rows: &[ConnectionRow],
) -> SnapshotOAuth {
    let fits = |row: &&ConnectionRow| {
        let owner = match (settings.sharing, row.user) {
            (Sharing::Server, None) => true,
            (Sharing::Member, Some(user)) => members.contains(&user),
            _ => false,
        };
        owner && row.server == settings.server && row.dead_at.is_none()
    };
    let connection = |row: &ConnectionRow| SnapshotConnection {
        id: row.id,
        user: row.user,
        generation: row.generation,
        access_token: row.access_token.clone(),
    };
    let connections = rows.iter().filter(fits).map(connection).collect();
    SnapshotOAuth { sharing: settings.sharing, connect_url, connections }
}

/// The page of a server, on which a person connects.
pub(crate) fn connect_url(origin: &str, account: &domain::AccountSlug, server: &domain::ServerSlug) -> String {
    format!("{origin}/app/{account}/servers/{server}/connect")
}

fn access_token(row: &ConnectionRow, key: &DataKey) -> Result<Secret<String>, Error> {
    opened(key, &SnapshotConnection::context(row.id, row.generation), &row.access_token)
}

fn refresh_context(connection: ConnectionId) -> String {
    format!("{connection}/refresh")
}

fn opened(key: &DataKey, context: &str, sealed: &Sealed) -> Result<Secret<String>, Error> {
    let plain = key.open(context, sealed)?;
    Ok(Secret::new(String::from_utf8(plain).map_err(|_| domain::SealError)?))
}

/// What was kept of an authorization server.
fn kept_server(text: &str) -> Result<AuthorizationServer, AuthorizationError> {
    serde_json::from_str(text)
        .map_err(|error| AuthorizationError::Answer { what: "the kept metadata", words: error.to_string() })
}
