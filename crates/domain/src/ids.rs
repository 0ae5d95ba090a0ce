//! Ids: a UUID (version 7, so newer sorts later) behind a type and a text prefix that says what it names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Clock, Entropy};

/// Why a text is not an id of the asked-for kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} id: expected `{prefix}` followed by 32 lower-case hexadecimal digits")]
pub struct IdError {
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: time-ordered, unguessable.
            #[must_use]
            pub fn new(clock: &Clock, entropy: &Entropy) -> Self {
                Self(version_7(clock, entropy))
            }

            /// From the stored form.
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The stored form.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse($prefix, text).map(Self).ok_or(IdError { kind: $kind, prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    AccountId = "acc_", "account";
    /// A person who signs in.
    UserId = "user_", "user";
    /// A named set of members.
    TeamId = "team_", "team";
    /// A non-human principal.
    AgentId = "agent_", "agent";
    /// A registered upstream MCP server.
    ServerId = "server_", "server";
    /// A policy of a server; its versions are numbers.
    PolicyId = "policy_", "policy";
    /// A grant.
    GrantId = "grant_", "grant";
    /// A principal's bearer credential (its id, not its text).
    KeyId = "key_", "key";
    /// A browser session.
    SessionId = "session_", "session";
    /// An invitation to an account.
    InviteId = "invite_", "invite";
    /// A connector token of a server.
    ConnectorId = "connector_", "connector";
    /// A connection by OAuth to an upstream server.
    ConnectionId = "connection_", "connection";
    /// A request for a person's approval of one exact call.
    ApprovalId = "approval_", "approval";
    /// An OAuth client that a person allowed to act for them in one account.
    AppId = "app_", "app";
    /// One judged request.
    CallId = "call_", "call";
    /// The decision on one judged request, as the caller is told it.
    DecisionId = "dec_", "decision";
    /// One gateway process, new at every start.
    GatewayId = "gateway_", "gateway";
}

fn version_7(clock: &Clock, entropy: &Entropy) -> Uuid {
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes::<10>()).into_uuid()
}

/// Only the exact form that `Display` writes: upper case, hyphens and other UUID spellings name nothing.
fn parse(prefix: &str, text: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(prefix)?;
    let plain = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if plain { Uuid::try_parse(digits).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_nothing_else_parses() {
        let id = GrantId::new(&Clock::fixed(crate::Timestamp(1)), &Entropy::seeded(1));
        let text = id.to_string();
        assert_eq!(text.parse::<GrantId>(), Ok(id));
        for odd in ["", "grant_", &text.to_uppercase(), &text[6..], &format!("{text}0"), &text.replace("grant", "key")]
        {
            assert!(odd.parse::<GrantId>().is_err(), "{odd}");
        }
    }
}
