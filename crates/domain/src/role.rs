//! Roles and what each may do. The table below is the only place that knows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A person's role in one account. Each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees servers, policies, grants and calls, and calls with its own keys.
    Viewer,
    /// Writes policies and attaches them; never touches credentials.
    PolicyManager,
    /// Servers, grants, agents, teams, members up to its own role.
    Admin,
    /// Everything, other owners included.
    Owner,
}

/// Something a use case asks leave for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See servers, policies, grants, teams, members, agents.
    View,
    /// See recorded calls.
    ViewCalls,
    /// Make and revoke one's own keys.
    OwnKeys,
    /// Create policies and save new versions.
    WritePolicies,
    /// Change which policy a grant has.
    AttachPolicies,
    /// Register, change and remove servers, their credentials and connectors.
    ManageServers,
    /// Give, suspend, resume and revoke grants.
    ManageGrants,
    /// Create agents and their keys.
    ManageAgents,
    /// Create teams and change who is in them.
    ManageTeams,
    /// Invite, remove and change the role of members below owner.
    ManageMembers,
    /// Make or unmake owners.
    ManageOwners,
}

/// Why a text is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a role: {0:?}; allowed: owner, admin, policy_manager, viewer")]
pub struct RoleError(String);

impl Role {
    /// All roles, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::PolicyManager, Self::Admin, Self::Owner];

    /// Whether this role may do that.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        self >= permission.least_role()
    }

    /// The stored and shown form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::PolicyManager => "policy_manager",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl Permission {
    /// All permissions, in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::View,
        Self::ViewCalls,
        Self::OwnKeys,
        Self::WritePolicies,
        Self::AttachPolicies,
        Self::ManageServers,
        Self::ManageGrants,
        Self::ManageAgents,
        Self::ManageTeams,
        Self::ManageMembers,
        Self::ManageOwners,
    ];

    fn least_role(self) -> Role {
        match self {
            Self::View | Self::ViewCalls | Self::OwnKeys => Role::Viewer,
            Self::WritePolicies | Self::AttachPolicies => Role::PolicyManager,
            Self::ManageServers | Self::ManageGrants | Self::ManageAgents | Self::ManageTeams | Self::ManageMembers => {
                Role::Admin
            }
            Self::ManageOwners => Role::Owner,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In words that follow "the permission to".
impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "see the account",
            Self::ViewCalls => "see calls",
            Self::OwnKeys => "have keys",
            Self::WritePolicies => "write policies",
            Self::AttachPolicies => "attach policies",
            Self::ManageServers => "manage servers",
            Self::ManageGrants => "manage grants",
            Self::ManageAgents => "manage agents",
            Self::ManageTeams => "manage teams",
            Self::ManageMembers => "manage members",
            Self::ManageOwners => "manage owners",
        })
    }
}

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| RoleError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_table_is_the_golden_one() {
        let mut table = String::new();
        for permission in Permission::ALL {
            let roles: Vec<_> = Role::ALL.into_iter().filter(|r| r.may(permission)).map(Role::as_str).collect();
            writeln!(table, "{permission:?}: {}", roles.join(" ")).unwrap();
        }
        assert_eq!(table, include_str!("role/permissions.txt"), "changed on purpose? then change permissions.txt too");
    }
}
