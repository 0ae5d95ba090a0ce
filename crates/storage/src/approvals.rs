//! Approvals: requests for a person's answer to one exact call, and the answer.
//!
//! What became of a request is told from what is known when it is read: whether a call used it up comes from the calls'
//! records, in whatever order and however often they came, and whether its grant or policy has changed from those.

mod read_row;
mod write;

use domain::{
    ApprovalBinding, ApprovalId, CallId, Client, Email, GrantId, Name, PolicyId, Principal, Sealed, ServerId,
    ServerSlug, Timestamp, UserId,
};
use policy::{Approvers, RiskClass, SelfApproval};
use sqlx::Row as _;

use self::read_row::approval;
use crate::{AccountScope, JobTx, StorageError, Tx, read};

pub use write::NewAnswer;
pub(crate) use write::STATEMENTS as WRITE_STATEMENTS;

/// Longer arguments are left out of lists, in characters of their sealed text.
macro_rules! listed_arguments {
    () => {
        "24000"
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
            " as arguments, a.approvers, a.approvers_team, a.self_approval, a.client_name, a.client_version, a.answer, \
                 a.answer_state, a.answered_by, b.email as answered_by_email, a.answered_at, a.reason, \
                 used.id as used_by, least(g.revoked_at, g.expires_at, p.removed_at, later.saved_at) as void_from, \
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
    LIST = select_approvals!(
        concat!("case when length(a.arguments) <= ", listed_arguments!(), " then a.arguments end"),
        "order by a.asked_at desc, a.id desc limit $2");
    OPEN = select_approvals!(
        concat!("case when length(a.arguments) <= ", listed_arguments!(), " then a.arguments end"),
        "and a.expires_at > $2 and (a.answer is null or a.answer_state = 'not_given') \
         order by a.asked_at desc, a.id desc limit $3");
    ONE = select_approvals!("a.arguments", "and a.id = $2");
    ALSO_ASKED = "select exists (select from call where account_id = $1 and approval_id = $2 \
                      and outcome = 'approval_required' and user_id = $3)";
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
    /// Requests, the newest first; long arguments are left out.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn approvals(&mut self, limit: u32) -> Result<Vec<ApprovalRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(i64::from(limit)).try_map(approval);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Requests that nobody answered and that stand at `now`, the newest first; long arguments are left out. Some of them
    /// may be void.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn unanswered_approvals(&mut self, now: Timestamp, limit: u32) -> Result<Vec<ApprovalRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(OPEN).bind(account).bind(now.to_datetime()).bind(i64::from(limit)).try_map(approval);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One request.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn approval(&mut self, id: ApprovalId) -> Result<Option<ApprovalRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(approval).fetch_optional(self.connection()).await?)
    }

    /// Whether a member repeated the call of a request that somebody else made first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn also_asked(&mut self, id: ApprovalId, member: UserId) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query_scalar(ALSO_ASKED).bind(account).bind(id.uuid()).bind(member.uuid());
        Ok(query.fetch_one(self.connection()).await?)
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
                scope: AccountScope::found(read::id(&row, "account_id", domain::AccountId::from_uuid)?),
                approval: ApprovalId::from_uuid(row.try_get("approval_id")?),
            })
        });
        Ok(query.fetch_all(self.connection()).await?)
    }
}
