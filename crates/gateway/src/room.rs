//! Room for requests that are worked on: so many at the same time, and of one account no more than its share, so that an
//! account whose servers never answer does not keep the others out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::Limits, failure::Failure};

/// The room there is.
#[derive(Debug)]
pub(crate) struct Rooms {
    all: Arc<Semaphore>,
    taken: Arc<Taken>,
    most_of_account: usize,
}

/// How many requests of each account are being worked on.
type Taken = Mutex<HashMap<AccountId, usize>>;

/// One request's room; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _of_all: OwnedSemaphorePermit,
    _share: Option<Share>,
}

#[derive(Debug)]
struct Share {
    account: AccountId,
    taken: Arc<Taken>,
}

impl Rooms {
    pub(crate) fn new(limits: &Limits) -> Self {
        let all = Arc::new(Semaphore::new(limits.requests));
        Self { all, taken: Arc::default(), most_of_account: limits.requests_per_account }
    }

    /// Lets a request in of which nothing is known yet.
    pub(crate) fn enter(&self) -> Result<Room, Failure> {
        let permit = self.all.clone().try_acquire_owned().map_err(|_| Failure::Busy)?;
        Ok(Room { _of_all: permit, _share: None })
    }

    /// Counts a request to its account, now that this is known.
    pub(crate) fn count(&self, room: Room, account: AccountId) -> Result<Room, Failure> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(account).or_insert(0);
        if *count >= self.most_of_account {
            return Err(Failure::Crowded);
        }
        *count += 1;
        Ok(Room { _share: Some(Share { account, taken: self.taken.clone() }), ..room })
    }

    /// Nobody is let in any more.
    pub(crate) fn close(&self) {
        self.all.close();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.account);
            }
        }
    }
}
