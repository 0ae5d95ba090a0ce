//! A least-privilege policy to begin with: from what a grant really called, or, without calls, from the tools' risk classes.
//! It is a text for the workbench; nothing of it is saved.

mod classes;
mod observe;
mod write;

use std::collections::BTreeSet;

use domain::{GrantId, Outcome, Permission, PolicyId, ServerId, Timestamp};
use policy::CompiledPolicy;
use storage::{GrantRow, PastCalls, ToolRow, Tx};

use self::observe::{Observer, Seen};
use super::history::Reading;
use crate::{Accounts, Caller, Error};

/// How far back calls are looked at.
const LOOK_BACK_DAYS: i64 = 30;

/// A policy to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The document.
    pub document: String,
    /// Why each of its lines is there, in their order.
    pub why: Vec<SuggestedLine>,
    /// What it was made from.
    pub source: SuggestionSource,
}

/// Why a line of a suggested policy is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedLine {
    /// JSON Pointer into the document.
    pub pointer: String,
    /// The reason, a sentence.
    pub why: String,
}

/// What a suggested policy was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuggestionSource {
    /// Calls that were allowed.
    Calls {
        /// How many.
        calls: u64,
        /// From then on.
        since: Timestamp,
    },
    /// The risk classes of the server's tools: there was no call.
    Classes,
}

impl Accounts {
    /// A policy for a server's grant that allows what it was seen to do, and little else; without a grant, for all of the
    /// server's grants. Needs the permission to write policies, because it may name values of recorded arguments.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a server or grant that is not there.
    pub async fn suggest_policy(
        &self,
        caller: &Caller,
        server: ServerId,
        grant: Option<GrantId>,
    ) -> Result<Suggestion, Error> {
        let mut tx = self.look(caller, Permission::WritePolicies).await?;
        tx.server(server).await?.ok_or(Error::NotFound)?;
        let mut rows = tx.grants(Some(server)).await?;
        if let Some(id) = grant {
            rows.retain(|row| row.id == id);
            if rows.is_empty() {
                return Err(Error::NotFound);
            }
        }
        let in_force = documents(&mut tx, &rows).await?;
        let grants: Vec<GrantId> = rows.iter().map(|row| row.id).collect();
        let tools = tx.tools(server).await?;
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        let since = self.now().plus_seconds(-LOOK_BACK_DAYS * 24 * 60 * 60);
        let which = PastCalls { grants, outcome: Some(Outcome::Allow), since };
        let worked = self.work_through(caller, &which, Reading::CallsOnly, move |mut pages| {
            let mut observer = Observer::new(key);
            while let Some(page) = pages.blocking_recv() {
                page.calls.iter().for_each(|call| observer.see(call));
            }
            let in_force: Vec<CompiledPolicy> =
                in_force.iter().filter_map(|document| CompiledPolicy::compile(document).ok()).collect();
            let mut seen = observer.done();
            seen.iter_mut().for_each(|seen| seen.compare(&in_force));
            suggest(&tools, &seen, since)
        });
        Ok(worked.await?.made)
    }
}

/// The policies that the grants have now, each once.
async fn documents(tx: &mut Tx, grants: &[GrantRow]) -> Result<Vec<String>, Error> {
    let policies: BTreeSet<PolicyId> = grants.iter().filter_map(|row| row.policy).collect();
    let mut documents = Vec::new();
    for id in policies {
        if let Some(row) = tx.policy(id).await? {
            documents.extend(tx.policy_document(id, row.version).await?);
        }
    }
    Ok(documents)
}

fn suggest(tools: &[ToolRow], seen: &[Seen], since: Timestamp) -> Suggestion {
    if seen.is_empty() {
        return classes::suggest(tools);
    }
    // Tools with very long names could make a document that is too large: then the most called ones have to do.
    let mut most = write::MOST_TOOLS;
    loop {
        let suggestion = write::suggest(tools, seen, since, most);
        if most == 0 || CompiledPolicy::compile(&suggestion.document).is_ok() {
            return suggestion;
        }
        most /= 2;
    }
}

#[cfg(test)]
mod tests;
