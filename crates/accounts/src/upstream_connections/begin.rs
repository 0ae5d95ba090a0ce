//! Beginning an authorization: who gives tokens for the server, as which client we ask, and where the browser goes.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{DataKey, Permission, ServerId, Sharing, Timestamp, Transport};
use http::HeaderMap;
use storage::{FlowRow, UpstreamOAuthRow};
use upstream::{
    UpstreamUrl,
    authorization::{AuthorizeRequest, ClientIdentity, Discovered, Pkce, discover},
};

use super::{
    ConnectError,
    client::{For, sealed_client},
};
use crate::{Accounts, Caller, Error, Visitor, server_headers::open_headers};

/// How long a person may take at the authorization server.
const FLOW_SECONDS: i64 = 600;

/// An authorization that was begun.
#[derive(Clone, Debug)]
pub struct StartedConnection {
    /// Where the person's browser goes.
    pub url: String,
    /// The authorization server's host, for people.
    pub host: String,
}

/// What a connection is begun with.
struct Start {
    server: ServerId,
    settings: UpstreamOAuthRow,
    key: DataKey,
    url: UpstreamUrl,
    headers: HeaderMap,
}

/// What an authorization needs to be finished.
struct Asked<'a> {
    found: &'a Discovered,
    client: &'a ClientIdentity,
    scope: Option<&'a str>,
    state: &'a str,
    pkce: &'a Pkce,
}

impl Accounts {
    /// Begins to connect a server: with the connection of the server, which admins make, or with the caller's own.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn begin_connection(
        &self,
        visitor: &Visitor,
        caller: &Caller,
        server: ServerId,
    ) -> Result<StartedConnection, ConnectError> {
        let start = self.start(caller, server).await?;
        let found = discover(self.dialer(), &self.oauth_rules(), &start.url, &start.headers).await?;
        let of = For { server, settings: &start.settings, key: &start.key };
        let client = self.client_at(caller, of, &found.server).await?;
        let scope = scope_to_ask(&start.settings, &found);
        let state = format!("{}.{}", caller.slug(), URL_SAFE_NO_PAD.encode(self.entropy().bytes::<32>()));
        let pkce = Pkce::new(self.entropy());
        let request = AuthorizeRequest {
            server: &found.server,
            client_id: &client.id,
            redirect_uri: &self.callback_url(),
            resource: &found.resource,
            scope: scope.as_deref(),
            state: &state,
            pkce: &pkce,
        };
        let url = request.url()?;
        let asked = Asked { found: &found, client: &client, scope: scope.as_deref(), state: &state, pkce: &pkce };
        self.keep_flow((visitor, caller), &start, asked).await?;
        let host = UpstreamUrl::parse(&url).map_or_else(|_| String::new(), |url| url.authority().to_owned());
        Ok(StartedConnection { url, host })
    }

    async fn start(&self, caller: &Caller, server: ServerId) -> Result<Start, ConnectError> {
        let mut tx = self.look(caller, Permission::OwnKeys).await?;
        let row = tx.server(server).await?.ok_or(Error::NotFound)?;
        let settings = tx.upstream_oauth(server).await?.ok_or(ConnectError::NotByOAuth)?;
        let sealed = tx.server_headers(server).await?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        caller.allowed(needed(settings.sharing))?;
        let Transport::Http { url } = row.transport else { return Err(ConnectError::NotByOAuth) };
        let url = UpstreamUrl::parse_for(&url, self.dialer().egress()).map_err(|error| Error::field("url", error))?;
        let headers = open_headers(server, &sealed, &key)?;
        Ok(Start { server, settings, key, url, headers })
    }

    async fn keep_flow(
        &self,
        (visitor, caller): (&Visitor, &Caller),
        start: &Start,
        asked: Asked<'_>,
    ) -> Result<(), Error> {
        let now = self.now();
        let state_hash = state_hash(asked.state);
        let (client, verifier) = (flow_context(&state_hash, "client"), flow_context(&state_hash, "verifier"));
        let row = FlowRow {
            state_hash,
            server: start.server,
            user: caller.user(),
            session: visitor.session,
            sharing: start.settings.sharing,
            authorization_server: serde_json::to_string(&asked.found.server).unwrap_or_default(),
            client: sealed_client(asked.client, &start.key, (&client, self.entropy())),
            resource: asked.found.resource.clone(),
            scope: asked.scope.map(str::to_owned),
            verifier: start.key.seal(&verifier, asked.pkce.verifier().as_bytes(), self.entropy()),
            expires_at: Timestamp::plus_seconds(now, FLOW_SECONDS),
        };
        let mut tx = self.db().account(caller.scope()).await?;
        tx.insert_flow(&row, now).await?;
        Ok(tx.commit().await?)
    }
}

