//! Gateways reach each other: a connector's tunnel hangs on one of them, and so does what waits for a client's answer.
//!
//! Here: what gateways call themselves to each other ([`identity`]), the connections to others ([`links`]), the listener for
//! theirs ([`serve`]), and a client's whole request handed on ([`redispatch`]). The words are in [`wire`]. Which connector is
//! asked is decided in `link`.
//!
//! Invariants: every connection is TLS 1.3 with the deployment's own identity at both ends, so nothing can be read, forged
//! or replayed by whoever else is on the network. A request for a tunnel was judged, counted and recorded before it comes
//! here, and reaches no tunnel but of the account and server it names. A client's request that is handed on is authenticated
//! and judged by the gateway that gets it, and goes no further.

mod identity;
mod links;
mod redispatch;
mod serve;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bus::{Bus, Presence};
use bytes::Bytes;
use domain::{AccountId, GatewayId, ServerId};
use http::{Request, Response};
use hyper::body::Incoming;
use moka::future::Cache;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Times,
    failure::{Failure, UpstreamFailure},
    hub::Load,
};
pub(crate) use identity::Identity;
use links::{Links, To};
pub(crate) use redispatch::{Holder, redispatch};
pub(crate) use serve::serve;

/// What was heard of connectors elsewhere is believed this long.
const BELIEVED: Duration = Duration::from_secs(1);
/// Gateways whose addresses are remembered at the same time.
const MOST_GATEWAYS: u64 = 4_096;
/// Servers whose connectors elsewhere are remembered at the same time.
const MOST_SERVERS: u64 = 50_000;
/// A gateway's own requests under way to connectors elsewhere are counted for so many of them.
const MOST_CONNECTORS: u64 = 50_000;

/// The other gateways, as this one sees them.
#[derive(Debug)]
pub(crate) struct Mesh {
    id: GatewayId,
    /// Where the others reach this one; none: they cannot.
    address: Option<String>,
    bus: Bus,
    links: Links,
    elsewhere: Cache<(AccountId, ServerId), Arc<[Elsewhere]>>,
    /// Where other gateways are reached.
    addresses: Cache<GatewayId, Option<Arc<str>>>,
    /// This gateway's requests under way, by connector process.
    under_way: moka::sync::Cache<String, Arc<AtomicU32>>,
}

/// A connector process whose tunnel another gateway holds.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    pub account: AccountId,
    pub server: ServerId,
    pub gateway: GatewayId,
    /// None: that gateway cannot be reached from here.
    pub address: Option<String>,
    pub instance: String,
    /// Requests through it when its gateway last said so.
    in_flight: u32,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As heard within [`BELIEVED`].
    Recent,
    /// As it is now.
    Now,
}

/// What a mesh is made of.
pub(crate) struct MeshParts<'a> {
    pub id: GatewayId,
    pub address: Option<String>,
    pub bus: Bus,
    pub identity: &'a Identity,
    pub times: Times,
    pub tracker: TaskTracker,
    pub closing: CancellationToken,
}

impl Mesh {
    pub(crate) fn new(parts: MeshParts<'_>) -> Self {
        let MeshParts { id, address, bus, identity, times, tracker, closing } = parts;
        Self {
            id,
            address,
            bus,
            links: Links::new(identity, times, tracker, closing),
            elsewhere: Cache::builder().max_capacity(MOST_SERVERS).time_to_live(BELIEVED).build(),
            addresses: Cache::builder().max_capacity(MOST_GATEWAYS).time_to_live(BELIEVED).build(),
            under_way: moka::sync::Cache::builder()
                .max_capacity(MOST_CONNECTORS)
                .time_to_idle(Duration::from_secs(3_600))
                .build(),
        }
    }

    /// Where the others reach this gateway.
    pub(crate) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Where another gateway is reached; none: it is gone, or cannot be reached.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the bus cannot be asked.
    async fn address_of(&self, gateway: GatewayId) -> Result<Option<Arc<str>>, Failure> {
        let asking = async { self.bus.gateway(gateway).await.map(|address| address.map(Arc::from)) };
        self.addresses.try_get_with(gateway, asking).await.map_err(|error| {
            tracing::warn!(%error, "where another gateway is reached cannot be asked for");
            Failure::Unavailable
        })
    }

    /// The connectors of a server at other gateways. A bus that is away knows of none.
    pub(crate) async fn elsewhere(
        &self,
        account: AccountId,
        server: ServerId,
        freshness: Freshness,
    ) -> Arc<[Elsewhere]> {
        let key = (account, server);
        if freshness == Freshness::Now {
            self.elsewhere.invalidate(&key).await;
        }
        self.elsewhere.get_with(key, self.ask(account, server)).await
    }

    async fn ask(&self, account: AccountId, server: ServerId) -> Arc<[Elsewhere]> {
        let said = match self.bus.presence(account, server).await {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!(%error, "the connectors at other gateways cannot be asked for");
                Vec::new()
            }
        };
        let others = said.into_iter().filter(|presence| presence.gateway != self.id);
        others.flat_map(|presence| at_gateway(account, server, presence)).collect()
    }

    /// How busy a connector elsewhere is: as its gateway said, and what has gone out from here besides.
    pub(crate) fn load(&self, elsewhere: &Elsewhere) -> u32 {
        elsewhere.in_flight.saturating_add(self.counter(&elsewhere.instance).load(Ordering::Relaxed))
    }

    /// Counts one more request from here.
    pub(crate) fn busy(&self, to: &Elsewhere) -> Load {
        Load::on(&self.counter(&to.instance))
    }

    /// Sends a request to a connector elsewhere and gives the answer's head.
    pub(crate) async fn send(
        &self,
        to: &Elsewhere,
        mut request: Request<Bytes>,
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        let Some(address) = &to.address else { return Err(UpstreamFailure::ConnectorElsewhere) };
        let _counted = self.busy(to);
        wire::address_tunnel(&mut request, to)?;
        self.links.send(To { gateway: to.gateway, address }, request).await
    }

    fn counter(&self, instance: &str) -> Arc<AtomicU32> {
        self.under_way.get_with_by_ref(instance, Arc::default)
    }
}

fn at_gateway(account: AccountId, server: ServerId, presence: Presence) -> impl Iterator<Item = Elsewhere> {
    let Presence { gateway, mesh, tunnels } = presence;
    tunnels.into_iter().map(move |tunnel| Elsewhere {
        account,
        server,
        gateway,
        address: mesh.clone(),
        instance: tunnel.instance,
        in_flight: tunnel.in_flight,
    })
}

#[cfg(test)]
mod tests;
