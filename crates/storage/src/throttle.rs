//! Counted attempts (log-in, sign-up), shared by all control planes.

use domain::Timestamp;
use sqlx::{Row as _, postgres::PgRow};

use crate::{Db, StorageError, read};

statements! {
    COUNT = "insert into login_throttle as t (subject, attempts, window_ends_at) \
             values (sha256(convert_to($1, 'UTF8')), 1, $3) \
             on conflict (subject) do update set \
                 attempts = case when t.window_ends_at <= $2 then 1 else least(t.attempts, 1000000) + 1 end, \
                 window_ends_at = case when t.window_ends_at <= $2 then excluded.window_ends_at else t.window_ends_at end \
             returning attempts, window_ends_at";
    TAKE_BACK = "update login_throttle set attempts = greatest(attempts - 1, 0) where subject = sha256(convert_to($1, 'UTF8'))";
    CLEAR = "delete from login_throttle where subject = sha256(convert_to($1, 'UTF8'))";
    FORGET = "delete from login_throttle where window_ends_at <= $1";
}

/// The attempts of a subject in its current window, this one among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub count: u32,
    /// When they are forgotten.
    pub window_ends_at: Timestamp,
}

impl Db {
    /// Counts an attempt of `subject` (only its SHA-256 is kept), before it is made, so that attempts at the same time count.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn count_attempt(
        &self,
        subject: &str,
        now: Timestamp,
        window_seconds: i64,
    ) -> Result<Attempts, StorageError> {
        let query = sqlx::query(COUNT)
            .bind(subject)
            .bind(now.to_datetime())
            .bind(now.plus_seconds(window_seconds).to_datetime())
            .try_map(attempts);
        Ok(query.fetch_one(self.pool()).await?)
    }

    /// Takes one attempt back: it turned out well.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn take_back_attempt(&self, subject: &str) -> Result<(), StorageError> {
        sqlx::query(TAKE_BACK).bind(subject).execute(self.pool()).await?;
        Ok(())
    }

    /// Forgets a subject's attempts.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn clear_attempts(&self, subject: &str) -> Result<(), StorageError> {
        sqlx::query(CLEAR).bind(subject).execute(self.pool()).await?;
        Ok(())
    }

    /// Removes the rows whose window is over.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_attempts(&self, now: Timestamp) -> Result<(), StorageError> {
        sqlx::query(FORGET).bind(now.to_datetime()).execute(self.pool()).await?;
        Ok(())
    }
}

fn attempts(row: PgRow) -> Result<Attempts, sqlx::Error> {
    let count: i32 = row.try_get("attempts")?;
    Ok(Attempts {
        count: u32::try_from(count).map_err(|error| read::damaged("attempts", error))?,
        window_ends_at: read::time(&row, "window_ends_at")?,
    })
}