/// Whoever may use a server connects for themselves; the connection that everyone uses is the admins'.
pub(super) fn needed(sharing: Sharing) -> Permission {
    match sharing {
        Sharing::Server => Permission::ManageServers,
        Sharing::Member => Permission::OwnKeys,
    }
}

pub(super) fn state_hash(state: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, state.as_bytes()).as_ref());
    hash
}

/// The place that a part of an authorization under way is sealed for.
pub(super) fn flow_context(state_hash: &[u8; 32], part: &str) -> String {
    format!("flow/{}/{part}", URL_SAFE_NO_PAD.encode(state_hash))
}

/// What to ask for: what the account's admins say, else what the server says; with what it wanted besides (MCP 2026-07-28
/// "Scope Selection Strategy" and "Step-Up Authorization Flow"), and offline access where that is a scope there.
fn scope_to_ask(settings: &UpstreamOAuthRow, found: &Discovered) -> Option<String> {
    let base = settings.scope.as_deref().or(found.scope.as_deref());
    let mut scope = united(base.unwrap_or_default(), settings.needed_scope.as_deref().unwrap_or_default());
    if !scope.is_empty() && found.server.offers_offline_access {
        scope = united(&scope, "offline_access");
    }
    (!scope.is_empty()).then_some(scope)
}

/// Two lists of scopes as one, without repeats.
pub(crate) fn united(one: &str, other: &str) -> String {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in one.split_ascii_whitespace().chain(other.split_ascii_whitespace()) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

#[cfg(test)]
mod tests {
    use upstream::authorization::AuthorizationServer;

    use super::*;

    fn asked(own: Option<&str>, needed: Option<&str>, said: Option<&str>, offline: bool) -> Option<String> {
        let (clock, entropy) = (domain::Clock::fixed(Timestamp(0)), domain::Entropy::seeded(1));
        let text = String::new;
        let settings = UpstreamOAuthRow {
            server: ServerId::new(&clock, &entropy),
            sharing: Sharing::Server,
            client_id: None,
            client_secret: None,
            client_issuer: None,
            scope: own.map(str::to_owned),
            needed_scope: needed.map(str::to_owned),
        };
        let server = AuthorizationServer {
            issuer: text(),
            authorization_endpoint: text(),
            token_endpoint: text(),
            registration_endpoint: None,
            revocation_endpoint: None,
            auth_methods: Vec::new(),
            offers_offline_access: offline,
            names_itself: false,
            takes_documents: false,
        };
        scope_to_ask(&settings, &Discovered { resource: text(), server, scope: said.map(str::to_owned) })
    }

    #[test]
    fn what_is_asked_for() {
        assert_eq!(asked(None, None, None, true), None, "nothing is said, so nothing is asked for");
        assert_eq!(asked(None, None, Some("a b"), false).as_deref(), Some("a b"));
        assert_eq!(asked(Some("c"), None, Some("a b"), false).as_deref(), Some("c"));
        assert_eq!(asked(None, Some("b x"), Some("a b"), true).as_deref(), Some("a b x offline_access"));
    }
}
