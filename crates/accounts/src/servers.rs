//! Servers: registering, showing, changing, removing.

mod form;
mod probes;
mod reach;
mod view;

use domain::{
    ConnectToken, ConnectorId, Name, Permission, Secret, ServerId, ServerSettings, ServerSlug, SnapshotHeader, Token,
    TokenKind, Transport,
};
use serde_json::json;
use storage::{Constraint, NewConnectorRow, NewServerRow, ServerChange, StorageError};

use crate::{Accounts, Caller, Error, change::Change};

pub use form::{NewServer, NewTransport};
pub use probes::NewServerProbe;
pub use reach::{ServerReach, ServerStanding};
pub use view::{LiveConnector, RiskCounts, ServerSummary, ServerView, gateway_url};

/// How long a connector token stands after it was replaced, in seconds: a day.
pub const REPLACED_STANDS_SECONDS: i64 = 24 * 60 * 60;

/// A server that was just registered.
#[derive(Clone, Debug)]
pub struct CreatedServer {
    /// Which.
    pub id: ServerId,
    /// Its name in URLs.
    pub slug: ServerSlug,
    /// What its connector is started with, shown this once; for a server behind a tunnel.
    pub connect: Option<CreatedConnector>,
}

/// A connector's token, the one time that its text is there.
#[derive(Clone, Debug)]
pub struct CreatedConnector {
    /// Which.
    pub id: ConnectorId,
    /// What is pasted behind `portcullis connect`.
    pub token: ConnectToken,
}

/// What a person changes of a server.
#[derive(Clone, Debug)]
pub struct ServerEdit {
    /// Its name for people.
    pub name: String,
    /// Its URL; for a server behind a tunnel it is passed over.
    pub url: String,
    /// Headers to have from now on; none: those that are there stay, which is refused when the address becomes another one.
    pub headers: Option<Vec<(String, Secret<String>)>>,
    /// What passes.
    pub settings: ServerSettings,
}

impl Accounts {
    /// Registers a server. One that is reached by URL is looked at at once, so that its tools are there; whether that
    /// works does not decide whether it is registered.
    ///
    /// # Errors
    /// [`Error::Invalid`]: fields `name`, `slug`, `url`, `headers`.
    pub async fn register_server(&self, caller: &Caller, form: &NewServer) -> Result<CreatedServer, Error> {
        let wanted = form.read(self.dialer().egress())?;
        let mut change = self.change(caller, Permission::ManageServers).await?;
        let id = ServerId::new(self.clock(), self.entropy());
        let row = NewServerRow {
            id,
            slug: wanted.slug.clone(),
            name: wanted.name,
            transport: wanted.transport.clone(),
            kind: wanted.kind,
            settings: ServerSettings::default(),
            created_by: caller.user(),
            created_at: change.at,
        };
        change.tx.insert_server(&row).await.map_err(slug_taken)?;
        change.seal_headers(self, id, &wanted.headers).await?;
        let connect = match wanted.transport {
            Transport::Tunnel => Some(change.mint_connector(self, caller, id, &wanted.slug).await?),
            Transport::Http { .. } => None,
        };
        change.done("server.registered", id, json!({ "slug": wanted.slug, "transport": row.transport.word() })).await?;
        if connect.is_none() {
            self.look_at(caller, id).await?;
        }
        Ok(CreatedServer { id, slug: wanted.slug, connect })
    }

    /// Changes a server's name, URL, headers and settings.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`]: fields `name`, `url`, `headers`.
    pub async fn update_server(&self, caller: &Caller, id: ServerId, form: &ServerEdit) -> Result<(), Error> {
        let name = Name::parse(&form.name).map_err(|error| Error::field("name", error))?;
        let headers = form.headers.as_deref().map(form::read_headers).transpose()?;
        let mut change = self.change(caller, Permission::ManageServers).await?;
        let row = change.tx.server(id).await?.ok_or(Error::NotFound)?;
        let transport = match row.transport {
            Transport::Tunnel => Transport::Tunnel,
            Transport::Http { .. } => form::read_url(&form.url, self.dialer().egress())?,
        };
        let moved = transport != row.transport;
        if headers.is_none() && form::is_elsewhere(&row.transport, &transport) {
            change.has_no_headers(id).await?;
        }
        let edit = ServerChange { name: name.clone(), transport, settings: form.settings.clone() };
        change.tx.update_server(id, &edit).await?;
        if let Some(headers) = &headers {
            change.seal_headers(self, id, headers).await?;
        }
        if moved {
            change.moved_away(id).await?;
        }
        let headers_changed = headers.is_some();
        change.done("server.changed", id, json!({ "name": name, "moved": moved, "headers": headers_changed })).await
    }

