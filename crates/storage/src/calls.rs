//! Recorded calls: written by the recorder, read by pages. Storing a record again changes nothing.

mod past;
mod row;
mod write;

use domain::{
    AppId, ApprovalId, CallId, Client, DecisionId, GrantId, KeyId, Outcome, PolicyId, Principal, ServerId, Settlement,
    Timestamp, WouldDeny,
};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use self::row::{call, server_use};
pub(crate) use past::STATEMENTS as PAST_STATEMENTS;
pub use past::{PastCall, PastCalls, ShadowCount};

use crate::{JobTx, StorageError, Tx, read};

/// The columns of a [`CallRow`].
macro_rules! columns {
    () => {
        "decided_at, id, decision_id, server_id, user_id, agent_id, key_id, grant_id, policy_id, policy_version, \
         method, tool, class, outcome, code, rule, message, retry_after_ms, argument_keys, would_deny_code, \
         would_deny_rule, client_name, client_version, decide_us, settlement, http_status, upstream_us, gateway_us, \
         response_bytes, approval_id, app_id"
    };
}

statements! {
    LIST = concat!("select ", columns!(), " from call where account_id = $1 and outcome is not null \
                and ($2::uuid is null or server_id = $2) and ($3::uuid is null or grant_id = $3) \
                and ($4::text is null or tool = $4) and ($5::text is null or outcome = $5) \
                and ($6::text is null or code = $6) and ($7::uuid is null or coalesce(user_id, agent_id) = $7) \
                and ($8::timestamptz is null or (decided_at, id) < ($8, $9)) \
                and ($10::uuid is null or policy_id = $10) and ($11::bigint is null or policy_version = $11) \
                and ($12::boolean is not true or would_deny_code is not null) \
                and ($13::text is null or would_deny_rule = $13) \
            order by decided_at desc, id desc limit $14");
    ONE = concat!("select ", columns!(), " from call where account_id = $1 and id = $2 and outcome is not null");
    FIRST = concat!("select ", columns!(), " from call where account_id = $1 and server_id = $2 \
                and method = 'tools/call' and outcome is not null \
            order by decided_at, id limit 1");
    COUNTS = "select server_id, count(*) as calls, count(*) filter (where outcome = 'deny') as denied \
              from call where account_id = $1 and decided_at >= $2 and method = 'tools/call' and server_id is not null \
              group by server_id";
    GRANTS_USED = "select grant_id, max(decided_at) as last_at from call \
                   where account_id = $1 and decided_at >= $2 and grant_id is not null group by grant_id";
    PARTITION = "select make_call_partition($1)";
    UPSERT_DECIDED = "insert into call (account_id, decided_at, id, decision_id, server_id, user_id, agent_id, key_id, \
            grant_id, policy_id, policy_version, method, tool, class, outcome, code, rule, message, retry_after_ms, \
            argument_keys, would_deny_code, would_deny_rule, client_name, client_version, decide_us, approval_id, \
            arguments, app_id) \
        select $1, decided_at, id, decision_id, server_id, user_id, agent_id, key_id, grant_id, policy_id, \
            policy_version, method, tool, class, outcome, code, rule, message, retry_after_ms, argument_keys, \
            would_deny_code, would_deny_rule, client_name, client_version, decide_us, approval_id, arguments, app_id \
        from jsonb_to_recordset($2) as r(decided_at timestamptz, id uuid, decision_id uuid, server_id uuid, \
            user_id uuid, agent_id uuid, key_id uuid, grant_id uuid, policy_id uuid, policy_version integer, \
            method text, tool text, class text, outcome text, code text, rule text, message text, \
            retry_after_ms bigint, argument_keys text[], would_deny_code text, would_deny_rule text, \
            client_name text, client_version text, decide_us bigint, approval_id uuid, arguments text, app_id uuid) \
        on conflict (account_id, decided_at, id) do update set decision_id = excluded.decision_id, \
            server_id = excluded.server_id, user_id = excluded.user_id, agent_id = excluded.agent_id, \
            key_id = excluded.key_id, grant_id = excluded.grant_id, policy_id = excluded.policy_id, \
            policy_version = excluded.policy_version, method = excluded.method, tool = excluded.tool, \
            class = excluded.class, outcome = excluded.outcome, code = excluded.code, rule = excluded.rule, \
            message = excluded.message, retry_after_ms = excluded.retry_after_ms, \
            argument_keys = excluded.argument_keys, would_deny_code = excluded.would_deny_code, \
            would_deny_rule = excluded.would_deny_rule, client_name = excluded.client_name, \
            client_version = excluded.client_version, decide_us = excluded.decide_us, \
            approval_id = excluded.approval_id, arguments = excluded.arguments, app_id = excluded.app_id";
    UPSERT_SETTLED = "insert into call (account_id, decided_at, id, settlement, http_status, upstream_us, gateway_us, \
            response_bytes) \
        select $1, decided_at, id, settlement, http_status, upstream_us, gateway_us, response_bytes \
        from jsonb_to_recordset($2) as r(decided_at timestamptz, id uuid, settlement text, http_status integer, \
            upstream_us bigint, gateway_us bigint, response_bytes bigint) \
        on conflict (account_id, decided_at, id) do update set settlement = excluded.settlement, \
            http_status = excluded.http_status, upstream_us = excluded.upstream_us, \
            gateway_us = excluded.gateway_us, response_bytes = excluded.response_bytes";
}

