//! The parts that commands are made of: stores, faces, the data plane. Which of them meet is decided by the command.

use std::{path::Path, time::Duration};

use accounts::{Accounts, Retention, Wiring};
use anyhow::Context as _;
use axum::Router;
use bus::Bus;
use counters::Counters;
use dashboard::Dashboard;
use domain::{Clock, DeploymentKey, Entropy, Secret};
use gateway::{Gateway, GatewayParts};
use oauth::{Look, Oauth};
use storage::{Db, PoolSize};
use upstream::{Dialer, DialerConfig, Egress};
use web_kit::Origin;

/// Connections to PostgreSQL per process.
pub const POOL: PoolSize = PoolSize(10);

/// How long a reservation in Redis may take before it counts as failed. One that is given up stays charged, so a burst on a
/// busy machine should rather wait than lose calls that had room.
const COUNTERS_WITHIN: Duration = Duration::from_secs(3);

/// What every part of a process takes its time, randomness and secrets from.
#[derive(Clone, Debug)]
pub struct Base {
    pub clock: Clock,
    pub entropy: Entropy,
    pub key: DeploymentKey,
}

/// What control planes and gateways share while they run.
#[derive(Clone, Debug)]
pub struct HotState {
    pub bus: Bus,
    pub counters: Counters,
}

/// The addresses that people and clients use.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Of the pages.
    pub origin: String,
    /// Before gateway URLs.
    pub gateway_origin: String,
    /// Where the control plane itself reaches a gateway.
    pub gateway_internal: String,
}

impl Addresses {
    /// What the use cases are told.
    pub fn config(&self, retention: Retention) -> accounts::Config {
        accounts::Config {
            gateway_origin: self.gateway_origin.trim_end_matches('/').to_owned(),
            internal_gateway: self.gateway_internal.clone(),
            issuer: self.origin.trim_end_matches('/').to_owned(),
            client_documents: accounts::ClientDocuments::Public,
            retention,
        }
    }
}

impl Base {
    pub fn new(key: DeploymentKey) -> Self {
        Self { clock: Clock::System, entropy: Entropy::System, key }
    }

    /// The use cases.
    pub fn accounts(&self, db: Db, hot: HotState, dialer: Dialer, config: accounts::Config) -> Accounts {
        Accounts::new(Wiring {
            db,
            bus: hot.bus,
            counters: hot.counters,
            dialer,
            key: self.key.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            config,
        })
    }

    /// The faces of the control plane over these use cases: the pages and the OAuth server.
    pub fn faces(&self, accounts: &Accounts, origin: &str) -> anyhow::Result<Router> {
        let config = web_kit::Config {
            public_origin: Origin::parse(origin)?,
            key: self.key.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        let look = Look { error_page: dashboard::error_page, asset: dashboard::asset };
        let oauth = Oauth::new(accounts.clone(), config.clone(), look);
        Ok(Dashboard::new(accounts.clone(), config).router().merge(oauth.routes()))
    }

    /// The data plane.
    pub fn gateway(&self, hot: HotState, dialer: Dialer, config: gateway::Config) -> Gateway {
        Gateway::new(GatewayParts {
            bus: hot.bus,
            counters: hot.counters,
            dialer,
            key: self.key.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            config,
        })
    }
}

/// The migrated database at a URL.
pub async fn database(url: &str) -> anyhow::Result<Db> {
    let db = Db::connect(url, POOL).await?;
    db.migrate().await?;
    Ok(db)
}

/// The shared state in Redis; with a spool for a process that records calls.
pub async fn redis(url: &str, spool: Option<&Path>) -> anyhow::Result<HotState> {
    Ok(HotState { bus: redis_bus(url, spool).await?, counters: redis_counters(url).await? })
}

async fn redis_bus(url: &str, spool: Option<&Path>) -> anyhow::Result<Bus> {
    let mut config = bus::RedisConfig::new(Secret::new(url.to_owned()));
    if let Some(folder) = spool {
        config = config.with_spool(folder.to_owned());
    }
    Bus::redis(config).await.context("cannot use REDIS_URL")
}

async fn redis_counters(url: &str) -> anyhow::Result<Counters> {
    let mut config = counters::RedisConfig::new(Secret::new(url.to_owned()));
    config.answer_within = COUNTERS_WITHIN;
    Counters::redis(config).await.context("cannot use REDIS_URL")
}

impl HotState {
    /// Sends or writes down what is on its way.
    pub async fn close(&self) {
        self.bus.close().await;
        self.counters.close().await;
    }
}

/// How upstreams are dialled.
pub fn dialer(egress: Egress) -> anyhow::Result<Dialer> {
    Ok(Dialer::new(DialerConfig::new(egress))?)
}
