//! Drafts: one text per policy that is not in force, shared by all who may write policies.
//!
//! Invariant: nobody's text is overwritten by somebody who did not see it.

use domain::{Email, Name, Permission, PolicyId, ServerId, Timestamp};
use serde_json::json;
use storage::{DraftRow, NewDraft, NewPolicyRow, PolicyRow};

use super::{Conflicting, SaveError, name_taken};
use crate::{Accounts, Caller, Error};

/// What there is to know of a draft without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftNote {
    /// Grows with every draft of the policy; never given twice.
    pub revision: u32,
    /// The version that its author had before them; 0: none.
    pub based_on: u32,
    /// Who saved it last.
    pub author: Email,
    /// When.
    pub saved_at: Timestamp,
}

/// A draft with its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Which, and by whom.
    pub note: DraftNote,
    /// The document, exactly as it was saved.
    pub document: String,
}

/// A draft to be saved.
#[derive(Clone, Debug)]
pub struct DraftEdit {
    /// The published version that its author looked at; 0: none was published.
    pub based_on: u32,
    /// The draft that its author looked at; 0: none.
    pub revision: u32,
    /// The document; it may have problems.
    pub document: String,
}

impl Accounts {
    /// Makes a policy that is not published: a grant with it denies every call until it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a server that is not there; [`Error::Invalid`]: fields `name`, `document`.
    pub async fn create_draft_policy(
        &self,
        caller: &Caller,
        server: ServerId,
        name: &str,
        document: &str,
    ) -> Result<PolicyId, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        storable(document)?;
        let mut change = self.change_of_pages(caller, Permission::WritePolicies).await?;
        change.tx.server(server).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let id = PolicyId::new(self.clock(), self.entropy());
        let new = NewPolicyRow { id, server, name, created_by: caller.user(), created_at: change.at };
        change.tx.insert_policy(&new).await.map_err(name_taken)?;
        let draft = NewDraft { document, based_on: 0, author: caller.user(), at: change.at };
        change.tx.put_policy_draft(id, &draft).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        change.done("policy.created", id, json!({ "server": server, "name": new.name, "version": 0 })).await?;
        Ok(id)
    }

    /// Saves a draft in the place of the one that its author looked at; its revision.
    ///
    /// # Errors
    /// [`SaveError::Conflict`] when somebody saved another draft, or published, meanwhile: nothing is overwritten.
    /// [`Error::NotFound`]; [`Error::Invalid`]: field `document`.
    pub async fn save_draft(&self, caller: &Caller, id: PolicyId, edit: &DraftEdit) -> Result<u32, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        storable(&edit.document)?;
        let mut change = self.change_of_pages(caller, Permission::WritePolicies).await?;
        let row = change.tx.policy(id).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        same_draft(&row, edit.revision)?;
        same_version(&row, edit.based_on)?;
        let new = NewDraft { document: &edit.document, based_on: edit.based_on, author: caller.user(), at: change.at };
        let revision = change.tx.put_policy_draft(id, &new).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        change.done("policy.draft_saved", id, json!({ "revision": revision, "based_on": edit.based_on })).await?;
        Ok(revision)
    }

    /// Throws away the draft that its reader looked at.
    ///
    /// # Errors
    /// [`SaveError::Conflict`] when it is another one by now; [`Error::NotFound`] when there is none.
    pub async fn discard_draft(&self, caller: &Caller, id: PolicyId, revision: u32) -> Result<(), SaveError> {
        let mut change = self.change_of_pages(caller, Permission::WritePolicies).await?;
        let row = change.tx.policy(id).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        same_draft(&row, revision)?;
        if !change.tx.remove_policy_draft(id).await.map_err(Error::from)? {
            return Err(Error::NotFound.into());
        }
        Ok(change.done("policy.draft_discarded", id, json!({ "revision": revision })).await?)
    }
}

/// The draft, if there is one, is the one that was seen.
pub(super) fn same_draft(row: &PolicyRow, seen: u32) -> Result<(), SaveError> {
    let Some(draft) = row.draft.as_ref().filter(|draft| draft.revision != seen) else { return Ok(()) };
    let (by, at) = (draft.author.clone(), draft.saved_at);
    Err(SaveError::Conflict { what: Conflicting::Draft, version: draft.revision, by, at })
}

/// The newest version is the one that was seen.
pub(super) fn same_version(row: &PolicyRow, seen: u32) -> Result<(), SaveError> {
    if seen > row.version {
        return Err(Error::NotFound.into());
    }
    if seen == row.version {
        return Ok(());
    }
    let (by, at) = (row.author.clone(), row.saved_at);
    Err(SaveError::Conflict { what: Conflicting::Published, version: row.version, by, at })
}

pub(super) fn note(row: DraftRow) -> DraftNote {
    DraftNote { revision: row.revision, based_on: row.based_on, author: row.author, saved_at: row.saved_at }
}

fn storable(document: &str) -> Result<(), Error> {
    if document.len() > policy::MAX_BYTES {
        return Err(Error::field("document", "must be at most 256 KiB long"));
    }
    if document.contains('\0') {
        return Err(Error::field("document", "must not contain the character U+0000"));
    }
    Ok(())
}
