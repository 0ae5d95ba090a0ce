//! What sessions of our own have asked for (a log level, resources to hear of), and which of them have ended. It is
//! remembered at the session's home only: when that is gone, it is forgotten like the streams that it was for.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp::{Method, Request};
use moka::sync::Cache;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Resources that one session may ask to hear of, and the bytes of their URIs.
const MOST_RESOURCES: usize = 256;
const MOST_URI_BYTES: usize = 64 << 10;
/// Bytes of sessions' wishes that are remembered, and for how long without being used.
const REMEMBERED: (u64, Duration) = (64 << 20, Duration::from_secs(3_600));
/// What a session's wishes take besides URIs, in bytes.
const BYTES_EACH: usize = 512;
/// The log levels that exist (RFC 5424).
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What sessions have asked for.
#[derive(Debug)]
pub(crate) struct Wishes(Cache<Arc<str>, Arc<Wish>>);

/// What one session has asked for.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    log_level: Mutex<Option<String>>,
    pub resources: watch::Sender<BTreeSet<String>>,
    /// Its client has ended it: its streams end, and it is not one any more.
    pub ended: CancellationToken,
}

impl Default for Wishes {
    fn default() -> Self {
        let weight = |_: &Arc<str>, wish: &Arc<Wish>| {
            let uris = wish.resources.borrow().iter().map(|uri| BYTES_EACH + uri.len()).sum::<usize>();
            u32::try_from(BYTES_EACH + uris).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(weight).max_capacity(REMEMBERED.0).time_to_idle(REMEMBERED.1).build())
    }
}

impl Wishes {
    pub(crate) fn of(&self, ours: &Arc<str>) -> Arc<Wish> {
        self.0.get_with(ours.clone(), Arc::default)
    }

    /// Remembers what a session asks for, until its requests and streams carry it to the server.
    pub(crate) fn remember(&self, ours: &Arc<str>, request: &Request<'_>) -> Result<(), Failure> {
        let wish = self.of(ours);
        wish.take(request)?;
        // Put in again, so that it is weighed anew.
        self.keep(ours, &wish);
        Ok(())
    }

    /// Somebody still hears what was asked for: it stays remembered.
    pub(crate) fn keep(&self, ours: &Arc<str>, wish: &Arc<Wish>) {
        self.0.insert(ours.clone(), wish.clone());
    }

    /// The client ends its session.
    pub(crate) fn end(&self, ours: &Arc<str>) {
        self.of(ours).ended.cancel();
    }

    /// Whether a client has ended this session, here.
    pub(crate) fn has_ended(&self, ours: &Arc<str>) -> bool {
        self.0.get(ours).is_some_and(|wish| wish.ended.is_cancelled())
    }
}

impl Wish {
    fn take(&self, request: &Request<'_>) -> Result<(), Failure> {
        let params = request.params.as_ref();
        if request.kind == Method::LoggingSetLevel {
            let level = params.and_then(|params| params.text("level"));
            let level = level
                .filter(|level| LEVELS.contains(&&**level))
                .ok_or(Failure::Params("`level` is none that exists"))?;
            *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level.into_owned());
            return Ok(());
        }
        let uri = params.and_then(|params| params.uri.as_deref()).unwrap_or_default();
        let mut room = true;
        self.resources.send_if_modified(|resources| match request.kind {
            Method::ResourcesUnsubscribe => resources.remove(uri),
            _ => {
                let bytes = uri.len() + resources.iter().map(String::len).sum::<usize>();
                let fits = resources.len() < MOST_RESOURCES && bytes <= MOST_URI_BYTES;
                room = fits || resources.contains(uri);
                room && resources.insert(uri.to_owned())
            }
        });
        if room { Ok(()) } else { Err(Failure::Params("too many resources are subscribed to")) }
    }

    pub(crate) fn log_level(&self) -> Option<String> {
        self.log_level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