/// Which calls; a field that is none asks nothing.
#[derive(Clone, Debug, Default)]
pub struct CallQuery {
    /// Of this server.
    pub server: Option<ServerId>,
    /// Decided by this grant.
    pub grant: Option<GrantId>,
    /// Of this tool.
    pub tool: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// With this code.
    pub code: Option<String>,
    /// Made by this principal.
    pub principal: Option<Principal>,
    /// Decided by this policy. Its server should be asked for with it: then an index finds them.
    pub policy: Option<PolicyId>,
    /// Decided by a version with this number.
    pub version: Option<u32>,
    /// Which a shadow rule would have denied.
    pub would_deny: Option<WouldDenyFilter>,
    /// Older than this place.
    pub before: Option<CallPlace>,
    /// At most so many.
    pub limit: u32,
}

/// Only calls that a shadow rule would have denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WouldDenyFilter {
    /// This one, by its JSON Pointer; none: any.
    pub rule: Option<String>,
}

/// Where a call stands in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallPlace {
    /// When it was decided.
    pub at: Timestamp,
    /// Which, among those of one moment.
    pub id: CallId,
}

/// A recorded call.
#[derive(Clone, Debug)]
pub struct CallRow {
    /// Where it stands in the order of time, and which it is.
    pub place: CallPlace,
    /// The decision, as the caller was told it.
    pub decision: DecisionId,
    /// The server, when the request got that far.
    pub server: Option<ServerId>,
    /// Who called.
    pub principal: Option<Principal>,
    /// With which key.
    pub key: Option<KeyId>,
    /// By which app, instead of a key.
    pub app: Option<AppId>,
    /// The grant that decided.
    pub grant: Option<GrantId>,
    /// The policy and version that decided.
    pub policy: Option<(PolicyId, u32)>,
    /// The JSON-RPC method.
    pub method: String,
    /// The tool.
    pub tool: Option<String>,
    /// Its risk class then.
    pub class: Option<policy::RiskClass>,
    /// The decision.
    pub outcome: Outcome,
    /// Its code.
    pub code: Option<String>,
    /// JSON Pointer of the deciding member.
    pub rule: String,
    /// What the caller was told.
    pub message: Option<String>,
    /// After how many milliseconds the same call might have passed.
    pub retry_after_ms: Option<u64>,
    /// Top-level argument keys.
    pub argument_keys: Vec<String>,
    /// What a shadow rule would have denied.
    pub would_deny: Option<WouldDeny>,
    /// The approval that it asked for, was refused, or used up.
    pub approval: Option<ApprovalId>,
    /// The client, as it named itself.
    pub client: Option<Client>,
    /// Our own time until the decision, in microseconds.
    pub decide_us: u64,
    /// How it ended; none while it runs, and for calls that were not forwarded.
    pub end: Option<CallEnd>,
}

