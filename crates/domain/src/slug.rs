//! Slugs: the names that stand in URLs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// First path segments that the product itself uses or may come to use; no account may have one as its slug.
const RESERVED: &[&str] = &[
    "account",
    "accounts",
    "admin",
    "api",
    "app",
    "assets",
    "authorize",
    "billing",
    "blog",
    "catalogue",
    "console",
    "dashboard",
    "docs",
    "favicon",
    "gateway",
    "healthz",
    "help",
    "internal",
    "invite",
    "invites",
    "jwks",
    "login",
    "logout",
    "mcp",
    "metrics",
    "oauth",
    "openapi",
    "operator",
    "portcullis",
    "privacy",
    "public",
    "readyz",
    "register",
    "revoke",
    "robots",
    "root",
    "sessions",
    "settings",
    "signin",
    "signup",
    "static",
    "status",
    "support",
    "system",
    "token",
    "tokens",
    "tunnel",
    "user",
    "users",
    "well-known",
    "www",
];

/// Why a text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Too short or too long.
    #[error("must be {min} to {max} characters long, but has {found}")]
    Length {
        /// The least number of characters.
        min: usize,
        /// The greatest number of characters.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// A character outside `a-z`, `0-9` and `-`.
    #[error("may only contain the letters a-z, digits and hyphens, but contains {0:?}")]
    Character(char),
    /// A hyphen at an end.
    #[error("must start and end with a letter or a digit")]
    Edge,
    /// A word that the product's own addresses use.
    #[error("{0:?} is reserved; choose another")]
    Reserved(String),
}

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident: $min:literal..=$max:literal, reserved $reserved:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = SlugError;
            fn from_str(text: &str) -> Result<Self, SlugError> {
                check(text, $min, $max, $reserved)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
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

slugs! {
    /// An account's name in URLs: `[a-z0-9-]{3,40}`, not a reserved word.
    AccountSlug: 3..=40, reserved RESERVED;
    /// A server's name in URLs and in aggregated tool names: `[a-z0-9-]{1,40}`; it has no `_`, so `{server}__{tool}` splits.
    ServerSlug: 1..=40, reserved &["mcp"];
    /// A team's name in policies: `[a-z0-9-]{1,40}`.
    TeamSlug: 1..=40, reserved &[];
}

fn check(text: &str, min: usize, max: usize, reserved: &[&str]) -> Result<(), SlugError> {
    if let Some(odd) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(SlugError::Character(odd));
    }
    if !(min..=max).contains(&text.len()) {
        return Err(SlugError::Length { min, max, found: text.len() });
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(SlugError::Edge);
    }
    if reserved.contains(&text) {
        return Err(SlugError::Reserved(text.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_slugs() {
        for good in ["acme", "a-1", "0x0", &"a".repeat(40)] {
            assert!(good.parse::<AccountSlug>().is_ok(), "{good}");
        }
        for bad in ["", "ab", "-abc", "abc-", "Acme", "a_b", "ac me", "app", "api", "ä-b-c", "..", &"a".repeat(41)] {
            assert!(bad.parse::<AccountSlug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_slug_has_no_underscore() {
        assert_eq!("ml_flow".parse::<ServerSlug>(), Err(SlugError::Character('_')));
        assert!("mlflow".parse::<ServerSlug>().is_ok());
    }
}
