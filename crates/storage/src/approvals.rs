//! Approvals: requests for a person's answer to one exact call, and the answer.
//!
//! What became of a request is told from what is known when it is read: whether a call used it up comes from the calls'
//! records, in whatever order and however often they came, and whether its grant or policy has changed from those.

mod read_row;
mod write;

use domain::{
    AccountId, ApprovalBinding, ApprovalId, CallId, Client, Email, GrantId, Name, PolicyId, Principal, Sealed,
    ServerId, ServerSlug, Timestamp, UserId,
};
use policy::{Approvers, RiskClass, SelfApproval};

use self::read_row::{approval, on_its_way};
use crate::{AccountScope, JobTx, StorageError, Tx, read};

pub use write::NewAnswer;
pub(crate) use write::STATEMENTS as WRITE_STATEMENTS;

/// Arguments as lists have them: without those whose sealed text is long.
macro_rules! listed_arguments {
    () => {
        "case when length(a.arguments) <= 24000 then a.arguments end"
    };
}

/// Requests with the names of what they speak of; `$arguments` is how their arguments are read.
macro_rules! select_approvals {
    ($arguments:expr, $rest:expr) => {
        concat!(
            "select a.id, a.binding, a.call_id, a.asked_at, a.expires_at, a.server_id, s.slug as server_slug, \
                 s.name as server_name, a.user_id, a.agent_id, coalesce(u.email, ag.name) as principal_name, a.grant_id, \
                 g.label as grant_label, a.policy_id, p.name as policy_name, a.policy_version, a.rule, a.message, a.tool, \
                 a.class, ",
            $arguments,
            " as arguments, a.arguments is null as arguments_forgotten, a.approvers, a.approvers_team, a.self_approval, a.client_name, a.client_version, a.answer, \
                 a.answer_state, a.answered_by, b.email as answered_by_email, a.answered_at, a.reason, \
                 used.id as used_by, \
                 (a.user_id is not distinct from $2 or exists (select from call o where o.account_id = a.account_id \
                     and o.approval_id = a.id and o.user_id = $2)) as is_own, \
                 least(g.revoked_at, g.expires_at, p.removed_at, later.saved_at) as void_from, \
                 coalesce(g.policy_id = a.policy_id and g.server_id = a.server_id, false) as in_place \
             from approval a \
             left join server s on s.account_id = a.account_id and s.id = a.server_id \
             left join app_user u on u.id = a.user_id \
             left join agent ag on ag.account_id = a.account_id and ag.id = a.agent_id \
             left join access_grant g on g.account_id = a.account_id and g.id = a.grant_id \
             left join policy p on p.account_id = a.account_id and p.id = a.policy_id \
             left join policy_version later on later.account_id = a.account_id and later.policy_id = a.policy_id \
                 and later.version = a.policy_version + 1 \
             left join app_user b on b.id = a.answered_by \
             left join lateral (select c.id from call c where c.account_id = a.account_id and c.approval_id = a.id \
                 and c.outcome = 'allow' and c.settlement is distinct from 'unreachable' \
                 order by c.decided_at limit 1) used on true \
             where a.account_id = $1 ",
            $rest
        )
    };
}

statements! {
    LIST = select_approvals!(listed_arguments!(), "order by a.asked_at desc, a.id desc limit $3");
    OPEN = select_approvals!(
        listed_arguments!(),
        "and a.expires_at > $3 and (a.answer is null or a.answer_state = 'not_given') \
         order by a.asked_at desc, a.id desc limit $4");
    OPEN_BRIEFLY = select_approvals!(
        "null::text",
        "and a.expires_at > $3 and (a.answer is null or a.answer_state = 'not_given') limit $4");
    ONE = select_approvals!("a.arguments", "and a.id = $3");
    PUTTING = "select a.binding, a.answer, a.answer_state, a.answered_by, b.email as answered_by_email, a.answered_at, \
                   a.reason from approval a left join app_user b on b.id = a.answered_by \
               where a.account_id = $1 and a.id = $2 and a.answer_state = 'putting'";
    WAITING = "select account_id, approval_id from approval_outbox where since < $1 order by since limit $2";
}

