//! Which addresses may be dialled.
//!
//! The rule is an allow-list: an address is *global* only when the IANA special-purpose registries leave it so. IPv6 forms
//! that carry an IPv4 address inside them (mapped, compatible, 6to4, NAT64, Teredo, ISATAP) are never global, whatever
//! they carry: a relay or the kernel may turn them into the address inside (CVE-2026-44430 is a list that missed some).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Routable on the internet.
    Global,
    /// Of this machine or its network: loopback, private, shared (CGNAT), unique local, benchmarking.
    Private,
    /// Nobody's upstream: link-local (cloud metadata lives there), multicast, reserved, documentation, tunnel forms.
    Never,
}

/// How far `address` reaches.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let in_block = |block: [u8; 4], bits: u32| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        address.to_bits() & mask == u32::from_be_bytes(block)
    };
    let never = [
        ([169, 254, 0, 0], 16),   // link-local, cloud metadata
        ([168, 63, 129, 16], 32), // a cloud's metadata service on a public address
        ([192, 0, 0, 0], 24),     // IETF protocol assignments
        ([192, 0, 2, 0], 24),     // documentation
        ([192, 88, 99, 0], 24),   // 6to4 relays
        ([198, 51, 100, 0], 24),  // documentation
        ([203, 0, 113, 0], 24),   // documentation
        ([224, 0, 0, 0], 4),      // multicast
        ([240, 0, 0, 0], 4),      // reserved, broadcast
    ];
    let private = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([172, 16, 0, 0], 12),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
    ];
    let any = |blocks: &[([u8; 4], u32)]| blocks.iter().any(|&(block, bits)| in_block(block, bits));
    match () {
        () if any(&never) => Reach::Never,
        () if any(&private) => Reach::Private,
        () => Reach::Global,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if let Some(mapped) = address.to_ipv4_mapped() {
        // The kernel dials the IPv4 address inside: never a way round to a global one, no worse than the plain private one.
        return if reach_v4(mapped) == Reach::Private { Reach::Private } else { Reach::Never };
    }
    let segments = address.segments();
    let unique_local = segments[0] & 0xfe00 == 0xfc00;
    let site_local = segments[0] & 0xffc0 == 0xfec0;
    if address == Ipv6Addr::UNSPECIFIED || address == Ipv6Addr::LOCALHOST || site_local {
        return Reach::Private;
    }
    if unique_local {
        let metadata = segments == [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254];
        return if metadata { Reach::Never } else { Reach::Private };
    }
    if is_global_v6(segments) { Reach::Global } else { Reach::Never }
}

fn is_global_v6(segments: [u16; 8]) -> bool {
    let global_unicast = segments[0] & 0xe000 == 0x2000;
    let protocol_assignments = segments[0] == 0x2001 && segments[1] < 0x0200; // Teredo, benchmarking, ORCHID and more
    let documentation =
        (segments[0] == 0x2001 && segments[1] == 0x0db8) || (segments[0] == 0x3fff && segments[1] < 0x1000);
    let six_to_four = segments[0] == 0x2002;
    let returned = segments[0] == 0x3ffe; // 6bone
    let isatap = segments[4] & !0x0200 == 0 && segments[5] == 0x5efe;
    global_unicast && !(protocol_assignments || documentation || six_to_four || returned || isatap)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn global_addresses() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2a00::1",
        ] {
            assert_eq!(of(text), Reach::Global, "{text}");
        }
    }

    #[test]
    fn private_addresses() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "198.18.0.1",
            "198.19.255.255",
            "::1",
            "::",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
        ] {
            assert_eq!(of(text), Reach::Private, "{text}");
        }
    }

    #[test]
    fn addresses_that_are_nobodys_upstream() {
        for text in [
            "169.254.169.254",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "2001:db8::1",
            "3fff::1",
            "2002::1",
            "64:ff9b::1.1.1.1",
            "64:ff9b:1::1",
            "2001::1",
            "::ffff:1.1.1.1",
            "::1.1.1.1",
            "100::1",
            "5f00::1",
            "4000::1",
        ] {
            assert_eq!(of(text), Reach::Never, "{text}");
        }
    }

    fn embeddings(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
        let [hi, lo] = [(v4.to_bits() >> 16) as u16, v4.to_bits() as u16];
        vec![
            v4.to_ipv6_mapped(),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, hi, lo),                // compatible
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, hi, lo),           // translated (SIIT)
            Ipv6Addr::new(0x2002, hi, lo, 0, 0, 0, 0, 1),           // 6to4
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, hi, lo),        // NAT64
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, hi, lo),        // local-use NAT64
            Ipv6Addr::new(0x2001, 0, hi, lo, 0, 0, 0, 0),           // Teredo server
            Ipv6Addr::new(0x2001, 0, 1, 1, 0, 0, !hi, !lo),         // Teredo client
            Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0x5efe, hi, lo), // ISATAP
            Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0x0200, 0x5efe, hi, lo), // ISATAP, global
        ]
    }

    proptest! {
        #[test]
        fn no_ipv4_address_is_reached_through_an_ipv6_form_of_it(bits: u32) {
            for form in embeddings(Ipv4Addr::from_bits(bits)) {
                prop_assert_ne!(reach(form.into()), Reach::Global, "{}", form);
            }
        }

        #[test]
        fn no_private_address_is_global(block in 0usize..7, host: u32) {
            let (base, bits) = [
                (0x0a00_0000u32, 8), (0x7f00_0000, 8), (0xa9fe_0000, 16), (0xac10_0000, 12), (0xc0a8_0000, 16),
                (0x6440_0000, 10), (0x0000_0000, 8),
            ][block];
            let v4 = Ipv4Addr::from_bits(base | (host >> bits));
            prop_assert_ne!(reach(v4.into()), Reach::Global, "{}", v4);
            for form in embeddings(v4) {
                prop_assert_ne!(reach(form.into()), Reach::Global, "{}", form);
            }
        }
    }
}
