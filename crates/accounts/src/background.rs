//! What the control plane does when nobody asks: publish what waits, publish what the bus lost, store what was recorded.
//!
//! Any number of control planes may do it at the same time: publishing never goes back, and storing twice changes nothing.

use std::{error::Error as StdError, future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{Accounts, Error};

/// Between two looks at the outbox. A change publishes by itself; this is for those that could not.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// Between two comparisons of the bus with the database.
const COMPARE_EVERY: Duration = Duration::from_secs(5);
/// Between two looks whether next month's partition is there.
const PARTITIONS_EVERY: Duration = Duration::from_secs(6 * 3600);
/// Between two removals of attempts to log in that no longer count.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// Between two removals of codes, refresh tokens and clients that nobody can use any more.
const FORGET_AUTHORIZATIONS_EVERY: Duration = Duration::from_secs(900);
/// Between two removals of what is older than it is kept.
const FORGET_OLD_EVERY: Duration = Duration::from_secs(3600);
/// Between two looks at answers that did not come to their end when they were given.
const HEAL_EVERY: Duration = Duration::from_secs(5);
/// Between two looks at connections to servers whose tokens are due.
const REFRESH_EVERY: Duration = Duration::from_secs(2);
/// After a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

impl Accounts {
    /// Does the background jobs until cancelled.
    pub async fn run_background(&self, cancel: CancellationToken) {
        let jobs = async {
            tokio::join!(
                every(PUBLISH_EVERY, "publish the snapshots that wait", || self.publish_waiting()),
                every(COMPARE_EVERY, "compare the bus with the database", || self.publish_missing()),
                every(FORGET_EVERY, "forget attempts of windows that are over", || self.forget_attempts()),
                every(FORGET_AUTHORIZATIONS_EVERY, "forget what apps cannot use any more", || self
                    .forget_authorizations()),
                every(FORGET_OLD_EVERY, "forget what is older than it is kept", || self.forget_old()),
                every(PARTITIONS_EVERY, "make the partitions for calls", || self.make_call_partitions()),
                every(HEAL_EVERY, "put the answers that wait", || self.put_waiting_answers()),
                every(REFRESH_EVERY, "renew the connections that are due", || self.refresh_connections()),
                self.record_forever(),
            );
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = jobs => {}
        }
        // What came until now: a clean stop leaves nothing behind that it could store.
        let until = Instant::now() + Duration::from_secs(2);
        if let Ok(Err(error)) = timeout_at(until, self.record_waiting()).await {
            tracing::warn!(error = &error as &dyn StdError, "records wait for the next start");
        }
    }

    async fn record_forever(&self) {
        loop {
            self.bus().event_ready().await;
            if let Err(error) = self.record_waiting().await {
                tracing::warn!(error = &error as &dyn StdError, "records wait on the bus");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn every<T, F>(wait: Duration, what: &'static str, job: impl Fn() -> F)
where
    F: Future<Output = Result<T, Error>>,
{
    loop {
        if let Err(error) = job().await {
            tracing::warn!(error = &error as &dyn StdError, "could not {what}");
        }
        sleep(wait).await;
    }
}
