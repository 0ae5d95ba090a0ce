//! Publishing: a text becomes the next version, which is in force at every gateway that hears of it, at most seconds later.

use domain::{Permission, PolicyId};
use serde_json::{Value, json};
use storage::{NewDraft, NewVersion};

use super::{
    SaveError,
    drafts::{same_draft, same_version},
};
use crate::{Accounts, Caller, Error};

/// What an author may say of a version.
const MAX_NOTE: usize = 500;

/// A new version of a policy.
#[derive(Clone, Debug)]
pub struct PolicyEdit {
    /// The version that its author looked at; 0: none was published.
    pub based_on: u32,
    /// The draft that its author looked at, which goes; 0: none.
    pub revision: u32,
    /// The document.
    pub document: String,
    /// What its author says of it; may be empty.
    pub note: String,
}

/// The first version of a policy that is made with it.
#[derive(Clone, Copy, Debug)]
pub struct FirstVersion<'a> {
    /// The document.
    pub document: &'a str,
    /// What its author says of it; may be empty.
    pub note: &'a str,
}

/// An old version that is to be in force again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restore {
    /// Which.
    pub version: u32,
    /// The newest version that whoever asks looked at.
    pub based_on: u32,
    /// What becomes of the draft.
    pub draft: OldDraft,
}

/// What becomes of a draft that was begun before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldDraft {
    /// It stays.
    Stays,
    /// It goes; whoever asks looked at this one.
    Goes {
        /// Its revision.
        seen: u32,
    },
}

/// A version on its way.
struct Publishing<'a> {
    document: &'a str,
    note: &'a str,
    based_on: u32,
    draft: DraftAfter<'a>,
    action: &'static str,
    detail: Value,
}

/// What becomes of the draft.
#[derive(Clone, Copy)]
enum DraftAfter<'a> {
    /// It goes; it was this one.
    Gone { seen: u32 },
    /// This is the draft, in the place of that one.
    Kept { seen: u32, document: &'a str },
    /// It stays as it is.
    Same,
}

impl Accounts {
    /// Publishes a document as the next version. The draft goes.
    ///
    /// # Errors
    /// [`SaveError::Problems`], also while a test in the document fails; [`SaveError::Conflict`] when somebody published,
    /// or saved a draft, that the author did not look at; [`Error::NotFound`]; [`Error::Invalid`]: field `note`.
    pub async fn publish_policy(&self, caller: &Caller, id: PolicyId, edit: &PolicyEdit) -> Result<u32, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        short(&edit.note)?;
        self.publishable(caller, &edit.document).await?;
        let publishing = Publishing {
            document: &edit.document,
            note: &edit.note,
            based_on: edit.based_on,
            draft: DraftAfter::Gone { seen: edit.revision },
            action: "policy.published",
            detail: json!({}),
        };
        self.publish_version(caller, id, publishing).await
    }

    /// Publishes a document as the next version so that it only watches: what it would deny is recorded and passes. The
    /// document itself stays as the draft, to be published when what it would have denied is what it should.
    ///
    /// # Errors
    /// Like [`Accounts::publish_policy`].
    pub async fn publish_in_shadow(&self, caller: &Caller, id: PolicyId, edit: &PolicyEdit) -> Result<u32, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        short(&edit.note)?;
        self.publishable(caller, &edit.document).await?;
        let document = edit.document.clone();
        let watching = self.off_threads(move || policy::shadowed(&document)).await?.map_err(SaveError::Problems)?;
        let publishing = Publishing {
            document: &watching,
            note: &edit.note,
            based_on: edit.based_on,
            draft: DraftAfter::Kept { seen: edit.revision, document: &edit.document },
            action: "policy.published_in_shadow",
            detail: json!({}),
        };
        self.publish_version(caller, id, publishing).await
    }

    /// Publishes an old version's text as the next version.
    ///
    /// # Errors
    /// Like [`Accounts::publish_policy`]; [`Error::NotFound`] for a version that is not there.
    pub async fn restore_policy(&self, caller: &Caller, id: PolicyId, restore: &Restore) -> Result<u32, SaveError> {
        caller.allowed(Permission::WritePolicies)?;
        let document = self.policy_document(caller, id, restore.version).await?;
        self.publishable(caller, &document).await?;
        let note = format!("Restores version {}", restore.version);
        let publishing = Publishing {
            document: &document,
            note: &note,
            based_on: restore.based_on,
            draft: match restore.draft {
                OldDraft::Stays => DraftAfter::Same,
                OldDraft::Goes { seen } => DraftAfter::Gone { seen },
            },
            action: "policy.restored",
            detail: json!({ "restores": restore.version }),
        };
        self.publish_version(caller, id, publishing).await
    }

    async fn publish_version(&self, caller: &Caller, id: PolicyId, new: Publishing<'_>) -> Result<u32, SaveError> {
        let mut change = self.change(caller, Permission::WritePolicies).await?;
        let row = change.tx.policy(id).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
        same_version(&row, new.based_on)?;
        if let DraftAfter::Gone { seen } | DraftAfter::Kept { seen, .. } = new.draft {
            same_draft(&row, seen)?;
        }
        let version = NewVersion { document: new.document, note: new.note, author: caller.user(), at: change.at };
        let version = change.tx.add_policy_version(id, new.based_on, &version).await.map_err(Error::from)?;
        let version = version.ok_or(Error::NotFound)?;
        match new.draft {
            DraftAfter::Gone { .. } => _ = change.tx.remove_policy_draft(id).await.map_err(Error::from)?,
            DraftAfter::Kept { document, .. } => {
                let draft = NewDraft { document, based_on: version, author: caller.user(), at: change.at };
                change.tx.put_policy_draft(id, &draft).await.map_err(Error::from)?;
            }
            DraftAfter::Same => {}
        }
        let mut detail = new.detail;
        detail["version"] = version.into();
        change.done(new.action, id, detail).await?;
        Ok(version)
    }
}

pub(super) fn short(note: &str) -> Result<(), Error> {
    let (long, control) = (note.chars().count() > MAX_NOTE, note.contains('\0'));
    if long || control {
        Err(Error::field("note", format!("must be at most {MAX_NOTE} characters long")))
    } else {
        Ok(())
    }
}
