//! What each server speaks: learned when it is asked, kept for a while, learned anew when it proves wrong.

use std::time::Duration;

use domain::{ServerId, Transport};
use moka::future::Cache;

use crate::{
    account::Server,
    failure::{Failure, UpstreamFailure},
};

/// Servers may be replaced by others that speak something else.
const KEPT: Duration = Duration::from_secs(600);
/// Most servers that something is known of.
const MOST: u64 = 50_000;

/// A server at the place where it is registered now.
type Key = (ServerId, String);

/// What is known of servers.
#[derive(Debug)]
pub(crate) struct Eras {
    stateless: Cache<Key, bool>,
    handshake: Cache<Key, bool>,
    too_long: Cache<Key, ()>,
}

/// What is known of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// The stateless era.
    pub stateless: Known,
    /// `initialize` over Streamable HTTP.
    pub handshake: Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
    /// Not asked yet, or it could not say.
    Nothing,
}

impl Default for Eras {
    fn default() -> Self {
        let cache = || Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        let too_long = Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        Self { stateless: cache(), handshake: cache(), too_long }
    }
}

impl Eras {
    pub(crate) async fn known(&self, server: &Server) -> Spoken {
        let key = key(server);
        Spoken { stateless: self.stateless.get(&key).await.into(), handshake: self.handshake.get(&key).await.into() }
    }

    /// Whether the server speaks the stateless era, as far as is known or `asked` finds out. Whoever comes meanwhile waits for
    /// the same answer.
    pub(crate) async fn stateless_or(&self, server: &Server, asked: impl Future<Output = Known> + Send) -> Known {
        let asked = async {
            match asked.await {
                Known::Yes => Ok(true),
                Known::No => Ok(false),
                Known::Nothing => Err(()),
            }
        };
        let key = key(server);
        if let Some(speaks) = self.stateless.get(&key).await {
            return Some(speaks).into();
        }
        self.stateless.try_get_with(key, Box::pin(asked)).await.ok().into()
    }

    pub(crate) async fn learn_stateless(&self, server: &Server, speaks: bool) {
        self.stateless.insert(key(server), speaks).await;
    }

    pub(crate) async fn learn_handshake(&self, server: &Server, speaks: bool) {
        self.handshake.insert(key(server), speaks).await;
    }

    /// The server's answer to `server/discover` is longer than is read: it is not asked again for a while.
    pub(crate) async fn learn_too_long(&self, server: &Server) {
        self.too_long.insert(key(server), ()).await;
    }

    /// Whether its answer was too long when it was last asked.
    pub(crate) fn is_too_long(&self, server: &Server) -> bool {
        self.too_long.contains_key(&key(server))
    }

    /// A message was answered as if the server did not know its kind: what it speaks is asked anew before the next.
    pub(crate) async fn doubt(&self, server: &Server, failure: &Failure) {
        if matches!(failure, Failure::Upstream(UpstreamFailure::Status { status: 400 | 404 | 405 | 406 | 415, .. })) {
            self.forget(server).await;
        }
    }

    /// What was known proved wrong.
    pub(crate) async fn forget(&self, server: &Server) {
        let key = key(server);
        self.stateless.invalidate(&key).await;
        self.handshake.invalidate(&key).await;
    }
}

impl From<Option<bool>> for Known {
    fn from(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Nothing,
        }
    }
}

/// Whether a server refused the message as such, and not whoever sent it: it may just not speak that era.
pub(crate) fn is_not_understood(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Upstream(
            UpstreamFailure::Status { status: 400 | 404 | 405 | 406 | 415 | 501, .. }
                | UpstreamFailure::Refused { .. }
                | UpstreamFailure::Invalid(_)
        )
    )
}

fn key(server: &Server) -> Key {
    let at = match &server.transport {
        Transport::Http { url } => url.clone(),
        Transport::Tunnel => String::new(),
    };
    (server.id, at)
}
