//! Recorded calls of tools as they are read to be decided again, or to learn from: in the order of time, page by page, with
//! no more of each than that needs.

use domain::{
    AppId, ApprovalId, CallId, Client, GrantId, KeyId, Outcome, PolicyId, Principal, Sealed, Settlement, Timestamp,
};
use policy::RiskClass;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{CallPlace, row, word};
use crate::{StorageError, Tx, read};

statements! {
    START = "select decided_at, id from call where account_id = $1 and grant_id = any($2) and decided_at >= $3 \
                 and method = 'tools/call' and outcome is not null and ($4::text is null or outcome = $4) \
             order by decided_at desc, id desc offset $5 limit 1";
    PAGE = "select decided_at, id, user_id, agent_id, key_id, app_id, grant_id, policy_id, policy_version, tool, class, outcome, \
                code, rule, argument_keys, arguments, approval_id, client_name, client_version, settlement \
            from call where account_id = $1 and grant_id = any($2) and decided_at >= $3 \
                and (decided_at, id) > ($3, $4) \
                and method = 'tools/call' and outcome is not null and ($5::text is null or outcome = $5) \
            order by decided_at, id limit $6";
    ONE = "select decided_at, id, user_id, agent_id, key_id, app_id, grant_id, policy_id, policy_version, tool, class, outcome, \
               code, rule, argument_keys, arguments, approval_id, client_name, client_version, settlement \
           from call where account_id = $1 and id = $2 and server_id = $3 and method = 'tools/call' \
               and outcome is not null";
    WOULD_DENY = "select would_deny_rule, would_deny_code, count(*) as calls from call \
                  where account_id = $1 and server_id = $2 and decided_at >= $5 and policy_id = $3 \
                      and policy_version = $4 and method = 'tools/call' and outcome is not null \
                  group by would_deny_rule, would_deny_code order by count(*) desc, would_deny_rule, would_deny_code";
}

/// Which calls of tools.
#[derive(Clone, Debug)]
pub struct PastCalls {
    /// Decided by one of these grants.
    pub grants: Vec<GrantId>,
    /// With this outcome; none: with any.
    pub outcome: Option<Outcome>,
    /// Not before.
    pub since: Timestamp,
}

/// A recorded call of a tool.
#[derive(Clone, Debug)]
pub struct PastCall {
    /// Where it stands in the order of time, and which it is.
    pub place: CallPlace,
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
    /// The tool.
    pub tool: String,
    /// Its risk class then.
    pub class: Option<RiskClass>,
    /// The decision.
    pub outcome: Outcome,
    /// Its code.
    pub code: Option<String>,
    /// JSON Pointer of the deciding member.
    pub rule: String,
    /// Top-level argument keys.
    pub argument_keys: Vec<String>,
    /// What the policy that decided looks at in the arguments, sealed.
    pub arguments: Option<Sealed>,
    /// The approval that was asked for, refused or used up.
    pub approval: Option<ApprovalId>,
    /// The client, as it named itself.
    pub client: Option<Client>,
    /// How it ended.
    pub settlement: Option<Settlement>,
}

/// How many calls a version decided with the same word of its shadow rules.
#[derive(Clone, Debug)]
pub struct ShadowCount {
    /// The rule and code of what would have been denied; none: nothing.
    pub would_deny: Option<(String, String)>,
    /// How many calls.
    pub calls: u64,
}

impl Tx {
    /// The place after which at most `most` calls stand, the newest; none when there are no more than that.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn past_calls_start(&mut self, which: &PastCalls, most: u32) -> Result<Option<CallPlace>, StorageError> {
        let account = self.id();
        let query = sqlx::query(START)
            .bind(account)
            .bind(grants(which))
            .bind(which.since.to_datetime())
            .bind(which.outcome.map(word))
            .bind(i64::from(most))
            .try_map(|row: PgRow| place(&row));
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// The calls after a place, or from the beginning, the oldest first, at most so many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn past_calls(
        &mut self,
        which: &PastCalls,
        after: Option<CallPlace>,
        limit: u32,
    ) -> Result<Vec<PastCall>, StorageError> {
        let account = self.id();
        // Nothing lies between the last id of the moment before and the first of `since`.
        let before_all =
            CallPlace { at: Timestamp(which.since.0.saturating_sub(1)), id: CallId::from_uuid(Uuid::max()) };
        let after = after.unwrap_or(before_all);
        let query = sqlx::query(PAGE)
            .bind(account)
            .bind(grants(which))
            .bind(after.at.to_datetime())
            .bind(after.id.uuid())
            .bind(which.outcome.map(word))
            .bind(i64::from(limit))
            .try_map(past_call);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One call of a tool of a server.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn past_call(&mut self, server: domain::ServerId, id: CallId) -> Result<Option<PastCall>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(id.uuid()).bind(server.uuid()).try_map(past_call);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// What the shadow rules of a version said of the calls that it decided since then, the most frequent first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn shadow_counts(
        &mut self,
        server: domain::ServerId,
        (policy, version): (PolicyId, u32),
        since: Timestamp,
    ) -> Result<Vec<ShadowCount>, StorageError> {
        let account = self.id();
        let query = sqlx::query(WOULD_DENY)
            .bind(account)
            .bind(server.uuid())
            .bind(policy.uuid())
            .bind(i64::from(version))
            .bind(since.to_datetime())
            .try_map(shadow_count);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

fn grants(which: &PastCalls) -> Vec<Uuid> {
    which.grants.iter().map(|grant| grant.uuid()).collect()
}

fn place(row: &PgRow) -> Result<CallPlace, sqlx::Error> {
    Ok(CallPlace { at: read::time(row, "decided_at")?, id: read::id(row, "id", CallId::from_uuid)? })
}

fn past_call(row: PgRow) -> Result<PastCall, sqlx::Error> {
    Ok(PastCall {
        place: place(&row)?,
        principal: row::principal(&row)?,
        key: read::id_or_none(&row, "key_id", KeyId::from_uuid)?,
        app: read::id_or_none(&row, "app_id", AppId::from_uuid)?,
        grant: read::id_or_none(&row, "grant_id", GrantId::from_uuid)?,
        policy: row::policy(&row)?,
        tool: row.try_get::<Option<String>, _>("tool")?.unwrap_or_default(),
        class: row::enum_or_none(&row, "class")?,
        outcome: row::enum_or_none(&row, "outcome")?.ok_or_else(|| read::damaged("outcome", "is null"))?,
        code: row.try_get("code")?,
        rule: row.try_get("rule")?,
        argument_keys: row.try_get("argument_keys")?,
        arguments: row.try_get::<Option<String>, _>("arguments")?.map(Sealed),
        approval: read::id_or_none(&row, "approval_id", ApprovalId::from_uuid)?,
        client: row::client(&row)?,
        settlement: row::enum_or_none(&row, "settlement")?,
    })
}

fn shadow_count(row: PgRow) -> Result<ShadowCount, sqlx::Error> {
    let (rule, code): (Option<String>, Option<String>) =
        (row.try_get("would_deny_rule")?, row.try_get("would_deny_code")?);
    let calls: i64 = row.try_get("calls")?;
    Ok(ShadowCount { would_deny: rule.zip(code), calls: u64::try_from(calls).unwrap_or(0) })
}
