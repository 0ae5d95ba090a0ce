//! Approvals: requests for a person's answer to one exact call, as people see them.
//!
//! What is asked and what stands lives in the counter store, where a call is let through; what is here is the record, and
//! the way of an answer into that store.

mod answer;
mod rights;
mod standing;

use domain::{
    ApprovalAsked, ApprovalId, CallId, Client, DataKey, Email, GrantId, Name, Permission, PolicyId, Principal, Role,
    SealError, ServerSlug, Timestamp,
};
use policy::{Approvers, RiskClass};
use storage::{AnswerKind, AnswerState, ApprovalRow, Tx};

use self::{rights::Reader, standing::standing};
use crate::{Accounts, Caller, Error};

pub use answer::{Answer, AnswerForm};
pub use rights::MayAnswer;
pub use standing::ApprovalStanding;

/// At most so many requests at once.
const MAX_PAGE: u32 = 200;
/// So many open requests are counted.
const MAX_COUNTED: u32 = 1_000;

/// Which requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApprovalFilter {
    /// Only those that somebody can still answer.
    pub open: bool,
    /// At most so many; 200 at the most, which none (0) stands for.
    pub limit: u32,
}

/// A request with the names of what it speaks of.
#[derive(Clone, Debug)]
pub struct ApprovalView {
    /// Which.
    pub id: ApprovalId,
    /// Where it stands.
    pub standing: ApprovalStanding,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// From then on it cannot be answered, nor used.
    pub expires_at: Timestamp,
    /// The server's name in URLs and for people; also of a removed one.
    pub server: Option<(ServerSlug, Name)>,
    /// The tool.
    pub tool: String,
    /// Its risk class then.
    pub class: RiskClass,
    /// Who asked.
    pub principal: Principal,
    /// The member's e-mail address or the agent's name; also of one that is gone.
    pub principal_name: Option<String>,
    /// The grant that it was asked under.
    pub grant: GrantId,
    /// The grant's label; also of a revoked one.
    pub grant_label: Option<Name>,
    /// The policy that asks, its name, and the version.
    pub policy: (PolicyId, Option<Name>, u32),
    /// JSON Pointer of the member that asks.
    pub rule: String,
    /// What the caller was told.
    pub message: String,
    /// Who may answer.
    pub approvers: Approvers,
    /// The exact arguments, the raw JSON text; see [`ApprovalView::shown`].
    pub arguments: Option<String>,
    /// Whether the arguments are there, or why not.
    pub shown: ArgumentsShown,
    /// The client, as it named itself.
    pub client: Option<Client>,
    /// What somebody answered.
    pub answer: Option<ApprovalAnswerView>,
    /// The call that used the approval up.
    pub used_by: Option<CallId>,
    /// The call that asked first.
    pub call: CallId,
    /// Whether its reader may answer.
    pub may_answer: MayAnswer,
}

/// Whether a request's arguments are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentsShown {
    /// They are there.
    Yes,
    /// Only those who may answer, the caller, admins and owners see them.
    NotForReader,
    /// They are too long for a list; the request by itself has them.
    TooLong,
    /// They were kept for their time, and are gone.
    Forgotten,
    /// They do not open under this deployment's key.
    Damaged,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalAnswerView {
    /// Who.
    pub by: Email,
    /// When.
    pub at: Timestamp,
    /// Approved, or refused.
    pub approved: bool,
    /// Why; may be empty for an approval.
    pub reason: String,
}

