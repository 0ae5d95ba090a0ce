//! Answering a request.
//!
//! The answer is written down with an administrative event, then put into the counter store, then noted as given. Whatever
//! happens in between, it ends well: an answer that the store did not take is noted as not given and the request is open
//! again, or as gone; one whose way was cut off (a crash, a client that went away) is put again by a background job, which
//! changes nothing if the store had taken it.

use aws_lc_rs::digest::{SHA256, digest};
use counters::{Answered, ApprovalAnswer};
use domain::{ApprovalBinding, ApprovalId, Permission};
use serde_json::json;
use storage::{AccountScope, AnswerKind, AnswerRow, AnswerState, ApprovalRow, NewAnswer};

use super::{ApprovalView, MayAnswer, opened, rights::Reader};
use crate::{
    Accounts, Caller, Error, Rule,
    change::{Change, Noted},
};

/// What a person may say of an answer.
const MAX_REASON: usize = 500;
/// An answer that is not settled by then had its way cut off.
const CUT_OFF_SECONDS: i64 = 10;
/// So many answers are put in one round of the background job.
const ROUND: u32 = 100;

/// What a person answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The call may pass once.
    Approve,
    /// It may not.
    Refuse,
}

/// An answer to be given.
#[derive(Clone, Debug)]
pub struct AnswerForm {
    /// Which.
    pub answer: Answer,
    /// Why; a refusal needs it.
    pub reason: String,
}

impl Accounts {
    /// Answers a request; it counts at every gateway when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Rule::NotApprover`], [`Rule::OwnRequest`]; [`Rule::ApprovalClosed`] when it is answered, used,
    /// expired or void by now, [`Rule::ApprovalGone`] when the gateways do not know it any more;
    /// [`Rule::AnswerNotGiven`] when they cannot be told; [`Error::Invalid`]: field `reason`.
    pub async fn answer_approval(
        &self,
        caller: &Caller,
        id: ApprovalId,
        form: &AnswerForm,
    ) -> Result<ApprovalView, Error> {
        let reason = reason(form)?;
        let mut change = self.change_of_pages(caller, Permission::ViewCalls).await?;
        let row = change.tx.approval(caller.user(), id).await?.ok_or(Error::NotFound)?;
        let role = change.role();
        let reader = Reader::of(&mut change.tx, caller, role).await?;
        match reader.may_answer(&row, change.at) {
            MayAnswer::Yes => {}
            MayAnswer::NotApprover => return Err(Rule::NotApprover.into()),
            MayAnswer::OwnRequest => return Err(Rule::OwnRequest.into()),
            MayAnswer::Closed => return Err(Rule::ApprovalClosed.into()),
        }
        let answer = AnswerRow {
            answer: form.answer.kind(),
            state: AnswerState::Putting,
            by: caller.user(),
            by_email: caller.email().clone(),
            at: change.at,
            reason,
        };
        self.write_down(change, &row, &answer).await?;
        match self.put(caller.scope(), id, row.binding, &answer).await? {
            AnswerState::Gone => Err(Rule::ApprovalGone.into()),
            AnswerState::NotGiven => Err(Rule::AnswerNotGiven.into()),
            AnswerState::Given | AnswerState::Putting => self.approval(caller, id).await,
        }
    }

    /// Puts the answers whose way into the counter store was cut off; how many. One that the store cannot take now is noted
    /// as not given, which opens its request again.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn put_waiting_answers(&self) -> Result<usize, Error> {
        let mut job = self.db().job().await?;
        let waiting = job.waiting_answers(self.now().plus_seconds(-CUT_OFF_SECONDS), ROUND).await?;
        job.commit().await?;
        for one in &waiting {
            let mut tx = self.db().account(&one.scope).await?;
            let found = tx.answer_on_its_way(one.approval).await?;
            tx.commit().await?;
            if let Some((binding, answer)) = found {
                self.put(&one.scope, one.approval, binding, &answer).await?;
            }
        }
        Ok(waiting.len())
    }

    /// Writes an answer down, with who gave it to what exactly.
    async fn write_down(&self, mut change: Change<'_>, row: &ApprovalRow, answer: &AnswerRow) -> Result<(), Error> {
        let key = self.data_key(&mut change.tx).await?;
        let arguments = opened(row, &key)?.ok_or(Error::NotFound)?;
        let new =
            NewAnswer { approval: row.id, answer: answer.answer, by: answer.by, at: answer.at, reason: &answer.reason };
        if !change.tx.put_answer(&new).await? {
            return Err(Rule::ApprovalClosed.into());
        }
        let action = match answer.answer {
            AnswerKind::Approved => "approval.approved",
            AnswerKind::Refused => "approval.refused",
        };
        let detail = json!({
            "reason": answer.reason,
            "call": row.call,
            "server": row.server,
            "tool": row.tool,
            "grant": row.grant,
            "policy": row.policy.0,
            "version": row.policy.1,
            "rule": row.rule,
            "arguments_sha256": sha256(&arguments),
        });
        change.done(action, row.id, detail).await
    }

    /// Puts an answer into the counter store and notes what became of it.
    async fn put(
        &self,
        scope: &AccountScope,
        id: ApprovalId,
        binding: ApprovalBinding,
        answer: &AnswerRow,
    ) -> Result<AnswerState, Error> {
        let told = self.counters().answer_approval(scope.account(), binding, id, for_store(answer.answer)).await;
        let (state, action) = match told {
            Ok(Answered::Done) => (AnswerState::Given, None),
            Ok(Answered::Gone) => (AnswerState::Gone, Some("approval.answer_gone")),
            Err(error) => {
                tracing::warn!(
                    account = %scope.account(),
                    approval = %id,
                    error = &error as &dyn std::error::Error,
                    "an answer could not be put into the counter store"
                );
                (AnswerState::NotGiven, Some("approval.answer_not_given"))
            }
        };
        let mut tx = self.db().account(scope).await?;
        let is_news = tx.settle_answer(id, answer, state).await?;
        if let (true, Some(action)) = (is_news, action) {
            let noted = Noted { at: self.now(), by: answer.by, action, subject: id.to_string(), detail: json!({}) };
            self.note(&mut tx, &noted).await?;
        }
        tx.commit().await?;
        Ok(state)
    }
}

impl Answer {
    fn kind(self) -> AnswerKind {
        match self {
            Self::Approve => AnswerKind::Approved,
            Self::Refuse => AnswerKind::Refused,
        }
    }
}

fn for_store(answer: AnswerKind) -> ApprovalAnswer {
    match answer {
        AnswerKind::Approved => ApprovalAnswer::Approved,
        AnswerKind::Refused => ApprovalAnswer::Refused,
    }
}

fn reason(form: &AnswerForm) -> Result<String, Error> {
    let reason = form.reason.trim();
    if reason.chars().count() > MAX_REASON {
        return Err(Error::field("reason", format!("must be at most {MAX_REASON} characters long")));
    }
    if reason.contains('\0') {
        return Err(Error::field("reason", "must not contain the character U+0000"));
    }
    if reason.is_empty() && form.answer == Answer::Refuse {
        return Err(Error::field("reason", "must say why: whoever asked will want to know"));
    }
    Ok(reason.to_owned())
}

/// In hexadecimal.
fn sha256(text: &str) -> String {
    domain::hex(digest(&SHA256, text.as_bytes()).as_ref())
}
