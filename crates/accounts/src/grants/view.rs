//! Grants, ready to show.

use std::collections::HashMap;

use domain::{GrantId, GrantState, GrantSubject, Name, Permission, PolicyId, ServerId, ServerSlug, Timestamp};
use storage::{GrantRow, PolicyRow, Tx};

use crate::{Accounts, Caller, Error};

/// How far back the last use is looked for.
const LOOK_BACK_SECONDS: i64 = 90 * 24 * 60 * 60;

/// A grant, ready to show.
#[derive(Clone, Debug)]
pub struct GrantView {
    /// Which.
    pub id: GrantId,
    /// The server it opens.
    pub server: ServerId,
    /// The server's name in URLs.
    pub server_slug: ServerSlug,
    /// The server's name for people.
    pub server_name: Name,
    /// For whom.
    pub subject: GrantSubject,
    /// The team's or agent's name, or the member's e-mail address.
    pub subject_name: String,
    /// Under which policy: which, its name, its newest version.
    pub policy: Option<(PolicyId, Name, u32)>,
    /// Its label.
    pub label: Name,
    /// How it stands now.
    pub standing: GrantStanding,
    /// From then on it counts as revoked.
    pub expires_at: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last decided a call, in the last 90 days.
    pub last_used_at: Option<Timestamp>,
}

/// How a grant that is not revoked stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantStanding {
    /// In force.
    Active,
    /// Refuses every call until it is resumed.
    Suspended,
    /// Its time is over.
    Expired,
}

impl Accounts {
    /// The grants, on one server or on all, the oldest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn list_grants(&self, caller: &Caller, server: Option<ServerId>) -> Result<Vec<GrantView>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let rows = tx.grants(server).await?;
        let views = self.grant_views(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(views)
    }

    /// One grant.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn grant(&self, caller: &Caller, id: GrantId) -> Result<GrantView, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let row = tx.grant(id).await?.ok_or(Error::NotFound)?;
        let view = self.grant_views(&mut tx, vec![row]).await?.pop();
        tx.commit().await?;
        view.ok_or(Error::NotFound)
    }

    async fn grant_views(&self, tx: &mut Tx, rows: Vec<GrantRow>) -> Result<Vec<GrantView>, Error> {
        let now = self.now();
        let servers: HashMap<_, _> = tx.servers().await?.into_iter().map(|s| (s.id, (s.slug, s.name))).collect();
        let used: HashMap<_, _> = tx.grants_used(now.plus_seconds(-LOOK_BACK_SECONDS)).await?.into_iter().collect();
        let policies = policies_of(tx, &rows).await?;
        let view = |row: GrantRow| {
            // A removed server's grants are revoked with it, so each row has its server.
            let (server_slug, server_name) = servers.get(&row.server)?.clone();
            let policy = row.policy.and_then(|id| policies.get(&id)).map(|p| (p.id, p.name.clone(), p.version));
            Some(GrantView {
                standing: standing(&row, now),
                last_used_at: used.get(&row.id).copied(),
                id: row.id,
                server: row.server,
                subject: row.subject,
                subject_name: row.subject_name,
                label: row.label,
                expires_at: row.expires_at,
                created_at: row.created_at,
                server_slug,
                server_name,
                policy,
            })
        };
        Ok(rows.into_iter().filter_map(view).collect())
    }
}

/// The policies that the grants have, each looked up once.
async fn policies_of(tx: &mut Tx, rows: &[GrantRow]) -> Result<HashMap<PolicyId, PolicyRow>, Error> {
    let mut policies = HashMap::new();
    for id in rows.iter().filter_map(|row| row.policy) {
        if policies.contains_key(&id) {
            continue;
        }
        if let Some(policy) = tx.policy(id).await? {
            policies.insert(id, policy);
        }
    }
    Ok(policies)
}

fn standing(row: &GrantRow, now: Timestamp) -> GrantStanding {
    match row.state {
        _ if row.expires_at.is_some_and(|at| at <= now) => GrantStanding::Expired,
        GrantState::Suspended => GrantStanding::Suspended,
        GrantState::Active | GrantState::Revoked => GrantStanding::Active,
    }
}
