//! The tools' input schemas: compiled when a tool is first called, once, and kept from snapshot to snapshot as long as
//! they stay the same. One that cannot be compiled is as good as none, and said once in the log.

use std::sync::{Arc, OnceLock};

use domain::ServerId;
use mcp::{InputSchema, Misfit};

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

/// Holds arguments against a schema; what takes its time is done off the async threads.
pub(crate) async fn check(schema: &Arc<Schema>, arguments: Option<&str>) -> Result<(), Misfit> {
    if schema.is_quick(arguments) {
        return schema.check(arguments);
    }
    let (schema, arguments) = (schema.clone(), arguments.map(str::to_owned));
    let work = tokio::task::spawn_blocking(move || schema.check(arguments.as_deref()));
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "arguments could not be held against their schema");
        Ok(())
    })
}
