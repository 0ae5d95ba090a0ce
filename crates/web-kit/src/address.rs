//! Whose request it is, by network address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::Extensions;

/// The address of the client, as whoever listens has found it out, proxies in front considered; the unspecified address when
/// it was not told.
#[must_use]
pub fn client_ip(extensions: &Extensions) -> IpAddr {
    let told = extensions.get::<ConnectInfo<SocketAddr>>();
    told.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(client)| client.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_it_was_told_or_unknown() {
        let mut extensions = Extensions::new();
        assert!(client_ip(&extensions).is_unspecified());
        extensions.insert(ConnectInfo(SocketAddr::new("::ffff:203.0.113.9".parse().unwrap(), 1)));
        assert_eq!(client_ip(&extensions).to_string(), "203.0.113.9");
    }
}
