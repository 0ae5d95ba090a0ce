//! Work of the processor that is too long for the async threads.

use crate::{Accounts, Error};

impl Accounts {
    /// Does `work` off the async threads, when one of the few places for such work is free.
    pub(crate) async fn off_threads<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.checks().acquire_owned().await.map_err(|_| Error::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(|_| Error::Busy)
    }
}
