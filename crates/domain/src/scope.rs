//! What an app may do for a person: scopes (RFC 6749 §3.3). A scope only narrows what the person's grants allow.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Lists, reads, and calls of tools of the class `read`.
    Read,
    /// Calls of every other class.
    Write,
    /// A refresh token: the app stays connected after its first access token.
    OfflineAccess,
}

/// A set of scopes, without order and repetition. Where writing is, reading is too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scope {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::OfflineAccess];

    /// The word in tokens and metadata.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "mcp:read",
            Self::Write => "mcp:write",
            Self::OfflineAccess => "offline_access",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::OfflineAccess => 4,
        }
    }
}

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Lists, reads, and tools that only read.
    pub const READ: Self = Self(1);
    /// Everything that is said of calls.
    pub const READ_AND_WRITE: Self = Self(3);

    /// The scopes in a space-separated list; words that are no scope of ours are left out (RFC 6749 §3.3 lets a server
    /// ignore them, and clients ask for `openid` and the like of everybody).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let words = text.split_ascii_whitespace();
        words
            .filter_map(|word| Scope::ALL.into_iter().find(|scope| scope.as_str() == word))
            .fold(Self::NONE, Self::with)
    }

    /// These and one more.
    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        let implied = if scope == Scope::Write { Scope::Read.bit() } else { 0 };
        Self(self.0 | scope.bit() | implied)
    }

    /// These without one; without reading there is no writing.
    #[must_use]
    pub fn without(self, scope: Scope) -> Self {
        let implied = if scope == Scope::Read { Scope::Write.bit() } else { 0 };
        Self(self.0 & !scope.bit() & !implied)
    }

    /// Whether it is among these.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in both.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after the other, the least first.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// Whether a tool of this class may be called.
    #[must_use]
    pub fn allow(self, class: policy::RiskClass) -> bool {
        let needed = if class == policy::RiskClass::Read { Scope::Read } else { Scope::Write };
        self.contains(needed)
    }
}

/// A space-separated list.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use policy::RiskClass;

    use super::*;

    #[test]
    fn unknown_words_are_left_out_and_order_does_not_matter() {
        for (text, read) in [
            ("", ""),
            ("mcp:read", "mcp:read"),
            ("mcp:write", "mcp:read mcp:write"),
            ("offline_access openid mcp:read", "mcp:read offline_access"),
            ("MCP:WRITE mcp:admin mcp:*", ""),
        ] {
            assert_eq!(Scopes::parse(text).to_string(), read, "{text}");
        }
    }

    #[test]
    fn only_reading_tools_are_open_to_readers() {
        for class in RiskClass::ALL {
            assert_eq!(Scopes::READ.allow(class), class == RiskClass::Read, "{class}");
            assert!(Scopes::READ_AND_WRITE.allow(class));
            assert!(!Scopes::NONE.with(Scope::OfflineAccess).allow(class));
        }
    }

    #[test]
    fn writing_goes_with_reading() {
        assert_eq!(Scopes::NONE.with(Scope::Write), Scopes::READ_AND_WRITE);
        assert_eq!(Scopes::READ_AND_WRITE.without(Scope::Read), Scopes::NONE);
        assert_eq!(Scopes::READ_AND_WRITE.without(Scope::Write), Scopes::READ);
        assert!(
            Scopes::READ_AND_WRITE.contains_all(Scopes::READ) && !Scopes::READ.contains_all(Scopes::READ_AND_WRITE)
        );
    }
}
