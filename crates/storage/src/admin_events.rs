//! What people changed in an account: one row per change, written in its transaction.

use domain::{Email, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{StorageError, Tx, read};

statements! {
    INSERT = "insert into admin_event (account_id, id, at, actor, action, subject, detail) values ($1, $2, $3, $4, $5, $6, $7)";
    LIST = "select e.at, e.actor, u.email as actor_email, e.action, e.subject, e.detail \
            from admin_event e join app_user u on u.id = e.actor \
            where e.account_id = $1 order by e.at desc, e.id desc limit $2";
}

/// A change to be noted.
#[derive(Clone, Debug)]
pub struct NewAdminEvent {
    /// A new, time-ordered id.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who changed something.
    pub actor: UserId,
    /// What was done: `team.created`.
    pub action: &'static str,
    /// To what: the text form of an id.
    pub subject: String,
    /// What else there is to know; never a secret.
    pub detail: serde_json::Value,
}

/// A change that was made.
#[derive(Clone, Debug)]
pub struct AdminEventRow {
    /// When.
    pub at: Timestamp,
    /// Who changed something.
    pub actor: UserId,
    /// The same person's e-mail address.
    pub actor_email: Email,
    /// What was done: `team.created`.
    pub action: String,
    /// To what: the text form of an id.
    pub subject: String,
    /// What else there is to know.
    pub detail: serde_json::Value,
}

impl Tx {
    /// Notes a change.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_admin_event(&mut self, new: &NewAdminEvent) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id)
            .bind(new.at.to_datetime())
            .bind(new.actor.uuid())
            .bind(new.action)
            .bind(&new.subject)
            .bind(&new.detail)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The last changes, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn admin_events(&mut self, limit: u32) -> Result<Vec<AdminEventRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(i64::from(limit)).try_map(event);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

fn event(row: PgRow) -> Result<AdminEventRow, sqlx::Error> {
    Ok(AdminEventRow {
        at: read::time(&row, "at")?,
        actor: read::id(&row, "actor", UserId::from_uuid)?,
        actor_email: read::text(&row, "actor_email")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row.try_get("detail")?,
    })
}
