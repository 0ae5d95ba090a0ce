//! Renewing tokens ahead of their end.
//!
//! Any number of control planes do this: whoever takes a connection's lease renews it, and puts the new token in place of
//! exactly the one that it renewed. A lease ends by itself, well after every time limit of the request under it.

use domain::{ConnectionRefused, DataKey, Secret, SnapshotConnection};
use serde_json::json;
use storage::{AccountScope, ConnectionFailure, ConnectionRow, DueConnection, NewTokens, Tx};
use tokio::task::JoinSet;
use upstream::authorization::{AuthorizationError, Grant, Tokens, refresh};

use super::{
    ConnectError,
    begin::united,
    client::opened_client,
    finish::client_context,
    health::{again_after, due_after, is_over},
    kept_server, opened, refresh_context,
};
use crate::{Accounts, Error, change::Noted};

/// So many connections in one round of the background job, all at the same time.
const ROUND: u32 = 16;
/// How long one control plane has a connection for itself: longer than any request to a token endpoint takes.
const LEASE_SECONDS: i64 = 60;
/// Failures in a row after which the account's admins are told.
const TOLD_AT: u32 = 2;

impl Accounts {
    /// Renews the connections that are due; how many were looked at.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be seen which are due. One that fails keeps no other waiting.
    pub async fn refresh_connections(&self) -> Result<usize, Error> {
        let mut looked_at = 0;
        loop {
            let mut job = self.db().job().await?;
            let due = job.due_connections(self.now(), ROUND).await?;
            job.commit().await?;
            let round = due.len();
            let mut tasks = JoinSet::new();
            for one in due {
                let accounts = self.clone();
                tasks.spawn(async move { accounts.look_after(&one).await });
            }
            let mut claimed = 0;
            while let Some(done) = tasks.join_next().await {
                claimed += usize::from(done.unwrap_or_default());
            }
            looked_at += claimed;
            // What others hold now is theirs.
            if claimed == 0 || round < ROUND as usize {
                return Ok(looked_at);
            }
        }
    }

    /// Takes in that a server refused a token: the connection is looked at soon, or wants more rights.
    pub(crate) async fn connection_refused(&self, tx: &mut Tx, refused: &ConnectionRefused) -> Result<(), Error> {
        tx.connection_refused(refused).await?;
        let Some(needs) = refused.needs.as_deref().filter(|needs| !needs.is_empty()) else { return Ok(()) };
        let Some(row) = tx.upstream_connection(refused.connection).await? else { return Ok(()) };
        if row.server != refused.server || row.generation != refused.generation {
            return Ok(());
        }
        if let Some(mut settings) = tx.upstream_oauth(refused.server).await? {
            let known = settings.needed_scope.as_deref().unwrap_or_default();
            // What was granted stays asked for (MCP 2026-07-28 "Step-Up Authorization Flow").
            let more = united(&united(known, row.scope.as_deref().unwrap_or_default()), needs);
            settings.needed_scope = Some(more.chars().take(2_000).collect());
            tx.put_upstream_oauth(&settings).await?;
        }
        Ok(())
    }

