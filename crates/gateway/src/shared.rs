//! What every request works with: the parts that a gateway is made of, and what it remembers.
//!
//! Every module may be handed [`Shared`], and it names the types of all that it holds. Of the arrows between this crate's
//! modules these alone may close a circle; a test keeps the others free of circles.

use std::sync::Arc;

use bus::Bus;
use counters::Counters;
use domain::{AccessTokens, AccountId, Clock, DeploymentKey, Entropy, GatewayId};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use upstream::Dialer;

use crate::{
    aggregate::{cursors::Cursors, memory::Memory, missed::Missed},
    bridge::Bridges,
    config::Config,
    decide::RESERVING,
    eras::Eras,
    failure::Failure,
    guard::Guard,
    hub::Hub,
    link::{Around, Asides},
    mesh::{Identity, Mesh, MeshParts},
    peer::PeerSessions,
    pot::{OpenStream, Pot},
    records::Records,
    rounds::Rounds,
    schemas::Turns,
    seen::Seen,
    session::{Owner, Sessions},
    snapshots::Snapshots,
};

/// What a gateway is made of.
#[derive(Debug)]
pub struct GatewayParts {
    /// Snapshots in, events out.
    pub bus: Bus,
    /// Where limits are counted.
    pub counters: Counters,
    /// How upstreams are dialled.
    pub dialer: Dialer,
    /// The deployment's secret.
    pub key: DeploymentKey,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// What the operator set.
    pub config: Config,
}

/// What every request works with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub id: GatewayId,
    pub config: Config,
    pub clock: Clock,
    pub entropy: Entropy,
    pub bus: Bus,
    pub counters: Counters,
    pub dialer: Dialer,
    pub guard: Guard,
    pub tokens: AccessTokens,
    pub snapshots: Snapshots,
    pub sessions: Sessions,
    pub records: Records,
    pub seen: Seen,
    pub hub: Arc<Hub>,
    pub mesh: Arc<Mesh>,
    pub around: Arc<Around>,
    /// What gateways show each other.
    pub identity: Identity,
    /// The long-lived streams that are open.
    pub streams: Pot<Owner>,
    pub peers: PeerSessions,
    pub rounds: Rounds,
    pub cursors: Cursors,
    pub memory: Memory,
    pub missed: Missed,
    pub eras: Eras,
    pub bridges: Bridges,
    /// The requests being worked on.
    pub requests: Pot<AccountId>,
    /// One permit for each reservation under way.
    pub reserving: Semaphore,
    /// For long checks of arguments.
    pub checking: Turns,
    /// For what is told beside requests.
    pub asides: Asides,
    /// Bytes of large requests that are held.
    pub asked: Pot<AccountId>,
    /// Bytes of large messages of servers that are held.
    pub held: Pot<AccountId>,
    pub tracker: TaskTracker,
    /// Cancelled when the gateway closes: long streams end, tunnels go down.
    pub closing: CancellationToken,
}

impl Shared {
    /// What a gateway of these parts works with.
    pub(crate) fn new(parts: GatewayParts) -> Self {
        let GatewayParts { bus, counters, dialer, key, clock, entropy, config } = parts;
        let id = GatewayId::new(&clock, &entropy);
        let (tracker, closing) = (TaskTracker::new(), CancellationToken::new());
        let (hub, identity) = (Arc::new(Hub::default()), Identity::of(&key));
        let mesh = Arc::new(Mesh::new(MeshParts {
            id,
            address: config.mesh_address.clone(),
            bus: bus.clone(),
            identity: &identity,
            times: config.times,
            tracker: tracker.clone(),
            closing: closing.clone(),
        }));
        Self {
            id,
            around: Arc::new(Around::new(hub.clone(), mesh.clone(), config.times.connector_back)),
            mesh,
            identity,
            guard: Guard::new(&config),
            tokens: AccessTokens::new(&key, &config.issuer),
            snapshots: Snapshots::new(bus.clone(), key.clone(), config.times.snapshot_idle),
            sessions: Sessions::new(&key, entropy.clone()),
            records: Records::new(bus.clone(), id),
            seen: Seen::default(),
            hub,
            streams: Pot::new(usize::MAX, config.limits.streams_per_principal),
            rounds: Rounds::default(),
            cursors: Cursors::new(&key, entropy.clone()),
            memory: Memory::default(),
            missed: Missed::default(),
            eras: Eras::default(),
            bridges: Bridges::default(),
            peers: PeerSessions::new(config.times.session_idle),
            requests: Pot::of_accounts(config.limits.requests, 1),
            reserving: Semaphore::new(RESERVING),
            checking: Turns::default(),
            asides: Asides::default(),
            asked: Pot::of_accounts(
                config.limits.requests_bytes.max(4 * config.limits.request_bytes),
                config.limits.request_bytes,
            ),
            held: Pot::of_accounts(config.limits.held_bytes, config.limits.answer_bytes),
            tracker,
            closing,
            config,
            clock,
            entropy,
            bus,
            counters,
            dialer,
        }
    }

    /// Counts one more long-lived stream, if it may be.
    pub(crate) fn open_stream(&self, owner: Owner) -> Result<OpenStream, Failure> {
        self.streams.one(owner).map_err(|_| Failure::Streams)
    }
}
