//! Whether the caller of a long stream may still have it, and whether its tools are still the same: looked at again
//! whenever the account's snapshot changes, and now and then besides, since keys and grants also expire.

use tokio::sync::watch;

use crate::{
    account::Account,
    authenticate::Caller,
    resolve::{Place, everywhere},
    shared::Shared,
};

/// Follows the account behind a stream.
pub(crate) struct Standing {
    versions: Option<watch::Receiver<u64>>,
}

/// What became of a caller's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It may have the stream as before.
    None,
    /// It may, but other policies or tools are in force.
    Tools,
    /// It may, but the server is at another address or is shown something else: what is open with it belongs to the past.
    Moved,
    /// It may not have it any more.
    Gone,
}

/// What is watched for a caller.
pub(crate) enum Watched {
    /// One server's tools.
    Server(Box<Place>),
    /// The tools of every server, on the account's own URL.
    Account { caller: Caller, places: Vec<Place> },
}

impl Standing {
    /// From the snapshot on that the caller was judged by: one that came since is a change.
    pub(crate) async fn since(shared: &Shared, account: &Account) -> Self {
        let mut versions = shared.snapshots.follow(&account.slug).await;
        if let Some(versions) = &mut versions
            && *versions.borrow() != account.version
        {
            versions.mark_changed();
        }
        Self { versions }
    }

    /// Waits until there is another snapshot. Never returns for an account that is not followed.
    pub(crate) async fn changed(&mut self) {
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

impl Watched {
    /// Everything that the caller has on the account's URL.
    pub(crate) fn account(shared: &Shared, caller: &Caller) -> Self {
        Self::Account { caller: caller.clone(), places: everywhere(caller, shared.clock.now()) }
    }

    /// The snapshot that it was last looked at in.
    pub(crate) fn snapshot(&self) -> &Account {
        match self {
            Self::Server(place) => &place.caller.account,
            Self::Account { caller, .. } => &caller.account,
        }
    }

    /// Puts it up to date.
    pub(crate) async fn refresh(&mut self, shared: &Shared) -> Change {
        match self {
            Self::Server(place) => refresh(shared, place).await,
            Self::Account { caller, places } => refresh_all(shared, caller, places).await,
        }
    }
}

/// Puts the place of a stream's caller up to date. A stream that was opened with an access token ends with it: its client
/// comes back with the next one.
pub(crate) async fn refresh(shared: &Shared, place: &mut Place) -> Change {
    if place.caller.proof.is_over(shared.clock.now()) {
        return Change::Gone;
    }
    renew(shared, place).await
}

/// Puts the place of a request's caller up to date.
pub(crate) async fn renew(shared: &Shared, place: &mut Place) -> Change {
    let Some(caller) = still(shared, &place.caller).await else { return Change::Gone };
    let server = caller.account.server(&place.server.slug).filter(|server| server.id == place.server.id);
    let newer = server.and_then(|server| Place::of(&caller, server, shared.clock.now()));
    let Some(newer) = newer.filter(|newer| newer.require_active().is_ok()) else { return Change::Gone };
    let change = match () {
        () if !newer.server.is_reached_like(&place.server) => Change::Moved,
        () if is_other(&newer, place) => Change::Tools,
        () => Change::None,
    };
    *place = newer;
    change
}

async fn refresh_all(shared: &Shared, caller: &mut Caller, places: &mut Vec<Place>) -> Change {
    let newer = if caller.proof.is_over(shared.clock.now()) { None } else { still(shared, caller).await };
    let Some(newer) = newer else { return Change::Gone };
    *caller = newer;
    let before = std::mem::replace(places, everywhere(caller, shared.clock.now()));
    if places.is_empty() {
        return Change::Gone;
    }
    let same = before.len() == places.len() && places.iter().zip(&before).all(|(newer, old)| !is_other(newer, old));
    if same { Change::None } else { Change::Tools }
}

/// The caller in the newest snapshot; none when its key or app no longer opens the account.
async fn still(shared: &Shared, caller: &Caller) -> Option<Caller> {
    let account = shared.snapshots.account(&caller.account.slug).await.ok()??;
    let opens = account.id == caller.account.id && caller.proof.holds(&account, shared.clock.now());
    opens.then(|| Caller { account, ..caller.clone() })
}

/// Whether a caller may see or do something else at a server than before.
fn is_other(newer: &Place, old: &Place) -> bool {
    let renamed = newer.server.id != old.server.id || newer.server.slug != old.server.slug;
    renamed || in_force(newer) != in_force(old) || newer.server.shows_other_tools_than(&old.server)
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
