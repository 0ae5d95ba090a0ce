//! Notices: "this account's snapshot changed". They may be lost; gateways check versions besides.

use domain::AccountSlug;

/// An account's snapshot was published or withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which account.
    pub slug: AccountSlug,
    /// The version published; none: withdrawn.
    pub version: Option<u64>,
}

/// How many notices may wait for a slow listener; what is over is dropped, and the listener is told.
pub(crate) const WAITING: usize = 1024;

impl Notice {
    pub(crate) fn to_text(&self) -> String {
        match self.version {
            Some(version) => format!("{} {version}", self.slug),
            None => format!("{} -", self.slug),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (slug, version) = text.split_once(' ')?;
        let version = if version == "-" { None } else { Some(version.parse().ok()?) };
        Some(Self { slug: slug.parse().ok()?, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for version in [None, Some(0), Some(u64::MAX)] {
            let notice = Notice { slug: "acme".parse().unwrap(), version };
            assert_eq!(Notice::parse(&notice.to_text()), Some(notice));
        }
        for odd in ["", "acme", "acme x", "ACME 1", "acme 1 2", "acme -1"] {
            assert_eq!(Notice::parse(odd), None, "{odd}");
        }
    }
}
