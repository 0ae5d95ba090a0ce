//! An upstream's address as a person typed it.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::Egress;

const MAX_CHARACTERS: usize = 2_000;

/// A URL that may be an upstream's: `http` or `https`, with a host, without user info or fragment, and in the one spelling
/// that the URL standard gives it (so `http://127.1`, `http://0x7f000001` and full-width digits are all `127.0.0.1`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UpstreamUrl(url::Url);

/// Why a text is not the URL of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not read as a URL.
    #[error("is not a URL: {0}; it should look like https://mcp.example.com/mcp")]
    Form(String),
    /// Neither `http` nor `https`.
    #[error("must start with http:// or https://, but starts with {0}:")]
    Scheme(String),
    /// `user:password@`.
    #[error("must not contain a user name or password; use a header such as Authorization instead")]
    UserInfo,
    /// `#…`.
    #[error("must not contain a fragment (the part from #)")]
    Fragment,
    /// Over the limit.
    #[error("must be at most {MAX_CHARACTERS} characters long")]
    TooLong,
    /// An address or port that is not to be dialled.
    #[error(transparent)]
    Refused(#[from] crate::AddressRefused),
}

impl UpstreamUrl {
    /// Reads a URL; surrounding white space is ignored. Only its form is looked at, not where it leads:
    /// [`UpstreamUrl::parse_for`] does both.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > MAX_CHARACTERS {
            return Err(UrlError::TooLong);
        }
        let url = url::Url::parse(text).map_err(|e| UrlError::Form(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() || authority_of(text).contains('@') {
            return Err(UrlError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        Ok(Self(url))
    }

    /// Reads a URL and refuses at once what `egress` would refuse later: private address literals, odd ports.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse_for(text: &str, egress: &Egress) -> Result<Self, UrlError> {
        let url = Self::parse(text)?;
        egress.check_url(&url)?;
        Ok(url)
    }

    /// The URL's text, in its one spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Host and port, for people.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Scheme, host and port: to whom a request goes.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The port dialled.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }

    /// The address, when the host is one rather than a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            url::Host::Ipv4(v4) => Some(v4.into()),
            url::Host::Ipv6(v6) => Some(v6.into()),
            url::Host::Domain(_) => None,
        }
    }

    /// The name, when the host is one rather than an address; without the root's dot.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.0.domain().map(|d| d.trim_end_matches('.'))
    }

    /// The request target for the HTTP client.
    ///
    /// # Errors
    /// [`UrlError::Form`] for the few URLs that HTTP cannot carry.
    pub fn to_uri(&self) -> Result<http::Uri, UrlError> {
        self.0.as_str().parse().map_err(|e: http::uri::InvalidUri| UrlError::Form(e.to_string()))
    }
}

/// What stands between the scheme and the path, as typed: `http://@host` has user info that is only empty.
fn authority_of(text: &str) -> &str {
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest)
}

impl FromStr for UpstreamUrl {
    type Err = UrlError;
    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Host and port only: a query may carry a secret.
impl fmt::Debug for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamUrl({})", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spellings_of_an_address_are_that_address() {
        for text in [
            "http://127.1/mcp",
            "http://0x7f000001/",
            "http://0x7f.0.0.1",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://１２７.０.０.１/",
            "http://127。0。0。1/",
            "http:127.0.0.1",
            "HTTP://127.0.0.1.:8000/",
            "http://127.0.0.1\t/",
            "http:\\\\127.0.0.1\\mcp",
            "http://%31%32%37.0.0.1/",
        ] {
            let url = UpstreamUrl::parse(text).unwrap();
            assert_eq!(url.address(), Some("127.0.0.1".parse().unwrap()), "{text}");
        }
        let mapped = UpstreamUrl::parse("http://[::FFFF:127.0.0.1]/").unwrap();
        assert_eq!(mapped.address(), Some("::ffff:127.0.0.1".parse().unwrap()));
        assert_eq!(UpstreamUrl::parse("http://localhost.:80/").unwrap().domain(), Some("localhost"));
    }

    #[test]
    fn what_is_no_upstream_url() {
        for (text, word) in [
            ("", "not a URL"),
            ("mcp.example.com/mcp", "not a URL"),
            ("localhost:5001/mcp", "http"),
            ("file:///etc/passwd", "file"),
            ("gopher://example.com", "gopher"),
            ("ftp://example.com", "ftp"),
            ("http://ok@127.0.0.1/", "user name"),
            ("http://@127.0.0.1/", "user name"),
            ("http://:@127.0.0.1/", "user name"),
            ("https://user:pw@example.com/", "user name"),
            ("https://example.com/mcp#x", "fragment"),
            ("http://", "not a URL"),
            ("http://exa mple.com/", "not a URL"),
        ] {
            let error = UpstreamUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert_eq!(UpstreamUrl::parse(&format!("http://a/{}", "x".repeat(2_000))), Err(UrlError::TooLong));
    }

    #[test]
    fn an_at_sign_behind_the_host_is_fine() {
        assert!(UpstreamUrl::parse("https://example.com/@scope/mcp?x=a@b").is_ok());
    }

    #[test]
    fn debug_keeps_the_query_to_itself() {
        let url = UpstreamUrl::parse("https://example.com:8443/mcp?api_key=canary").unwrap();
        assert_eq!(format!("{url:?}"), "UpstreamUrl(example.com:8443)");
    }
}
