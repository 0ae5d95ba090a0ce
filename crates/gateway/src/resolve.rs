//! Where a request goes: the server, and the caller's grants on it.

use std::sync::Arc;

use domain::{GrantState, Timestamp};

use crate::{
    account::{Grant, Server},
    authenticate::Caller,
    failure::Failure,
    session::Owner,
    snapshots::Snapshots,
};

/// A caller at a server that it has a grant on.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub caller: Caller,
    pub server: Arc<Server>,
    /// Never empty; in the order in which they are tried.
    pub grants: Vec<Arc<Grant>>,
}

impl Place {
    /// The caller's place at one server, if it has a grant there.
    pub(crate) fn of(caller: &Caller, server: &Arc<Server>, now: Timestamp) -> Option<Self> {
        let grants = caller.account.effective_grants(caller.principal, server.id, now);
        (!grants.is_empty()).then(|| Self { caller: caller.clone(), server: server.used_by(caller.principal), grants })
    }

    /// Whose sessions these are.
    pub(crate) fn owner(&self) -> Owner {
        Owner { server: Some(self.server.id), ..self.caller.owner() }
    }

    /// Requests that are judged by no policy need a grant that is not suspended.
    pub(crate) fn require_active(&self) -> Result<(), Failure> {
        let active = self.grants.iter().any(|grant| grant.state == GrantState::Active);
        if active { Ok(()) } else { Err(Failure::Suspended) }
    }
}

/// Finds the server in the path. One that does not exist and one without a grant are the same to the caller.
pub(crate) async fn resolve(
    snapshots: &Snapshots,
    caller: Caller,
    server: &str,
    now: Timestamp,
) -> Result<Place, Failure> {
    let slug = server.parse().map_err(|_| Failure::NoServer)?;
    let place = |caller: &Caller| caller.account.server(&slug).and_then(|server| Place::of(caller, server, now));
    if let Some(place) = place(&caller) {
        return Ok(place);
    }
    let newest = Box::pin(snapshots.account_anew(&caller.account.slug)).await.map_err(|_| Failure::Unavailable)?;
    let account = newest.filter(|account| account.id == caller.account.id).ok_or(Failure::NoServer)?;
    place(&Caller { account, ..caller }).ok_or(Failure::NoServer)
}

/// Every server that the caller has a grant on, by slug.
pub(crate) fn everywhere(caller: &Caller, now: Timestamp) -> Vec<Place> {
    caller.account.servers().into_iter().filter_map(|server| Place::of(caller, server, now)).collect()
}
