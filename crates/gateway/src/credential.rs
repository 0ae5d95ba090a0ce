//! The access token that a server is shown, where it is connected by OAuth.
//!
//! Tokens come in the account's snapshot, from the control plane, which alone renews them. Whoever holds a server of an
//! earlier snapshot (a long session) shows the newest token all the same, and none once the connection was taken away.
//!
//! Invariant: a member's call goes out with that member's own token or not at all; an agent's never with a member's.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwapOption;
use domain::{
    ConnectionId, ConnectionRefused, DataKey, Principal, ServerId, Sharing, SnapshotConnection, SnapshotOAuth, UserId,
};
use http::{HeaderValue, Response, StatusCode};
use upstream::authorization::Challenge;

/// Most characters told on of the scopes that a server asks for.
const MOST_SCOPE: usize = 1_000;

/// An upstream credential that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    #[error("a stored header of this server cannot be used; save it again")]
    Header,
    #[error("this server is not connected; an admin of the account connects it at {page}")]
    NotConnected { page: ConnectPage },
    #[error("you have not connected your own account with this server yet; do it at {page} and call again")]
    MemberNotConnected { page: ConnectPage },
    #[error("this server wants each member's own connection, which an agent does not have; a member has to call it")]
    Agent,
    #[error(
        "the server did not take the connection's token; it is being renewed, so call again in a moment, and if that \
         does not help, connect again at {page}"
    )]
    Refused { page: ConnectPage },
    #[error("the connection does not allow this at the server, which asks for more; connect again at {page}")]
    NeedsMore { page: ConnectPage },
}

/// The page on which a connection is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectPage {
    /// For whoever manages servers.
    Everyones(Arc<str>),
    /// For the caller, who is named in its address: the page tells anybody else that it is not for them.
    Callers(Arc<str>),
}

/// What a server is shown besides headers.
#[derive(Clone, Debug)]
pub(crate) enum Bearer {
    /// Nothing: it is not connected by OAuth.
    None,
    /// Nothing can be shown, so nothing is sent.
    Missing(CredentialError),
    /// The token of this connection.
    Of(Arc<Connection>),
}

/// How a server is connected by OAuth.
#[derive(Debug)]
pub(crate) struct OAuth {
    sharing: Sharing,
    connect_url: Arc<str>,
    connections: HashMap<Option<UserId>, Arc<Connection>>,
}

/// A connection and its newest token.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    server: ServerId,
    connect_url: Arc<str>,
    user: Option<UserId>,
    /// None: it was taken away.
    token: ArcSwapOption<Token>,
    /// The last refusal that was told, so that each is told once.
    told: Mutex<Option<(u64, Option<String>)>>,
}

#[derive(Debug)]
struct Token {
    generation: u64,
    /// None: it does not open here, or is no header.
    header: Option<HeaderValue>,
}

impl CredentialError {
    /// Whether whoever calls can do something about it, or know who can.
    pub(crate) fn is_for_the_caller(&self) -> bool {
        !matches!(self, Self::Header)
    }

    /// The page on which the caller mends it, where that is the caller's own matter.
    pub(crate) fn own_page(&self) -> Option<&str> {
        match self {
            Self::MemberNotConnected { page: ConnectPage::Callers(url) }
            | Self::NeedsMore { page: ConnectPage::Callers(url) } => Some(url),
            _ => None,
        }
    }

    /// Whether the server had the request before it could not be let in.
    pub(crate) fn came_from_the_server(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NeedsMore { .. })
    }
}

impl ConnectPage {
    fn of(user: Option<UserId>, url: &Arc<str>) -> Self {
        match user {
            None => Self::Everyones(url.clone()),
            Some(user) => Self::Callers(format!("{url}?for={user}").into()),
        }
    }
}

impl fmt::Display for ConnectPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyones(url) | Self::Callers(url) => f.write_str(url),
        }
    }
}

impl OAuth {
    /// Opens what a snapshot carries; connections that were there `before` stay the same, with the new token.
    pub(crate) fn open(
        server: ServerId,
        carried: SnapshotOAuth,
        key: Option<&DataKey>,
        before: Option<&Arc<Self>>,
    ) -> Self {
        let connect_url: Arc<str> = carried.connect_url.into();
        let connections = carried.connections.into_iter().map(|one| {
            let same = before.and_then(|before| before.connections.get(&one.user)).filter(|same| same.id == one.id);
            let connection = same.cloned().unwrap_or_else(|| Connection::new(server, &one, connect_url.clone()));
            connection.token.store(Some(Arc::new(Token::open(&one, key))));
            (one.user, connection)
        });
        let now = Self { sharing: carried.sharing, connections: connections.collect(), connect_url };
        for gone in before.iter().flat_map(|before| before.connections.values()).filter(|old| !now.has(old)) {
            gone.token.store(None);
        }
        now
    }

