//! Grants: who may use which server under which policy. A revoked grant keeps its row, because records name it.

use domain::{
    AgentId, GrantId, GrantState, GrantSubject, Name, PolicyId, ServerId, SnapshotGrant, TeamId, Timestamp, UserId,
};
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{StorageError, Tx, read};

statements! {
    INSERT = "insert into access_grant (account_id, id, server_id, team_id, user_id, agent_id, policy_id, label, state, \
                  expires_at, created_by, created_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, 'active', $9, $10, $11)";
    LIST = "select g.id, g.server_id, g.team_id, g.user_id, g.agent_id, g.policy_id, g.label, g.state, g.expires_at, \
                g.created_at, coalesce(t.name, u.email, a.name) as subject_name \
            from access_grant g \
            left join team t on t.account_id = g.account_id and t.id = g.team_id \
            left join app_user u on u.id = g.user_id \
            left join agent a on a.account_id = g.account_id and a.id = g.agent_id \
            where g.account_id = $1 and ($2::uuid is null or g.server_id = $2) and g.state <> 'revoked' \
            order by g.created_at, g.id";
    ONE = "select g.id, g.server_id, g.team_id, g.user_id, g.agent_id, g.policy_id, g.label, g.state, g.expires_at, \
               g.created_at, coalesce(t.name, u.email, a.name) as subject_name \
           from access_grant g \
           left join team t on t.account_id = g.account_id and t.id = g.team_id \
           left join app_user u on u.id = g.user_id \
           left join agent a on a.account_id = g.account_id and a.id = g.agent_id \
           where g.account_id = $1 and g.id = $2 and g.state <> 'revoked'";
    NAMES = "select id, label from access_grant where account_id = $1";
    SET_STATE = "update access_grant set state = $4 where account_id = $1 and id = $2 and state = $3";
    REVOKE = "update access_grant set state = 'revoked', revoked_at = $3 \
              where account_id = $1 and id = $2 and state <> 'revoked'";
    REVOKE_OF_SUBJECT = "update access_grant set state = 'revoked', revoked_at = $5 where account_id = $1 \
                             and team_id is not distinct from $2 and user_id is not distinct from $3 \
                             and agent_id is not distinct from $4 and state <> 'revoked'";
    REVOKE_OF_SERVER = "update access_grant set state = 'revoked', revoked_at = $3 \
                        where account_id = $1 and server_id = $2 and state <> 'revoked'";
    SET_POLICY = "update access_grant set policy_id = $3 where account_id = $1 and id = $2 and state <> 'revoked'";
    SET_LABEL = "update access_grant set label = $3, expires_at = $4 \
                 where account_id = $1 and id = $2 and state <> 'revoked'";
    SNAPSHOT = "select g.id, g.server_id, g.team_id, g.user_id, g.agent_id, g.policy_id, g.label, g.state, g.expires_at \
                from access_grant g join server s on s.account_id = g.account_id and s.id = g.server_id \
                where g.account_id = $1 and g.state <> 'revoked' and s.removed_at is null \
                    and (g.expires_at is null or g.expires_at > $2) order by g.id";
}

/// A grant to be.
#[derive(Clone, Debug)]
pub struct NewGrantRow {
    /// The new id.
    pub id: GrantId,
    /// The server it opens.
    pub server: ServerId,
    /// For whom.
    pub subject: GrantSubject,
    /// Under which policy of that server.
    pub policy: Option<PolicyId>,
    /// Its label.
    pub label: Name,
    /// From then on it counts as revoked.
    pub expires_at: Option<Timestamp>,
    /// Who gives it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// A grant that is not revoked.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// Which.
    pub id: GrantId,
    /// The server it opens.
    pub server: ServerId,
    /// For whom.
    pub subject: GrantSubject,
    /// The team's or agent's name, or the member's e-mail address.
    pub subject_name: String,
    /// Under which policy.
    pub policy: Option<PolicyId>,
    /// Its label.
    pub label: Name,
    /// Active or suspended.
    pub state: GrantState,
    /// From then on it counts as revoked.
    pub expires_at: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Tx {
    /// Adds a grant.
    ///
    /// # Errors
    /// [`crate::Constraint::GrantThere`], [`crate::Constraint::GrantNoServer`], [`crate::Constraint::GrantNoPolicy`],
    /// [`crate::Constraint::GrantNoTeam`], [`crate::Constraint::GrantNoMember`], [`crate::Constraint::GrantNoAgent`].
    pub async fn insert_grant(&mut self, new: &NewGrantRow) -> Result<(), StorageError> {
        let account = self.id();
        let (team, user, agent) = columns(new.subject);
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.server.uuid())
            .bind(team)
            .bind(user)
            .bind(agent)
            .bind(new.policy.map(PolicyId::uuid))
            .bind(new.label.as_str())
            .bind(new.expires_at.map(Timestamp::to_datetime))
            .bind(new.created_by.uuid())
            .bind(new.created_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The grants, of one server or of all, the oldest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn grants(&mut self, server: Option<ServerId>) -> Result<Vec<GrantRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(server.map(ServerId::uuid)).try_map(grant);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One grant.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn grant(&mut self, id: GrantId) -> Result<Option<GrantRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(grant).fetch_optional(self.connection()).await?)
    }

