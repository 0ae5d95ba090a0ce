//! Browser sessions: rows of a person, found by the hash of the cookie's token.

use domain::{Email, SessionId, Timestamp, TokenHash, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{Db, PersonTx, StorageError, read, tx};

statements! {
    INSERT = "insert into session (id, user_id, token_hash, created_at, last_seen_at, expires_at, ip, user_agent) \
              values ($1, $2, $3, $4, $4, $5, $6, $7)";
    BY_HASH = "select id, user_id, created_at, last_seen_at from session \
               where token_hash = $1 and revoked_at is null and expires_at > $2";
    TOUCH = "update session set last_seen_at = $3, expires_at = $4 where user_id = $1 and id = $2 and revoked_at is null";
    LIST = "select id, created_at, last_seen_at, ip, user_agent from session \
            where user_id = $1 and revoked_at is null and expires_at > $2 order by last_seen_at desc, id desc";
    REVOKE = "update session set revoked_at = $3 where user_id = $1 and id = $2 and revoked_at is null";
    REVOKE_OTHERS = "update session set revoked_at = $3 where user_id = $1 and id <> $2 and revoked_at is null";
    FORGET = "delete from session where user_id = $1 and (expires_at < $2 or revoked_at < $2)";
    STANDS = "select exists (select from session where user_id = $1 and id = $2 and revoked_at is null)";
    EMAIL = "select email from app_user where id = $1";
}

/// A session to be.
#[derive(Clone, Debug)]
pub struct NewSessionRow {
    /// The new id.
    pub id: SessionId,
    /// The hash of the cookie's token.
    pub hash: TokenHash,
    /// When.
    pub created_at: Timestamp,
    /// From then on it is over.
    pub expires_at: Timestamp,
    /// From which address.
    pub ip: String,
    /// How the browser names itself.
    pub user_agent: String,
}

/// A session that is not over, found by its token.
#[derive(Clone, Debug)]
pub struct FoundSession {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, as written down.
    pub last_seen_at: Timestamp,
}

/// A session that is not over, for its owner's list.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Which.
    pub id: SessionId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen_at: Timestamp,
    /// From which address.
    pub ip: String,
    /// How the browser names itself.
    pub user_agent: String,
}

impl Db {
    /// The session that bears this token, if it is not over.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn session(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<FoundSession>, StorageError> {
        let mut begun = self.token(hash).await?;
        let found = sqlx::query(BY_HASH)
            .bind(hash.as_bytes().as_slice())
            .bind(now.to_datetime())
            .try_map(found)
            .fetch_optional(&mut *begun)
            .await?;
        tx::commit(begun).await?;
        Ok(found)
    }
}

impl PersonTx {
    /// Adds a session.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_session(&mut self, new: &NewSessionRow) -> Result<(), StorageError> {
        let user = self.user().uuid();
        sqlx::query(INSERT)
            .bind(new.id.uuid())
            .bind(user)
            .bind(new.hash.as_bytes().as_slice())
            .bind(new.created_at.to_datetime())
            .bind(new.expires_at.to_datetime())
            .bind(&new.ip)
            .bind(&new.user_agent)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Notes that one of the person's sessions was used, and moves its end.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn touch_session(
        &mut self,
        session: SessionId,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        let user = self.user().uuid();
        sqlx::query(TOUCH)
            .bind(user)
            .bind(session.uuid())
            .bind(at.to_datetime())
            .bind(expires_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The person's sessions that are not over, the last used first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionRow>, StorageError> {
        let user = self.user().uuid();
        let query = sqlx::query(LIST).bind(user).bind(now.to_datetime()).try_map(session);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Ends one of the person's sessions; whether there was one to end.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_session(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StorageError> {
        let user = self.user().uuid();
        let query = sqlx::query(REVOKE).bind(user).bind(session.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Ends all of the person's sessions but one; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_other_sessions(&mut self, kept: SessionId, at: Timestamp) -> Result<u64, StorageError> {
        let user = self.user().uuid();
        let query = sqlx::query(REVOKE_OTHERS).bind(user).bind(kept.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Whether one of the person's sessions is not revoked.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn session_stands(&mut self, session: SessionId) -> Result<bool, StorageError> {
        let user = self.user().uuid();
        let query = sqlx::query_scalar(STANDS).bind(user).bind(session.uuid());
        Ok(query.fetch_one(self.connection()).await?)
    }

    /// Removes the person's sessions that were over before `before`.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_sessions(&mut self, before: Timestamp) -> Result<(), StorageError> {
        let user = self.user().uuid();
        sqlx::query(FORGET).bind(user).bind(before.to_datetime()).execute(self.connection()).await?;
        Ok(())
    }

    /// The person's e-mail address.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn email(&mut self) -> Result<Option<Email>, StorageError> {
        let user = self.user().uuid();
        let query = sqlx::query(EMAIL).bind(user).try_map(|row: PgRow| read::text(&row, "email"));
        Ok(query.fetch_optional(self.connection()).await?)
    }
}

fn found(row: PgRow) -> Result<FoundSession, sqlx::Error> {
    Ok(FoundSession {
        id: read::id(&row, "id", SessionId::from_uuid)?,
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        created_at: read::time(&row, "created_at")?,
        last_seen_at: read::time(&row, "last_seen_at")?,
    })
}

fn session(row: PgRow) -> Result<SessionRow, sqlx::Error> {
    Ok(SessionRow {
        id: read::id(&row, "id", SessionId::from_uuid)?,
        created_at: read::time(&row, "created_at")?,
        last_seen_at: read::time(&row, "last_seen_at")?,
        ip: row.try_get("ip")?,
        user_agent: row.try_get("user_agent")?,
    })
}