/// How a forwarded call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallEnd {
    /// The end.
    pub settlement: Settlement,
    /// The upstream's HTTP status.
    pub http_status: Option<u16>,
    /// The upstream's time, in microseconds.
    pub upstream_us: u64,
    /// All our own time, in microseconds.
    pub gateway_us: u64,
    /// Bytes of the answer.
    pub response_bytes: u64,
}

/// How a server was used since some time.
#[derive(Clone, Copy, Debug)]
pub struct ServerUse {
    /// Which server.
    pub server: ServerId,
    /// Calls of tools.
    pub calls: u64,
    /// How many of them were denied.
    pub denied: u64,
}

impl Tx {
    /// Calls, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn calls(&mut self, query: &CallQuery) -> Result<Vec<CallRow>, StorageError> {
        let account = self.id();
        let rows = sqlx::query(LIST)
            .bind(account)
            .bind(query.server.map(ServerId::uuid))
            .bind(query.grant.map(GrantId::uuid))
            .bind(query.tool.as_deref())
            .bind(query.outcome.map(word))
            .bind(query.code.as_deref())
            .bind(query.principal.map(principal_uuid))
            .bind(query.before.map(|place| place.at.to_datetime()))
            .bind(query.before.map(|place| place.id.uuid()))
            .bind(query.policy.map(PolicyId::uuid))
            .bind(query.version.map(i64::from))
            .bind(query.would_deny.is_some())
            .bind(query.would_deny.as_ref().and_then(|filter| filter.rule.as_deref()))
            .bind(i64::from(query.limit))
            .try_map(call);
        Ok(rows.fetch_all(self.connection()).await?)
    }

    /// One call.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn call(&mut self, id: CallId) -> Result<Option<CallRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(call).fetch_optional(self.connection()).await?)
    }

    /// The first call of a tool of a server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn first_call(&mut self, server: ServerId) -> Result<Option<CallRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(FIRST).bind(account).bind(server.uuid()).try_map(call);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// How each server was used since then; servers without a call are left out.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn server_uses(&mut self, since: Timestamp) -> Result<Vec<ServerUse>, StorageError> {
        let account = self.id();
        let rows = sqlx::query(COUNTS).bind(account).bind(since.to_datetime()).try_map(server_use);
        Ok(rows.fetch_all(self.connection()).await?)
    }

    /// When each grant last decided a call since then.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn grants_used(&mut self, since: Timestamp) -> Result<Vec<(GrantId, Timestamp)>, StorageError> {
        let account = self.id();
        let rows = sqlx::query(GRANTS_USED).bind(account).bind(since.to_datetime());
        let rows = rows
            .try_map(|row: PgRow| Ok((read::id(&row, "grant_id", GrantId::from_uuid)?, read::time(&row, "last_at")?)));
        Ok(rows.fetch_all(self.connection()).await?)
    }
}

impl JobTx {
    /// Makes the partition of the month that `at` lies in, unless it is there.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn make_call_partition(&mut self, at: Timestamp) -> Result<(), StorageError> {
        sqlx::query(PARTITION).bind(at.to_datetime()).execute(self.connection()).await?;
        Ok(())
    }
}

fn principal_uuid(principal: Principal) -> Uuid {
    match principal {
        Principal::Member(user) => user.uuid(),
        Principal::Agent(agent) => agent.uuid(),
    }
}

/// The word that serde writes for an enum without fields.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