impl Accounts {
    /// Requests, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn approvals(&self, caller: &Caller, filter: &ApprovalFilter) -> Result<Vec<ApprovalView>, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let limit = if filter.limit == 0 { MAX_PAGE } else { filter.limit.min(MAX_PAGE) };
        let now = self.now();
        let rows = if filter.open {
            let mut rows = tx.unanswered_approvals(caller.user(), now, MAX_PAGE).await?;
            rows.retain(|row| standing(row, now) == ApprovalStanding::Open);
            rows.truncate(limit as usize);
            rows
        } else {
            tx.approvals(caller.user(), limit).await?
        };
        let reader = Reader::of(&mut tx, caller, caller.role()).await?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(|row| view(row, &reader, &key, now)).collect())
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn approval(&self, caller: &Caller, id: ApprovalId) -> Result<ApprovalView, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let row = tx.approval(caller.user(), id).await?.ok_or(Error::NotFound)?;
        let reader = Reader::of(&mut tx, caller, caller.role()).await?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        Ok(view(row, &reader, &key, self.now()))
    }

    /// How many requests wait for the caller's own answer, up to 1,000.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn approvals_to_answer(&self, caller: &Caller) -> Result<u64, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let now = self.now();
        let rows = tx.unanswered_approvals_briefly(caller.user(), now, MAX_COUNTED).await?;
        let count = if rows.is_empty() {
            0
        } else {
            let reader = Reader::of(&mut tx, caller, caller.role()).await?;
            rows.iter().filter(|row| reader.may_answer(row, now) == MayAnswer::Yes).count()
        };
        tx.commit().await?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl Reader {
    /// The caller, as far as approvals go.
    async fn of(tx: &mut Tx, caller: &Caller, role: Role) -> Result<Self, Error> {
        let teams = tx.teams_of(caller.user()).await?;
        Ok(Self { role, teams: teams.into_iter().map(|team| team.slug).collect() })
    }
}

fn view(row: ApprovalRow, reader: &Reader, key: &DataKey, now: Timestamp) -> ApprovalView {
    let (arguments, shown) = arguments(&row, reader, key);
    ApprovalView {
        standing: standing(&row, now),
        may_answer: reader.may_answer(&row, now),
        answer: given(&row),
        arguments,
        shown,
        id: row.id,
        asked_at: row.asked_at,
        expires_at: row.expires_at,
        server: row.server_name,
        tool: row.tool,
        class: row.class,
        principal: row.principal,
        principal_name: row.principal_name,
        grant: row.grant,
        grant_label: row.grant_label,
        policy: (row.policy.0, row.policy_name, row.policy.1),
        rule: row.rule,
        message: row.message,
        approvers: row.approvers,
        client: row.client,
        used_by: row.used_by,
        call: row.call,
    }
}

fn arguments(row: &ApprovalRow, reader: &Reader, key: &DataKey) -> (Option<String>, ArgumentsShown) {
    if !reader.may_see_arguments(row) {
        return (None, ArgumentsShown::NotForReader);
    }
    match opened(row, key) {
        _ if row.arguments_forgotten => (None, ArgumentsShown::Forgotten),
        Ok(Some(text)) => (Some(text), ArgumentsShown::Yes),
        Ok(None) => (None, ArgumentsShown::TooLong),
        Err(_) => (None, ArgumentsShown::Damaged),
    }
}

/// The exact arguments, where the row has them.
fn opened(row: &ApprovalRow, key: &DataKey) -> Result<Option<String>, SealError> {
    let Some(sealed) = &row.arguments else { return Ok(None) };
    let bytes = key.open(&ApprovalAsked::context(row.id), sealed)?;
    String::from_utf8(bytes).map(Some).map_err(|_| SealError)
}

/// The answer as far as it counts: the one that is given or about to be, and an approval that a call has used, whatever
/// was known of it when it was given.
fn given(row: &ApprovalRow) -> Option<ApprovalAnswerView> {
    let answer = row.answer.as_ref()?;
    let approved = answer.answer == AnswerKind::Approved;
    let counts = match answer.state {
        AnswerState::Given | AnswerState::Putting => row.used_by.is_none() || approved,
        AnswerState::NotGiven | AnswerState::Gone => row.used_by.is_some() && approved,
    };
    let view =
        || ApprovalAnswerView { by: answer.by_email.clone(), at: answer.at, approved, reason: answer.reason.clone() };
    counts.then(view)
}
