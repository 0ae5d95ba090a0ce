//! As which client we ask: one that was typed in, our own document, or one registered for this server; and what the document
//! says.

use domain::{DataKey, Entropy, Sealed, ServerId};
use serde_json::Value;
use storage::{ClientColumns, UpstreamClientRow, UpstreamOAuthRow};
use upstream::authorization::{AuthorizationServer, ClientIdentity, ClientProfile, Registered, register};

use super::{CLIENT_DOCUMENT_PATH, ConnectError, opened};
use crate::{Accounts, Caller, Error};

/// The server that a client is for.
#[derive(Clone, Copy)]
pub(super) struct For<'a> {
    pub(super) server: ServerId,
    pub(super) settings: &'a UpstreamOAuthRow,
    pub(super) key: &'a DataKey,
}

impl Accounts {
    /// The document that a client id of ours names; none where it could not be fetched over TLS.
    #[must_use]
    pub fn client_document(&self) -> Option<Value> {
        let id = self.document_id()?;
        Some(self.client_profile().document(&id))
    }

    fn document_id(&self) -> Option<String> {
        let origin = self.issuer();
        origin.starts_with("https://").then(|| format!("{origin}{CLIENT_DOCUMENT_PATH}"))
    }

    fn client_profile(&self) -> ClientProfile {
        ClientProfile {
            name: "Portcullis".to_owned(),
            uri: self.issuer().to_owned(),
            redirect_uri: self.callback_url(),
        }
    }

    /// The client for an authorization server; registers one where that is the only way.
    pub(super) async fn client_at(
        &self,
        caller: &Caller,
        of: For<'_>,
        server: &AuthorizationServer,
    ) -> Result<ClientIdentity, ConnectError> {
        if let Some(id) = &of.settings.client_id {
            if let Some(known) = of.settings.client_issuer.as_ref().filter(|known| **known != server.issuer) {
                return Err(ConnectError::OtherIssuer { found: server.issuer.clone(), known: known.clone() });
            }
            let sealed = of.settings.client_secret.as_ref();
            let secret = sealed.map(|sealed| opened(of.key, &given_context(of.server), sealed)).transpose()?;
            return Ok(ClientIdentity::given(server, id.clone(), secret)?);
        }
        if let Some(registered) = self.known_client(caller, of, server).await? {
            return Ok(registered);
        }
        if let Some(id) = self.document_id().filter(|_| server.takes_documents) {
            return Ok(ClientIdentity::document(id));
        }
        let registered = register(self.dialer(), &self.oauth_rules(), server, &self.client_profile()).await?;
        self.keep_client(caller, of, (&server.issuer, &registered)).await?;
        Ok(registered.client)
    }

    async fn known_client(
        &self,
        caller: &Caller,
        of: For<'_>,
        server: &AuthorizationServer,
    ) -> Result<Option<ClientIdentity>, Error> {
        let mut tx = self.db().account(caller.scope()).await?;
        let row = tx.upstream_client(of.server, &server.issuer).await?;
        tx.commit().await?;
        let now = self.now();
        let fits = |row: &UpstreamClientRow| {
            row.redirect_uri == self.callback_url() && row.expires_at.is_none_or(|at| now.plus_seconds(60) < at)
        };
        let Some(row) = row.filter(fits) else { return Ok(None) };
        opened_client(&row.client, of.key, &registered_context(of.server, &row.issuer))
    }

    async fn keep_client(
        &self,
        caller: &Caller,
        of: For<'_>,
        (issuer, registered): (&str, &Registered),
    ) -> Result<(), Error> {
        let context = registered_context(of.server, issuer);
        let row = UpstreamClientRow {
            issuer: issuer.to_owned(),
            client: sealed_client(&registered.client, of.key, (&context, self.entropy())),
            redirect_uri: self.callback_url(),
            expires_at: registered.secret_expires_at.map(|at| domain::Timestamp(0).plus_seconds(at)),
        };
        let mut tx = self.db().account(caller.scope()).await?;
        tx.put_upstream_client(of.server, &row).await?;
        Ok(tx.commit().await?)
    }
}

/// The place that a typed-in secret is sealed for.
pub(super) fn given_context(server: ServerId) -> String {
    format!("{server}/oauth-client")
}

fn registered_context(server: ServerId, issuer: &str) -> String {
    format!("{server}/oauth-client/{issuer}")
}

pub(super) fn sealed_client(
    client: &ClientIdentity,
    key: &DataKey,
    (context, entropy): (&str, &Entropy),
) -> ClientColumns {
    let seal = |secret: &domain::Secret<String>| key.seal(context, secret.expose().as_bytes(), entropy);
    ClientColumns {
        id: client.id.clone(),
        secret: client.secret.as_ref().map(seal),
        method: client.method.as_str().to_owned(),
    }
}

/// The client as it was kept; none when it was kept in a way that is not known any more.
pub(super) fn opened_client(
    columns: &ClientColumns,
    key: &DataKey,
    context: &str,
) -> Result<Option<ClientIdentity>, Error> {
    let Ok(method) = columns.method.parse() else { return Ok(None) };
    let open = |sealed: &Sealed| opened(key, context, sealed);
    let secret = columns.secret.as_ref().map(open).transpose()?;
    Ok(Some(ClientIdentity { id: columns.id.clone(), secret, method }))
}
