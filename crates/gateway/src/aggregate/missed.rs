//! Servers that were missing from a list of the account's URL, and the streams that are told when such a server has come
//! after all. Kept in this process only: it saves a client from asking again and again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{AccountId, ServerId};
use moka::sync::Cache;
use tokio::sync::watch;

use crate::session::Owner;

/// How many callers' servers are remembered as missing, and for how long.
const MOST: u64 = 100_000;
const KEPT: Duration = Duration::from_secs(3_600);

/// Who may hear of a server, and how.
type Ears = Arc<Mutex<HashMap<Owner, watch::Sender<u64>>>>;

/// What was missing.
#[derive(Debug)]
pub(crate) struct Missed {
    /// By the caller, at the server.
    missing: Cache<Owner, ()>,
    /// By the caller, at the account.
    ears: Ears,
}

/// Hears when a server that was missing has come; until it is dropped.
#[derive(Debug)]
pub(crate) struct Ear {
    owner: Owner,
    comes: watch::Receiver<u64>,
    ears: Ears,
}

impl Default for Missed {
    fn default() -> Self {
        let missing = Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        Self { missing, ears: Ears::default() }
    }
}

impl Missed {
    /// A caller's list went without a server.
    pub(crate) fn went_without(&self, at_server: Owner) {
        self.missing.insert(at_server, ());
    }

    /// Whether a caller's last list went without a server.
    pub(crate) fn lacks(&self, at_server: Owner) -> bool {
        self.missing.contains_key(&at_server)
    }

    /// A caller's list had a server.
    pub(crate) fn is_listed(&self, at_server: Owner) {
        self.missing.invalidate(&at_server);
    }

    /// A server has come for a caller: if it was missing, the caller's streams are told. Where there are none yet, it stays
    /// missing until one is opened, which finds that it has come.
    pub(crate) fn came(&self, at_server: Owner) {
        let ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tells) = ears.get(&at_server.of_account())
            && self.missing.remove(&at_server).is_some()
        {
            tells.send_modify(|times| *times += 1);
        }
    }

    /// A server has come for everybody: a connector of it is here.
    pub(crate) fn came_for_all(&self, account: AccountId, server: ServerId) {
        let ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let callers: Vec<Owner> = ears.keys().filter(|owner| owner.account == account).copied().collect();
        drop(ears);
        callers.into_iter().for_each(|owner| self.came(Owner { server: Some(server), ..owner }));
    }

    /// Hears for a caller on the account's URL, from now on.
    pub(crate) fn hear(&self, owner: Owner) -> Ear {
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let comes = ears.entry(owner).or_default().subscribe();
        Ear { owner, comes, ears: self.ears.clone() }
    }
}

impl Ear {
    /// Waits until a server has come that was missing.
    pub(crate) async fn heard(&mut self) {
        if self.comes.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        // This one still counts.
        if ears.get(&self.owner).is_some_and(|tells| tells.receiver_count() <= 1) {
            ears.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{AgentId, Clock, Entropy, Principal, Timestamp};
    use futures_util::FutureExt as _;

    use super::*;

    fn heard(ear: &mut Ear) -> bool {
        ear.heard().now_or_never().is_some()
    }

    #[test]
    fn only_the_caller_that_missed_a_server_hears_of_it_and_once() {
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(5));
        let (account, server) = (AccountId::new(&clock, &entropy), ServerId::new(&clock, &entropy));
        let caller = || Owner { account, server: None, principal: Principal::Agent(AgentId::new(&clock, &entropy)) };
        let (one, other) = (caller(), caller());
        let at = |owner: Owner| Owner { server: Some(server), ..owner };
        let missed = Missed::default();
        let (mut ones, mut others) = (missed.hear(one), missed.hear(other));
        missed.came(at(one));
        assert!(!heard(&mut ones), "it was not missing");
        missed.went_without(at(one));
        missed.came(at(other));
        missed.came(at(one));
        missed.came(at(one));
        assert_eq!([heard(&mut ones), heard(&mut ones), heard(&mut others)], [true, false, false]);
        missed.went_without(at(other));
        missed.came_for_all(AccountId::new(&clock, &entropy), server);
        assert!(!heard(&mut others), "of another account");
        missed.came_for_all(account, server);
        assert_eq!([heard(&mut ones), heard(&mut others)], [false, true]);
        drop((ones, others));
        missed.went_without(at(one));
        missed.came(at(one));
        let mut later = missed.hear(one);
        missed.came(at(one));
        assert!(heard(&mut later), "it was told to nobody before");
        drop(later);
        assert!(missed.ears.lock().unwrap().is_empty());
    }
}
