//! Policies and their versions. Documents are kept exactly as they were saved.

mod drafts;

use domain::{Email, Name, PolicyId, ServerId, SnapshotPolicy, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{StorageError, Tx, read};

pub(crate) use drafts::STATEMENTS as DRAFT_STATEMENTS;
pub use drafts::{DraftRow, NewDraft};

/// A policy with the place of its newest version and of its draft.
macro_rules! select_policies {
    ($($rest:tt)*) => {
        concat!(
            "select p.id, p.server_id, p.name, p.version, p.created_at, coalesce(v.saved_at, d.saved_at, p.created_at) as saved_at, \
                 coalesce(u.email, du.email, c.email) as author, d.revision as draft_revision, \
                 d.based_on as draft_based_on, d.saved_at as draft_saved_at, du.email as draft_author, \
                 (select count(*) from access_grant g where g.account_id = p.account_id and g.policy_id = p.id \
                     and g.state <> 'revoked') as grants \
             from policy p \
             left join policy_version v on v.account_id = p.account_id and v.policy_id = p.id and v.version = p.version \
             left join app_user u on u.id = v.author \
             left join app_user c on c.id = p.created_by \
             left join policy_draft d on d.account_id = p.account_id and d.policy_id = p.id \
             left join app_user du on du.id = d.author ",
            $($rest)*
        )
    };
}

statements! {
    INSERT = "insert into policy (account_id, id, server_id, name, version, created_by, created_at) \
              values ($1, $2, $3, $4, 0, $5, $6)";
    INSERT_VERSION = "insert into policy_version (account_id, policy_id, version, document, note, author, saved_at) \
                      values ($1, $2, $3, $4, $5, $6, $7)";
    NEXT = "update policy set version = version + 1 \
            where account_id = $1 and id = $2 and version = $3 and removed_at is null returning version";
    LIST = select_policies!("where p.account_id = $1 and p.server_id = $2 and p.removed_at is null order by lower(p.name), p.id");
    ONE = select_policies!("where p.account_id = $1 and p.id = $2 and p.removed_at is null");
    NAMES = "select id, name from policy where account_id = $1";
    DOCUMENT = "select document from policy_version where account_id = $1 and policy_id = $2 and version = $3";
    VERSIONS = "select v.version, v.note, v.saved_at, u.email as author from policy_version v \
                join app_user u on u.id = v.author \
                where v.account_id = $1 and v.policy_id = $2 order by v.version desc";
    RENAME = "update policy set name = $3 where account_id = $1 and id = $2 and removed_at is null";
    REMOVE = "update policy set removed_at = $3 where account_id = $1 and id = $2 and removed_at is null";
    SNAPSHOT = "select p.id, p.version, v.document from policy p \
                join policy_version v on v.account_id = p.account_id and v.policy_id = p.id and v.version = p.version \
                where p.account_id = $1 and exists (select from access_grant g \
                    where g.account_id = p.account_id and g.policy_id = p.id and g.state <> 'revoked') \
                order by p.id";
}

/// A policy that was not removed, with its newest version and its draft.
#[derive(Clone, Debug)]
pub struct PolicyRow {
    /// Which.
    pub id: PolicyId,
    /// Whose.
    pub server: ServerId,
    /// Its name.
    pub name: Name,
    /// The newest version, which is the published one; 0: none was published yet.
    pub version: u32,
    /// Since when there is the policy.
    pub created_at: Timestamp,
    /// When the newest version was saved; without one, when its draft was.
    pub saved_at: Timestamp,
    /// By whom.
    pub author: Email,
    /// What stands in no version yet.
    pub draft: Option<DraftRow>,
    /// How many grants have it.
    pub grants: i64,
}

/// A policy to be.
#[derive(Clone, Debug)]
pub struct NewPolicyRow {
    /// Its id.
    pub id: PolicyId,
    /// Whose it will be.
    pub server: ServerId,
    /// Its name.
    pub name: Name,
    /// Who makes it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// A version to be.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    /// The document, exactly as it is to be kept.
    pub document: &'a str,
    /// What its author says of it; may be empty.
    pub note: &'a str,
    /// Who.
    pub author: UserId,
    /// When.
    pub at: Timestamp,
}

/// A version, without its document.
#[derive(Clone, Debug)]
pub struct VersionRow {
    /// Which.
    pub version: u32,
    /// What its author says of it.
    pub note: String,
    /// When.
    pub saved_at: Timestamp,
    /// By whom.
    pub author: Email,
}

impl Tx {
    /// Adds a policy without a version.
    ///
    /// # Errors
    /// [`crate::Constraint::PolicyNameTaken`].
    pub async fn insert_policy(&mut self, new: &NewPolicyRow) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.server.uuid())
            .bind(new.name.as_str())
            .bind(new.created_by.uuid())
            .bind(new.created_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Adds a version behind `based_on`, 0 for the first one; none when that is not the newest any more, or the policy is gone.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn add_policy_version(
        &mut self,
        id: PolicyId,
        based_on: u32,
        new: &NewVersion<'_>,
    ) -> Result<Option<u32>, StorageError> {
        let account = self.id();
        let query = sqlx::query_scalar(NEXT).bind(account).bind(id.uuid()).bind(i64::from(based_on));
        let Some(version): Option<i32> = query.fetch_optional(self.connection()).await? else { return Ok(None) };
        let version = u32::try_from(version).map_err(|error| read::damaged("version", error))?;
        self.insert_version(id, version, new).await?;
        Ok(Some(version))
    }

    async fn insert_version(&mut self, id: PolicyId, version: u32, new: &NewVersion<'_>) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT_VERSION)
            .bind(account)
            .bind(id.uuid())
            .bind(i64::from(version))
            .bind(new.document)
            .bind(new.note)
            .bind(new.author.uuid())
            .bind(new.at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// A server's policies, by name.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn policies(&mut self, server: ServerId) -> Result<Vec<PolicyRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(server.uuid()).try_map(policy);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One policy.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn policy(&mut self, id: PolicyId) -> Result<Option<PolicyRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(policy).fetch_optional(self.connection()).await?)
    }

    /// The names of all policies, removed ones too: for records that name them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn policy_names(&mut self) -> Result<Vec<(PolicyId, Name)>, StorageError> {
        let account = self.id();
        let query = sqlx::query(NAMES)
            .bind(account)
            .try_map(|row: PgRow| Ok((read::id(&row, "id", PolicyId::from_uuid)?, read::text(&row, "name")?)));
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// The document of a version.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn policy_document(&mut self, id: PolicyId, version: u32) -> Result<Option<String>, StorageError> {
        let account = self.id();
        let query = sqlx::query_scalar(DOCUMENT).bind(account).bind(id.uuid()).bind(i64::from(version));
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// A policy's versions, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn policy_versions(&mut self, id: PolicyId) -> Result<Vec<VersionRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(VERSIONS).bind(account).bind(id.uuid()).try_map(version);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Renames a policy; whether there is one.
    ///
    /// # Errors
    /// [`crate::Constraint::PolicyNameTaken`].
    pub async fn rename_policy(&mut self, id: PolicyId, name: &Name) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(RENAME).bind(account).bind(id.uuid()).bind(name.as_str());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Removes a policy; whether there was one. The grants that have it keep it until they are given another.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_policy(&mut self, id: PolicyId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REMOVE).bind(account).bind(id.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// The policies that grants have, as a snapshot carries them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_policies(&mut self) -> Result<Vec<SnapshotPolicy>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(SNAPSHOT).bind(account).try_map(snapshot_policy).fetch_all(self.connection()).await?)
    }
}

fn version_of(row: &PgRow) -> Result<u32, sqlx::Error> {
    u32::try_from(row.try_get::<i32, _>("version")?).map_err(|error| read::damaged("version", error))
}

fn policy(row: PgRow) -> Result<PolicyRow, sqlx::Error> {
    Ok(PolicyRow {
        id: read::id(&row, "id", PolicyId::from_uuid)?,
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        name: read::text(&row, "name")?,
        version: version_of(&row)?,
        created_at: read::time(&row, "created_at")?,
        saved_at: read::time(&row, "saved_at")?,
        author: read::text(&row, "author")?,
        draft: drafts::note(&row)?,
        grants: row.try_get("grants")?,
    })
}

fn version(row: PgRow) -> Result<VersionRow, sqlx::Error> {
    Ok(VersionRow {
        version: version_of(&row)?,
        note: row.try_get("note")?,
        saved_at: read::time(&row, "saved_at")?,
        author: read::text(&row, "author")?,
    })
}

fn snapshot_policy(row: PgRow) -> Result<SnapshotPolicy, sqlx::Error> {
    Ok(SnapshotPolicy {
        id: read::id(&row, "id", PolicyId::from_uuid)?,
        version: version_of(&row)?,
        document: row.try_get::<String, _>("document")?.into(),
    })
}
