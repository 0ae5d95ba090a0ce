//! Finishing an authorization: the browser is back, with a code or with a refusal.

use std::fmt;

use domain::{
    AccountSlug, ConnectionId, DataKey, Permission, Secret, ServerSlug, Sharing, SnapshotConnection, Transport,
};
use serde_json::json;
use storage::{ConnectionRow, FlowRow};
use upstream::{
    UpstreamUrl,
    authorization::{AuthorizationServer, ClientIdentity, Grant, Pkce, Tokens, check_issuer, redeem},
};

use super::{
    ConnectError,
    begin::{flow_context, needed, state_hash},
    client::{opened_client, sealed_client},
    health::due_after,
    kept_server, opened, refresh_context,
};
use crate::{Accounts, Caller, Error, Visitor};

/// Most characters shown of an authorization server's words.
const MOST_WORDS: usize = 300;

/// What the browser brought back.
#[derive(Clone, Default)]
pub struct ConnectionAnswer {
    /// The state that went out.
    pub state: String,
    /// A code to redeem.
    pub code: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
}

/// How an authorization ended, and where the person came from.
#[derive(Debug)]
pub struct FinishedConnection {
    /// The account.
    pub account: AccountSlug,
    /// The server.
    pub server: ServerSlug,
    /// How it ended.
    pub outcome: Result<(), ConnectError>,
}

/// A connection about to be.
struct Made<'a> {
    flow: &'a FlowRow,
    server: &'a AuthorizationServer,
    client: &'a ClientIdentity,
    tokens: &'a Tokens,
    key: &'a DataKey,
}

impl fmt::Debug for ConnectionAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionAnswer")
    }
}

impl Accounts {
    /// Finishes an authorization. Only the person who began it can, in the same session, once.
    ///
    /// # Errors
    /// [`ConnectError::NotExpected`] when there is no such authorization under way; what else goes wrong is the outcome.
    pub async fn finish_connection(
        &self,
        visitor: &Visitor,
        answer: &ConnectionAnswer,
    ) -> Result<FinishedConnection, ConnectError> {
        let account = answer.state.split_once('.').and_then(|(slug, _)| slug.parse::<AccountSlug>().ok());
        let account = account.ok_or(ConnectError::NotExpected)?;
        let caller = match self.enter(visitor, &account).await {
            Err(Error::NotFound) => return Err(ConnectError::NotExpected),
            entered => entered?,
        };
        let mut tx = self.db().account(caller.scope()).await?;
        let own = (visitor.user, visitor.session);
        let flow = tx.take_flow(state_hash(&answer.state), own, self.now()).await?.ok_or(ConnectError::NotExpected)?;
        let row = tx.server(flow.server).await?.ok_or(ConnectError::Changed)?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        let outcome = self.finish(&caller, &flow, (answer, &key)).await;
        if outcome.is_ok() && (row.inventory_at.is_none() || caller.allowed(Permission::ManageServers).is_ok()) {
            self.look_at(&caller, flow.server).await?;
        }
        Ok(FinishedConnection { account, server: row.slug, outcome })
    }

    async fn finish(
        &self,
        caller: &Caller,
        flow: &FlowRow,
        (answer, key): (&ConnectionAnswer, &DataKey),
    ) -> Result<(), ConnectError> {
        let server = kept_server(&flow.authorization_server)?;
        // Before anything else of the answer is believed or shown (RFC 9207 §2.4).
        check_issuer(&server, answer.iss.as_deref())?;
        if let Some(code) = &answer.error {
            let said = answer.error_description.as_deref().unwrap_or_default();
            return Err(ConnectError::NotAllowed { words: shown(&format!("{code} {said}")) });
        }
        let code = answer.code.clone().filter(|code| !code.is_empty());
        let code = Secret::new(code.ok_or_else(|| ConnectError::NotAllowed { words: "it sent no code".to_owned() })?);
        let client = opened_client(&flow.client, key, &flow_context(&flow.state_hash, "client"))?;
        let client = client.ok_or(ConnectError::Changed)?;
        let verifier = opened(key, &flow_context(&flow.state_hash, "verifier"), &flow.verifier)?;
        let pkce = Pkce::of(verifier.expose().clone());
        let grant = Grant { server: &server, client: &client, resource: &flow.resource };
        let redirect_uri = self.callback_url();
        let tokens = redeem(self.dialer(), &self.oauth_rules(), grant, (&code, &redirect_uri, &pkce)).await?;
        self.keep_connection(caller, Made { flow, server: &server, client: &client, tokens: &tokens, key }).await
    }

    async fn keep_connection(&self, caller: &Caller, made: Made<'_>) -> Result<(), ConnectError> {
        let Made { flow, server, .. } = made;
        let mut change = self.change(caller, needed(flow.sharing)).await?;
        let row = change.tx.server(flow.server).await?.ok_or(ConnectError::Changed)?;
        let mut settings = change.tx.upstream_oauth(flow.server).await?.ok_or(ConnectError::Changed)?;
        if settings.sharing != flow.sharing || !is_for(&flow.resource, &row.transport) {
            return Err(ConnectError::Changed);
        }
        if settings.client_id.as_deref() == Some(&flow.client.id) && settings.client_issuer.is_none() {
            settings.client_issuer = Some(server.issuer.clone());
            change.tx.put_upstream_oauth(&settings).await?;
        }
        let connection = self.connection_row(caller, &made);
        change.tx.insert_connection(&connection).await?;
        let detail = json!({
            "server": flow.server,
            "sharing": flow.sharing,
            "issuer": server.issuer,
            "scope": connection.scope,
            "renewable": connection.refresh_token.is_some(),
        });
        Ok(change.done("connection.made", connection.id, detail).await?)
    }

    fn connection_row(&self, caller: &Caller, made: &Made<'_>) -> ConnectionRow {
        let Made { flow, tokens, key, .. } = *made;
        let (now, generation) = (self.now(), 1);
        let id = ConnectionId::new(self.clock(), self.entropy());
        let seal =
            |context: String, secret: &Secret<String>| key.seal(&context, secret.expose().as_bytes(), self.entropy());
        let expires_at = tokens.expires_in_seconds.map(|life| now.plus_seconds(life));
        ConnectionRow {
            id,
            server: flow.server,
            user: (flow.sharing == Sharing::Member).then_some(flow.user),
            email: None,
            authorization_server: flow.authorization_server.clone(),
            client: sealed_client(made.client, key, (&client_context(id), self.entropy())),
            resource: flow.resource.clone(),
            scope: tokens.scope.clone().or_else(|| flow.scope.clone()),
            generation,
            access_token: seal(SnapshotConnection::context(id, generation), &tokens.access),
            refresh_token: tokens.refresh.as_ref().map(|refresh| seal(refresh_context(id), refresh)),
            expires_at,
            refreshed_at: now,
            due_at: due_after(now, tokens, self.entropy()),
            failures: 0,
            last_error: None,
            refusals: 0,
            refused_at: None,
            needs_scope: None,
            dead_at: None,
            connected_by: caller.user(),
            connected_by_email: None,
            connected_at: now,
        }
    }
}

/// The place that a connection's client secret is sealed for.
pub(super) fn client_context(connection: ConnectionId) -> String {
    format!("{connection}/client")
}

/// Whether tokens for `resource` are for the server at its present address.
fn is_for(resource: &str, transport: &Transport) -> bool {
    let Transport::Http { url } = transport else { return false };
    UpstreamUrl::parse(url).is_ok_and(|url| upstream::authorization::covers(resource, &url))
}

/// Foreign words on one line, without control characters, cut.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MOST_WORDS).collect()
}
