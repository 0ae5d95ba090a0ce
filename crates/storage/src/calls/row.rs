//! Rows of calls as types.

use domain::{
    AgentId, AppId, ApprovalId, CallId, Client, DecisionId, GrantId, KeyId, PolicyId, Principal, ServerId, UserId,
    WouldDeny,
};
use serde::de::DeserializeOwned;
use sqlx::{Row as _, postgres::PgRow};

use super::{CallEnd, CallPlace, CallRow, ServerUse};
use crate::read;

pub(super) fn call(row: PgRow) -> Result<CallRow, sqlx::Error> {
    Ok(CallRow {
        place: CallPlace { at: read::time(&row, "decided_at")?, id: read::id(&row, "id", CallId::from_uuid)? },
        decision: read::id(&row, "decision_id", DecisionId::from_uuid)?,
        server: read::id_or_none(&row, "server_id", ServerId::from_uuid)?,
        principal: principal(&row)?,
        key: read::id_or_none(&row, "key_id", KeyId::from_uuid)?,
        app: read::id_or_none(&row, "app_id", AppId::from_uuid)?,
        grant: read::id_or_none(&row, "grant_id", GrantId::from_uuid)?,
        policy: policy(&row)?,
        method: row.try_get("method")?,
        tool: row.try_get("tool")?,
        class: enum_or_none(&row, "class")?,
        outcome: enum_or_none(&row, "outcome")?.ok_or_else(|| read::damaged("outcome", "is null"))?,
        code: row.try_get("code")?,
        rule: row.try_get("rule")?,
        message: row.try_get("message")?,
        retry_after_ms: count_or_none(&row, "retry_after_ms")?,
        argument_keys: row.try_get("argument_keys")?,
        would_deny: would_deny(&row)?,
        approval: read::id_or_none(&row, "approval_id", ApprovalId::from_uuid)?,
        client: client(&row)?,
        decide_us: count_or_none(&row, "decide_us")?.unwrap_or(0),
        end: end(&row)?,
    })
}

fn end(row: &PgRow) -> Result<Option<CallEnd>, sqlx::Error> {
    let Some(settlement) = enum_or_none(row, "settlement")? else { return Ok(None) };
    Ok(Some(CallEnd {
        settlement,
        http_status: row.try_get::<Option<i32>, _>("http_status")?.and_then(|status| u16::try_from(status).ok()),
        upstream_us: count_or_none(row, "upstream_us")?.unwrap_or(0),
        gateway_us: count_or_none(row, "gateway_us")?.unwrap_or(0),
        response_bytes: count_or_none(row, "response_bytes")?.unwrap_or(0),
    }))
}

pub(super) fn server_use(row: PgRow) -> Result<ServerUse, sqlx::Error> {
    Ok(ServerUse {
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        calls: count_or_none(&row, "calls")?.unwrap_or(0),
        denied: count_or_none(&row, "denied")?.unwrap_or(0),
    })
}

pub(super) fn principal(row: &PgRow) -> Result<Option<Principal>, sqlx::Error> {
    let user = read::id_or_none(row, "user_id", UserId::from_uuid)?.map(Principal::Member);
    Ok(user.or(read::id_or_none(row, "agent_id", AgentId::from_uuid)?.map(Principal::Agent)))
}

pub(super) fn policy(row: &PgRow) -> Result<Option<(PolicyId, u32)>, sqlx::Error> {
    let version = row.try_get::<Option<i32>, _>("policy_version")?.and_then(|version| u32::try_from(version).ok());
    Ok(read::id_or_none(row, "policy_id", PolicyId::from_uuid)?.zip(version))
}

fn would_deny(row: &PgRow) -> Result<Option<WouldDeny>, sqlx::Error> {
    let (code, rule): (Option<String>, Option<String>) =
        (row.try_get("would_deny_code")?, row.try_get("would_deny_rule")?);
    Ok(code.zip(rule).map(|(code, rule)| WouldDeny { code, rule }))
}

pub(super) fn client(row: &PgRow) -> Result<Option<Client>, sqlx::Error> {
    let (name, version): (Option<String>, Option<String>) =
        (row.try_get("client_name")?, row.try_get("client_version")?);
    Ok(name.zip(version).map(|(name, version)| Client { name, version }))
}

/// A column with the word of a serde enum.
pub(super) fn enum_or_none<T: DeserializeOwned>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    let Some(word) = row.try_get::<Option<String>, _>(column)? else { return Ok(None) };
    serde_json::from_value(serde_json::Value::String(word)).map(Some).map_err(|error| read::damaged(column, error))
}

fn count_or_none(row: &PgRow, column: &str) -> Result<Option<u64>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|count| u64::try_from(count).ok()))
}
