//! Addresses by a table written by hand, networks bit by bit.

use std::net::IpAddr;

use super::json::Tree;

/// Texts, and the address that each one names: itself, or the host of a URL.
pub const TEXTS: [(&str, Option<&str>); 50] = [
    ("10.1.2.3", Some("10.1.2.3")),
    ("10.255.255.255", Some("10.255.255.255")),
    ("11.0.0.0", Some("11.0.0.0")),
    ("127.0.0.1", Some("127.0.0.1")),
    ("192.168.7.9", Some("192.168.7.9")),
    ("0.0.0.0", Some("0.0.0.0")),
    ("::1", Some("::1")),
    ("2001:db8::7", Some("2001:db8::7")),
    ("2001:DB8:0:0::7", Some("2001:db8::7")),
    ("fe80::1", Some("fe80::1")),
    ("http://10.1.2.3/", Some("10.1.2.3")),
    ("https://10.1.2.3:8443/a?b#c", Some("10.1.2.3")),
    ("http://user:pass@192.168.7.9/x", Some("192.168.7.9")),
    ("http://[2001:db8::7]/", Some("2001:db8::7")),
    ("https://[::1]:9000", Some("::1")),
    ("HTTP://127.0.0.1", Some("127.0.0.1")),
    ("http://example.org/10.1.2.3", None),
    ("http://10.1.2.3.example.org/", None),
    ("http://example.org@10.1.2.3/", Some("10.1.2.3")),
    ("10.1.2", None),
    ("10.1.2.3.4", None),
    ("example.org", None),
    ("", None),
    ("2001:db8:::7", None),
    ("10.255.0.1", Some("10.255.0.1")),
    ("https://user@10.0.0.1:8443/x?y", Some("10.0.0.1")),
    ("fd00::1", Some("fd00::1")),
    ("http://[fd00::1]/", Some("fd00::1")),
    ("11.0.0.1", Some("11.0.0.1")),
    ("internal.example", None),
    ("http://10.0.0.1.example/", None),
    ("http://0x0a000001/", Some("10.0.0.1")),
    ("::ffff:10.0.0.1", Some("::ffff:10.0.0.1")),
    ("some-host", None),
    // As HTTP clients read a host, https://url.spec.whatwg.org/#host-parsing
    ("http://0x7f.1/", Some("127.0.0.1")),
    ("http://[::ffff:127.0.0.1]/", Some("::ffff:127.0.0.1")),
    ("http://167772161/", Some("10.0.0.1")),
    ("http://010.0.0.1/", Some("8.0.0.1")),
    ("http://127.1", Some("127.0.0.1")),
    ("http://10.0.0.1./", Some("10.0.0.1")),
    ("http:\\\\10.0.0.1\\x", Some("10.0.0.1")),
    ("http:/10.0.0.1/", Some("10.0.0.1")),
    (" http://10.0.0.1/", Some("10.0.0.1")),
    ("http://%31%30.0.0.1/", Some("10.0.0.1")),
    ("ht\ntp://10.0.0.1/", Some("10.0.0.1")),
    ("http://10.0.0.1#@example.org/", Some("10.0.0.1")),
    ("http://example.org#@10.0.0.1/", None),
    ("http://example.org\\@10.0.0.1/", None),
    ("http://256.0.0.1/", None),
    ("http://1.2.3.4.5/", None),
];

/// Networks to be asked for.
pub const NETWORKS: [&str; 11] = [
    "10.0.0.0/8",
    "10.1.2.3/32",
    "0.0.0.0/0",
    "127.0.0.0/8",
    "192.168.0.0/16",
    "::/0",
    "2001:db8::/32",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
    "::ffff:0:0/96",
];

/// The address in a text of the table; another text names none that is known.
pub fn of(found: &Tree) -> Option<IpAddr> {
    let text = found.as_text()?;
    match TEXTS.iter().find(|(known, _)| *known == text) {
        Some((_, address)) => address.and_then(|address| address.parse().ok()),
        None => text.parse().ok(),
    }
}

pub fn inside_any(address: IpAddr, networks: &Tree) -> bool {
    match networks {
        Tree::List(networks) => networks.iter().any(|network| inside(address, network)),
        one => inside(address, one),
    }
}

fn inside(address: IpAddr, network: &Tree) -> bool {
    let network = network.as_text().unwrap_or_else(|| panic!("a network: {network:?}"));
    let (base, length) = network.split_once('/').unwrap_or((network, "128"));
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<usize>()) else { panic!("{network}") };
    // An IPv4 address in IPv6 clothes is both.
    [address, address.to_canonical()].into_iter().any(|address| {
        let (address, base) = (bits(address), bits(base));
        address.len() == base.len() && address.iter().zip(&base).take(length).all(|(a, b)| a == b)
    })
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    bytes.into_iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}
