//! IP addresses in strings: a bare address, or the host of a URL, read the way HTTP clients read it (WHATWG URL),
//! because a host such as `0x7f.1` or `[::ffff:127.0.0.1]` reaches 127.0.0.1 whatever it looks like. Names are never
//! resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether the address in `text` lies inside one of the nets; `None` when there is no address in it.
pub(super) fn inside_any(text: &str, nets: &[IpNet]) -> Option<bool> {
    let address = find(text)?;
    // An IPv4 address in IPv6 clothing counts as both.
    let plain = address.to_canonical();
    Some(nets.iter().any(|net| net.contains(&plain) || net.contains(&address)))
}

fn find(text: &str) -> Option<IpAddr> {
    if let Some(address) = bare(text) {
        return Some(address);
    }
    let text: String =
        text.trim_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    url_host(&text).and_then(|host| host_address(&host))
}

fn bare(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let text = if text.contains(':') { text.split('%').next()? } else { text };
    text.parse().ok()
}

/// The host of a URL, percent-decoded, without user or port.
fn url_host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    let sound = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !sound {
        return None;
    }
    // Browsers and most clients take any number of slashes of either kind after these schemes.
    let special = ["http", "https", "ws", "wss", "ftp"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    let rest = if special { rest.trim_start_matches(['/', '\\']) } else { rest.strip_prefix("//")? };
    let end = rest.find(|c| matches!(c, '/' | '?' | '#') || (special && c == '\\')).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return host.split_once(']').map(|(inner, _)| format!("{inner}]"));
    }
    let host = host.split(':').next()?;
    Some(percent_decoded(host).chars().map(ascii_form).collect())
}

/// Full-width digits, letters and dots, which become ASCII on their way to the resolver (UTS #46).
fn ascii_form(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3002}' | '\u{ff61}' => '.',
        other => other,
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn host_address(host: &str) -> Option<IpAddr> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?.split('%').next()?;
        return inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    loose_ipv4(host.strip_suffix('.').unwrap_or(host)).map(IpAddr::V4)
}

/// The IPv4 forms that URL parsers and `inet_aton` accept: one to four parts, each decimal, octal (`0…`) or hexadecimal
/// (`0x…`); the last part fills the bytes that are left.
fn loose_ipv4(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host.split('.').map(loose_number).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) {
        return None;
    }
    let free_bits = 32 - 8 * leading.len();
    if *last >= 1 << free_bits {
        return None;
    }
    let value = leading.iter().enumerate().fold(*last, |value, (index, part)| value | part << (24 - 8 * index));
    u32::try_from(value).ok().map(Ipv4Addr::from)
}

fn loose_number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some("") => return Some(0),
        Some(hex) => (hex, 16),
        None if part.len() > 1 && part.starts_with('0') => (&part[1..], 8),
        None => (part, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        find(text).map(|address| address.to_canonical().to_string())
    }

    #[test]
    fn addresses_are_found_in_every_disguise() {
        for text in [
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "http://127.0.0.1",
            "http://127.0.0.1:8080/x?y#z",
            "HTTPS://user:pw@127.0.0.1/",
            "http://a@b@127.0.0.1",
            "http://127.0.0.1.",
            "http://127.1/",
            "http://0x7f000001",
            "http://0x7f.0.0.0x1",
            "http://0177.0.0.1",
            "http://2130706433",
            "http://%31%32%37.0.0.1",
            "http://１２７。0．0.1",
            "http:/127.0.0.1",
            "http:\\\\127.0.0.1\\x",
            "http:127.0.0.1",
            " ht\ttp://127.0.0.1\n",
            "http://[::ffff:127.0.0.1]:80/",
            "redis://127.0.0.1:6379",
        ] {
            assert_eq!(found(text).as_deref(), Some("127.0.0.1"), "{text:?}");
        }
        assert_eq!(found("fe80::1%eth0").as_deref(), Some("fe80::1"));
        assert_eq!(found("http://[2001:db8::1]/").as_deref(), Some("2001:db8::1"));
        assert_eq!(found("[::1]").as_deref(), Some("::1"));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "localhost",
            "http://example.org",
            "http://1.2.3.4.example.org",
            "127.0.0.1.nip.io",
            "1.2.3",
            "123",
            "256.1.1.1",
            "http://256.1.1.1",
            "http://1.2.3.4.5",
            "http://4294967296",
            "http://08.1.1.1",
            "http://",
            "http://[::1",
            "mailto:a@127.0.0.1",
            "127.0.0.1/8",
            "http://+1.2.3.4",
            "http://127.0.0.1x",
        ] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    #[test]
    fn mapped_addresses_lie_in_nets_of_both_families() {
        let nets = |text: &str| vec![text.parse::<IpNet>().unwrap()];
        assert_eq!(inside_any("::ffff:10.1.2.3", &nets("10.0.0.0/8")), Some(true));
        assert_eq!(inside_any("::ffff:10.1.2.3", &nets("::ffff:0:0/96")), Some(true));
        assert_eq!(inside_any("10.1.2.3", &nets("11.0.0.0/8")), Some(false));
        assert_eq!(inside_any("10.1.2.3", &nets("10.9.9.9/8")), Some(true), "host bits do not matter");
        assert_eq!(inside_any("10.1.2.3", &[]), Some(false));
        assert_eq!(inside_any("x", &nets("0.0.0.0/0")), None);
    }
}
