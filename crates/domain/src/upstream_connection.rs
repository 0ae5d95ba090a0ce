//! Connections by OAuth to upstream servers: whose they are, and what a snapshot carries of them.
//!
//! The control plane alone talks to authorization servers and keeps refresh tokens; a gateway sees access tokens only, sealed.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Sealed, ServerId, Timestamp, UserId};

/// Whose connection a call goes out with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// One connection of the server, which everyone's calls use.
    Server,
    /// Each member's own; agents have none.
    Member,
}

/// Why a text is not a sharing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sharing: {0:?}; allowed: server, member")]
pub struct SharingError(String);

/// That a server wants OAuth, and the connections that stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotOAuth {
    /// Whose connection a call goes out with.
    pub sharing: Sharing,
    /// The page on which a person connects; told to callers who have no connection.
    pub connect_url: String,
    /// Connections that work, as far as is known.
    pub connections: Vec<SnapshotConnection>,
}

/// A connection that works; its token is sealed under the account's data key, for [`SnapshotConnection::context`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotConnection {
    /// Which.
    pub id: ConnectionId,
    /// Whose; none: the server's.
    pub user: Option<UserId>,
    /// Grows with each new token.
    pub generation: u64,
    /// The access token.
    pub access_token: Sealed,
}

/// A server refused a connection's token; a gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRefused {
    /// The server.
    pub server: ServerId,
    /// Which connection.
    pub connection: ConnectionId,
    /// The token that was refused; a later one is not meant.
    pub generation: u64,
    /// When.
    pub at: Timestamp,
    /// The scopes that the server asks for, where it said that those granted do not suffice (RFC 6750 §3.1).
    pub needs: Option<String>,
}

impl Sharing {
    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Member => "member",
        }
    }
}

impl FromStr for Sharing {
    type Err = SharingError;
    fn from_str(text: &str) -> Result<Self, SharingError> {
        [Self::Server, Self::Member]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| SharingError(text.to_owned()))
    }
}

impl SnapshotConnection {
    /// The place an access token is sealed for: this connection's, and of this generation.
    #[must_use]
    pub fn context(connection: ConnectionId, generation: u64) -> String {
        format!("{connection}/{generation}/access")
    }
}
