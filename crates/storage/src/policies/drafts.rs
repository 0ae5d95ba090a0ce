//! Drafts of policies: at most one text per policy that is in no version.

use domain::{Email, PolicyId, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{StorageError, Tx, read};

statements! {
    NEXT = "update policy set draft_revision = draft_revision + 1 \
            where account_id = $1 and id = $2 and removed_at is null returning draft_revision";
    PUT = "insert into policy_draft (account_id, policy_id, document, based_on, revision, author, saved_at) \
           values ($1, $2, $3, $4, $5, $6, $7) \
           on conflict (account_id, policy_id) do update set document = excluded.document, \
               based_on = excluded.based_on, revision = excluded.revision, author = excluded.author, \
               saved_at = excluded.saved_at";
    DOCUMENT = "select document from policy_draft where account_id = $1 and policy_id = $2";
    REMOVE = "delete from policy_draft where account_id = $1 and policy_id = $2";
}

/// A draft, without its document.
#[derive(Clone, Debug)]
pub struct DraftRow {
    /// Grows with every draft of the policy that is saved; never given twice.
    pub revision: u32,
    /// The version that its author had before them; 0: none.
    pub based_on: u32,
    /// Who saved it last.
    pub author: Email,
    /// When.
    pub saved_at: Timestamp,
}

/// A draft to be.
#[derive(Clone, Debug)]
pub struct NewDraft<'a> {
    /// The document, exactly as it is to be kept.
    pub document: &'a str,
    /// The version that its author has before them; 0: none.
    pub based_on: u32,
    /// Who.
    pub author: UserId,
    /// When.
    pub at: Timestamp,
}

impl Tx {
    /// Puts a draft in the place of whichever is there; its revision, or none when the policy is gone.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn put_policy_draft(&mut self, id: PolicyId, new: &NewDraft<'_>) -> Result<Option<u32>, StorageError> {
        let account = self.id();
        let next = sqlx::query_scalar(NEXT).bind(account).bind(id.uuid());
        let Some(revision): Option<i32> = next.fetch_optional(self.connection()).await? else { return Ok(None) };
        sqlx::query(PUT)
            .bind(account)
            .bind(id.uuid())
            .bind(new.document)
            .bind(i64::from(new.based_on))
            .bind(revision)
            .bind(new.author.uuid())
            .bind(new.at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(Some(number("draft_revision", revision)?))
    }

    /// A draft's document.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn policy_draft(&mut self, id: PolicyId) -> Result<Option<String>, StorageError> {
        let account = self.id();
        Ok(sqlx::query_scalar(DOCUMENT).bind(account).bind(id.uuid()).fetch_optional(self.connection()).await?)
    }

    /// Removes a policy's draft; whether there was one.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_policy_draft(&mut self, id: PolicyId) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REMOVE).bind(account).bind(id.uuid());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }
}

/// The draft in a policy's row.
pub(super) fn note(row: &PgRow) -> Result<Option<DraftRow>, sqlx::Error> {
    let Some(revision) = row.try_get::<Option<i32>, _>("draft_revision")? else { return Ok(None) };
    Ok(Some(DraftRow {
        revision: number("draft_revision", revision)?,
        based_on: number("draft_based_on", row.try_get("draft_based_on")?)?,
        author: read::text(row, "draft_author")?,
        saved_at: read::time(row, "draft_saved_at")?,
    }))
}

fn number(column: &str, value: i32) -> Result<u32, sqlx::Error> {
    u32::try_from(value).map_err(|error| read::damaged(column, error))
}
