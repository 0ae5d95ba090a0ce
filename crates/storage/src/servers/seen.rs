//! When servers and their connectors were last seen, as the records tell it.

use domain::{ServerId, Timestamp};
use sqlx::postgres::PgRow;

use crate::{StorageError, Tx, read};

statements! {
    /// What is not delivered to a server that is connected by OAuth may lack a login only, perhaps one member's.
    SEEN = "select s.id as server_id, called.at as called_at, answered.at as answered_at, unanswered.at as unanswered_since, \
                (select max(k.seen_at) from connector k where k.account_id = s.account_id and k.server_id = s.id) \
                    as connector_seen_at \
            from server s \
            left join lateral (select c.decided_at as at from call c \
                where c.account_id = s.account_id and c.server_id = s.id and c.decided_at >= $2 \
                    and c.method = 'tools/call' \
                order by c.decided_at desc limit 1) called on true \
            left join lateral (select c.decided_at as at from call c \
                where c.account_id = s.account_id and c.server_id = s.id and c.decided_at >= $2 \
                    and c.settlement in ('ok', 'is_error', 'error') \
                order by c.decided_at desc limit 1) answered on true \
            left join lateral (select c.decided_at as at from call c \
                where c.account_id = s.account_id and c.server_id = s.id \
                    and c.decided_at >= $2 and (answered.at is null or c.decided_at > answered.at) \
                    and (c.settlement = 'timeout' or c.settlement = 'unreachable' and not exists ( \
                        select from upstream_oauth o where o.account_id = s.account_id and o.server_id = s.id)) \
                order by c.decided_at limit 1) unanswered on true \
            where s.account_id = $1 and s.removed_at is null and ($3::uuid is null or s.id = $3)";
}

/// When a server was last seen.
#[derive(Clone, Copy, Debug)]
pub struct ServerSeen {
    /// Which server.
    pub server: ServerId,
    /// The last call of a tool of it, forwarded or not.
    pub called_at: Option<Timestamp>,
    /// The last request that it answered.
    pub answered_at: Option<Timestamp>,
    /// The first request after that which it did not answer.
    pub unanswered_since: Option<Timestamp>,
    /// When a connector of it last came or went.
    pub connector_seen_at: Option<Timestamp>,
}

impl Tx {
    /// When the servers were last seen, or one of them; nothing before `since` is looked at.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn servers_seen(
        &mut self,
        server: Option<ServerId>,
        since: Timestamp,
    ) -> Result<Vec<ServerSeen>, StorageError> {
        let account = self.id();
        let query = sqlx::query(SEEN).bind(account).bind(since.to_datetime()).bind(server.map(ServerId::uuid));
        Ok(query.try_map(seen).fetch_all(self.connection()).await?)
    }
}

fn seen(row: PgRow) -> Result<ServerSeen, sqlx::Error> {
    Ok(ServerSeen {
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        called_at: read::time_or_none(&row, "called_at")?,
        answered_at: read::time_or_none(&row, "answered_at")?,
        unanswered_since: read::time_or_none(&row, "unanswered_since")?,
        connector_seen_at: read::time_or_none(&row, "connector_seen_at")?,
    })
}