    /// Removes a server; its grants and connector tokens end with it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_server(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageServers).await?;
        if !change.tx.remove_server(id, change.at).await? {
            return Err(Error::NotFound);
        }
        let grants = change.tx.revoke_grants_on(id, change.at).await?;
        change.tx.revoke_connectors_of(id, change.at).await?;
        change.tx.put_server_headers(id, &[]).await?;
        let connections = change.tx.connections(Some(id)).await?;
        change.disconnect_all(id).await?;
        change.tx.drop_upstream_oauth(id).await?;
        change.done("server.removed", id, json!({ "grants_revoked": grants })).await?;
        self.give_back(caller, &connections).await
    }

    /// Makes another connector token for a server behind a tunnel.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a server that is reached by URL.
    pub async fn new_connector(&self, caller: &Caller, server: ServerId) -> Result<CreatedConnector, Error> {
        let mut change = self.change(caller, Permission::ManageServers).await?;
        let row = change.tx.server(server).await?.filter(|row| row.transport == Transport::Tunnel);
        let row = row.ok_or(Error::NotFound)?;
        let created = change.mint_connector(self, caller, server, &row.slug).await?;
        change.done("connector.created", created.id, json!({ "server": server })).await?;
        Ok(created)
    }

    /// Makes another connector token in the place of one, which stays in force for [`REPLACED_STANDS_SECONDS`], so that a
    /// connector can be moved to the new one without a gap.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one that was replaced or revoked already.
    pub async fn replace_connector(
        &self,
        caller: &Caller,
        server: ServerId,
        connector: ConnectorId,
    ) -> Result<CreatedConnector, Error> {
        let mut change = self.change(caller, Permission::ManageServers).await?;
        let row = change.tx.server(server).await?.filter(|row| row.transport == Transport::Tunnel);
        let row = row.ok_or(Error::NotFound)?;
        let ends_at = change.at.plus_seconds(REPLACED_STANDS_SECONDS);
        if !change.tx.end_connector(server, connector, ends_at).await? {
            return Err(Error::NotFound);
        }
        let created = change.mint_connector(self, caller, server, &row.slug).await?;
        let with = json!({ "server": server, "with": created.id });
        change.done("connector.replaced", connector, with).await?;
        Ok(created)
    }

    /// Revokes a connector token: its tunnel is closed within seconds.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_connector(
        &self,
        caller: &Caller,
        server: ServerId,
        connector: ConnectorId,
    ) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageServers).await?;
        if !change.tx.revoke_connector(server, connector, change.at).await? {
            return Err(Error::NotFound);
        }
        change.done("connector.revoked", connector, json!({ "server": server })).await
    }
}

impl Change<'_> {
    async fn mint_connector(
        &mut self,
        accounts: &Accounts,
        caller: &Caller,
        server: ServerId,
        slug: &ServerSlug,
    ) -> Result<CreatedConnector, Error> {
        let token = Token::new(TokenKind::Connect, accounts.entropy());
        let id = ConnectorId::new(accounts.clock(), accounts.entropy());
        let row = NewConnectorRow { id, server, hash: token.hash(), created_by: caller.user(), created_at: self.at };
        self.tx.insert_connector(&row).await?;
        let origin = accounts.gateway_origin().to_owned();
        let token = ConnectToken { token, origin, account: caller.slug().clone(), server: slug.clone() };
        Ok(CreatedConnector { id, token })
    }

    /// Stored credentials were given for one address: whoever changes the address must not have them sent elsewhere.
    async fn has_no_headers(&mut self, server: ServerId) -> Result<(), Error> {
        if self.tx.server_headers(server).await?.is_empty() {
            return Ok(());
        }
        Err(Error::field("headers", "must be entered again, because the address is another one now"))
    }

    /// Seals headers under the account's data key and puts them in place of those that are there.
    async fn seal_headers(
        &mut self,
        accounts: &Accounts,
        server: ServerId,
        headers: &[(String, Secret<String>)],
    ) -> Result<(), Error> {
        let key = accounts.data_key(&mut self.tx).await?;
        let seal = |(name, value): &(String, Secret<String>)| SnapshotHeader {
            name: name.clone(),
            value: key.seal(&SnapshotHeader::context(server, name), value.expose().as_bytes(), accounts.entropy()),
        };
        let sealed: Vec<SnapshotHeader> = headers.iter().map(seal).collect();
        self.tx.put_server_headers(server, &sealed).await?;
        Ok(())
    }
}

/// The word for a transport in notes of changes.
trait Word {
    fn word(&self) -> &'static str;
}

impl Word for Transport {
    fn word(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Tunnel => "tunnel",
        }
    }
}

fn slug_taken(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::ServerSlugTaken) => Error::field("slug", "is taken by another server; choose another"),
        _ => error.into(),
    }
}
