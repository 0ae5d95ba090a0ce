//! How many long-lived streams a principal may have open on a server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{Principal, ServerId};

use crate::failure::Failure;

/// Whose streams are counted together; None: on the account's own URL.
type Key = (domain::AccountId, Option<ServerId>, Principal);

/// The open streams.
#[derive(Debug)]
pub(crate) struct Streams {
    open: Arc<Mutex<HashMap<Key, usize>>>,
    most: usize,
}

/// One open stream; it is counted as long as this lives.
#[derive(Debug)]
pub(crate) struct OpenStream {
    key: Key,
    open: Arc<Mutex<HashMap<Key, usize>>>,
}

impl Streams {
    pub(crate) fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    /// Counts one more stream, if it may be.
    pub(crate) fn open(&self, owner: crate::session::Owner) -> Result<OpenStream, Failure> {
        let key = (owner.account, owner.server, owner.principal);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key).or_insert(0);
        if *count >= self.most {
            return Err(Failure::Streams);
        }
        *count += 1;
        Ok(OpenStream { key, open: self.open.clone() })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}
