//! Recorded calls, ready to show.

use std::{collections::HashMap, fmt, str::FromStr};

use domain::{AppId, CallId, GrantId, Name, Outcome, Permission, PolicyId, Principal, ServerId, ServerSlug, Timestamp};
use storage::{CallPlace, CallQuery, CallRow, Tx, WouldDenyFilter};

use crate::{Accounts, Caller, Error};

/// At most so many calls at once.
const MAX_PAGE: u32 = 200;

/// Which calls; a field that is none asks nothing.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// Of this server.
    pub server: Option<ServerId>,
    /// Decided by this grant.
    pub grant: Option<GrantId>,
    /// Of this tool.
    pub tool: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// With this code.
    pub code: Option<String>,
    /// Made by this principal.
    pub principal: Option<Principal>,
    /// Decided by this policy.
    pub policy: Option<PolicyId>,
    /// Decided by a version of that number.
    pub version: Option<u32>,
    /// Only those that a shadow rule would have denied.
    pub would_deny: Option<WouldDenyFilter>,
    /// Older than this place.
    pub before: Option<CallCursor>,
    /// At most so many; 200 at the most, which none (0) stands for.
    pub limit: u32,
}

/// A place in the order of calls, as text for URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCursor(CallPlace);

/// A text that is not a place in the order of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the list of calls")]
pub struct CallCursorError;

/// Calls, the newest first.
#[derive(Clone, Debug)]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<CallView>,
    /// Where older ones begin; none: there are none.
    pub older: Option<CallCursor>,
}

/// A recorded call with the names of what it speaks of.
#[derive(Clone, Debug)]
pub struct CallView {
    /// The record.
    pub call: CallRow,
    /// The server's name in URLs and for people; also of a removed one.
    pub server: Option<(ServerSlug, Name)>,
    /// The member's e-mail address or the agent's name; also of one that is gone.
    pub principal_name: Option<String>,
    /// The name of the app that called for them; also of an ended one.
    pub app_name: Option<Name>,
    /// The grant's label; also of a revoked one.
    pub grant_label: Option<Name>,
    /// The policy's name; also of a removed one.
    pub policy_name: Option<Name>,
}

/// The names that records of an account speak of.
struct Names {
    servers: HashMap<ServerId, (ServerSlug, Name)>,
    principals: HashMap<Principal, String>,
    apps: HashMap<AppId, Name>,
    grants: HashMap<GrantId, Name>,
    policies: HashMap<PolicyId, Name>,
}

impl Accounts {
    /// Calls, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn calls(&self, caller: &Caller, filter: &CallFilter) -> Result<CallPage, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let limit = page_size(filter.limit);
        let before = filter.before.map(|cursor| cursor.0);
        // One more than shown tells whether there are older ones.
        let asked = query(&mut tx, filter).await?;
        let mut rows = tx.calls(&CallQuery { before, limit: limit + 1, ..asked }).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let older = rows.last().filter(|_| more).map(|row| CallCursor(row.place));
        let calls = with_names(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(CallPage { calls, older })
    }

    /// One call.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn call(&self, caller: &Caller, id: CallId) -> Result<CallView, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let row = tx.call(id).await?.ok_or(Error::NotFound)?;
        let view = with_names(&mut tx, vec![row]).await?.pop();
        tx.commit().await?;
        view.ok_or(Error::NotFound)
    }

    /// The first call of a tool of a server: what its page waits for.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn first_call(&self, caller: &Caller, server: ServerId) -> Result<Option<CallView>, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let row = tx.first_call(server).await?;
        let view = with_names(&mut tx, row.into_iter().collect()).await?.pop();
        tx.commit().await?;
        Ok(view)
    }
}

/// The filter as a query. A policy's calls are those of its server, which an index finds.
async fn query(tx: &mut Tx, filter: &CallFilter) -> Result<CallQuery, Error> {
    let of_policy = match (filter.server, filter.policy) {
        (None, Some(policy)) => tx.policy(policy).await?.map(|row| row.server),
        _ => None,
    };
    Ok(CallQuery {
        server: filter.server.or(of_policy),
        grant: filter.grant,
        tool: filter.tool.clone(),
        outcome: filter.outcome,
        code: filter.code.clone(),
        principal: filter.principal,
        policy: filter.policy,
        version: filter.version,
        would_deny: filter.would_deny.clone(),
        before: None,
        limit: 0,
    })
}

fn page_size(limit: u32) -> u32 {
    if limit == 0 { MAX_PAGE } else { limit.min(MAX_PAGE) }
}

async fn with_names(tx: &mut Tx, rows: Vec<CallRow>) -> Result<Vec<CallView>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names = Names {
        servers: tx.server_names().await?.into_iter().map(|(id, slug, name)| (id, (slug, name))).collect(),
        principals: tx.principal_names().await?.into_iter().collect(),
        apps: tx.app_names().await?.into_iter().collect(),
        grants: tx.grant_labels().await?.into_iter().collect(),
        policies: tx.policy_names().await?.into_iter().collect(),
    };
    Ok(rows.into_iter().map(|row| names.name(row)).collect())
}

impl Names {
    fn name(&self, call: CallRow) -> CallView {
        CallView {
            server: call.server.and_then(|id| self.servers.get(&id).cloned()),
            principal_name: call.principal.and_then(|who| self.principals.get(&who).cloned()),
            app_name: call.app.and_then(|id| self.apps.get(&id).cloned()),
            grant_label: call.grant.and_then(|id| self.grants.get(&id).cloned()),
            policy_name: call.policy.and_then(|(id, _)| self.policies.get(&id).cloned()),
            call,
        }
    }
}

impl fmt::Display for CallCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.at.0, self.0.id)
    }
}

impl FromStr for CallCursor {
    type Err = CallCursorError;
    fn from_str(text: &str) -> Result<Self, CallCursorError> {
        let (at, id) = text.split_once('.').ok_or(CallCursorError)?;
        let at: i64 = at.parse().map_err(|_| CallCursorError)?;
        // What lies outside the years that a database knows is no place.
        if !(0..=253_402_300_799_000_000).contains(&at) {
            return Err(CallCursorError);
        }
        Ok(Self(CallPlace { at: Timestamp(at), id: id.parse().map_err(|_| CallCursorError)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_is_one() {
        let text = format!("1767614400000000.call_{}", "0".repeat(31) + "7");
        assert_eq!(text.parse::<CallCursor>().map(|c| c.to_string()), Ok(text.clone()));
        for odd in
            ["", "1", "1.", "x.call_0", &text.replace("call", "key"), &format!("-{text}"), &format!("9999999{text}")]
        {
            assert!(odd.parse::<CallCursor>().is_err(), "{odd}");
        }
    }
}
