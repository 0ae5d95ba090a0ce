//! Rows of approvals as types.

use domain::{
    AgentId, ApprovalBinding, ApprovalId, CallId, Client, GrantId, PolicyId, Principal, Sealed, ServerId, UserId,
};
use policy::{Approvers, RiskClass, SelfApproval};
use sqlx::{Row as _, postgres::PgRow};

use super::{AnswerKind, AnswerRow, AnswerState, ApprovalRow};
use crate::read;

pub(super) fn approval(row: PgRow) -> Result<ApprovalRow, sqlx::Error> {
    let version = u32::try_from(row.try_get::<i32, _>("policy_version")?);
    let version = version.map_err(|error| read::damaged("policy_version", error))?;
    let own = row.try_get::<bool, _>("self_approval")?;
    Ok(ApprovalRow {
        id: read::id(&row, "id", ApprovalId::from_uuid)?,
        binding: binding(&row)?,
        call: read::id(&row, "call_id", CallId::from_uuid)?,
        asked_at: read::time(&row, "asked_at")?,
        expires_at: read::time(&row, "expires_at")?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        server_name: read::parsed_or_none(&row, "server_slug")?.zip(read::text_or_none(&row, "server_name")?),
        principal: principal(&row)?,
        principal_name: row.try_get("principal_name")?,
        grant: read::id(&row, "grant_id", GrantId::from_uuid)?,
        grant_label: read::text_or_none(&row, "grant_label")?,
        policy: (read::id(&row, "policy_id", PolicyId::from_uuid)?, version),
        policy_name: read::text_or_none(&row, "policy_name")?,
        rule: row.try_get("rule")?,
        message: row.try_get("message")?,
        tool: row.try_get("tool")?,
        class: class(&row)?,
        arguments: row.try_get::<Option<String>, _>("arguments")?.map(Sealed),
        arguments_forgotten: row.try_get("arguments_forgotten")?,
        approvers: approvers(&row)?,
        self_approval: if own { SelfApproval::Allowed } else { SelfApproval::Forbidden },
        client: client(&row)?,
        answer: answer(&row)?,
        used_by: read::id_or_none(&row, "used_by", CallId::from_uuid)?,
        is_own: row.try_get("is_own")?,
        void_from: read::time_or_none(&row, "void_from")?,
        is_in_place: row.try_get("in_place")?,
    })
}

/// An answer and its place in the counter store.
pub(super) fn on_its_way(row: PgRow) -> Result<Option<(ApprovalBinding, AnswerRow)>, sqlx::Error> {
    let place = binding(&row)?;
    Ok(answer(&row)?.map(|answer| (place, answer)))
}

fn binding(row: &PgRow) -> Result<ApprovalBinding, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get("binding")?;
    let bytes = bytes.try_into().map_err(|_| read::damaged("binding", "a binding has 32 bytes"))?;
    Ok(ApprovalBinding::from_bytes(bytes))
}

fn principal(row: &PgRow) -> Result<Principal, sqlx::Error> {
    match read::id_or_none(row, "user_id", UserId::from_uuid)? {
        Some(user) => Ok(Principal::Member(user)),
        None => read::id(row, "agent_id", AgentId::from_uuid).map(Principal::Agent),
    }
}

fn class(row: &PgRow) -> Result<RiskClass, sqlx::Error> {
    let word: String = row.try_get("class")?;
    serde_json::from_value(word.into()).map_err(|error| read::damaged("class", error))
}

fn approvers(row: &PgRow) -> Result<Approvers, sqlx::Error> {
    match row.try_get::<&str, _>("approvers")? {
        "admin" => Ok(Approvers::Admin),
        "policy_manager" => Ok(Approvers::PolicyManager),
        _ => row.try_get("approvers_team").map(Approvers::Team),
    }
}

fn client(row: &PgRow) -> Result<Option<Client>, sqlx::Error> {
    let (name, version): (Option<String>, Option<String>) =
        (row.try_get("client_name")?, row.try_get("client_version")?);
    Ok(name.zip(version).map(|(name, version)| Client { name, version }))
}

fn answer(row: &PgRow) -> Result<Option<AnswerRow>, sqlx::Error> {
    let Some(answer) = row.try_get::<Option<&str>, _>("answer")? else { return Ok(None) };
    let state = row.try_get::<&str, _>("answer_state")?;
    Ok(Some(AnswerRow {
        answer: AnswerKind::parse(answer).ok_or_else(|| read::damaged("answer", "unknown"))?,
        state: AnswerState::parse(state).ok_or_else(|| read::damaged("answer_state", "unknown"))?,
        by: read::id(row, "answered_by", UserId::from_uuid)?,
        by_email: read::text(row, "answered_by_email")?,
        at: read::time(row, "answered_at")?,
        reason: row.try_get("reason")?,
    }))
}

impl AnswerKind {
    const ALL: [Self; 2] = [Self::Approved, Self::Refused];

    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.as_str() == word)
    }
}

impl AnswerState {
    const ALL: [Self; 4] = [Self::Putting, Self::Given, Self::NotGiven, Self::Gone];

    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Putting => "putting",
            Self::Given => "given",
            Self::NotGiven => "not_given",
            Self::Gone => "gone",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
