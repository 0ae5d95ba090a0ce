//! Keys: the bearer credentials of principals. Only hashes are here.

use domain::{AgentId, KeyId, Name, Principal, SnapshotKey, Timestamp, TokenHash, UserId};
use sqlx::postgres::PgRow;

use crate::{StorageError, Tx, read};

statements! {
    INSERT = "insert into key (account_id, id, token_hash, user_id, agent_id, label, purpose, created_by, created_at, expires_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LIST = "select id, user_id, agent_id, label, created_at, expires_at, last_used_at from key \
            where account_id = $1 and user_id is not distinct from $2 and agent_id is not distinct from $3 \
                and purpose = 'call' and revoked_at is null order by created_at desc, id desc";
    ONE = "select id, user_id, agent_id, label, created_at, expires_at, last_used_at from key \
           where account_id = $1 and id = $2 and revoked_at is null";
    REVOKE = "update key set revoked_at = $3 where account_id = $1 and id = $2 and revoked_at is null";
    REVOKE_ALL = "update key set revoked_at = $4 where account_id = $1 and user_id is not distinct from $2 \
                      and agent_id is not distinct from $3 and revoked_at is null";
    USED = "update key set last_used_at = greatest(last_used_at, $3) where account_id = $1 and id = $2";
    SNAPSHOT = "select id, token_hash, user_id, agent_id, expires_at from key \
                where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2) order by id";
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// A principal's calls.
    Call,
    /// One test call from a page: it lives for minutes and stands in no list.
    TestCall,
}

/// A key to be.
#[derive(Clone, Debug)]
pub struct NewKeyRow {
    /// The new id.
    pub id: KeyId,
    /// The hash of its text.
    pub hash: TokenHash,
    /// Who will be behind its calls.
    pub principal: Principal,
    /// Its label.
    pub label: Name,
    /// What for.
    pub purpose: KeyPurpose,
    /// Who makes it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A key that is not revoked.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Which.
    pub id: KeyId,
    /// Who is behind its calls.
    pub principal: Principal,
    /// Its label.
    pub label: Name,
    /// Since when.
    pub created_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When a call was last made with it, as far as records have arrived.
    pub last_used_at: Option<Timestamp>,
}

impl Tx {
    /// Adds a key.
    ///
    /// # Errors
    /// [`crate::Constraint::KeyNoAgent`], [`crate::Constraint::KeyNoMember`].
    pub async fn insert_key(&mut self, new: &NewKeyRow) -> Result<(), StorageError> {
        let account = self.id();
        let (user, agent) = columns(new.principal);
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.hash.as_bytes().as_slice())
            .bind(user)
            .bind(agent)
            .bind(new.label.as_str())
            .bind(new.purpose.as_str())
            .bind(new.created_by.uuid())
            .bind(new.created_at.to_datetime())
            .bind(new.expires_at.map(Timestamp::to_datetime))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// A principal's keys, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn keys_of(&mut self, principal: Principal) -> Result<Vec<KeyRow>, StorageError> {
        let account = self.id();
        let (user, agent) = columns(principal);
        let query = sqlx::query(LIST).bind(account).bind(user).bind(agent).try_map(key);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One key.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn key(&mut self, id: KeyId) -> Result<Option<KeyRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(key).fetch_optional(self.connection()).await?)
    }

    /// Revokes a key; whether there was one to revoke.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_key(&mut self, key: KeyId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE).bind(account).bind(key.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes all keys of a principal; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_keys_of(&mut self, principal: Principal, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let (user, agent) = columns(principal);
        let query = sqlx::query(REVOKE_ALL).bind(account).bind(user).bind(agent).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Notes that a call was made with a key.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn key_used(&mut self, key: KeyId, at: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(USED).bind(account).bind(key.uuid()).bind(at.to_datetime()).execute(self.connection()).await?;
        Ok(())
    }

    /// The keys in force as a snapshot carries them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_keys(&mut self, now: Timestamp) -> Result<Vec<SnapshotKey>, StorageError> {
        let account = self.id();
        let query = sqlx::query(SNAPSHOT).bind(account).bind(now.to_datetime()).try_map(snapshot_key);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

impl KeyPurpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::TestCall => "test_call",
        }
    }
}

fn columns(principal: Principal) -> (Option<uuid::Uuid>, Option<uuid::Uuid>) {
    match principal {
        Principal::Member(user) => (Some(user.uuid()), None),
        Principal::Agent(agent) => (None, Some(agent.uuid())),
    }
}

fn principal(row: &PgRow) -> Result<Principal, sqlx::Error> {
    if let Some(user) = read::id_or_none(row, "user_id", UserId::from_uuid)? {
        return Ok(Principal::Member(user));
    }
    read::id(row, "agent_id", AgentId::from_uuid).map(Principal::Agent)
}

fn key(row: PgRow) -> Result<KeyRow, sqlx::Error> {
    Ok(KeyRow {
        id: read::id(&row, "id", KeyId::from_uuid)?,
        principal: principal(&row)?,
        label: read::text(&row, "label")?,
        created_at: read::time(&row, "created_at")?,
        expires_at: read::time_or_none(&row, "expires_at")?,
        last_used_at: read::time_or_none(&row, "last_used_at")?,
    })
}

fn snapshot_key(row: PgRow) -> Result<SnapshotKey, sqlx::Error> {
    Ok(SnapshotKey {
        id: read::id(&row, "id", KeyId::from_uuid)?,
        hash: read::hash(&row, "token_hash")?,
        principal: principal(&row)?,
        expires_at: read::time_or_none(&row, "expires_at")?,
    })
}
