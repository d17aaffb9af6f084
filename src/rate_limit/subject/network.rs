//! The network by which an address is counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns the network by which an address is counted: an IPv4 address itself, an IPv6 address with all bits after the
/// prefix set to zero.
///
/// Some IPv6 addresses stand for IPv4 hosts: a translator or tunnel between the two protocols made them. A /64 of these
/// holds all of IPv4, or all clients of one server, so a limit by /64 would let any of them lock out all others. The
/// hosts differ in the IPv4 address inside, which is the address that the host has without the translator too.
#[inline]
pub(super) fn network(ip: IpAddr, ipv6_prefix: u8) -> IpAddr {
    let IpAddr::V6(ip) = ip else { return ip };
    match ip.segments() {
        // NAT64 (RFC 6052 §2.1): the embedded address is that of the client behind a translator in front of the app.
        // 6to4 (RFC 3056 §2): the site of the embedded address can choose the rest.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => ipv4(high, low),
        // A local NAT64 (RFC 8215). Where it embeds the address depends on the operator's prefix (RFC 6052 §2.2), but
        // each host has only one address.
        [0x64, 0xff9b, 1, ..] => IpAddr::V6(ip),
        // Teredo (RFC 4380 §4): the first 64 bits are those of the server, and the client's address is inverted.
        [0x2001, 0, .., high, low] => ipv4(!high, !low),
        _ => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask(ipv6_prefix))),
    }
}

fn ipv4(high: u16, low: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Returns a number whose leading bits, as many as the prefix has, are ones.
fn mask(prefix: u8) -> u128 {
    // A prefix of 0 shifts by all 128 bits, which `checked_shl` rejects: every address is in the network 0.
    let host_bits = 128 - u32::from(prefix.min(128));
    u128::MAX.checked_shl(host_bits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted_as(ip: &str, prefix: u8) -> String {
        network(ip.parse().unwrap(), prefix).to_string()
    }

    #[test]
    fn native_addresses_are_counted_by_their_prefix() {
        for (ip, prefix, expected) in [
            ("192.0.2.1", 1, "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"),
            ("2001:db8:1:2:3:4:5:6", 48, "2001:db8:1::"),
            ("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6"),
            ("2001:db8:1:2:3:4:5:6", 0, "::"),
            // Next to the networks of translators.
            ("64:ff9b::1:c000:201", 64, "64:ff9b::"),
            ("64:ff9b:2::c000:201", 64, "64:ff9b:2::"),
            ("2001:1::1", 64, "2001:1::"),
            ("2003:c000:201::1", 64, "2003:c000:201::"),
            // Deprecated forms, which no router forwards.
            ("::192.0.2.1", 64, "::"),
        ] {
            assert_eq!(counted_as(ip, prefix), expected, "{ip}/{prefix}");
        }
    }

    #[test]
    fn addresses_of_ipv4_hosts_are_counted_by_the_ipv4_address_whatever_the_prefix() {
        for prefix in [1, 48, 64, 128] {
            for (ip, expected) in [
                ("64:ff9b::192.0.2.1", "192.0.2.1"),
                ("64:ff9b::192.0.2.2", "192.0.2.2"),
                ("64:ff9b:1::192.0.2.1", "64:ff9b:1::c000:201"),
                ("64:ff9b:1:c000:2:100::", "64:ff9b:1:c000:2:100::"),
                ("2002:c000:201::1", "192.0.2.1"),
                ("2002:c000:201:ffff:1:2:3:4", "192.0.2.1"),
                ("2002:c000:202::1", "192.0.2.2"),
                // The example of RFC 4380: the client 192.0.2.45 behind the server 65.54.227.120.
                ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
                ("2001:0:4136:e378:8123:1:3fff:fdd2", "192.0.2.45"),
                ("2001:0:4136:e378:8000:63bf:3fff:fdd1", "192.0.2.46"),
            ] {
                assert_eq!(counted_as(ip, prefix), expected, "{ip}/{prefix}");
            }
        }
    }

    proptest! {
        #[test]
        fn native_addresses_count_together_if_their_prefixes_are_equal(
            bits in any::<u128>(), differing in 0_u32..112, prefix in 1_u32..=128,
        ) {
            // 2a00::/16 has no translator.
            let one = bits >> 16 | 0x2a00 << 112;
            let other = one ^ 1 << differing;
            let counted = |bits| network(IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix as u8);
            prop_assert_eq!(counted(one) == counted(other), differing < 128 - prefix);
        }

        #[test]
        fn ipv4_hosts_behind_a_translator_are_distinguished(bits in any::<u32>(), rest in any::<u64>()) {
            let ip = Ipv4Addr::from_bits(bits);
            let wide = u128::from(bits);
            for translated in [
                0x64_ff9b << 96 | wide,
                0x2002 << 112 | wide << 80 | u128::from(rest),
                0x2001_0000 << 96 | u128::from(rest) << 32 | u128::from(!bits),
            ] {
                prop_assert_eq!(network(IpAddr::V6(Ipv6Addr::from_bits(translated)), 64), IpAddr::V4(ip));
            }
        }
    }
}
