//! Policies: checked, saved as versions, compared.

mod check;
mod place;

use domain::{Email, Name, Permission, PolicyId, ServerId, Timestamp};
use policy::Problems;
use serde_json::json;
use storage::{Constraint, NewVersion, PolicyRow, StorageError, VersionRow};

use crate::{Accounts, Caller, Error, Rule};

/// What an author may say of a version.
const MAX_NOTE: usize = 500;

/// A policy in a list.
#[derive(Clone, Debug)]
pub struct PolicySummary {
    /// Which.
    pub id: PolicyId,
    /// Whose.
    pub server: ServerId,
    /// Its name.
    pub name: Name,
    /// The newest version, which is the published one.
    pub version: u32,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// By whom.
    pub author: Email,
    /// How many grants have the policy.
    pub grants: u64,
}

/// A policy with its document.
#[derive(Clone, Debug)]
pub struct PolicyView {
    /// The policy and its newest version.
    pub policy: PolicySummary,
    /// The version shown.
    pub shown_version: u32,
    /// That version's document, exactly as it was saved.
    pub document: String,
    /// All versions, the newest first.
    pub versions: Vec<VersionRow>,
}

/// A new version of a policy.
#[derive(Clone, Debug)]
pub struct PolicyEdit {
    /// The version that its author looked at.
    pub based_on: u32,
    /// The document.
    pub document: String,
    /// What its author says of it; may be empty.
    pub note: String,
}

/// Why a policy was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The document has problems.
    #[error("the policy has {} problems", .0.0.len())]
    Problems(Problems),
    /// Somebody else saved a version meanwhile.
    #[error("{by} saved version {version} meanwhile")]
    Conflict {
        /// The newest version now.
        version: u32,
        /// Who saved it.
        by: Email,
        /// When.
        at: Timestamp,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl Accounts {
    /// Whether a document could be saved. Its size, its problems, its tests, and what this version does not have yet.
    ///
    /// # Errors
    /// [`SaveError::Problems`], [`SaveError::Other`] with [`Error::Busy`].
    pub async fn check_policy(&self, document: &str) -> Result<(), SaveError> {
        check::check(self.checks(), document).await
    }

    /// A server's policies, by name.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn list_policies(&self, caller: &Caller, server: ServerId) -> Result<Vec<PolicySummary>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let rows = tx.policies(server).await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(summary).collect())
    }

    /// A policy with its newest document, or with that of one version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn policy(&self, caller: &Caller, id: PolicyId, version: Option<u32>) -> Result<PolicyView, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let row = tx.policy(id).await?.ok_or(Error::NotFound)?;
        let shown_version = version.unwrap_or(row.version);
        let document = tx.policy_document(id, shown_version).await?.ok_or(Error::NotFound)?;
        let versions = tx.policy_versions(id).await?;
        tx.commit().await?;
        Ok(PolicyView { policy: summary(row), shown_version, document, versions })
    }

    /// Makes a policy of a server, with its first version.
    ///
    /// # Errors
    /// [`SaveError::Problems`]; [`Error::NotFound`] for a server that is not there; [`Error::Invalid`]: field `name`.
    pub async fn create_policy(
        &self,
        caller: &Caller,
        server: ServerId,
        name: &str,
        document: &str,
    ) -> Result<PolicyId, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        self.check_policy(document).await?;
        let mut change = self.change(caller, Permission::WritePolicies).await?;
        change.tx.server(server).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let id = PolicyId::new(self.clock(), self.entropy());
        let first = NewVersion { document, note: "", author: caller.user(), at: change.at };
        change.tx.insert_policy(id, server, &name, &first).await.map_err(name_taken)?;
        change.done("policy.created", id, json!({ "server": server, "name": name })).await?;
        Ok(id)
    }

    /// Saves a version; it is in force at every gateway that hears of it, at most seconds later.
    ///
    /// # Errors
    /// [`SaveError`]; [`Error::NotFound`].
    pub async fn save_policy(&self, caller: &Caller, id: PolicyId, edit: &PolicyEdit) -> Result<u32, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        if edit.note.chars().count() > MAX_NOTE {
            return Err(Error::field("note", format!("must be at most {MAX_NOTE} characters long")).into());
        }
        self.check_policy(&edit.document).await?;
        let mut change = self.change(caller, Permission::WritePolicies).await?;
        let row = change.tx.policy(id).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let new = NewVersion { document: &edit.document, note: &edit.note, author: caller.user(), at: change.at };
        let saved = change.tx.add_policy_version(id, edit.based_on, &new).await.map_err(Error::from)?;
        let Some(version) = saved else {
            return Err(SaveError::Conflict { version: row.version, by: row.author, at: row.saved_at });
        };
        change.done("policy.saved", id, json!({ "version": version })).await?;
        Ok(version)
    }

    /// Renames a policy.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`]: field `name`.
    pub async fn rename_policy(&self, caller: &Caller, id: PolicyId, name: &str) -> Result<(), Error> {
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        let mut change = self.change(caller, Permission::WritePolicies).await?;
        if !change.tx.rename_policy(id, &name).await.map_err(name_taken)? {
            return Err(Error::NotFound);
        }
        change.done("policy.renamed", id, json!({ "name": name })).await
    }

    /// Removes a policy that no grant has.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Rule::PolicyInUse`].
    pub async fn remove_policy(&self, caller: &Caller, id: PolicyId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::WritePolicies).await?;
        let row = change.tx.policy(id).await?.ok_or(Error::NotFound)?;
        if row.grants > 0 {
            return Err(Rule::PolicyInUse.into());
        }
        change.tx.remove_policy(id, change.at).await?;
        change.done("policy.removed", id, json!({ "name": row.name })).await
    }
}

fn summary(row: PolicyRow) -> PolicySummary {
    PolicySummary {
        id: row.id,
        server: row.server,
        name: row.name,
        version: row.version,
        saved_at: row.saved_at,
        author: row.author,
        grants: u64::try_from(row.grants).unwrap_or(0),
    }
}

fn name_taken(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::PolicyNameTaken) => Error::field("name", "is taken by another policy of this server"),
        _ => error.into(),
    }
}
