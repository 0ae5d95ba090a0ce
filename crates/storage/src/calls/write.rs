//! Writing records, a batch in one statement. Both kinds are upserts by (account, time of decision, call), so a record that
//! comes twice, or before its other half, ends in the same row.

use std::collections::BTreeMap;

use domain::{CallDecided, CallSettled, Principal};
use serde::Serialize;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{UPSERT_DECIDED, UPSERT_SETTLED, word};
use crate::{StorageError, Tx, read::storable};

/// The columns of an intent record; the names are the table's.
#[derive(Serialize)]
struct Decided<'a> {
    #[serde(with = "time::serde::rfc3339")]
    decided_at: OffsetDateTime,
    id: Uuid,
    decision_id: Uuid,
    server_id: Option<Uuid>,
    user_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    key_id: Option<Uuid>,
    grant_id: Option<Uuid>,
    policy_id: Option<Uuid>,
    policy_version: Option<u32>,
    method: String,
    tool: Option<String>,
    class: Option<policy::RiskClass>,
    outcome: String,
    code: Option<&'a str>,
    rule: String,
    message: Option<String>,
    retry_after_ms: Option<u64>,
    argument_keys: Vec<String>,
    would_deny_code: Option<&'a str>,
    would_deny_rule: Option<String>,
    client_name: Option<String>,
    client_version: Option<String>,
    decide_us: u64,
    approval_id: Option<Uuid>,
    arguments: Option<&'a str>,
    app_id: Option<Uuid>,
}

/// The columns of an outcome record.
#[derive(Serialize)]
struct Settled {
    #[serde(with = "time::serde::rfc3339")]
    decided_at: OffsetDateTime,
    id: Uuid,
    settlement: String,
    http_status: Option<u16>,
    upstream_us: u64,
    gateway_us: u64,
    response_bytes: u64,
}

impl Tx {
    /// Stores intent records.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn store_decided(&mut self, records: &[&CallDecided]) -> Result<(), StorageError> {
        // One statement may not touch a row twice.
        let rows: BTreeMap<_, _> = records.iter().map(|record| ((record.at, record.call), decided(record))).collect();
        let (account, rows) = (self.id(), rows.into_values().collect::<Vec<_>>());
        sqlx::query(UPSERT_DECIDED).bind(account).bind(Json(rows)).execute(self.connection()).await?;
        Ok(())
    }

    /// Stores outcome records.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn store_settled(&mut self, records: &[&CallSettled]) -> Result<(), StorageError> {
        let rows: BTreeMap<_, _> =
            records.iter().map(|record| ((record.decided_at, record.call), settled(record))).collect();
        let (account, rows) = (self.id(), rows.into_values().collect::<Vec<_>>());
        sqlx::query(UPSERT_SETTLED).bind(account).bind(Json(rows)).execute(self.connection()).await?;
        Ok(())
    }
}

fn decided(record: &CallDecided) -> Decided<'_> {
    let (user_id, agent_id) = match record.principal {
        Some(Principal::Member(user)) => (Some(user.uuid()), None),
        Some(Principal::Agent(agent)) => (None, Some(agent.uuid())),
        None => (None, None),
    };
    Decided {
        decided_at: record.at.to_datetime(),
        id: record.call.uuid(),
        decision_id: record.decision.uuid(),
        server_id: record.server.map(domain::ServerId::uuid),
        user_id,
        agent_id,
        key_id: record.key.map(domain::KeyId::uuid),
        grant_id: record.grant.map(domain::GrantId::uuid),
        policy_id: record.policy.map(|(policy, _)| policy.uuid()),
        policy_version: record.policy.map(|(_, version)| version),
        method: storable(&record.method),
        tool: record.tool.as_deref().map(storable),
        class: record.class,
        outcome: word(record.outcome),
        code: record.code.as_deref(),
        rule: storable(&record.rule),
        message: record.message.as_deref().map(storable),
        retry_after_ms: record.retry_after_ms,
        argument_keys: record.argument_keys.iter().map(|key| storable(key)).collect(),
        would_deny_code: record.would_deny.as_ref().map(|would| would.code.as_str()),
        would_deny_rule: record.would_deny.as_ref().map(|would| storable(&would.rule)),
        client_name: record.client.as_ref().map(|client| storable(&client.name)),
        client_version: record.client.as_ref().map(|client| storable(&client.version)),
        decide_us: record.decide_us,
        approval_id: record.approval.map(domain::ApprovalId::uuid),
        arguments: record.arguments.as_ref().map(|sealed| sealed.0.as_str()),
        app_id: record.app.map(domain::AppId::uuid),
    }
}

fn settled(record: &CallSettled) -> Settled {
    Settled {
        decided_at: record.decided_at.to_datetime(),
        id: record.call.uuid(),
        settlement: word(record.settlement),
        http_status: record.http_status,
        upstream_us: record.upstream_us,
        gateway_us: record.gateway_us,
        response_bytes: record.response_bytes,
    }
}
