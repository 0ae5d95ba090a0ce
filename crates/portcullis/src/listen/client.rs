//! Whose request it is, by network address: the peer, or what a trusted proxy in front says of it.
//!
//! Found out here, once, for everybody behind the listener: pages count attempts by it, policies compare it (`client.ip`),
//! and none of them reads `X-Forwarded-For`, which anybody can write.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use ipnet::IpNet;

/// The client that a peer's request is of.
///
/// `X-Forwarded-For` is read from the right: each address that is a trusted proxy's is passed over, and the first that is
/// not is the client's. What stands further left was written by the client and proves nothing.
pub(super) fn client(peer: SocketAddr, headers: &HeaderMap, proxies: &[IpNet]) -> SocketAddr {
    let trusted = |ip: IpAddr| proxies.iter().any(|network| network.contains(&ip));
    let mut client = peer.ip().to_canonical();
    if !trusted(client) {
        return SocketAddr::new(client, peer.port());
    }
    for hop in forwarded(headers).into_iter().rev() {
        let Some(ip) = hop else { break };
        client = ip;
        if !trusted(ip) {
            break;
        }
    }
    SocketAddr::new(client, 0)
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

    fn seen(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        client(SocketAddr::new(peer.parse().unwrap(), 1), &headers, &proxies).ip().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_from_the_right() {
        let proxies = ["10.0.0.0/8"];
        let untrusted = seen("203.0.113.9", &["1.2.3.4"], &proxies);
        assert_eq!(untrusted, "203.0.113.9", "an untrusted peer says nothing of others");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4"], &proxies), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], &proxies), "1.2.3.4", "a forged left part");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "1.2.3.4"], &proxies), "1.2.3.4", "several lines read as one list");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, rubbish"], &proxies), "10.0.0.1", "an unreadable hop ends the chain");
        assert_eq!(seen("::ffff:203.0.113.9", &[], &[]), "203.0.113.9");
    }
}
