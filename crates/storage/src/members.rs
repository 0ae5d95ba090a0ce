//! Who belongs to an account, in which role. A membership that has ended keeps its row, and counts for nothing.

use domain::{AccountId, AccountSlug, Email, Name, Role, SnapshotMember, TeamId, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{AccountScope, PersonTx, StorageError, Tx, read};

statements! {
    UPSERT = "insert into membership (account_id, user_id, role, joined_at) values ($1, $2, $3, $4) \
              on conflict (account_id, user_id) do update set role = excluded.role, joined_at = excluded.joined_at, removed_at = null";
    ROLE = "select role from membership where account_id = $1 and user_id = $2 and removed_at is null";
    LIST = "select m.user_id, u.email, m.role, m.joined_at from membership m join app_user u on u.id = m.user_id \
            where m.account_id = $1 and m.removed_at is null order by m.joined_at, m.user_id";
    ONE = "select m.user_id, u.email, m.role, m.joined_at from membership m join app_user u on u.id = m.user_id \
           where m.account_id = $1 and m.user_id = $2 and m.removed_at is null";
    OWNERS = "select count(*) from membership where account_id = $1 and role = 'owner' and removed_at is null";
    SET_ROLE = "update membership set role = $3 where account_id = $1 and user_id = $2 and removed_at is null";
    REMOVE = "update membership set removed_at = $3 where account_id = $1 and user_id = $2 and removed_at is null";
    SNAPSHOT = "select m.user_id, u.email, m.role, \
                    array(select t.team_id from team_member t where t.account_id = m.account_id and t.user_id = m.user_id \
                          order by t.position, t.team_id) as teams \
                from membership m join app_user u on u.id = m.user_id \
                where m.account_id = $1 and m.removed_at is null order by m.user_id";
    OWN = "select m.account_id, a.slug, a.name, m.role from membership m join account a on a.id = m.account_id \
           where m.user_id = $1 and m.removed_at is null order by m.joined_at, m.account_id";
    OWN_BY_SLUG = "select m.account_id, a.slug, a.name, m.role from membership m join account a on a.id = m.account_id \
                   where m.user_id = $1 and a.slug = $2 and m.removed_at is null";
}

/// A member, as the account sees it.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Who.
    pub user: UserId,
    /// Its log-in name.
    pub email: Email,
    /// Its role.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// A membership, as the person sees it: the way into the account.
#[derive(Clone, Debug)]
pub struct MembershipRow {
    /// Leave to work in the account.
    pub scope: AccountScope,
    /// The account's name in URLs.
    pub slug: AccountSlug,
    /// The account's name for people.
    pub name: Name,
    /// The person's role there.
    pub role: Role,
}

impl Tx {
    /// Makes a person a member, again if it was one before.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn put_member(&mut self, user: UserId, role: Role, at: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(UPSERT)
            .bind(account)
            .bind(user.uuid())
            .bind(role.as_str())
            .bind(at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The role of a person, if it is a member.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn role_of(&mut self, user: UserId) -> Result<Option<Role>, StorageError> {
        let account = self.id();
        let query =
            sqlx::query(ROLE).bind(account).bind(user.uuid()).try_map(|row: PgRow| read::parsed::<Role>(&row, "role"));
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// The members, the oldest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn members(&mut self) -> Result<Vec<MemberRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(LIST).bind(account).try_map(member).fetch_all(self.connection()).await?)
    }

    /// One member.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn member(&mut self, user: UserId) -> Result<Option<MemberRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(user.uuid()).try_map(member).fetch_optional(self.connection()).await?)
    }

    /// How many owners there are.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn owner_count(&mut self) -> Result<i64, StorageError> {
        let account = self.id();
        Ok(sqlx::query_scalar(OWNERS).bind(account).fetch_one(self.connection()).await?)
    }

    /// Changes a member's role; whether there is such a member.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn set_role(&mut self, user: UserId, role: Role) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(SET_ROLE).bind(account).bind(user.uuid()).bind(role.as_str());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Ends a membership; whether there was one. Keys, team memberships and grants have to be ended with it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_member(&mut self, user: UserId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REMOVE).bind(account).bind(user.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// The members as a snapshot carries them, teams in their order.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_members(&mut self) -> Result<Vec<SnapshotMember>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(SNAPSHOT).bind(account).try_map(snapshot_member).fetch_all(self.connection()).await?)
    }
}

impl PersonTx {
    /// The accounts that the person is a member of, the oldest membership first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn memberships(&mut self) -> Result<Vec<MembershipRow>, StorageError> {
        let user = self.user().uuid();
        Ok(sqlx::query(OWN).bind(user).try_map(membership).fetch_all(self.connection()).await?)
    }

    /// The person's membership in the account with this slug.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn membership(&mut self, slug: &AccountSlug) -> Result<Option<MembershipRow>, StorageError> {
        let user = self.user().uuid();
        let query = sqlx::query(OWN_BY_SLUG).bind(user).bind(slug.as_str()).try_map(membership);
        Ok(query.fetch_optional(self.connection()).await?)
    }
}

fn member(row: PgRow) -> Result<MemberRow, sqlx::Error> {
    Ok(MemberRow {
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        email: read::text(&row, "email")?,
        role: read::parsed(&row, "role")?,
        joined_at: read::time(&row, "joined_at")?,
    })
}

fn snapshot_member(row: PgRow) -> Result<SnapshotMember, sqlx::Error> {
    let teams: Vec<Uuid> = row.try_get("teams")?;
    Ok(SnapshotMember {
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        email: read::text(&row, "email")?,
        role: read::parsed(&row, "role")?,
        teams: teams.into_iter().map(TeamId::from_uuid).collect(),
    })
}

fn membership(row: PgRow) -> Result<MembershipRow, sqlx::Error> {
    Ok(MembershipRow {
        scope: AccountScope::found(read::id(&row, "account_id", AccountId::from_uuid)?),
        slug: read::parsed(&row, "slug")?,
        name: read::text(&row, "name")?,
        role: read::parsed(&row, "role")?,
    })
}
