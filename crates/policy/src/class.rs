//! Risk classes of tools. The classifier that gives a tool its class lives elsewhere; here are only the words.

use serde::{Deserialize, Serialize};

/// How much harm a tool can do, in rising order (POLICY.md §1, `classes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskClass {
    /// Looks, changes nothing.
    Read,
    /// Creates or changes, reversibly.
    Write,
    /// Runs code or commands.
    Execute,
    /// Deletes or overwrites for good.
    Destructive,
    /// Moves money.
    Financial,
}

impl RiskClass {
    /// Every class, mildest first.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Execute, Self::Destructive, Self::Financial];

    /// The word used in policies, pages and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Destructive => "destructive",
            Self::Financial => "financial",
        }
    }

    /// The class with this exact name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl std::fmt::Display for RiskClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_every_form() {
        for class in RiskClass::ALL {
            assert_eq!(RiskClass::parse(class.as_str()), Some(class));
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
        }
        assert_eq!(RiskClass::parse("Read"), None);
        assert!(RiskClass::Financial > RiskClass::Read);
    }
}
