//! Policies: checked, drafted, published as versions, compared.

mod check;
mod drafts;
mod effect;
mod history;
mod off_threads;
mod pin;
mod place;
mod recorded_tests;
mod shadow;
mod standin;
mod suggest;
mod try_call;
mod versions;

use std::fmt;

use domain::{Email, Name, Permission, PolicyId, ServerId, Timestamp};
use policy::Problems;
use serde_json::json;
use storage::{Constraint, NewPolicyRow, NewVersion, PolicyRow, StorageError, VersionRow};

use self::check::{Teams, examine};
use crate::{Accounts, Caller, Error, Rule};

pub use check::{CheckReport, CheckedTest};
pub use drafts::{Draft, DraftEdit, DraftNote};
pub use effect::{Direction, Effect, EffectForm, GrantName, Replay, ReplayedCall, ToolChange};
pub use shadow::ShadowReport;
pub use suggest::{SuggestedLine, Suggestion, SuggestionSource};
pub use try_call::{Tried, TriedCounter, TriedOutcome, TryForm};
pub use versions::{FirstVersion, OldDraft, PolicyEdit, Restore};

/// A policy in a list.
#[derive(Clone, Debug)]
pub struct PolicySummary {
    /// Which.
    pub id: PolicyId,
    /// Whose.
    pub server: ServerId,
    /// Its name.
    pub name: Name,
    /// The newest version, which is the published one; 0: none was published yet.
    pub version: u32,
    /// When it was published; without one, when the draft was saved.
    pub saved_at: Timestamp,
    /// By whom.
    pub author: Email,
    /// How many grants have the policy.
    pub grants: u64,
    /// What is written and not published.
    pub draft: Option<DraftNote>,
}

/// A policy with its document.
#[derive(Clone, Debug)]
pub struct PolicyView {
    /// The policy and its newest version.
    pub policy: PolicySummary,
    /// The version shown; 0: none was published yet.
    pub shown_version: u32,
    /// That version's document, exactly as it was saved; empty without one.
    pub document: String,
    /// All versions, the newest first.
    pub versions: Vec<VersionRow>,
    /// What is written and not published.
    pub draft: Option<Draft>,
}

/// Why a policy was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The document has problems.
    #[error("the policy has {} problems", .0.0.len())]
    Problems(Problems),
    /// Somebody else published, or saved a draft, that the author did not look at. Nothing was overwritten.
    #[error("{by} saved {what} {version} meanwhile")]
    Conflict {
        /// What they saved.
        what: Conflicting,
        /// The newest version, or the draft's revision.
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

/// What somebody else saved meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflicting {
    /// A version.
    Published,
    /// A draft.
    Draft,
}

impl Accounts {
    /// What is to be said about a document: its problems as a policy, and how its tests went.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub async fn check_report(&self, document: &str) -> Result<CheckReport, Error> {
        examine(self, document, Teams::Any).await
    }

    /// Whether a document could be published, as far as that can be told without its account.
    ///
    /// # Errors
    /// [`SaveError::Problems`], [`SaveError::Other`] with [`Error::Busy`].
    pub async fn check_policy(&self, document: &str) -> Result<(), SaveError> {
        none(self.check_report(document).await?)
    }

    /// Whether a document can be published in the caller's account, which has to have the teams that are to answer.
    async fn publishable(&self, caller: &Caller, document: &str) -> Result<(), SaveError> {
        let mut tx = self.look(caller, Permission::View).await?;
        let teams = tx.teams().await.map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        let teams = teams.into_iter().map(|team| team.slug.to_string()).collect();
        none(examine(self, document, Teams::These(teams)).await?)
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
        let document = match shown_version {
            0 if row.version == 0 => String::new(),
            _ => tx.policy_document(id, shown_version).await?.ok_or(Error::NotFound)?,
        };
        let versions = tx.policy_versions(id).await?;
        let draft = tx.policy_draft(id).await?;
        tx.commit().await?;
        let policy = summary(row);
        let draft = policy.draft.clone().zip(draft).map(|(note, document)| Draft { note, document });
        Ok(PolicyView { policy, shown_version, document, versions, draft })
    }

    /// The document of one version of a policy.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn policy_document(&self, caller: &Caller, id: PolicyId, version: u32) -> Result<String, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        tx.policy(id).await?.ok_or(Error::NotFound)?;
        let document = tx.policy_document(id, version).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(document)
    }

    /// Makes a policy of a server, with its first version published and nothing said of it.
    ///
    /// # Errors
    /// As of [`Accounts::create_policy_with`].
    pub async fn create_policy(
        &self,
        caller: &Caller,
        server: ServerId,
        name: &str,
        document: &str,
    ) -> Result<PolicyId, SaveError> {
        self.create_policy_with(caller, server, name, FirstVersion { document, note: "" }).await
    }

    /// Makes a policy of a server, with its first version published.
    ///
    /// # Errors
    /// [`SaveError::Problems`]; [`Error::NotFound`] for a server that is not there; [`Error::Invalid`]: fields `name`, `note`.
    pub async fn create_policy_with(
        &self,
        caller: &Caller,
        server: ServerId,
        name: &str,
        version: FirstVersion<'_>,
    ) -> Result<PolicyId, SaveError> {
        let FirstVersion { document, note } = version;
        caller.allowed(Permission::WritePolicies)?;
        versions::short(note)?;
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        self.publishable(caller, document).await?;
        let mut change = self.change(caller, Permission::WritePolicies).await?;
        change.tx.server(server).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let id = PolicyId::new(self.clock(), self.entropy());
        let new = NewPolicyRow { id, server, name, created_by: caller.user(), created_at: change.at };
        change.tx.insert_policy(&new).await.map_err(name_taken)?;
        let first = NewVersion { document, note, author: caller.user(), at: change.at };
        change.tx.add_policy_version(id, 0, &first).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        change.done("policy.created", id, json!({ "server": server, "name": new.name, "version": 1 })).await?;
        Ok(id)
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
        draft: row.draft.map(drafts::note),
    }
}

fn none(report: CheckReport) -> Result<(), SaveError> {
    let obstacles = report.obstacles();
    if obstacles.is_empty() { Ok(()) } else { Err(SaveError::Problems(Problems(obstacles))) }
}

fn name_taken(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::PolicyNameTaken) => Error::field("name", "is taken by another policy of this server"),
        _ => error.into(),
    }
}

/// In words that a number follows.
impl fmt::Display for Conflicting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published => "version",
            Self::Draft => "draft",
        })
    }
}
