//! Values as pages show them.

use domain::{Role, Timestamp};
use time::{format_description::well_known::Rfc3339, macros::format_description};

/// A point in time: for machines, and in UTC for people without script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) iso: String,
    pub(crate) utc: String,
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        let at = at.to_datetime();
        let whole = at.replace_nanosecond(at.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(at);
        Self {
            iso: whole.format(&Rfc3339).unwrap_or_default(),
            utc: at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC")).unwrap_or_default(),
        }
    }
}

/// A role in words.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::PolicyManager => "Policy manager",
        Role::Viewer => "Viewer",
    }
}

/// What a role may do, in a sentence.
pub(crate) fn role_says(role: Role) -> &'static str {
    match role {
        Role::Owner => "everything, other owners included",
        Role::Admin => "servers, grants, agents, teams and members",
        Role::PolicyManager => "writes policies and attaches them to grants",
        Role::Viewer => "sees everything, changes nothing but their own keys and apps",
    }
}

/// "1 member", "2 members".
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A wait in words.
pub(crate) fn wait(seconds: i64) -> String {
    if seconds < 90 { format!("{} seconds", seconds.max(1)) } else { format!("{} minutes", (seconds + 59) / 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_to_machines_and_people() {
        let time = Time::from(Timestamp(1_795_358_096_123_456));
        assert_eq!(time, Time { iso: "2026-11-22T14:34:56.123Z".into(), utc: "2026-11-22 14:34 UTC".into() });
    }
}
