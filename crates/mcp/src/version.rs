//! Protocol versions and the two eras they belong to.

use std::fmt;

/// The newest version with an `initialize` handshake.
pub const LATEST_INITIALIZE: &str = "2025-11-25";

/// The stateless version in force.
pub const STATELESS: &str = "2026-07-28";

/// How a client and a server agree on what they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// With an `initialize` handshake: 2025-11-25 and earlier.
    Initialize,
    /// Every request carries its version in `_meta`: 2026-07-28 and later.
    Stateless,
}

/// A protocol version that this crate knows, in the order of release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// 2024-11-05: HTTP+SSE.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches.
    V2025_03_26,
    /// 2025-06-18: no batches, `MCP-Protocol-Version` header.
    V2025_06_18,
    /// 2025-11-25: the last with `initialize`.
    V2025_11_25,
    /// 2026-07-28: stateless.
    V2026_07_28,
}

impl ProtocolVersion {
    /// Every known version, oldest first.
    pub const ALL: [ProtocolVersion; 5] = [
        ProtocolVersion::V2024_11_05,
        ProtocolVersion::V2025_03_26,
        ProtocolVersion::V2025_06_18,
        ProtocolVersion::V2025_11_25,
        ProtocolVersion::V2026_07_28,
    ];

    /// The version named exactly so, if it is known.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ProtocolVersion::V2024_11_05 => "2024-11-05",
            ProtocolVersion::V2025_03_26 => "2025-03-26",
            ProtocolVersion::V2025_06_18 => "2025-06-18",
            ProtocolVersion::V2025_11_25 => LATEST_INITIALIZE,
            ProtocolVersion::V2026_07_28 => STATELESS,
        }
    }

    /// The era it belongs to.
    pub fn era(self) -> Era {
        match self {
            ProtocolVersion::V2026_07_28 => Era::Stateless,
            _ => Era::Initialize,
        }
    }

    /// The version to answer an `initialize` request with: the client's own if it is known and has a handshake, else the
    /// newest that has one (2025-11-25 basic/lifecycle, "Version Negotiation").
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested).filter(|version| version.era() == Era::Initialize).unwrap_or(Self::V2025_11_25)
    }

    /// The names of the versions of one era, oldest first.
    pub fn names_of(era: Era) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|version| version.era() == era).map(Self::as_str).collect()
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_order_is_by_release() {
        let names: Vec<_> = ProtocolVersion::ALL.iter().map(|version| version.as_str()).collect();
        assert!(names.is_sorted());
        for version in ProtocolVersion::ALL {
            assert_eq!(ProtocolVersion::parse(version.as_str()), Some(version));
        }
        assert_eq!(ProtocolVersion::parse("2025-11-25 "), None);
    }

    #[test]
    fn a_stateless_version_is_never_agreed_in_a_handshake() {
        assert_eq!(ProtocolVersion::negotiate("2025-03-26"), ProtocolVersion::V2025_03_26);
        assert_eq!(ProtocolVersion::negotiate("2026-07-28"), ProtocolVersion::V2025_11_25);
        assert_eq!(ProtocolVersion::negotiate("1.0"), ProtocolVersion::V2025_11_25);
    }
}
