//! Teams and who is in them. A deleted team keeps its row, because grants and records name it.

use std::collections::HashMap;

use domain::{Email, Name, Role, TeamId, TeamSlug, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{StorageError, Tx, read};

statements! {
    INSERT = "insert into team (account_id, id, slug, name, created_at) values ($1, $2, $3, $4, $5)";
    LIST = "select t.id, t.slug, t.name, t.created_at, \
                (select count(*) from team_member m where m.account_id = t.account_id and m.team_id = t.id) as members \
            from team t where t.account_id = $1 and t.deleted_at is null order by t.slug";
    ONE = "select t.id, t.slug, t.name, t.created_at, \
               (select count(*) from team_member m where m.account_id = t.account_id and m.team_id = t.id) as members \
           from team t where t.account_id = $1 and t.id = $2 and t.deleted_at is null";
    RENAME = "update team set name = $3 where account_id = $1 and id = $2 and deleted_at is null";
    DELETE = "update team set deleted_at = $3 where account_id = $1 and id = $2 and deleted_at is null";
    EMPTY = "delete from team_member where account_id = $1 and team_id = $2";
    ADD = "insert into team_member (account_id, team_id, user_id, position, added_at) \
           select $1, $2, $3, coalesce(max(m.position) + 1, 0), $4 from team_member m where m.account_id = $1 and m.user_id = $3";
    REMOVE = "delete from team_member where account_id = $1 and team_id = $2 and user_id = $3";
    REMOVE_EVERYWHERE = "delete from team_member where account_id = $1 and user_id = $2";
    MEMBERS = "select m.user_id, u.email, s.role, m.added_at from team_member m \
               join app_user u on u.id = m.user_id \
               join membership s on s.account_id = m.account_id and s.user_id = m.user_id \
               where m.account_id = $1 and m.team_id = $2 order by m.added_at, m.user_id";
    OF_MEMBER = "select t.id, t.slug, t.name, t.created_at, \
                     (select count(*) from team_member o where o.account_id = t.account_id and o.team_id = t.id) as members \
                 from team_member m join team t on t.account_id = m.account_id and t.id = m.team_id \
                 where m.account_id = $1 and m.user_id = $2 order by m.position, m.team_id";
    SLUGS = "select m.user_id, t.slug from team_member m join team t on t.account_id = m.account_id and t.id = m.team_id \
             where m.account_id = $1 order by m.position, m.team_id";
    PLACE = "update team_member set position = $4 where account_id = $1 and team_id = $2 and user_id = $3";
}

/// A team.
#[derive(Clone, Debug)]
pub struct TeamRow {
    /// Which.
    pub id: TeamId,
    /// Its name in policies.
    pub slug: TeamSlug,
    /// Its name for people.
    pub name: Name,
    /// Since when.
    pub created_at: Timestamp,
    /// How many are in it.
    pub members: i64,
}

/// Someone in a team.
#[derive(Clone, Debug)]
pub struct TeamMemberRow {
    /// Who.
    pub user: UserId,
    /// Its log-in name.
    pub email: Email,
    /// Its role in the account.
    pub role: Role,
    /// Since when it is in the team.
    pub added_at: Timestamp,
}

impl Tx {
    /// Adds a team.
    ///
    /// # Errors
    /// [`crate::Constraint::TeamSlugTaken`].
    pub async fn insert_team(
        &mut self,
        team: TeamId,
        slug: &TeamSlug,
        name: &Name,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(team.uuid())
            .bind(slug.as_str())
            .bind(name.as_str())
            .bind(at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The teams, by slug.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn teams(&mut self) -> Result<Vec<TeamRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(LIST).bind(account).try_map(team).fetch_all(self.connection()).await?)
    }

    /// One team.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn team(&mut self, id: TeamId) -> Result<Option<TeamRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(team).fetch_optional(self.connection()).await?)
    }

    /// Renames a team (its slug stays); whether there is one.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn rename_team(&mut self, team: TeamId, name: &Name) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(RENAME).bind(account).bind(team.uuid()).bind(name.as_str());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Deletes a team and empties it; whether there was one. Its grants have to be revoked with it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn delete_team(&mut self, team: TeamId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        sqlx::query(EMPTY).bind(account).bind(team.uuid()).execute(self.connection()).await?;
        let query = sqlx::query(DELETE).bind(account).bind(team.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Puts a member into a team, as the last of the member's teams.
    ///
    /// # Errors
    /// [`crate::Constraint::TeamMemberThere`], [`crate::Constraint::TeamMemberNoTeam`],
    /// [`crate::Constraint::TeamMemberNoMember`].
    pub async fn add_team_member(&mut self, team: TeamId, user: UserId, at: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(ADD)
            .bind(account)
            .bind(team.uuid())
            .bind(user.uuid())
            .bind(at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Takes a member out of a team; whether it was in it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_team_member(&mut self, team: TeamId, user: UserId) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REMOVE).bind(account).bind(team.uuid()).bind(user.uuid());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Takes a member out of all teams.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_from_teams(&mut self, user: UserId) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(REMOVE_EVERYWHERE).bind(account).bind(user.uuid()).execute(self.connection()).await?;
        Ok(())
    }

    /// Who is in a team, the oldest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn team_members(&mut self, team: TeamId) -> Result<Vec<TeamMemberRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(MEMBERS).bind(account).bind(team.uuid()).try_map(team_member);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// A member's teams, in the order in which their grants are tried.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn teams_of(&mut self, user: UserId) -> Result<Vec<TeamRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(OF_MEMBER).bind(account).bind(user.uuid()).try_map(team).fetch_all(self.connection()).await?)
    }

    /// The slugs of everybody's teams, in the order in which their grants are tried.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn team_slugs_by_member(&mut self) -> Result<HashMap<UserId, Vec<TeamSlug>>, StorageError> {
        let account = self.id();
        let pair = |row: PgRow| Ok((read::id(&row, "user_id", UserId::from_uuid)?, read::parsed(&row, "slug")?));
        let pairs: Vec<(UserId, TeamSlug)> =
            sqlx::query(SLUGS).bind(account).try_map(pair).fetch_all(self.connection()).await?;
        let mut slugs: HashMap<UserId, Vec<TeamSlug>> = HashMap::new();
        for (user, slug) in pairs {
            slugs.entry(user).or_default().push(slug);
        }
        Ok(slugs)
    }

    /// Puts a team at a place in a member's order; whether the member is in it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn place_team(&mut self, user: UserId, team: TeamId, position: i32) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(PLACE).bind(account).bind(team.uuid()).bind(user.uuid()).bind(position);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }
}

fn team(row: PgRow) -> Result<TeamRow, sqlx::Error> {
    Ok(TeamRow {
        id: read::id(&row, "id", TeamId::from_uuid)?,
        slug: read::parsed(&row, "slug")?,
        name: read::text(&row, "name")?,
        created_at: read::time(&row, "created_at")?,
        members: row.try_get("members")?,
    })
}

fn team_member(row: PgRow) -> Result<TeamMemberRow, sqlx::Error> {
    Ok(TeamMemberRow {
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        email: read::text(&row, "email")?,
        role: read::parsed(&row, "role")?,
        added_at: read::time(&row, "added_at")?,
    })
}
