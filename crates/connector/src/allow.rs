//! What `--url` may lead to: names and networks.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use ipnet::IpNet;
use upstream::UpstreamUrl;

/// Names and networks that may be dialled; empty: the URL's own host, whatever address it has.
#[derive(Clone, Debug, Default)]
pub struct AllowList(Vec<Allowed>);

/// One entry of an [`AllowList`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A host's name, at whatever address it has.
    Name(String),
    /// A network, or one address.
    Network(IpNet),
}

/// A text that is neither a name nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither a host's name, an address nor a network such as 10.0.0.0/8")]
pub struct AllowedError;

/// A URL whose host is not on the list, so that it can never be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its host is not among what --allow names")]
pub struct NotAllowed;

impl AllowList {
    /// A list of these.
    #[must_use]
    pub fn new(entries: Vec<Allowed>) -> Self {
        Self(entries)
    }

    /// The networks that the addresses of a URL's host must lie in; none: any will do.
    pub(crate) fn networks_for(&self, url: &UpstreamUrl) -> Result<Option<Arc<[IpNet]>>, NotAllowed> {
        let named = |name: &str| self.0.iter().any(|entry| matches!(entry, Allowed::Name(own) if own == name));
        if self.0.is_empty() || url.domain().is_some_and(|name| named(&name.to_ascii_lowercase())) {
            return Ok(None);
        }
        let networks: Arc<[IpNet]> = self.0.iter().filter_map(Allowed::network).collect();
        let possible = match url.address() {
            Some(address) => networks.iter().any(|network| network.contains(&address.to_canonical())),
            None => !networks.is_empty(),
        };
        if possible { Ok(Some(networks)) } else { Err(NotAllowed) }
    }
}

impl Allowed {
    fn network(&self) -> Option<IpNet> {
        match self {
            Self::Name(_) => None,
            Self::Network(network) => Some(*network),
        }
    }
}

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, AllowedError> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(address.to_canonical().into()));
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        let label = |part: &str| {
            !part.is_empty()
                && part.len() <= 63
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        // A name that ends in digits would be read as an address.
        let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if name.split('.').all(label) && !numeric { Ok(Self::Name(name)) } else { Err(AllowedError) }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str], url: &str) -> Result<Option<usize>, NotAllowed> {
        let list = AllowList::new(list.iter().map(|entry| entry.parse().unwrap()).collect());
        let found = list.networks_for(&UpstreamUrl::parse(url).unwrap())?;
        Ok(found.map(|networks| networks.len()))
    }

    #[test]
    fn a_url_is_held_against_names_and_networks() {
        assert_eq!(networks(&[], "http://10.0.0.1/mcp"), Ok(None));
        assert_eq!(networks(&["mcp.internal"], "http://MCP.internal./mcp"), Ok(None));
        assert_eq!(networks(&["mcp.internal"], "http://other.internal/mcp"), Err(NotAllowed));
        assert_eq!(networks(&["mcp.internal"], "http://mcp.internal.evil.example/mcp"), Err(NotAllowed));
        assert_eq!(networks(&["10.0.0.0/8", "fd00::/8"], "http://other.internal/mcp"), Ok(Some(2)));
        assert_eq!(networks(&["10.0.0.0/8"], "http://10.255.1.1/mcp"), Ok(Some(1)));
        assert_eq!(networks(&["10.0.0.0/8"], "http://0xaff0101/mcp"), Ok(Some(1)), "however it is spelled");
        assert_eq!(networks(&["10.0.0.0/8"], "http://11.0.0.1/mcp"), Err(NotAllowed));
        assert_eq!(networks(&["10.0.0.7"], "http://10.0.0.8/mcp"), Err(NotAllowed));
        assert_eq!(networks(&["[::1]"], "http://[::1]:80/mcp"), Ok(Some(1)));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for odd in ["", "http://a", "a/b", "a b", "10.0.0.0/33", "10.0.0", "a..b", "*.internal", "host:80"] {
            assert_eq!(odd.parse::<Allowed>(), Err(AllowedError), "{odd}");
        }
    }
}
