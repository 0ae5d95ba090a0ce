//! Writing requests, which may come more than once, and answers, step by step.

use domain::{ApprovalAsked, ApprovalId, Principal, Timestamp, UserId};
use policy::{Approvers, SelfApproval};

use super::{AnswerKind, AnswerRow, AnswerState};
use crate::{StorageError, Tx, read::storable};

statements! {
    INSERT = "insert into approval (account_id, id, binding, call_id, asked_at, expires_at, server_id, user_id, agent_id, \
                  key_id, grant_id, policy_id, policy_version, rule, message, tool, class, arguments, approvers, \
                  approvers_team, self_approval, client_name, client_version, app_id) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
                  $23, $24) \
              on conflict (account_id, id) do nothing";
    ANSWER = "update approval set answer = $3, answer_state = 'putting', answered_by = $4, answered_at = $5, reason = $6 \
              where account_id = $1 and id = $2 and (answer is null or answer_state = 'not_given')";
    OUTBOX = "insert into approval_outbox (account_id, approval_id, since) values ($1, $2, $3) \
              on conflict (account_id, approval_id) do update set since = excluded.since";
    TAKEN = "update approval set answer_state = 'given' \
             where account_id = $1 and id = $2 and answered_by = $3 and answered_at = $4 and answer_state <> 'given'";
    NOT_TAKEN = "update approval set answer_state = $5 \
                 where account_id = $1 and id = $2 and answered_by = $3 and answered_at = $4 and answer_state = 'putting'";
    DONE = "delete from approval_outbox where account_id = $1 and approval_id = $2";
}

/// An answer to be.
#[derive(Clone, Debug)]
pub struct NewAnswer<'a> {
    /// To which request.
    pub approval: ApprovalId,
    /// Which.
    pub answer: AnswerKind,
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    pub reason: &'a str,
}

impl Tx {
    /// Stores a request. One that is there already stays as it is: it may be told twice.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn store_approval(&mut self, asked: &ApprovalAsked) -> Result<(), StorageError> {
        let account = self.id();
        let (user, agent) = match asked.principal {
            Principal::Member(user) => (Some(user.uuid()), None),
            Principal::Agent(agent) => (None, Some(agent.uuid())),
        };
        let (approvers, team) = match &asked.approvers {
            Approvers::Admin => ("admin", None),
            Approvers::PolicyManager => ("policy_manager", None),
            Approvers::Team(slug) => ("team", Some(storable(slug))),
        };
        sqlx::query(INSERT)
            .bind(account)
            .bind(asked.approval.uuid())
            .bind(asked.binding.as_bytes().as_slice())
            .bind(asked.call.uuid())
            .bind(asked.at.to_datetime())
            .bind(asked.expires_at.to_datetime())
            .bind(asked.server.uuid())
            .bind(user)
            .bind(agent)
            .bind(asked.key.map(domain::KeyId::uuid))
            .bind(asked.grant.uuid())
            .bind(asked.policy.0.uuid())
            .bind(i64::from(asked.policy.1))
            .bind(storable(&asked.rule))
            .bind(storable(&asked.message))
            .bind(storable(&asked.tool))
            .bind(asked.class.as_str())
            .bind(&asked.arguments.0)
            .bind(approvers)
            .bind(team)
            .bind(asked.self_approval == SelfApproval::Allowed)
            .bind(asked.client.as_ref().map(|client| storable(&client.name)))
            .bind(asked.client.as_ref().map(|client| storable(&client.version)))
            .bind(asked.app.map(domain::AppId::uuid))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Writes down an answer that is about to be put into the counter store; whether the request was open for one.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn put_answer(&mut self, new: &NewAnswer<'_>) -> Result<bool, StorageError> {
        let account = self.id();
        let answered = sqlx::query(ANSWER)
            .bind(account)
            .bind(new.approval.uuid())
            .bind(new.answer.as_str())
            .bind(new.by.uuid())
            .bind(new.at.to_datetime())
            .bind(new.reason);
        if answered.execute(self.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let waits = sqlx::query(OUTBOX).bind(account).bind(new.approval.uuid()).bind(new.at.to_datetime());
        waits.execute(self.connection()).await?;
        Ok(true)
    }

    /// Notes what became of an answer in the counter store; whether it was not known yet. That the store has taken it
    /// outweighs anything else.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn settle_answer(
        &mut self,
        id: ApprovalId,
        answer: &AnswerRow,
        state: AnswerState,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let text = if state == AnswerState::Given { TAKEN } else { NOT_TAKEN };
        let mut query =
            sqlx::query(text).bind(account).bind(id.uuid()).bind(answer.by.uuid()).bind(answer.at.to_datetime());
        if state != AnswerState::Given {
            query = query.bind(state.as_str());
        }
        let is_news = query.execute(self.connection()).await?.rows_affected() > 0;
        if is_news {
            sqlx::query(DONE).bind(account).bind(id.uuid()).execute(self.connection()).await?;
        }
        Ok(is_news)
    }
}
