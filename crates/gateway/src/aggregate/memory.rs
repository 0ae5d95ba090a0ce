//! What this gateway remembers for the account's URL. All of it is bounded, none of it is needed: it saves waiting.

use std::{sync::Arc, time::Duration};

use domain::{ServerId, UserId};
use mcp::{Era, ListKind};
use moka::sync::Cache;
use serde_json::Value;

use crate::{account::Server, peer::Peer};

/// Servers that are remembered at the same time.
const MOST_SERVERS: u64 = 50_000;
/// Most bytes of what servers said of themselves, of shortened names, and what an entry takes besides its text.
const MOST_SAID_BYTES: u64 = 128 << 20;
const MOST_NAMES_BYTES: u64 = 64 << 20;
const BYTES_EACH: usize = 256;
/// What is said as JSON takes so many times its length, once it is read.
const AS_VALUE: usize = 8;
/// What a server said of itself holds this long.
const DESCRIBED_FOR: Duration = Duration::from_secs(3_600);
/// A server that failed is waited for less for this long.
const FAILING_FOR: Duration = Duration::from_secs(30);
/// Of the time for a server's part, one that has just failed gets this fraction.
const FAILING_SHARE: u32 = 10;

/// What a server said of itself.
#[derive(Debug)]
pub(crate) struct Described {
    pub era: Era,
    pub capabilities: Value,
    pub instructions: Option<String>,
    /// The capabilities as they came.
    raw: String,
}

/// Under which name a client sees something.
type PublicName = (ServerId, ListKind, Arc<str>);

/// What is remembered.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Where each member has a connection of their own, a server may say something else to each.
    described: Cache<(ServerId, Option<UserId>), Arc<Described>>,
    failing: Cache<ServerId, ()>,
    names: Cache<PublicName, Arc<str>>,
}

impl Described {
    fn weight(&self) -> u32 {
        weight((1 + AS_VALUE) * self.raw.len() + self.instructions.as_ref().map_or(0, String::len))
    }
}

/// What an entry takes, in bytes.
fn weight(text: usize) -> u32 {
    u32::try_from(BYTES_EACH + text).unwrap_or(u32::MAX)
}

impl Default for Memory {
    fn default() -> Self {
        let said = |_: &_, described: &Arc<Described>| described.weight();
        let name = |(_, _, public): &PublicName, own: &Arc<str>| weight(public.len() + own.len());
        Self {
            described: Cache::builder().weigher(said).max_capacity(MOST_SAID_BYTES).time_to_live(DESCRIBED_FOR).build(),
            failing: Cache::builder().max_capacity(MOST_SERVERS).time_to_live(FAILING_FOR).build(),
            names: Cache::builder().weigher(name).max_capacity(MOST_NAMES_BYTES).build(),
        }
    }
}

impl Memory {
    /// A server answered: what it said of itself is the newest.
    pub(crate) fn greeted(&self, peer: &Peer) -> Arc<Described> {
        let known = self.described(&peer.server);
        let same = |known: &Arc<Described>| {
            known.era == peer.era
                && known.raw == peer.description.capabilities
                && known.instructions == peer.description.instructions
        };
        if let Some(known) = known.filter(same) {
            return known;
        }
        let described = Arc::new(Described {
            era: peer.era,
            raw: peer.description.capabilities.clone(),
            capabilities: serde_json::from_str(&peer.description.capabilities).unwrap_or_default(),
            instructions: peer.description.instructions.clone(),
        });
        self.described.insert((peer.server.id, peer.server.bearer.user()), described.clone());
        described
    }

    /// What a server said of itself, if it did lately.
    pub(crate) fn described(&self, server: &Server) -> Option<Arc<Described>> {
        self.described.get(&(server.id, server.bearer.user()))
    }

    /// A server could not be reached, or did not answer in time.
    pub(crate) fn failed(&self, server: ServerId) {
        self.failing.insert(server, ());
    }

    /// A server answered, or has only just come.
    pub(crate) fn answered(&self, server: ServerId) {
        self.failing.invalidate(&server);
    }

    /// How long to wait for a server, out of the full time, of which so much has gone already.
    pub(crate) fn patience(&self, server: ServerId, full: Duration, gone: Duration) -> Duration {
        let least = full / FAILING_SHARE;
        if self.failing.contains_key(&server) { least } else { full.saturating_sub(gone).max(least) }
    }

    /// Remembers what a shortened name stands for.
    pub(crate) fn note_name(&self, server: ServerId, list: ListKind, public: &str, own: &str) {
        self.names.insert((server, list, public.into()), own.into());
    }

    /// What a shortened name stands for.
    pub(crate) fn own_name(&self, server: ServerId, list: ListKind, public: &str) -> Option<Arc<str>> {
        self.names.get(&(server, list, public.into()))
    }
}

#[cfg(test)]
mod tests {
    use domain::{Clock, Entropy, Timestamp};

    use super::*;

    fn server() -> ServerId {
        ServerId::new(&Clock::fixed(Timestamp(0)), &Entropy::seeded(1))
    }

    #[test]
    fn names_are_remembered_by_their_bytes() {
        let (memory, server) = (Memory::default(), server());
        for n in 0..100 {
            let own = format!("{n}{}", "x".repeat(4 << 20));
            memory.note_name(server, ListKind::Prompts, &format!("s__{n}"), &own);
            memory.names.run_pending_tasks();
            assert!(memory.names.weighted_size() <= MOST_NAMES_BYTES, "{n}");
        }
        memory.note_name(server, ListKind::Tools, "s__short", "short");
        assert_eq!(memory.own_name(server, ListKind::Tools, "s__short").as_deref(), Some("short"));
    }

    #[test]
    fn what_servers_say_is_remembered_by_its_bytes() {
        let (memory, entropy) = (Memory::default(), Entropy::seeded(2));
        for n in 0..200_u64 {
            let raw = format!(r#"{{"x":"{}"}}"#, "x".repeat(256 << 10));
            let capabilities = serde_json::from_str(&raw).unwrap();
            let described = Described { era: Era::Initialize, capabilities, instructions: None, raw };
            let id = ServerId::new(&Clock::fixed(Timestamp(0)), &entropy);
            memory.described.insert((id, None), Arc::new(described));
            memory.described.run_pending_tasks();
            assert!(memory.described.weighted_size() <= MOST_SAID_BYTES, "{n}");
        }
    }
}
