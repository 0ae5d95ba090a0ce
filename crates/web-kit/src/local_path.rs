//! A path of this site, for "go on there afterwards": never another site's address.

/// The longest that is gone back to: an authorization request with a long `state` still is.
const MAX_BYTES: usize = 8_000;

/// A path (and query) on this origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Reads a path that came from outside; anything a browser could take for another origin is refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let starts = text.starts_with('/') && !text.starts_with("//");
        let plain = text.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'\\');
        (starts && plain && text.len() <= MAX_BYTES).then(|| Self(text.to_owned()))
    }

    /// The first page.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The log-in page that comes back here.
    #[must_use]
    pub fn through_login(&self) -> String {
        self.through("/login")
    }

    /// A page that comes back here.
    #[must_use]
    pub fn through(&self, page: &str) -> String {
        let next: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("{page}?next={next}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_not_local() {
        for good in ["/", "/app/acme", "/app/acme/calls?outcome=denied&x=%2F"] {
            assert!(LocalPath::parse(good).is_some(), "{good}");
        }
        for bad in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "app", "/a b", "/a\nb", "/\tx", "\\\\x"]
        {
            assert!(LocalPath::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(LocalPath::parse("/a?b=c").unwrap().through_login(), "/login?next=%2Fa%3Fb%3Dc");
    }
}
