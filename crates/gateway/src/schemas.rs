//! The tools' input schemas: compiled when a tool is first called, once, and kept from snapshot to snapshot as long as
//! they stay the same. One that cannot be compiled is as good as none, and said once in the log.

use std::sync::{Arc, OnceLock};

use domain::ServerId;
use mcp::{InputSchema, Misfit};
use tokio::sync::Semaphore;

/// Checks off the async threads that are under way at the same time: each may take a processor for a while, and many times
/// the memory of its arguments.
pub(crate) const CHECKING: usize = 4;

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

/// Holds arguments against a schema; what takes its time is done off the async threads, when its turn comes.
pub(crate) async fn check(turns: &Arc<Semaphore>, schema: &Arc<Schema>, arguments: Option<&str>) -> Result<(), Misfit> {
    if schema.is_quick(arguments) {
        return schema.check(arguments);
    }
    let turn = turns.clone().acquire_owned().await;
    let (schema, arguments) = (schema.clone(), arguments.map(str::to_owned));
    let work = tokio::task::spawn_blocking(move || {
        // Held until the work is done, even if nobody waits for it any more.
        let _turn = turn;
        schema.check(arguments.as_deref())
    });
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "arguments could not be held against their schema");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use domain::{Clock, Entropy, Timestamp};
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn long_checks_take_turns_and_short_ones_do_not_wait() {
        let text: Arc<str> = r#"{"properties":{"a":{"items":{"type":"integer"}}}}"#.into();
        let server = ServerId::new(&Clock::fixed(Timestamp(0)), &Entropy::seeded(1));
        let schema = Schema::of(server, text, None);
        let turns = Arc::new(Semaphore::new(1));
        assert!(check(&turns, &schema, Some("{}")).await.is_ok(), "compiled by now");
        let large = format!("{{\"a\":[{}\"x\"]}}", "1,".repeat(100_000));
        let mut long = pin!(check(&turns, &schema, Some(&large)));
        assert!(poll!(long.as_mut()).is_pending());
        assert_eq!(turns.available_permits(), 0, "it has the only turn");
        assert!(check(&turns, &schema, Some(r#"{"a":["x"]}"#)).await.is_err(), "a short one needs none");
        assert!(long.await.is_err());
        assert_eq!(turns.available_permits(), 1);
    }
}
