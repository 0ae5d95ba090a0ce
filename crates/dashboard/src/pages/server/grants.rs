//! The grants of a server, on its page.

use accounts::{GrantStanding, GrantView};
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
    /// Its name and address.
    pub(crate) policy: Option<(String, String)>,
    pub(crate) server: String,
    pub(crate) server_href: String,
    pub(crate) state: Badge,
    pub(crate) expires: Option<Time>,
    pub(crate) last_used: Option<Time>,
    pub(crate) calls_href: String,
    pub(crate) active: bool,
    pub(crate) suspended: bool,
}

impl GrantLine {
    pub(crate) fn of(grant: GrantView, visit: &Visit<Member>) -> Self {
        let home = visit.home();
        let server_href = format!("{home}/servers/{}", grant.server_slug);
        Self {
            id: grant.id.to_string(),
            subject: grant.subject_name,
            kind: match grant.subject {
                domain::GrantSubject::Team(_) => "team",
                domain::GrantSubject::Member(_) => "member",
                domain::GrantSubject::Agent(_) => "agent",
            },
            label: grant.label.to_string(),
            policy: grant
                .policy
                .map(|(policy, name, _)| (name.to_string(), format!("{server_href}/policies/{policy}"))),
            server: grant.server_name.to_string(),
            state: words::standing(grant.standing),
            expires: grant.expires_at.map(Time::from),
            last_used: grant.last_used_at.map(Time::from),
            calls_href: format!("{home}/calls?grant={}", grant.id),
            active: grant.standing == GrantStanding::Active,
            suspended: grant.standing == GrantStanding::Suspended,
            server_href,
        }
    }
}
