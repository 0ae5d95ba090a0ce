//! Servers: registered upstreams. A removed server keeps its row, because grants and records name it.

mod seen;

use domain::{Name, Sealed, ServerId, ServerSettings, ServerSlug, SnapshotHeader, Timestamp, Transport, UserId};
use sqlx::{Row as _, postgres::PgRow, types::Json};

use crate::{StorageError, Tx, read};

pub(crate) use seen::STATEMENTS as SEEN_STATEMENTS;
pub use seen::ServerSeen;

statements! {
    INSERT = "insert into server (account_id, id, slug, name, url, kind, settings, created_by, created_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    LIST = "select id, slug, name, url, kind, settings, reported_name, reported_version, protocol_version, inventory_at, \
                inventory_error, created_at \
            from server where account_id = $1 and removed_at is null order by created_at, id";
    BY_SLUG = "select id, slug, name, url, kind, settings, reported_name, reported_version, protocol_version, inventory_at, \
                   inventory_error, created_at \
               from server where account_id = $1 and slug = $2 and removed_at is null";
    ONE = "select id, slug, name, url, kind, settings, reported_name, reported_version, protocol_version, inventory_at, \
               inventory_error, created_at \
           from server where account_id = $1 and id = $2 and removed_at is null";
    NAMES = "select id, slug, name from server where account_id = $1";
    UPDATE = "update server set name = $3, url = $4, settings = $5 where account_id = $1 and id = $2 and removed_at is null";
    REMOVE = "update server set removed_at = $3 where account_id = $1 and id = $2 and removed_at is null";
    DROP_HEADERS = "delete from server_header where account_id = $1 and server_id = $2";
    ADD_HEADER = "insert into server_header (account_id, server_id, name, value, position) values ($1, $2, $3, $4, $5)";
    HEADERS = "select server_id, name, value from server_header where account_id = $1 and server_id = $2 order by position";
    INVENTORY = "update server set reported_name = coalesce($3, reported_name), \
                     reported_version = coalesce($4, reported_version), \
                     protocol_version = coalesce($5, protocol_version), inventory_at = $6, inventory_error = $7 \
                 where account_id = $1 and id = $2 and removed_at is null and (inventory_at is null or inventory_at < $6)";
}

/// A server to be.
#[derive(Clone, Debug)]
pub struct NewServerRow {
    /// The new id.
    pub id: ServerId,
    /// Its name in URLs.
    pub slug: ServerSlug,
    /// Its name for people.
    pub name: Name,
    /// How it is reached.
    pub transport: Transport,
    /// The catalogue's name of it, where it is a known one.
    pub kind: Option<String>,
    /// What passes.
    pub settings: ServerSettings,
    /// Who registers it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// A server that was not removed.
#[derive(Clone, Debug)]
pub struct ServerRow {
    /// Which.
    pub id: ServerId,
    /// Its name in URLs.
    pub slug: ServerSlug,
    /// Its name for people.
    pub name: Name,
    /// How it is reached.
    pub transport: Transport,
    /// The catalogue's name of it, where it is a known one.
    pub kind: Option<String>,
    /// What passes.
    pub settings: ServerSettings,
    /// What it calls itself.
    pub reported_name: Option<String>,
    /// The version it says it has.
    pub reported_version: Option<String>,
    /// The protocol version it answered with.
    pub protocol_version: Option<String>,
    /// When its tools were last asked for.
    pub inventory_at: Option<Timestamp>,
    /// Why they could not be read then.
    pub inventory_error: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
}

/// What may change of a server.
#[derive(Clone, Debug)]
pub struct ServerChange {
    /// Its name for people.
    pub name: Name,
    /// How it is reached.
    pub transport: Transport,
    /// What passes.
    pub settings: ServerSettings,
}

/// What a look at a server's tools brought besides the tools.
#[derive(Clone, Debug)]
pub struct InventoryNote {
    /// When.
    pub at: Timestamp,
    /// Name and version that it gave itself.
    pub server_info: Option<domain::Client>,
    /// The protocol version it answered with; none when it did not get that far.
    pub protocol_version: Option<String>,
    /// Why its tools could not be read.
    pub error: Option<String>,
}

/// Whether what arrived is newer than what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Newer,
    /// It is not, or the server is gone: nothing was changed.
    Stale,
}

