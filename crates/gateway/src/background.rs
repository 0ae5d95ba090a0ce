//! What goes on besides requests: snapshots are kept up to date, tunnels whose token is gone are closed, and the connectors
//! that are here are said to be.

use std::{sync::Arc, time::Duration};

use bus::{Presence, TunnelPresence};
use domain::{AccountId, ServerId};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{hub::Tunnel, shared::Shared};

/// Presence is said again this often.
const PRESENCE_EVERY: Duration = Duration::from_secs(5);
/// And holds this long.
const PRESENCE_FOR: Duration = Duration::from_secs(15);

/// Runs until cancelled.
pub(crate) async fn run(shared: &Arc<Shared>, cancel: CancellationToken) {
    let mut notices = Some(shared.bus.notices());
    let mut check = interval(shared.config.times.snapshot_check);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut presence = interval(PRESENCE_EVERY);
    presence.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = shared.closing.cancelled() => return tell_address(shared, None).await,
            noticed = hear(&mut notices) => match noticed {
                Some(notice) => {
                    shared.snapshots.heard(&notice).await;
                    close_revoked(shared).await;
                }
                None => shared.snapshots.check_versions().await,
            },
            _ = check.tick() => {
                shared.snapshots.check_versions().await;
                close_revoked(shared).await;
            }
            _ = presence.tick() => {
                tell_address(shared, shared.mesh.address()).await;
                tell_all(shared).await;
            }
        }
    }
}

/// The next notice; none when some were missed.
async fn hear(notices: &mut Option<Receiver<bus::Notice>>) -> Option<bus::Notice> {
    let Some(receiver) = notices else { return std::future::pending().await };
    match receiver.recv().await {
        Ok(notice) => Some(notice),
        Err(RecvError::Lagged(_)) => None,
        Err(RecvError::Closed) => {
            *notices = None;
            None
        }
    }
}

/// Closes the tunnels whose token no longer stands. Asking for the account keeps its snapshot in use.
async fn close_revoked(shared: &Shared) {
    let now = shared.clock.now();
    for tunnel in shared.hub.all() {
        let Ok(account) = shared.snapshots.account(&tunnel.slug).await else { continue };
        let stands = account.is_some_and(|account| {
            account.id == tunnel.account && account.has_connector(tunnel.connector, tunnel.server, now)
        });
        if !stands {
            tracing::info!(connector = %tunnel.connector, "a connector's token is revoked; its tunnel is closed");
            tunnel.refused.cancel();
        }
    }
}

async fn tell_all(shared: &Shared) {
    let mut told = std::collections::HashSet::new();
    for tunnel in shared.hub.all() {
        if told.insert(tunnel.server) {
            tell_presence(shared, tunnel.account, tunnel.server).await;
        }
    }
}

/// Says which connectors of a server are here.
pub(crate) async fn tell_presence(shared: &Shared, account: AccountId, server: ServerId) {
    let tunnels = shared.hub.of_server(server).iter().map(|tunnel| told(tunnel)).collect();
    let mesh = shared.mesh.address().map(str::to_owned);
    let presence = Presence { gateway: shared.id, mesh, tunnels };
    if let Err(error) = shared.bus.set_presence(account, server, &presence, PRESENCE_FOR).await {
        tracing::warn!(%error, "the presence of a connector cannot be told");
    }
}

fn told(tunnel: &Tunnel) -> TunnelPresence {
    TunnelPresence {
        connector: tunnel.connector,
        instance: tunnel.instance.clone(),
        about: tunnel.about.clone(),
        in_flight: tunnel.load(),
    }
}

/// Says where the other gateways reach this one, or that they no longer do.
async fn tell_address(shared: &Shared, address: Option<&str>) {
    if shared.mesh.address().is_none() {
        return;
    }
    if let Err(error) = shared.bus.set_gateway(shared.id, address, PRESENCE_FOR).await {
        tracing::warn!(%error, "where this gateway is reached cannot be told");
    }
}
