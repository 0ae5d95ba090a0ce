//! Whether a server answers, as far as anybody here knows: nothing is asked for it.

use domain::{ServerId, Sharing, Timestamp, Transport};
use storage::{ConnectionRow, ServerRow, ServerSeen, Tx, UpstreamOAuthRow};

use super::LiveConnector;
use crate::{Accounts, Caller, ConnectionHealth, Error, upstream_connections::health};

pub(super) const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How far back the last call and the last answer are looked for.
const LOOK_BACK_DAYS: i64 = 90;

/// How a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStanding {
    /// Whether it answers.
    pub reach: ServerReach,
    /// When something last came from it or its connectors.
    pub last_seen: Option<Timestamp>,
}

/// Whether a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerReach {
    /// It wants a login that nobody has done yet, or that is over: everybody's, or the reader's own.
    LogInFirst,
    /// No connector of it is there.
    NoConnector,
    /// What was sent to it since then did not reach it, or was not answered in time.
    Unanswered {
        /// The first such request.
        since: Timestamp,
    },
    /// A connector of it is there.
    Connected,
    /// It answered when it was last asked.
    Answered,
    /// Nothing ever came from it.
    Unseen,
}

/// What is known of an account's servers.
pub(super) struct Sightings {
    seen: Vec<ServerSeen>,
    oauth: Vec<UpstreamOAuthRow>,
    connections: Vec<ConnectionRow>,
    now: Timestamp,
}

/// What a standing is made of.
#[derive(Clone, Copy)]
struct Facts {
    needs_login: bool,
    /// How many connectors are there; none: it is reached by URL.
    connectors: Option<usize>,
    connector_seen: Option<Timestamp>,
    answered: Option<Timestamp>,
    unanswered_since: Option<Timestamp>,
}

impl Accounts {
    /// What is known of all servers, or of one.
    pub(super) async fn sightings(&self, tx: &mut Tx, server: Option<ServerId>) -> Result<Sightings, Error> {
        let now = self.now();
        Ok(Sightings {
            seen: tx.servers_seen(server, now.plus_seconds(-LOOK_BACK_DAYS * DAY_SECONDS)).await?,
            oauth: tx.all_upstream_oauth().await?,
            connections: tx.connections(server).await?,
            now,
        })
    }
}

impl Sightings {
    pub(super) fn last_call(&self, server: ServerId) -> Option<Timestamp> {
        self.of(server).and_then(|seen| seen.called_at)
    }

    pub(super) fn standing(&self, reader: &Caller, row: &ServerRow, connected: &[LiveConnector]) -> ServerStanding {
        let seen = self.of(row.id);
        let read = row.inventory_at.filter(|_| row.inventory_error.is_none());
        Facts {
            needs_login: self.needs_login(reader, row.id),
            connectors: (row.transport == Transport::Tunnel).then_some(connected.len()),
            connector_seen: seen.and_then(|seen| seen.connector_seen_at),
            answered: seen.and_then(|seen| seen.answered_at).max(read),
            unanswered_since: seen.and_then(|seen| seen.unanswered_since),
        }
        .standing()
    }

    fn of(&self, server: ServerId) -> Option<&ServerSeen> {
        self.seen.iter().find(|seen| seen.server == server)
    }

    fn needs_login(&self, reader: &Caller, server: ServerId) -> bool {
        let Some(settings) = self.oauth.iter().find(|settings| settings.server == server) else { return false };
        let owner = match settings.sharing {
            Sharing::Server => None,
            Sharing::Member => Some(reader.user()),
        };
        let own = self.connections.iter().find(|row| row.server == server && row.user == owner);
        own.is_none_or(|row| matches!(health(row, self.now), ConnectionHealth::Dead { .. }))
    }
}

impl Facts {
    fn standing(self) -> ServerStanding {
        let unanswered = self.unanswered_since.filter(|since| self.answered.is_none_or(|at| at < *since));
        let reach = match (self.connectors, unanswered) {
            _ if self.needs_login => ServerReach::LogInFirst,
            (Some(0), _) => ServerReach::NoConnector,
            (_, Some(since)) => ServerReach::Unanswered { since },
            (Some(_), None) => ServerReach::Connected,
            (None, None) if self.answered.is_some() => ServerReach::Answered,
            (None, None) => ServerReach::Unseen,
        };
        ServerStanding { reach, last_seen: self.answered.max(self.connector_seen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Facts =
        Facts { needs_login: false, connectors: None, connector_seen: None, answered: None, unanswered_since: None };

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp(0).plus_seconds(seconds))
    }

    #[test]
    fn a_server_stands_as_it_was_last_seen() {
        let silent = |seconds| ServerReach::Unanswered { since: Timestamp(0).plus_seconds(seconds) };
        let table = [
            (NOTHING, ServerReach::Unseen, None),
            (Facts { answered: at(5), ..NOTHING }, ServerReach::Answered, at(5)),
            (Facts { answered: at(5), unanswered_since: at(7), ..NOTHING }, silent(7), at(5)),
            (Facts { answered: at(9), unanswered_since: at(7), ..NOTHING }, ServerReach::Answered, at(9)),
            (Facts { unanswered_since: at(7), ..NOTHING }, silent(7), None),
            (Facts { connectors: Some(0), ..NOTHING }, ServerReach::NoConnector, None),
            (Facts { connectors: Some(0), connector_seen: at(8), ..NOTHING }, ServerReach::NoConnector, at(8)),
            (Facts { connectors: Some(0), unanswered_since: at(7), ..NOTHING }, ServerReach::NoConnector, None),
            (Facts { connectors: Some(1), connector_seen: at(3), ..NOTHING }, ServerReach::Connected, at(3)),
            (Facts { connectors: Some(1), unanswered_since: at(7), ..NOTHING }, silent(7), None),
            (Facts { needs_login: true, answered: at(5), ..NOTHING }, ServerReach::LogInFirst, at(5)),
        ];
        for (row, (facts, reach, last_seen)) in table.into_iter().enumerate() {
            assert_eq!(facts.standing(), ServerStanding { reach, last_seen }, "row {row}");
        }
    }
}
