//! `Nat64Prefix`: the IPv6 addresses that a NAT64 translator gives to IPv4 clients (RFC 6052).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

/// The prefix of a NAT64. An address in it has the IPv4 address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nat64Prefix(Ipv6Net);

impl Nat64Prefix {
    /// RFC 6052 §2.1.
    pub(crate) const WELL_KNOWN: Self = Self(Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96));

    /// Parses a prefix. `None` if it has no length that RFC 6052 §2.2 defines.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let prefix: Ipv6Net = text.parse().ok()?;
        matches!(prefix.prefix_len(), 32 | 40 | 48 | 56 | 64 | 96).then(|| Self(prefix.trunc()))
    }

    /// Returns the client's address if this NAT64 has translated it (RFC 6052 §2.3).
    pub(crate) fn client(&self, ip: IpAddr) -> Option<IpAddr> {
        let IpAddr::V6(ip) = ip else { return None };
        if !self.0.contains(&ip) {
            return None;
        }
        let bits = ip.to_bits();
        let following = match self.0.prefix_len() {
            96 => bits,
            len => {
                // Without the octet from bit 64 on, which is reserved.
                let joined = bits >> 64 << 56 | bits & 0xff_ffff_ffff_ffff;
                joined >> 88_u8.saturating_sub(len)
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "the last 32 bits are the address")]
        let address = following as u32;
        Some(Ipv4Addr::from_bits(address).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(prefix: &str, ip: &str) -> Option<String> {
        Nat64Prefix::parse(prefix).unwrap().client(ip.parse().unwrap()).map(|ip| ip.to_string())
    }

    #[test]
    fn the_examples_of_rfc_6052_section_2_4() {
        for (prefix, ip) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
        ] {
            assert_eq!(client(prefix, ip).as_deref(), Some("192.0.2.33"), "{prefix}");
            assert_eq!(client(prefix, "2001:db9::c000:221"), None);
        }
        assert_eq!(Nat64Prefix::parse("64:ff9b::/96"), Some(Nat64Prefix::WELL_KNOWN));
    }

    #[test]
    fn a_prefix_of_another_length_or_version_is_none() {
        for text in ["", "64:ff9b::", "64:ff9b::/95", "64:ff9b::/97", "::/0", "::/128", "64:ff9b:1::/47", "10.0.0.0/32"]
        {
            assert_eq!(Nat64Prefix::parse(text), None, "{text}");
        }
    }
}
