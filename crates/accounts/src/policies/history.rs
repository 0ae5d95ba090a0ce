//! Calls of the past, read page by page and worked through off the async threads: never more than two pages in memory.

use std::collections::HashSet;

use domain::PolicyId;
use storage::{PastCall, PastCalls};
use tokio::sync::mpsc;

use crate::{Accounts, Caller, Error};

/// So many calls are looked at at most, the newest.
pub(crate) const MOST_CALLS: u32 = 50_000;
/// Calls read at once.
const PAGE: u32 = 1_000;
/// Versions of policies whose documents are read at most.
const MOST_VERSIONS: usize = 200;

/// Calls in the order of time.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) calls: Vec<PastCall>,
    /// The documents of versions that no page before named.
    pub(crate) documents: Vec<((PolicyId, u32), String)>,
}

/// Whether the documents that decided are wanted with the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    WithDocuments,
    CallsOnly,
}

/// What a worker made of the calls.
#[derive(Debug)]
pub(crate) struct Worked<T> {
    pub(crate) made: T,
    /// There were more calls than were looked at.
    pub(crate) cut: bool,
}

impl Accounts {
    /// Reads calls, the oldest first, and gives them to a worker off the async threads.
    pub(crate) async fn work_through<T: Send + 'static>(
        &self,
        caller: &Caller,
        which: &PastCalls,
        reading: Reading,
        worker: impl FnOnce(mpsc::Receiver<Page>) -> T + Send + 'static,
    ) -> Result<Worked<T>, Error> {
        let (pages, received) = mpsc::channel(1);
        let read = self.read_pages(caller, which, reading, pages);
        let (read, made) = tokio::join!(read, self.off_threads(move || worker(received)));
        Ok(Worked { made: made?, cut: read? })
    }

    /// Whether older calls were left out.
    async fn read_pages(
        &self,
        caller: &Caller,
        which: &PastCalls,
        reading: Reading,
        pages: mpsc::Sender<Page>,
    ) -> Result<bool, Error> {
        if which.grants.is_empty() {
            return Ok(false);
        }
        let mut tx = self.db().account(caller.scope()).await?;
        let start = tx.past_calls_start(which, MOST_CALLS).await?;
        tx.commit().await?;
        let (mut after, mut named) = (start, HashSet::new());
        loop {
            let mut tx = self.db().account(caller.scope()).await?;
            let calls = tx.past_calls(which, after, PAGE).await?;
            let mut read = Vec::new();
            for version in calls.iter().filter_map(|call| call.policy) {
                if reading == Reading::CallsOnly || named.len() >= MOST_VERSIONS || !named.insert(version) {
                    continue;
                }
                if let Some(document) = tx.policy_document(version.0, version.1).await? {
                    read.push((version, document));
                }
            }
            tx.commit().await?;
            after = calls.last().map(|call| call.place);
            let last = calls.len() < PAGE as usize;
            // A worker that is gone wants no more.
            if pages.send(Page { calls, documents: read }).await.is_err() || last {
                return Ok(start.is_some());
            }
        }
    }
}
