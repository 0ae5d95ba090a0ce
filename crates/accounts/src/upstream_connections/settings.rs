//! Choosing how a server is connected, and ending connections.

use domain::{ConnectionId, Permission, Secret, ServerId, Sharing, Transport};
use serde_json::json;
use storage::{ConnectionRow, UpstreamOAuthRow};
use upstream::authorization::revoke;

use super::{
    ConnectError, access_token,
    client::{given_context, opened_client},
    finish::client_context,
    kept_server, opened, refresh_context,
};
use crate::{Accounts, Caller, Error, Fault, change::Change};

const MOST_CHARACTERS: usize = 1_000;

/// How a server is to be connected.
#[derive(Clone, Debug)]
pub struct OAuthForm {
    /// Whose connections there are to be.
    pub sharing: Sharing,
    /// As which client.
    pub client: GivenClient,
    /// What to ask for, separated by spaces; empty: what the server says.
    pub scope: String,
}

/// A client that somebody registered by hand.
#[derive(Clone, Debug)]
pub enum GivenClient {
    /// None: we find a way by ourselves.
    None,
    /// The one that is there stays.
    Kept,
    /// This one.
    New {
        /// Its id.
        id: String,
        /// Its secret; empty: it has none.
        secret: Secret<String>,
    },
}

impl Accounts {
    /// Says how a server is connected by OAuth, or with none, that it is not. Connections that do not fit any more end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`]: fields `sharing`, `client_id`, `client_secret`, `scope`.
    pub async fn set_upstream_oauth(
        &self,
        caller: &Caller,
        server: ServerId,
        form: Option<&OAuthForm>,
    ) -> Result<(), Error> {
        if let Some(form) = form {
            check(form)?;
        }
        let mut change = self.change(caller, Permission::ManageServers).await?;
        let row = change.tx.server(server).await?.ok_or(Error::NotFound)?;
        let before = change.tx.upstream_oauth(server).await?;
        let connections = change.tx.connections(Some(server)).await?;
        if before.is_none() && form.is_none() {
            return Ok(());
        }
        let Some(form) = form else {
            change.disconnect_all(server).await?;
            change.tx.drop_upstream_oauth(server).await?;
            change.done("server.oauth_off", server, json!({})).await?;
            return self.give_back(caller, &connections).await;
        };
        if row.transport == Transport::Tunnel {
            return Err(Error::field("sharing", "is for servers that are reached by URL"));
        }
        let after = self.settings_of(&mut change, (server, form), before.as_ref()).await?;
        let same = before.as_ref().is_some_and(|b| b.sharing == after.sharing && b.client_id == after.client_id);
        if !same {
            change.disconnect_all(server).await?;
            change.tx.drop_upstream_oauth(server).await?;
        }
        change.tx.put_upstream_oauth(&after).await?;
        let detail = json!({ "sharing": after.sharing, "own_client": after.client_id.is_some(), "scope": after.scope });
        change.done("server.oauth_set", server, detail).await?;
        if same { Ok(()) } else { self.give_back(caller, &connections).await }
    }

    /// A server was found to want OAuth: it is set to that, unless something else was chosen or the caller may not choose.
    pub(crate) async fn wants_oauth(&self, caller: &Caller, server: ServerId) -> Result<(), Error> {
        if caller.allowed(Permission::ManageServers).is_err() {
            return Ok(());
        }
        let mut tx = self.db().account(caller.scope()).await?;
        let chosen = tx.upstream_oauth(server).await?.is_some();
        tx.commit().await?;
        if chosen {
            return Ok(());
        }
        let form = OAuthForm { sharing: Sharing::Server, client: GivenClient::None, scope: String::new() };
        self.set_upstream_oauth(caller, server, Some(&form)).await
    }

