//! The grants of a server, on its page.

use accounts::GrantRow;
use web_kit::{Member, Visit};

use crate::{
    show::Time,
    words::{self, Badge},
};

/// One grant.
pub(crate) struct GrantLine {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) kind: &'static str,
    pub(crate) label: String,
    pub(crate) policy: Option<String>,
    pub(crate) policy_href: Option<String>,
    pub(crate) server: String,
    pub(crate) server_href: String,
    pub(crate) state: Badge,
    pub(crate) expired: bool,
    pub(crate) expires: Option<Time>,
    pub(crate) last_used: Option<Time>,
    pub(crate) calls_href: String,
    pub(crate) active: bool,
    pub(crate) suspended: bool,
}

impl GrantLine {
    pub(crate) fn of(grant: GrantRow, visit: &Visit<Member>) -> Self {
        let home = visit.home();
        let server_href = format!("{home}/servers/{}", grant.server);
        let now = visit.accounts().now();
        Self {
            id: grant.id.to_string(),
            subject: grant.subject_name,
            kind: match grant.subject {
                domain::GrantSubject::Team(_) => "team",
                domain::GrantSubject::Member(_) => "member",
                domain::GrantSubject::Agent(_) => "agent",
            },
            label: grant.label.to_string(),
            policy_href: grant.policy.as_ref().map(|(policy, _)| format!("{server_href}/policies/{policy}")),
            policy: grant.policy.map(|(_, name)| name.to_string()),
            server: grant.server_name.to_string(),
            state: words::state(grant.state),
            expired: grant.expires_at.is_some_and(|at| at <= now),
            expires: grant.expires_at.map(Time::from),
            last_used: grant.last_used_at.map(Time::from),
            calls_href: format!("{home}/calls?grant={}", grant.id),
            active: grant.state == domain::GrantState::Active,
            suspended: grant.state == domain::GrantState::Suspended,
            server_href,
        }
    }
}