    /// Whether this process had the connection to itself.
    async fn look_after(&self, due: &DueConnection) -> bool {
        match self.renew(due).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(
                    account = %due.scope.account(),
                    connection = %due.connection,
                    error = &error as &dyn std::error::Error,
                    "a connection could not be looked after; it is tried again"
                );
                false
            }
        }
    }

    async fn renew(&self, due: &DueConnection) -> Result<bool, Error> {
        let now = self.now();
        let mut tx = self.db().account(&due.scope).await?;
        let claimed = tx.claim_connection(due.connection, now, now.plus_seconds(LEASE_SECONDS)).await?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        let Some(row) = claimed else { return Ok(false) };
        if let Some(words) = is_over(&row, now) {
            self.bury(&due.scope, &row, words).await?;
            return Ok(true);
        }
        match self.ask_for_tokens(&row, &key).await {
            Ok(tokens) => self.put_tokens(&due.scope, &row, (&tokens, &key)).await?,
            Err(ConnectError::Other(error)) => return Err(error),
            Err(ConnectError::Authorization(error)) if error.is_final() => {
                self.bury(&due.scope, &row, &error.to_string()).await?;
            }
            Err(error) => self.put_off(&due.scope, &row, &error.to_string()).await?,
        }
        Ok(true)
    }

    async fn ask_for_tokens(&self, row: &ConnectionRow, key: &DataKey) -> Result<Tokens, ConnectError> {
        let none = || AuthorizationError::Answer { what: "the connection", words: "no refresh token".to_owned() };
        let sealed = row.refresh_token.as_ref().ok_or_else(none)?;
        let token = opened(key, &refresh_context(row.id), sealed)?;
        let server = kept_server(&row.authorization_server)?;
        let client = opened_client(&row.client, key, &client_context(row.id))?.ok_or(ConnectError::Changed)?;
        let grant = Grant { server: &server, client: &client, resource: &row.resource };
        let tokens = refresh(self.dialer(), &self.oauth_rules(), grant, &token).await?;
        // Without rotation the token that was redeemed stays the one to redeem.
        Ok(Tokens { refresh: tokens.refresh.or(Some(token)), ..tokens })
    }

    async fn put_tokens(
        &self,
        scope: &AccountScope,
        row: &ConnectionRow,
        (tokens, key): (&Tokens, &DataKey),
    ) -> Result<(), Error> {
        let now = self.now();
        let seal =
            |context: String, secret: &Secret<String>| key.seal(&context, secret.expose().as_bytes(), self.entropy());
        let new = NewTokens {
            access: seal(SnapshotConnection::context(row.id, row.generation + 1), &tokens.access),
            refresh: tokens.refresh.as_ref().map(|refresh| seal(refresh_context(row.id), refresh)),
            expires_at: tokens.expires_in_seconds.map(|life| now.plus_seconds(life)),
            scope: tokens.scope.clone(),
            at: now,
            due_at: due_after(now, tokens, self.entropy()),
        };
        let mut tx = self.db().account(scope).await?;
        tx.bump_snapshot(now).await?;
        if !tx.renew_connection((row.id, row.generation), &new).await? {
            // It was disconnected meanwhile; nobody has the new token, which ends by itself.
            return Ok(());
        }
        tx.commit().await?;
        tracing::info!(account = %scope.account(), connection = %row.id, "a connection was renewed");
        self.published(scope).await;
        Ok(())
    }

    async fn put_off(&self, scope: &AccountScope, row: &ConnectionRow, words: &str) -> Result<(), Error> {
        let now = self.now();
        let Some(due_at) = again_after(row, now) else { return self.bury(scope, row, words).await };
        let mut tx = self.db().account(scope).await?;
        tx.connection_failed((row.id, row.generation), ConnectionFailure { words, due_at }).await?;
        if row.failures + 1 == TOLD_AT {
            self.note_of(&mut tx, row, ("connection.ailing", words)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A connection that is of no use any more leaves the snapshot, and the account's admins are told.
    async fn bury(&self, scope: &AccountScope, row: &ConnectionRow, words: &str) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.db().account(scope).await?;
        tx.bump_snapshot(now).await?;
        if !tx.connection_died((row.id, row.generation), now, words).await? {
            return Ok(());
        }
        self.note_of(&mut tx, row, ("connection.died", words)).await?;
        tx.commit().await?;
        tracing::warn!(account = %scope.account(), connection = %row.id, "a connection is dead");
        self.published(scope).await;
        Ok(())
    }

    async fn note_of(
        &self,
        tx: &mut Tx,
        row: &ConnectionRow,
        (action, words): (&'static str, &str),
    ) -> Result<(), Error> {
        let detail = json!({ "server": row.server, "of": row.user, "why": words });
        let (at, by, subject) = (self.now(), row.connected_by, row.id.to_string());
        self.note(tx, &Noted { at, by, action, subject, detail }).await
    }
}
