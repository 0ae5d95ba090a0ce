//! Who is behind a call, and whom a grant is for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AgentId, AppId, KeyId, TeamId, UserId};

/// Whoever is behind a call: a member or an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A person with a role in the account.
    Member(UserId),
    /// A non-human principal of the account.
    Agent(AgentId),
}

/// Whom a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantSubject {
    /// Every member of a team, through each one's own key, as long as the membership lasts.
    Team(TeamId),
    /// One person.
    Member(UserId),
    /// One agent.
    Agent(AgentId),
}

/// What a principal calls with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// A key of their own.
    Key(KeyId),
    /// An app that a person allowed to act for them.
    App(AppId),
}

/// Where a grant stands. `Revoked` is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// In force.
    Active,
    /// Refuses every call (`grant_suspended`) until it is resumed.
    Suspended,
    /// Over for good.
    Revoked,
}

impl Principal {
    /// The grant subject that names this principal itself.
    #[must_use]
    pub fn as_subject(self) -> GrantSubject {
        match self {
            Self::Member(user) => GrantSubject::Member(user),
            Self::Agent(agent) => GrantSubject::Agent(agent),
        }
    }

    /// This principal's grants on one server, in the order in which they are tried: its own if it has one, else those of its
    /// teams in the teams' order. `grant_of` finds the one that a subject has there, if it counts.
    pub fn effective_grants<G>(self, teams: &[TeamId], grant_of: impl Fn(GrantSubject) -> Option<G>) -> Vec<G> {
        match grant_of(self.as_subject()) {
            Some(own) => vec![own],
            None => teams.iter().filter_map(|team| grant_of(GrantSubject::Team(*team))).collect(),
        }
    }
}

impl Credential {
    /// The key, if it is one.
    #[must_use]
    pub fn key(self) -> Option<KeyId> {
        match self {
            Self::Key(key) => Some(key),
            Self::App(_) => None,
        }
    }

    /// The app, if it is one.
    #[must_use]
    pub fn app(self) -> Option<AppId> {
        match self {
            Self::Key(_) => None,
            Self::App(app) => Some(app),
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::App(app) => app.fmt(f),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(user) => user.fmt(f),
            Self::Agent(agent) => agent.fmt(f),
        }
    }
}

impl GrantState {
    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}
