//! What a team or an agent holds: its grants, on its own page.

use domain::{GrantSubject, Permission};
use web_kit::{Member, Problem, Visit};

use super::server::GrantLine;

/// The grants of one subject and where to give it another.
pub(crate) struct Held {
    pub(crate) grants: Vec<GrantLine>,
    /// Whether the reader may give it another, and where.
    pub(crate) new_grant: Option<String>,
}

impl Held {
    /// What the subject holds; `preset` names it to the form for a new grant: `team=data`.
    pub(crate) async fn by(visit: &Visit<Member>, subject: GrantSubject, preset: &str) -> Result<Self, Problem> {
        let all = visit.accounts().list_grants(visit.caller(), None).await?;
        let theirs = all.into_iter().filter(|grant| grant.subject == subject);
        let new_grant = format!("{}/grants/new?{preset}", visit.home());
        Ok(Self {
            grants: theirs.map(|grant| GrantLine::of(grant, visit)).collect(),
            new_grant: visit.may(Permission::ManageGrants).then_some(new_grant),
        })
    }
}