    /// Takes every connection away: the server is not connected by OAuth any more.
    pub(crate) fn close(&self) {
        self.connections.values().for_each(|connection| connection.token.store(None));
    }

    /// What is shown to the server when nobody in particular asks.
    pub(crate) fn of_nobody(&self) -> Bearer {
        match self.sharing {
            Sharing::Server => self.of(None),
            Sharing::Member => Bearer::Missing(CredentialError::Agent),
        }
    }

    /// What is shown to the server when this principal asks; none where it does not matter who does.
    pub(crate) fn of_principal(&self, principal: Principal) -> Option<Bearer> {
        match (self.sharing, principal) {
            (Sharing::Server, _) => None,
            (Sharing::Member, Principal::Member(user)) => Some(self.of(Some(user))),
            (Sharing::Member, Principal::Agent(_)) => Some(Bearer::Missing(CredentialError::Agent)),
        }
    }

    fn of(&self, user: Option<UserId>) -> Bearer {
        match self.connections.get(&user) {
            Some(connection) => Bearer::Of(connection.clone()),
            None => Bearer::Missing(not_connected(user, &self.connect_url)),
        }
    }

    fn has(&self, other: &Arc<Connection>) -> bool {
        self.connections.get(&other.user).is_some_and(|one| Arc::ptr_eq(one, other))
    }
}

impl Bearer {
    /// Whether the same is shown, however often its token was renewed.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) | (Self::Missing(_), Self::Missing(_)) => true,
            (Self::Of(one), Self::Of(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// The connection whose token is shown.
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Of(connection) => Some(connection.id),
            Self::None | Self::Missing(_) => None,
        }
    }

    /// The member whose own connection it is.
    pub(crate) fn user(&self) -> Option<UserId> {
        match self {
            Self::Of(connection) => connection.user,
            Self::None | Self::Missing(_) => None,
        }
    }

    /// The header to send, if one is to be sent.
    pub(crate) fn header(&self) -> Result<Option<HeaderValue>, CredentialError> {
        match self {
            Self::None => Ok(None),
            Self::Missing(error) => Err(error.clone()),
            Self::Of(connection) => connection.header().map(Some),
        }
    }
}

impl Connection {
    fn new(server: ServerId, one: &SnapshotConnection, connect_url: Arc<str>) -> Arc<Self> {
        let (token, told) = (ArcSwapOption::empty(), Mutex::new(None));
        Arc::new(Self { id: one.id, server, connect_url, user: one.user, token, told })
    }

    fn header(&self) -> Result<HeaderValue, CredentialError> {
        let token = self.token.load();
        let header = token.as_ref().and_then(|token| token.header.clone());
        header.ok_or_else(|| not_connected(self.user, &self.connect_url))
    }

    /// What a server's answer says against the token that it was shown, and the scopes that it wants, where it wants more.
    pub(crate) fn refusal<B>(&self, response: &Response<B>) -> Option<(CredentialError, Option<String>)> {
        let page = ConnectPage::of(self.user, &self.connect_url);
        match response.status() {
            StatusCode::UNAUTHORIZED => Some((CredentialError::Refused { page }, None)),
            StatusCode::FORBIDDEN => {
                let challenge = Challenge::of(response.headers());
                if !challenge.wants_more_scope() {
                    return None;
                }
                let scope = challenge.scope.unwrap_or_default();
                Some((CredentialError::NeedsMore { page }, Some(scope.chars().take(MOST_SCOPE).collect())))
            }
            _ => None,
        }
    }

    /// The refusal to tell, if it was not told yet.
    pub(crate) fn news(&self, needs: Option<String>, at: domain::Timestamp) -> Option<ConnectionRefused> {
        let generation = self.token.load().as_ref()?.generation;
        let refusal = Some((generation, needs.clone()));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == refusal {
            return None;
        }
        *told = refusal;
        Some(ConnectionRefused { server: self.server, connection: self.id, generation, at, needs })
    }
}

impl Token {
    fn open(one: &SnapshotConnection, key: Option<&DataKey>) -> Self {
        let context = SnapshotConnection::context(one.id, one.generation);
        let opened = key.and_then(|key| key.open(&context, &one.access_token).ok());
        let header = opened.and_then(|token| HeaderValue::from_bytes(&[b"Bearer ", token.as_slice()].concat()).ok());
        if header.is_none() {
            tracing::error!(connection = %one.id, "a connection's token does not open; calls with it fail");
        }
        let header = header.map(|mut header| {
            header.set_sensitive(true);
            header
        });
        Self { generation: one.generation, header }
    }
}

fn not_connected(user: Option<UserId>, connect_url: &Arc<str>) -> CredentialError {
    let page = ConnectPage::of(user, connect_url);
    match user {
        None => CredentialError::NotConnected { page },
        Some(_) => CredentialError::MemberNotConnected { page },
    }
}