    /// Ends a connection: the caller's own, or any by an admin. Its tokens are given back where that is possible.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for another member's.
    pub async fn disconnect(&self, caller: &Caller, server: ServerId, id: ConnectionId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::OwnKeys).await?;
        let row = change.tx.upstream_connection(id).await?.filter(|row| row.server == server).ok_or(Error::NotFound)?;
        if row.user != Some(caller.user()) && change.allowed(Permission::ManageServers).is_err() {
            return Err(Error::NotFound);
        }
        change.tx.remove_connection(id).await?;
        change.done("connection.removed", id, json!({ "server": server, "of": row.user })).await?;
        self.give_back(caller, &[row]).await
    }

    async fn settings_of(
        &self,
        change: &mut Change<'_>,
        (server, form): (ServerId, &OAuthForm),
        before: Option<&UpstreamOAuthRow>,
    ) -> Result<UpstreamOAuthRow, Error> {
        let scope = form.scope.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let mut row = UpstreamOAuthRow {
            server,
            sharing: form.sharing,
            client_id: None,
            client_secret: None,
            client_issuer: None,
            scope: (!scope.is_empty()).then_some(scope),
            needed_scope: before.and_then(|before| before.needed_scope.clone()),
        };
        match &form.client {
            GivenClient::None => {}
            GivenClient::Kept => {
                row.client_id = before.and_then(|before| before.client_id.clone());
                row.client_secret = before.and_then(|before| before.client_secret.clone());
                row.client_issuer = before.and_then(|before| before.client_issuer.clone());
            }
            GivenClient::New { id, secret } => {
                let secret = secret.expose().trim();
                let key = self.data_key(&mut change.tx).await?;
                let sealed = key.seal(&given_context(server), secret.as_bytes(), self.entropy());
                row.client_id = Some(id.trim().to_owned());
                row.client_secret = (!secret.is_empty()).then_some(sealed);
            }
        }
        Ok(row)
    }

    /// Gives tokens back to their authorization servers, which may take them or not: they are forgotten here already.
    pub(crate) async fn give_back(&self, caller: &Caller, rows: &[ConnectionRow]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.db().account(caller.scope()).await?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        for row in rows.iter().take(MOST_GIVEN_BACK) {
            if let Err(error) = self.give_one_back(row, &key).await {
                tracing::info!(
                    connection = %row.id,
                    error = &error as &dyn std::error::Error,
                    "the tokens of a connection could not be given back; they end by themselves"
                );
            }
        }
        Ok(())
    }

    async fn give_one_back(&self, row: &ConnectionRow, key: &domain::DataKey) -> Result<(), ConnectError> {
        let server = kept_server(&row.authorization_server)?;
        let Some(client) = opened_client(&row.client, key, &client_context(row.id))? else { return Ok(()) };
        let token = match &row.refresh_token {
            Some(sealed) => (opened(key, &refresh_context(row.id), sealed)?, "refresh_token"),
            None => (access_token(row, key)?, "access_token"),
        };
        Ok(revoke(self.dialer(), &self.oauth_rules(), (&server, &client), (&token.0, token.1)).await?)
    }
}

/// So many connections' tokens are given back when all of a server's end at once; a person waits for it.
const MOST_GIVEN_BACK: usize = 3;

impl Change<'_> {
    /// Ends every connection of a server, and the authorizations under way.
    pub(crate) async fn disconnect_all(&mut self, server: ServerId) -> Result<u64, Error> {
        self.tx.drop_flows_to(server).await?;
        Ok(self.tx.remove_connections_to(server).await?)
    }

    /// A server is at another address now: connections to the one before end, and a client that was typed in for that is
    /// forgotten, so that whoever changes an address cannot have its secret sent elsewhere.
    pub(crate) async fn moved_away(&mut self, server: ServerId) -> Result<(), Error> {
        let Some(settings) = self.tx.upstream_oauth(server).await? else { return Ok(()) };
        self.disconnect_all(server).await?;
        self.tx.drop_upstream_oauth(server).await?;
        let bare = UpstreamOAuthRow {
            client_id: None,
            client_secret: None,
            client_issuer: None,
            needed_scope: None,
            ..settings
        };
        Ok(self.tx.put_upstream_oauth(&bare).await?)
    }
}

fn check(form: &OAuthForm) -> Result<(), Error> {
    let mut faults = Vec::new();
    let mut plain = |field, text: &str| {
        if text.len() > MOST_CHARACTERS || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            faults.push(Fault::new(field, format!("must be at most {MOST_CHARACTERS} plain ASCII characters")));
        }
    };
    plain("scope", &form.scope);
    if let GivenClient::New { id, secret } = &form.client {
        plain("client_id", id);
        plain("client_secret", secret.expose());
        if id.trim().is_empty() {
            faults.push(Fault::new("client_id", "must not be empty beside a secret"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}