/// A request, with the names of what it speaks of: those of ended things too, and none for what is not in this account.
#[derive(Clone, Debug)]
pub struct ApprovalRow {
    /// Which.
    pub id: ApprovalId,
    /// The exact call.
    pub binding: ApprovalBinding,
    /// The call that asked first.
    pub call: CallId,
    /// When.
    pub asked_at: Timestamp,
    /// From then on it cannot be answered, nor used.
    pub expires_at: Timestamp,
    /// The server.
    pub server: ServerId,
    /// The server's name in URLs and for people.
    pub server_name: Option<(ServerSlug, Name)>,
    /// Who asked.
    pub principal: Principal,
    /// The member's e-mail address or the agent's name.
    pub principal_name: Option<String>,
    /// The grant that it was asked under.
    pub grant: GrantId,
    /// The grant's label.
    pub grant_label: Option<Name>,
    /// The policy and version that asked.
    pub policy: (PolicyId, u32),
    /// The policy's name.
    pub policy_name: Option<Name>,
    /// JSON Pointer of the member that asked.
    pub rule: String,
    /// What the caller was told.
    pub message: String,
    /// The tool.
    pub tool: String,
    /// Its risk class then.
    pub class: RiskClass,
    /// The exact arguments, sealed; none in lists when they are long.
    pub arguments: Option<Sealed>,
    /// Whether they are kept no longer.
    pub arguments_forgotten: bool,
    /// Who may answer.
    pub approvers: Approvers,
    /// Whether the caller may.
    pub self_approval: SelfApproval,
    /// The client, as it named itself.
    pub client: Option<Client>,
    /// What somebody answered.
    pub answer: Option<AnswerRow>,
    /// The call that used the approval up.
    pub used_by: Option<CallId>,
    /// Whether the member who reads this made the call, be it first or again.
    pub is_own: bool,
    /// When its grant ended, or its policy got another version; perhaps in the future.
    pub void_from: Option<Timestamp>,
    /// Whether its grant is still there, on that server with that policy.
    pub is_in_place: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct AnswerRow {
    /// Which.
    pub answer: AnswerKind,
    /// How far it got.
    pub state: AnswerState,
    /// Who.
    pub by: UserId,
    /// The same person's e-mail address.
    pub by_email: Email,
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// The call may pass once.
    Approved,
    /// It may not.
    Refused,
}

/// How far an answer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerState {
    /// On its way into the counter store.
    Putting,
    /// The store has taken it.
    Given,
    /// The store could not be reached; the request is open again.
    NotGiven,
    /// The store does not know the request any more.
    Gone,
}

/// An answer that waits to be put into the counter store.
#[derive(Clone, Debug)]
pub struct WaitingAnswer {
    /// Leave to work in its account.
    pub scope: AccountScope,
    /// To which request.
    pub approval: ApprovalId,
}

impl Tx {
    /// Requests, the newest first, as `reader` sees them; long arguments are left out.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn approvals(&mut self, reader: UserId, limit: u32) -> Result<Vec<ApprovalRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(reader.uuid()).bind(i64::from(limit)).try_map(approval);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Requests that nobody answered and that stand at `now`, the newest first; long arguments are left out. Some of them
    /// may be void.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn unanswered_approvals(
        &mut self,
        reader: UserId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StorageError> {
        self.unanswered(OPEN, reader, now, limit).await
    }

    /// The same in no order and without any arguments, for counting.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn unanswered_approvals_briefly(
        &mut self,
        reader: UserId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StorageError> {
        self.unanswered(OPEN_BRIEFLY, reader, now, limit).await
    }

    async fn unanswered(
        &mut self,
        statement: &'static str,
        reader: UserId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(statement)
            .bind(account)
            .bind(reader.uuid())
            .bind(now.to_datetime())
            .bind(i64::from(limit))
            .try_map(approval);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One request.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn approval(&mut self, reader: UserId, id: ApprovalId) -> Result<Option<ApprovalRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(reader.uuid()).bind(id.uuid()).try_map(approval);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// The answer that is on its way into the counter store, and its place there.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn answer_on_its_way(
        &mut self,
        id: ApprovalId,
    ) -> Result<Option<(ApprovalBinding, AnswerRow)>, StorageError> {
        let account = self.id();
        let query = sqlx::query(PUTTING).bind(account).bind(id.uuid()).try_map(on_its_way);
        Ok(query.fetch_optional(self.connection()).await?.flatten())
    }
}

impl JobTx {
    /// Answers that wait since before `since`, the longest waiting first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn waiting_answers(&mut self, since: Timestamp, limit: u32) -> Result<Vec<WaitingAnswer>, StorageError> {
        let query = sqlx::query(WAITING).bind(since.to_datetime()).bind(i64::from(limit)).try_map(|row| {
            Ok(WaitingAnswer {
                scope: AccountScope::found(read::id(&row, "account_id", AccountId::from_uuid)?),
                approval: read::id(&row, "approval_id", ApprovalId::from_uuid)?,
            })
        });
        Ok(query.fetch_all(self.connection()).await?)
    }
}
