//! Invitations: links that make whoever opens one a member, once.

use domain::{AccountId, Email, InviteId, Role, TeamId, TeamSlug, Timestamp, TokenHash, UserId};
use sqlx::postgres::PgRow;

use crate::{AccountScope, Db, StorageError, Tx, read, tx};

statements! {
    INSERT = "insert into invite (account_id, id, token_hash, role, team_id, created_by, created_at, expires_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8)";
    BY_HASH = "select account_id, id from invite \
               where token_hash = $1 and used_at is null and revoked_at is null and expires_at > $2";
    OPEN = "select i.id, i.role, i.team_id, t.slug as team_slug, i.created_by, u.email as created_by_email, i.created_at, i.expires_at \
            from invite i join app_user u on u.id = i.created_by \
            left join team t on t.account_id = i.account_id and t.id = i.team_id and t.deleted_at is null \
            where i.account_id = $1 and i.used_at is null and i.revoked_at is null and i.expires_at > $2 \
            order by i.created_at desc, i.id desc";
    ONE = "select i.id, i.role, i.team_id, t.slug as team_slug, i.created_by, u.email as created_by_email, i.created_at, i.expires_at \
           from invite i join app_user u on u.id = i.created_by \
           left join team t on t.account_id = i.account_id and t.id = i.team_id and t.deleted_at is null \
           where i.account_id = $1 and i.id = $2 and i.used_at is null and i.revoked_at is null and i.expires_at > $3";
    USE_UP = "update invite set used_by = $3, used_at = $4 \
              where account_id = $1 and id = $2 and used_at is null and revoked_at is null and expires_at > $4";
    REVOKE = "update invite set revoked_at = $3 where account_id = $1 and id = $2 and used_at is null and revoked_at is null";
}

/// An invitation to be.
#[derive(Clone, Debug)]
pub struct NewInviteRow {
    /// The new id.
    pub id: InviteId,
    /// The hash of the link's token.
    pub hash: TokenHash,
    /// The role that it gives.
    pub role: Role,
    /// The team that it puts into.
    pub team: Option<TeamId>,
    /// Who invites.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

/// An invitation that can still be accepted, found by its token.
#[derive(Clone, Debug)]
pub struct FoundInvite {
    /// Leave to work in its account.
    pub scope: AccountScope,
    /// Which.
    pub id: InviteId,
}

/// An invitation that can still be accepted.
#[derive(Clone, Debug)]
pub struct InviteRow {
    /// Which.
    pub id: InviteId,
    /// The role that it gives.
    pub role: Role,
    /// The team that it puts into, unless that was deleted meanwhile.
    pub team: Option<(TeamId, TeamSlug)>,
    /// Who invites.
    pub created_by: UserId,
    /// The same person's e-mail address.
    pub created_by_email: Email,
    /// Since when.
    pub created_at: Timestamp,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

impl Db {
    /// The invitation that bears this token, if it can still be accepted.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn invite(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<FoundInvite>, StorageError> {
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

impl Tx {
    /// Adds an invitation.
    ///
    /// # Errors
    /// [`crate::Constraint::InviteNoTeam`].
    pub async fn insert_invite(&mut self, new: &NewInviteRow) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.hash.as_bytes().as_slice())
            .bind(new.role.as_str())
            .bind(new.team.map(TeamId::uuid))
            .bind(new.created_by.uuid())
            .bind(new.created_at.to_datetime())
            .bind(new.expires_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The invitations that can still be accepted, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn open_invites(&mut self, now: Timestamp) -> Result<Vec<InviteRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(OPEN).bind(account).bind(now.to_datetime()).try_map(invite);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One invitation that can still be accepted.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn open_invite(&mut self, id: InviteId, now: Timestamp) -> Result<Option<InviteRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(id.uuid()).bind(now.to_datetime()).try_map(invite);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// Uses an invitation up; whether it could still be accepted. Of two at the same time only one gets `true`.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn use_invite(&mut self, invite: InviteId, by: UserId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(USE_UP).bind(account).bind(invite.uuid()).bind(by.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes an invitation; whether there was one to revoke.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_invite(&mut self, invite: InviteId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE).bind(account).bind(invite.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }
}

fn found(row: PgRow) -> Result<FoundInvite, sqlx::Error> {
    Ok(FoundInvite {
        scope: AccountScope::found(read::id(&row, "account_id", AccountId::from_uuid)?),
        id: read::id(&row, "id", InviteId::from_uuid)?,
    })
}

fn invite(row: PgRow) -> Result<InviteRow, sqlx::Error> {
    let team = match read::parsed_or_none::<TeamSlug>(&row, "team_slug")? {
        Some(slug) => Some((read::id(&row, "team_id", TeamId::from_uuid)?, slug)),
        None => None,
    };
    Ok(InviteRow {
        id: read::id(&row, "id", InviteId::from_uuid)?,
        role: read::parsed(&row, "role")?,
        team,
        created_by: read::id(&row, "created_by", UserId::from_uuid)?,
        created_by_email: read::text(&row, "created_by_email")?,
        created_at: read::time(&row, "created_at")?,
        expires_at: read::time(&row, "expires_at")?,
    })
}
