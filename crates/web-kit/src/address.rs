//! Whose request it is, by network address: the peer, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};
use ipnet::IpNet;

/// The address of the client; the unspecified address when the server did not tell the peer's.
///
/// `X-Forwarded-For` is read from the right: each address that is a trusted proxy's is passed over, and the first that is not is the
/// client's. What stands further left was written by the client and proves nothing.
#[must_use]
pub fn client_ip(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let Some(peer) = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical()) else {
        return IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    };
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let mut client = peer;
    for hop in forwarded(headers).into_iter().rev() {
        let Some(ip) = hop else { break };
        client = ip;
        if !is_trusted(ip, trusted) {
            break;
        }
    }
    client
}

fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&ip))
}

fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(|hop| hop.trim().parse().ok().map(|ip: IpAddr| ip.to_canonical()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_ip(&extensions, &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_from_the_right() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(
            seen("203.0.113.9", &["1.2.3.4"], &proxies),
            "203.0.113.9",
            "an untrusted peer says nothing of others"
        );
        assert_eq!(seen("10.0.0.1", &["1.2.3.4"], &proxies), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], &proxies), "1.2.3.4", "a forged left part");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "1.2.3.4"], &proxies), "1.2.3.4", "several lines read as one list");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, rubbish"], &proxies), "10.0.0.1", "an unreadable hop ends the chain");
        assert_eq!(seen("::ffff:203.0.113.9", &[], &[]), "203.0.113.9");
    }

    #[test]
    fn unknown_without_a_peer() {
        assert!(client_ip(&Extensions::new(), &HeaderMap::new(), &[]).is_unspecified());
    }
}
