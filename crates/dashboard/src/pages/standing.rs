//! Whether a server answers, as its tile and its page say it.

use accounts::{ServerReach, ServerStanding};
use domain::Transport;

use crate::{show::Time, words::Badge};

/// How a server stands.
#[derive(Clone)]
pub(crate) struct Standing {
    pub(crate) badge: Badge,
    /// The first request that it did not answer, where none was answered since.
    pub(crate) silent_since: Option<Time>,
    pub(crate) seen: Seen,
}

/// When something last came from a server.
#[derive(Clone)]
pub(crate) enum Seen {
    /// Its connector is there.
    Now,
    At(Time),
    Never,
}

impl Standing {
    pub(crate) fn of(standing: &ServerStanding, transport: &Transport) -> Self {
        let silent_since = match standing.reach {
            ServerReach::Unanswered { since } => Some(Time::from(since)),
            _ => None,
        };
        let seen = match (standing.reach, standing.last_seen) {
            (ServerReach::Connected, _) => Seen::Now,
            (_, Some(at)) => Seen::At(at.into()),
            (_, None) => Seen::Never,
        };
        Self { badge: badge(standing, transport), silent_since, seen }
    }
}

fn badge(standing: &ServerStanding, transport: &Transport) -> Badge {
    let (class, sign, word) = match (standing.reach, transport) {
        (ServerReach::LogInFirst, _) => ("warn", "!", "Log in first"),
        (ServerReach::NoConnector, _) if standing.last_seen.is_none() => ("note", "○", "Waiting for its connector"),
        (ServerReach::NoConnector, _) => ("warn", "○", "Connector offline"),
        (ServerReach::Unanswered { .. }, Transport::Tunnel) => ("bad", "✕", "Does not answer"),
        (ServerReach::Unanswered { .. }, Transport::Http { .. }) => ("bad", "✕", "Not reachable"),
        (ServerReach::Connected, _) => ("live", "●", "Connected"),
        (ServerReach::Answered, _) => ("live", "●", "Reached"),
        (ServerReach::Unseen, _) => ("note", "○", "Never reached"),
    };
    Badge { class, sign, word }
}