    /// The labels of all grants, revoked ones too: for records that name them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn grant_labels(&mut self) -> Result<Vec<(GrantId, Name)>, StorageError> {
        let account = self.id();
        let query = sqlx::query(NAMES)
            .bind(account)
            .try_map(|row: PgRow| Ok((read::id(&row, "id", GrantId::from_uuid)?, read::text(&row, "label")?)));
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Takes a grant from one state to another; whether it was in the first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn set_grant_state(
        &mut self,
        id: GrantId,
        from: GrantState,
        to: GrantState,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(SET_STATE).bind(account).bind(id.uuid()).bind(from.as_str()).bind(to.as_str());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes a grant for good; whether there was one to revoke.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_grant(&mut self, id: GrantId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE).bind(account).bind(id.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes all grants of a subject; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_grants_of(&mut self, subject: GrantSubject, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let (team, user, agent) = columns(subject);
        let query =
            sqlx::query(REVOKE_OF_SUBJECT).bind(account).bind(team).bind(user).bind(agent).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Revokes all grants on a server; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_grants_on(&mut self, server: ServerId, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE_OF_SERVER).bind(account).bind(server.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Gives a grant another policy of its server, or none; whether there is such a grant.
    ///
    /// # Errors
    /// [`crate::Constraint::GrantNoPolicy`].
    pub async fn set_grant_policy(&mut self, id: GrantId, policy: Option<PolicyId>) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(SET_POLICY).bind(account).bind(id.uuid()).bind(policy.map(PolicyId::uuid));
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Changes a grant's label and expiry; whether there is such a grant.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn update_grant(
        &mut self,
        id: GrantId,
        label: &Name,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(SET_LABEL)
            .bind(account)
            .bind(id.uuid())
            .bind(label.as_str())
            .bind(expires_at.map(Timestamp::to_datetime));
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// The grants as a snapshot carries them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_grants(&mut self, now: Timestamp) -> Result<Vec<SnapshotGrant>, StorageError> {
        let account = self.id();
        let query = sqlx::query(SNAPSHOT).bind(account).bind(now.to_datetime()).try_map(snapshot_grant);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

fn columns(subject: GrantSubject) -> (Option<Uuid>, Option<Uuid>, Option<Uuid>) {
    match subject {
        GrantSubject::Team(team) => (Some(team.uuid()), None, None),
        GrantSubject::Member(user) => (None, Some(user.uuid()), None),
        GrantSubject::Agent(agent) => (None, None, Some(agent.uuid())),
    }
}

fn subject(row: &PgRow) -> Result<GrantSubject, sqlx::Error> {
    if let Some(team) = read::id_or_none(row, "team_id", TeamId::from_uuid)? {
        return Ok(GrantSubject::Team(team));
    }
    if let Some(user) = read::id_or_none(row, "user_id", UserId::from_uuid)? {
        return Ok(GrantSubject::Member(user));
    }
    read::id(row, "agent_id", AgentId::from_uuid).map(GrantSubject::Agent)
}

fn state(row: &PgRow) -> Result<GrantState, sqlx::Error> {
    let text: &str = row.try_get("state")?;
    let all = [GrantState::Active, GrantState::Suspended, GrantState::Revoked];
    all.into_iter().find(|s| s.as_str() == text).ok_or_else(|| read::damaged("state", "not a grant's state"))
}

fn grant(row: PgRow) -> Result<GrantRow, sqlx::Error> {
    Ok(GrantRow {
        id: read::id(&row, "id", GrantId::from_uuid)?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        subject: subject(&row)?,
        subject_name: row.try_get("subject_name")?,
        policy: read::id_or_none(&row, "policy_id", PolicyId::from_uuid)?,
        label: read::text(&row, "label")?,
        state: state(&row)?,
        expires_at: read::time_or_none(&row, "expires_at")?,
        created_at: read::time(&row, "created_at")?,
    })
}

fn snapshot_grant(row: PgRow) -> Result<SnapshotGrant, sqlx::Error> {
    Ok(SnapshotGrant {
        id: read::id(&row, "id", GrantId::from_uuid)?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        subject: subject(&row)?,
        policy: read::id_or_none(&row, "policy_id", PolicyId::from_uuid)?,
        label: read::text(&row, "label")?,
        state: state(&row)?,
        expires_at: read::time_or_none(&row, "expires_at")?,
    })
}
