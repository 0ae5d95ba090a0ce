//! Whether the caller of a long stream may still have it, and whether its tools are still the same: looked at again
//! whenever the account's snapshot changes, and now and then besides, since keys and grants also expire.

use tokio::sync::watch;

use crate::{gateway::Shared, resolve::Place};

/// Follows the account behind a stream.
pub(super) struct Standing {
    versions: Option<watch::Receiver<u64>>,
}

/// What became of the caller's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It may have the stream as before.
    None,
    /// It may, but other policies or tools are in force.
    Tools,
    /// It may not have it any more.
    Gone,
}

impl Standing {
    pub(super) async fn new(shared: &Shared, place: &Place) -> Self {
        Self { versions: shared.snapshots.follow(&place.caller.account.slug).await }
    }

    /// Waits until there is another snapshot. Never returns for an account that is not followed.
    pub(super) async fn changed(&mut self) {
        match &mut self.versions {
            Some(versions) => {
                if versions.changed().await.is_err() {
                    self.versions = None;
                }
            }
            None => std::future::pending().await,
        }
    }
}

/// Puts the place of a stream's caller up to date.
pub(super) async fn refresh(shared: &Shared, place: &mut Place) -> Change {
    let now = shared.clock.now();
    let Ok(Some(account)) = shared.snapshots.account(&place.caller.account.slug).await else { return Change::Gone };
    let same_key = account.id == place.caller.account.id && account.key(&place.caller.hash, now).is_some();
    let Some(server) = account.server(&place.server.slug).filter(|server| same_key && server.id == place.server.id)
    else {
        return Change::Gone;
    };
    let caller = crate::authenticate::Caller { account: account.clone(), ..place.caller.clone() };
    let Some(newer) = Place::of(&caller, server, now).filter(|newer| newer.require_active().is_ok()) else {
        return Change::Gone;
    };
    let changed = in_force(&newer) != in_force(place) || newer.server.shows_other_tools_than(&place.server);
    *place = newer;
    if changed { Change::Tools } else { Change::None }
}

/// One grant, as far as it decides which tools are shown.
type InForce = (domain::GrantId, domain::GrantState, Option<(domain::PolicyId, u32)>);

/// What decides which tools are shown.
fn in_force(place: &Place) -> Vec<InForce> {
    let grants = place.grants.iter();
    grants
        .map(|grant| (grant.id, grant.state, grant.policy.as_ref().map(|policy| (policy.id, policy.version))))
        .collect()
}