impl Tx {
    /// Adds a server.
    ///
    /// # Errors
    /// [`crate::Constraint::ServerSlugTaken`].
    pub async fn insert_server(&mut self, new: &NewServerRow) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.slug.as_str())
            .bind(new.name.as_str())
            .bind(url(&new.transport))
            .bind(new.kind.as_deref())
            .bind(Json(&new.settings))
            .bind(new.created_by.uuid())
            .bind(new.created_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The servers, the oldest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn servers(&mut self) -> Result<Vec<ServerRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(LIST).bind(account).try_map(server).fetch_all(self.connection()).await?)
    }

    /// The server with this slug.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn server_by_slug(&mut self, slug: &ServerSlug) -> Result<Option<ServerRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(BY_SLUG).bind(account).bind(slug.as_str()).try_map(server);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// One server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn server(&mut self, id: ServerId) -> Result<Option<ServerRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(server).fetch_optional(self.connection()).await?)
    }

    /// The names of all servers, removed ones too: for records that name them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn server_names(&mut self) -> Result<Vec<(ServerId, ServerSlug, Name)>, StorageError> {
        let account = self.id();
        let query = sqlx::query(NAMES).bind(account).try_map(|row: PgRow| {
            Ok((read::id(&row, "id", ServerId::from_uuid)?, read::parsed(&row, "slug")?, read::text(&row, "name")?))
        });
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Changes a server; whether there is one.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn update_server(&mut self, id: ServerId, change: &ServerChange) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(UPDATE)
            .bind(account)
            .bind(id.uuid())
            .bind(change.name.as_str())
            .bind(url(&change.transport))
            .bind(Json(&change.settings));
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Removes a server; whether there was one. Its grants and connectors have to be revoked with it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_server(&mut self, id: ServerId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REMOVE).bind(account).bind(id.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Puts these headers in place of those that are there.
    ///
    /// # Errors
    /// [`crate::Constraint::ServerHeaderTwice`].
    pub async fn put_server_headers(&mut self, id: ServerId, headers: &[SnapshotHeader]) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(DROP_HEADERS).bind(account).bind(id.uuid()).execute(self.connection()).await?;
        for (position, header) in (0_i32..).zip(headers) {
            sqlx::query(ADD_HEADER)
                .bind(account)
                .bind(id.uuid())
                .bind(&header.name)
                .bind(&header.value.0)
                .bind(position)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// A server's headers, sealed, in their order.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn server_headers(&mut self, id: ServerId) -> Result<Vec<SnapshotHeader>, StorageError> {
        let account = self.id();
        let query = sqlx::query(HEADERS).bind(account).bind(id.uuid()).try_map(header);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Notes what a look at a server's tools brought, unless a later look is noted already.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn note_inventory(&mut self, id: ServerId, note: &InventoryNote) -> Result<Freshness, StorageError> {
        let account = self.id();
        let info = note.server_info.as_ref();
        let query = sqlx::query(INVENTORY)
            .bind(account)
            .bind(id.uuid())
            .bind(info.map(|i| read::storable(&i.name)))
            .bind(info.map(|i| read::storable(&i.version)))
            .bind(note.protocol_version.as_deref().map(read::storable))
            .bind(note.at.to_datetime())
            .bind(note.error.as_deref().map(read::storable));
        let changed = query.execute(self.connection()).await?.rows_affected() > 0;
        Ok(if changed { Freshness::Newer } else { Freshness::Stale })
    }
}

fn url(transport: &Transport) -> Option<&str> {
    match transport {
        Transport::Http { url } => Some(url),
        Transport::Tunnel => None,
    }
}

fn server(row: PgRow) -> Result<ServerRow, sqlx::Error> {
    let url: Option<String> = row.try_get("url")?;
    Ok(ServerRow {
        id: read::id(&row, "id", ServerId::from_uuid)?,
        slug: read::parsed(&row, "slug")?,
        name: read::text(&row, "name")?,
        transport: url.map_or(Transport::Tunnel, |url| Transport::Http { url }),
        kind: row.try_get("kind")?,
        settings: row.try_get::<Json<ServerSettings>, _>("settings")?.0,
        reported_name: row.try_get("reported_name")?,
        reported_version: row.try_get("reported_version")?,
        protocol_version: row.try_get("protocol_version")?,
        inventory_at: read::time_or_none(&row, "inventory_at")?,
        inventory_error: row.try_get("inventory_error")?,
        created_at: read::time(&row, "created_at")?,
    })
}

fn header(row: PgRow) -> Result<SnapshotHeader, sqlx::Error> {
    Ok(SnapshotHeader { name: row.try_get("name")?, value: Sealed(row.try_get("value")?) })
}
