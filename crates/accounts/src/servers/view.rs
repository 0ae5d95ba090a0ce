//! Servers, ready to show.

use catalogue::KnownServer;
use domain::{AccountSlug, ConnectorId, Name, Permission, ServerId, ServerSettings, ServerSlug, Timestamp, Transport};
use policy::RiskClass;
use storage::{ConnectorRow, ServerRow, ToolRow, Tx};

use super::reach::{DAY_SECONDS, ServerStanding};
use crate::{
    Accounts, Caller, Error,
    tools::{ToolView, views},
};

/// How many tools there are of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RiskCounts([usize; RiskClass::ALL.len()]);

/// A connector that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConnector {
    /// Which token it came with.
    pub connector: ConnectorId,
    /// What it says of itself: its version first, `portcullis/1.2.3 stdio uvx`.
    pub about: String,
    /// Requests under way through it a few seconds ago.
    pub in_flight: u32,
}

/// A server in the list.
#[derive(Clone, Debug)]
pub struct ServerSummary {
    /// Which.
    pub id: ServerId,
    /// Its name in URLs.
    pub slug: ServerSlug,
    /// Its name for people.
    pub name: Name,
    /// How it is reached.
    pub transport: Transport,
    /// Its tools by class.
    pub risk: RiskCounts,
    /// Whether it answers.
    pub standing: ServerStanding,
    /// Why its tools could not be read at the last attempt.
    pub tools_error: Option<String>,
    /// Calls of its tools in the last 24 hours.
    pub calls_24h: u64,
    /// How many of them were denied.
    pub denied_24h: u64,
    /// The last call of the last 90 days.
    pub last_call_at: Option<Timestamp>,
}

/// A server with everything that its page shows.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// Which.
    pub id: ServerId,
    /// Its name in URLs.
    pub slug: ServerSlug,
    /// Its name for people.
    pub name: Name,
    /// How it is reached.
    pub transport: Transport,
    /// What the catalogue knows of it.
    pub kind: Option<&'static KnownServer>,
    /// What passes.
    pub settings: ServerSettings,
    /// Names of the headers added to requests to it; their values are never shown again.
    pub header_names: Vec<String>,
    /// Where clients reach this server alone.
    pub gateway_url: String,
    /// Where clients reach all servers of the account.
    pub account_gateway_url: String,
    /// Its tools, in its own order.
    pub tools: Vec<ToolView>,
    /// Its tools by class.
    pub risk: RiskCounts,
    /// Why its tools could not be read at the last attempt.
    pub tools_error: Option<String>,
    /// When that was.
    pub tools_at: Option<Timestamp>,
    /// What it calls itself, and the version it says it has.
    pub reported: Option<(String, String)>,
    /// The protocol version it answered with.
    pub protocol_version: Option<String>,
    /// The connectors that are there now, at whichever gateway; for a server behind a tunnel.
    pub connected: Vec<LiveConnector>,
    /// Whether it answers.
    pub standing: ServerStanding,
    /// Its connector tokens, the newest first.
    pub connectors: Vec<ConnectorRow>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Accounts {
    /// The servers, the oldest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn list_servers(&self, caller: &Caller) -> Result<Vec<ServerSummary>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let rows = tx.servers().await?;
        let tools = tx.all_tools().await?;
        let day = tx.server_uses(self.now().plus_seconds(-DAY_SECONDS)).await?;
        let sightings = self.sightings(&mut tx, None).await?;
        tx.commit().await?;
        let mut servers = Vec::new();
        for row in rows {
            let day = day.iter().find(|used| used.server == row.id);
            let connected = self.connected(caller, &row).await;
            servers.push(ServerSummary {
                standing: sightings.standing(caller, &row, &connected),
                risk: RiskCounts::of(tools.iter().filter(|t| t.server == row.id)),
                calls_24h: day.map_or(0, |u| u.calls),
                denied_24h: day.map_or(0, |u| u.denied),
                last_call_at: sightings.last_call(row.id),
                id: row.id,
                slug: row.slug,
                name: row.name,
                transport: row.transport,
                tools_error: row.inventory_error,
            });
        }
        Ok(servers)
    }

    /// One server, by its name in URLs.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn server(&self, caller: &Caller, slug: &ServerSlug) -> Result<ServerView, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let row = tx.server_by_slug(slug).await?.ok_or(Error::NotFound)?;
        let view = self.server_view(caller, &mut tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    async fn server_view(&self, caller: &Caller, tx: &mut Tx, row: ServerRow) -> Result<ServerView, Error> {
        let tools = tx.tools(row.id).await?;
        let headers = tx.server_headers(row.id).await?;
        let connectors = tx.connectors(row.id, self.now()).await?;
        let sightings = self.sightings(tx, Some(row.id)).await?;
        let connected = self.connected(caller, &row).await;
        let kind = row.kind.as_deref().and_then(catalogue::server).or_else(|| {
            let names: Vec<&str> = tools.iter().map(|t| t.name.as_str()).collect();
            catalogue::recognise(&names)
        });
        let risk = RiskCounts::of(tools.iter());
        let drift = row.settings.drift;
        let standing = sightings.standing(caller, &row, &connected);
        Ok(ServerView {
            gateway_url: gateway_url(self.gateway_origin(), caller.slug(), Some(&row.slug)),
            account_gateway_url: gateway_url(self.gateway_origin(), caller.slug(), None),
            tools: views(drift, kind, tools),
            reported: row.reported_name.map(|name| (name, row.reported_version.unwrap_or_default())),
            header_names: headers.into_iter().map(|h| h.name).collect(),
            id: row.id,
            slug: row.slug,
            name: row.name,
            transport: row.transport,
            settings: row.settings,
            tools_error: row.inventory_error,
            tools_at: row.inventory_at,
            protocol_version: row.protocol_version,
            created_at: row.created_at,
            standing,
            kind,
            risk,
            connected,
            connectors,
        })
    }

    /// The connectors that are there now. A bus that is away shows none: a page is not refused for that.
    async fn connected(&self, caller: &Caller, row: &ServerRow) -> Vec<LiveConnector> {
        if row.transport != Transport::Tunnel {
            return Vec::new();
        }
        let gateways = self.bus().presence(caller.scope().account(), row.id).await.unwrap_or_default();
        let tunnels = gateways.into_iter().flat_map(|gateway| gateway.tunnels);
        tunnels.map(|t| LiveConnector { connector: t.connector, about: t.about, in_flight: t.in_flight }).collect()
    }
}

impl RiskCounts {
    /// How many there are of a class.
    #[must_use]
    pub fn get(&self, class: RiskClass) -> usize {
        self.0.get(class as usize).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    fn of<'a>(tools: impl Iterator<Item = &'a ToolRow>) -> Self {
        let mut counts = Self::default();
        for tool in tools {
            counts.0[tool.class as usize] += 1;
        }
        counts
    }
}

/// A gateway URL: of one server, or of all servers of an account.
#[must_use]
pub fn gateway_url(origin: &str, account: &AccountSlug, server: Option<&ServerSlug>) -> String {
    match server {
        Some(server) => format!("{origin}/{account}/{server}/mcp"),
        None => format!("{origin}/{account}/mcp"),
    }
}
