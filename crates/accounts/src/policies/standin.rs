//! Who stands behind a call that is only thought of: what a policy is told of them, and whose counters they use.

use domain::{GrantId, GrantState, GrantSubject, Principal, ServerId, Timestamp};
use storage::{GrantRow, Tx};

use crate::{Caller, Error};

/// Who stands behind a call.
#[derive(Clone, Debug)]
pub(crate) struct Standin {
    /// The grant; none: the caller themselves without one, with counters that nobody has used.
    pub(crate) grant: Option<GrantId>,
    /// `grant.label`; empty without a grant.
    pub(crate) label: String,
    /// Whoever it is; none: some member of the grant's team.
    pub(crate) principal: Option<Principal>,
    /// `member.email`; none for an agent, and for some member of a team.
    pub(crate) email: Option<String>,
    /// `member.role`; the same.
    pub(crate) role: Option<String>,
    /// What is to be known of it beside the decision.
    pub(crate) notes: Vec<String>,
}

/// Whoever calls under a grant of this server; of a team's grant the caller, if they are in the team.
pub(crate) async fn standin(
    caller: &Caller,
    tx: &mut Tx,
    server: ServerId,
    grant: Option<GrantId>,
    now: Timestamp,
) -> Result<Standin, Error> {
    let Some(id) = grant else {
        let me = Principal::Member(caller.user());
        let mut standin = member(tx, me).await?;
        standin.notes.push("Tried as yourself, without a grant: its counters are shown empty.".to_owned());
        return Ok(standin);
    };
    let row = tx.grant(id).await?.filter(|row| row.server == server).ok_or(Error::NotFound)?;
    let principal = match row.subject {
        GrantSubject::Agent(agent) => Some(Principal::Agent(agent)),
        GrantSubject::Member(user) => Some(Principal::Member(user)),
        GrantSubject::Team(team) => {
            let mine = tx.teams_of(caller.user()).await?.iter().any(|row| row.id == team);
            mine.then(|| Principal::Member(caller.user()))
        }
    };
    let mut standin = match principal {
        Some(principal) => member(tx, principal).await?,
        None => some_member_of(&row),
    };
    standin.grant = Some(id);
    standin.label = row.label.to_string();
    if row.expires_at.is_some_and(|at| at <= now) {
        standin.notes.push("This grant has expired: until it is given more time, no call is made under it.".to_owned());
    } else if row.state == GrantState::Suspended {
        standin.notes.push("This grant is suspended: until it is resumed, every call under it is denied.".to_owned());
    }
    Ok(standin)
}

async fn member(tx: &mut Tx, principal: Principal) -> Result<Standin, Error> {
    let row = match principal {
        Principal::Member(user) => tx.member(user).await?,
        Principal::Agent(_) => None,
    };
    Ok(Standin {
        grant: None,
        label: String::new(),
        principal: Some(principal),
        email: row.as_ref().map(|row| row.email.to_string()),
        role: row.map(|row| row.role.as_str().to_owned()),
        notes: Vec::new(),
    })
}

fn some_member_of(grant: &GrantRow) -> Standin {
    let note = format!(
        "Tried as some member of {}: no e-mail address, no role, and their own counters are shown empty.",
        grant.subject_name
    );
    Standin { grant: None, label: String::new(), principal: None, email: None, role: None, notes: vec![note] }
}
