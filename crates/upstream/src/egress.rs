//! What may be dialled in this deployment.

use std::{fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use crate::{
    UpstreamUrl,
    address::{Reach, reach},
};

/// Ports of well-known services that are not HTTP; a request to one is an attack on it, not a call.
const OTHER_SERVICES: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2181,
    2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5900, 5984, 6000, 6379, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 7000, 7001, 9042, 9092, 9200, 9300, 10080, 10250, 11211, 27017,
];

/// Whether upstreams on private addresses may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// They may: the deployment serves its own operator and the operator's network.
    Allowed,
    /// They may not: tenants must not reach the operator's network.
    Refused,
}

/// The deployment's rule for outgoing connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Egress {
    /// Private addresses.
    pub private_addresses: PrivateAddresses,
}

/// An address, name or port that is not to be dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// An address of this machine or its network.
    #[error(
        "{0} is a private address, and this deployment only dials addresses on the public internet; run `portcullis connect` beside the server instead"
    )]
    Private(Place),
    /// An address that is nobody's upstream.
    #[error("{0} is not an address that an MCP server can have (link-local, multicast, reserved or a tunnel form)")]
    Never(Place),
    /// An address outside the networks that may be dialled here.
    #[error("{0} lies outside the networks that may be dialled here")]
    Outside(Place),
    /// The port of another kind of service.
    #[error("port {0} belongs to another kind of service than HTTP")]
    Port(u16),
}

/// What was refused: an address, or a name with the address it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: Option<String>,
    address: Option<IpAddr>,
}

impl Egress {
    /// Private addresses may be dialled.
    pub const PRIVATE_ALLOWED: Self = Self { private_addresses: PrivateAddresses::Allowed };
    /// Only globally routable addresses may be dialled.
    pub const PUBLIC_ONLY: Self = Self { private_addresses: PrivateAddresses::Refused };

    /// Whether `address` may be dialled; `name` is what it was resolved from.
    ///
    /// # Errors
    /// [`AddressRefused`].
    pub fn check_address(&self, name: Option<&str>, address: IpAddr) -> Result<(), AddressRefused> {
        let place = || Place { name: name.map(str::to_owned), address: Some(address) };
        match (reach(address), self.private_addresses) {
            (Reach::Global, _) | (Reach::Private, PrivateAddresses::Allowed) => Ok(()),
            (Reach::Private, PrivateAddresses::Refused) => Err(AddressRefused::Private(place())),
            (Reach::Never, _) => Err(AddressRefused::Never(place())),
        }
    }

    /// Whether `port` may be dialled; every port may where private addresses are allowed.
    ///
    /// # Errors
    /// [`AddressRefused::Port`].
    pub fn check_port(&self, port: u16) -> Result<(), AddressRefused> {
        let refused = self.private_addresses == PrivateAddresses::Refused && OTHER_SERVICES.contains(&port);
        if refused || port == 0 { Err(AddressRefused::Port(port)) } else { Ok(()) }
    }

    /// What can be said of a URL before its name is resolved. The address dialled is checked again when it is dialled.
    ///
    /// # Errors
    /// [`AddressRefused`].
    pub fn check_url(&self, url: &UpstreamUrl) -> Result<(), AddressRefused> {
        self.check_port(url.port())?;
        if let Some(address) = url.address() {
            return self.check_address(None, address);
        }
        let local = url.domain().is_some_and(|d| d == "localhost" || d.ends_with(".localhost"));
        if local && self.private_addresses == PrivateAddresses::Refused {
            return Err(AddressRefused::Private(Place { name: url.domain().map(str::to_owned), address: None }));
        }
        Ok(())
    }
}

/// The deployment's rule, and the networks that it is narrowed to, if it is.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) egress: Egress,
    pub(crate) networks: Option<Arc<[IpNet]>>,
}

impl Rule {
    pub(crate) fn check_address(&self, name: Option<&str>, address: IpAddr) -> Result<(), AddressRefused> {
        self.egress.check_address(name, address)?;
        let Some(networks) = &self.networks else { return Ok(()) };
        // An IPv4 address written as IPv6 lies in the network that it lies in.
        let plain = address.to_canonical();
        let inside = networks.iter().any(|network| network.contains(&plain));
        let place = || Place { name: name.map(str::to_owned), address: Some(address) };
        if inside { Ok(()) } else { Err(AddressRefused::Outside(place())) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.address) {
            (Some(name), Some(address)) => write!(f, "{name} ({address})"),
            (Some(name), None) => f.write_str(name),
            (None, Some(address)) => write!(f, "{address}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_deployment_refuses_private_places_when_they_are_typed() {
        for text in [
            "http://127.1",
            "http://0x7f000001",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/",
            "http://localhost/",
            "http://localhost.:8080/",
            "http://api.localhost/",
            "http://LOCALHOST/",
            "http://１２７.１/",
            "http://10.0.0.1:22/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://0/",
            "http://example.com:22/",
            "http://example.com:6379/",
            "http://example.com:0/",
        ] {
            let url = UpstreamUrl::parse_for(text, &Egress::PUBLIC_ONLY);
            assert!(matches!(url, Err(crate::UrlError::Refused(_))), "{text}: {url:?}");
        }
        for text in ["https://example.com/mcp", "http://1.1.1.1:8000/", "https://example.com:8443/", "http://a.b:80/"] {
            assert!(UpstreamUrl::parse_for(text, &Egress::PUBLIC_ONLY).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_operators_own_deployment_reaches_its_network_but_not_the_metadata_service() {
        for text in ["http://127.0.0.1:5001/mcp", "http://localhost:6000/", "http://192.168.1.2/", "http://[::1]:1/"] {
            assert!(UpstreamUrl::parse_for(text, &Egress::PRIVATE_ALLOWED).is_ok(), "{text}");
        }
        for text in ["http://169.254.169.254/latest/", "http://[fe80::1]/", "http://224.0.0.1/"] {
            assert!(UpstreamUrl::parse_for(text, &Egress::PRIVATE_ALLOWED).is_err(), "{text}");
        }
    }
}
