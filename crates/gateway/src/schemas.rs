//! The tools' input schemas: compiled when a tool is first called, once, and kept from snapshot to snapshot as long as
//! they stay the same. One that cannot be compiled is as good as none, and said once in the log.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use domain::{AccountId, ServerId};
use mcp::{InputSchema, Misfit};
use moka::sync::Cache;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::failure::Failure;

/// Checks and reading of long lists, off the async threads, that are under way at the same time, of all accounts and of one:
/// each may take a processor for a while, and many times the memory of what is read.
const CHECKING: (usize, usize) = (4, 2);
/// A longer message, in bytes, is read in its turn.
const LONG: usize = 256 << 10;
/// A check waits this long for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// Accounts whose turns are counted at the same time, and how long after the last.
const COUNTED: (u64, Duration) = (50_000, Duration::from_secs(600));

/// Turns of long checks.
#[derive(Debug)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    of_account: Cache<AccountId, Arc<Semaphore>>,
}

impl Default for Turns {
    fn default() -> Self {
        let of_account = Cache::builder().max_capacity(COUNTED.0).time_to_idle(COUNTED.1).build();
        Self { all: Arc::new(Semaphore::new(CHECKING.0)), of_account }
    }
}

/// A turn of long work.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: [OwnedSemaphorePermit; 2],
}

impl Turn {
    /// Does it off the async threads, even if nobody waits for it any more. A panic goes on in whoever waits.
    pub(crate) async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let work = move || {
            let done = work();
            drop(self);
            done
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_stopping) => std::future::pending().await,
            },
        }
    }
}

impl Turns {
    /// A turn for this account, when it comes.
    ///
    /// # Errors
    /// [`Failure::Busy`] when it does not come in time.
    pub(crate) async fn next(&self, account: AccountId) -> Result<Turn, Failure> {
        let own = self.of_account.get_with(account, || Arc::new(Semaphore::new(CHECKING.1)));
        let waiting = async { Some([own.acquire_owned().await.ok()?, self.all.clone().acquire_owned().await.ok()?]) };
        timeout(TURN_WITHIN, waiting).await.ok().flatten().map(|held| Turn { _held: held }).ok_or(Failure::Busy)
    }

    /// Reads a message; a long one in its turn.
    ///
    /// # Errors
    /// [`Failure::Busy`].
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        account: AccountId,
        message: Bytes,
        read: impl FnOnce(&Bytes) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        if message.len() <= LONG {
            return Ok(read(&message));
        }
        Ok(self.next(account).await?.work(move || read(&message)).await)
    }
}

/// A tool's input schema.
#[derive(Debug)]
pub(crate) struct Schema {
    server: ServerId,
    text: Arc<str>,
    /// None: it cannot be used.
    compiled: OnceLock<Option<InputSchema>>,
}

impl Schema {
    /// The schema of a tool; the one before it, if that is the same.
    pub(crate) fn of(server: ServerId, text: Arc<str>, before: Option<&Arc<Self>>) -> Arc<Self> {
        let same = before.filter(|before| before.text == text);
        same.cloned().unwrap_or_else(|| Arc::new(Self { server, text, compiled: OnceLock::new() }))
    }

    fn compiled(&self) -> Option<&InputSchema> {
        let compile = || {
            let compiled = InputSchema::compile(&self.text).inspect_err(|error| {
                tracing::warn!(server = %self.server, %error, "a tool's input schema cannot be used; its arguments are not checked");
            });
            compiled.ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    fn check(&self, arguments: Option<&str>) -> Result<(), Misfit> {
        self.compiled().map_or(Ok(()), |schema| schema.check(arguments))
    }

    /// Whether a check is done at once: compiled already, and little work.
    fn is_quick(&self, arguments: Option<&str>) -> bool {
        match self.compiled.get() {
            Some(Some(schema)) => !schema.is_long_work(arguments),
            Some(None) => true,
            None => false,
        }
    }
}

/// Holds arguments against a schema; what takes its time is done off the async threads, when the account's turn comes.
///
/// # Errors
/// [`Failure::Busy`] when it does not come.
pub(crate) async fn check(
    turns: &Turns,
    account: AccountId,
    schema: &Arc<Schema>,
    arguments: Option<&str>,
) -> Result<Result<(), Misfit>, Failure> {
    if schema.is_quick(arguments) {
        return Ok(schema.check(arguments));
    }
    let turn = turns.next(account).await?;
    let (schema, arguments) = (schema.clone(), arguments.map(str::to_owned));
    Ok(turn.work(move || schema.check(arguments.as_deref())).await)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use domain::{Clock, Entropy, Timestamp};
    use futures_util::poll;

    use super::*;

    fn long() -> String {
        format!("{{\"a\":[{}\"x\"]}}", "1,".repeat(100_000))
    }

    #[tokio::test]
    async fn long_checks_take_turns_and_short_ones_do_not_wait() {
        let text: Arc<str> = r#"{"properties":{"a":{"items":{"type":"integer"}}}}"#.into();
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(1));
        let schema = Schema::of(ServerId::new(&clock, &entropy), text, None);
        let (ours, theirs) = (AccountId::new(&clock, &entropy), AccountId::new(&clock, &entropy));
        let (turns, long) = (Turns::default(), long());
        assert!(check(&turns, ours, &schema, Some("{}")).await.unwrap().is_ok(), "compiled by now");
        let held = [turns.next(ours).await.unwrap(), turns.next(ours).await.unwrap()];
        assert_eq!(turns.all.available_permits(), 2, "an account has half of the turns");
        let mut waits = pin!(check(&turns, ours, &schema, Some(&long)));
        assert!(poll!(waits.as_mut()).is_pending());
        assert_eq!(turns.all.available_permits(), 2);
        assert!(check(&turns, ours, &schema, Some(r#"{"a":["x"]}"#)).await.unwrap().is_err(), "a short one needs none");
        let other = turns.next(theirs).await.unwrap();
        assert_eq!(turns.all.available_permits(), 1);
        assert!(check(&turns, theirs, &schema, Some(&long)).await.unwrap().is_err(), "another account need not wait");
        assert!(poll!(waits.as_mut()).is_pending());
        drop((held, other));
        assert!(waits.await.unwrap().is_err());
        assert_eq!(turns.all.available_permits(), 4);
    }
}
