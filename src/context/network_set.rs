//! `NetworkSet`: a list of networks, in which an address is found in the same time whatever the number of networks.

#[cfg(feature = "api_key")]
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

#[cfg(feature = "api_key")]
use crate::context::nat64::Nat64Prefix;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// A list of networks.
///
/// It holds ranges of addresses that are sorted and do not overlap, so a lookup is a binary search: at most 16
/// comparisons for 10,000 networks.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetworkSet {
    /// In the order in which they were listed.
    #[cfg(feature = "api_key")]
    networks: Box<[IpNet]>,
    ipv4: Box<[Range<u32>]>,
    ipv6: Box<[Range<u128>]>,
}

/// All addresses from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range<T> {
    first: T,
    last: T,
}

impl NetworkSet {
    /// Parses addresses and networks. Issues name the `setting`.
    pub(crate) fn parse<I>(networks: I, setting: &'static str, issues: &mut ConfigIssues) -> Self
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut parsed = Vec::new();
        for text in networks {
            let text = text.as_ref();
            match parse_network(text) {
                Ok(network) => parsed.push(network),
                Err(error) => {
                    let issue = ConfigIssue::new(setting, IssueKind::Invalid, error.reason(), error.remedy());
                    issues.add(issue.with_value(text));
                }
            }
        }
        Self::new(&parsed)
    }

    fn new(networks: &[IpNet]) -> Self {
        let mut ipv4 = Vec::new();
        let mut ipv6 = Vec::new();
        for network in networks {
            match network {
                IpNet::V4(net) => ipv4.push(Range { first: net.network().to_bits(), last: net.broadcast().to_bits() }),
                IpNet::V6(net) => ipv6.push(Range { first: net.network().to_bits(), last: net.broadcast().to_bits() }),
            }
        }
        Self {
            #[cfg(feature = "api_key")]
            networks: networks.into(),
            ipv4: without_overlaps(ipv4),
            ipv6: without_overlaps(ipv6),
        }
    }

    /// Returns the networks, as `203.0.113.0/24`.
    #[cfg(feature = "api_key")]
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = impl Display> {
        self.networks.iter()
    }

    #[cfg(feature = "api_key")]
    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether the address is in one of the networks. It must not be an IPv4-mapped one, which no IPv4 network
    /// contains.
    #[inline]
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => find(&self.ipv4, ip.to_bits()),
            IpAddr::V6(ip) => find(&self.ipv6, ip.to_bits()),
        }
    }

    /// Whether the client with this address is in one of the networks. An address of NAT64 with the well-known prefix
    /// also counts as the IPv4 address in it.
    #[cfg(feature = "api_key")]
    pub(crate) fn contains_client(&self, ip: IpAddr) -> bool {
        self.contains(ip) || Nat64Prefix::WELL_KNOWN.client(ip).is_some_and(|ip| self.contains(ip))
    }
}

/// Why an item of a list is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkError {
    Compatible,
    NoNetwork,
    Zone,
}

impl NetworkError {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Compatible => "an IPv4-compatible IPv6 address, which no peer has",
            Self::NoNetwork => "neither an address nor a network",
            Self::Zone => "an IPv6 zone id, which has a meaning on one host only (RFC 4007 §6)",
        }
    }

    /// Returns what to write instead.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Compatible => "write the IPv4 address",
            Self::NoNetwork => "write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
            Self::Zone => "remove the percent sign and the zone id",
        }
    }
}

/// Parses an address or a network. An IPv4-mapped one (RFC 4291 §2.5.5.2) becomes IPv4, as the addresses of peers do.
pub(crate) fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(network) = network else {
        return Err(if text.contains('%') { NetworkError::Zone } else { NetworkError::NoNetwork });
    };
    match network.trunc() {
        IpNet::V6(network) if MAPPED.contains(&network) => {
            let [.., a, b, c, d] = network.addr().octets();
            let bits = network.prefix_len() - MAPPED.prefix_len();
            Ipv4Net::new(Ipv4Addr::new(a, b, c, d), bits).map(IpNet::V4).map_err(|_| NetworkError::NoNetwork)
        }
        // RFC 4291 §2.5.5.1. Neither `::` nor `::1` is meant.
        IpNet::V6(network) if COMPATIBLE.contains(&network) && network.addr().segments()[6] != 0 => {
            Err(NetworkError::Compatible)
        }
        network => Ok(network),
    }
}

/// Sorts the ranges, and joins those that overlap.
fn without_overlaps<T: Copy + Ord>(mut ranges: Vec<Range<T>>) -> Box<[Range<T>]> {
    ranges.sort_unstable();
    let mut joined: Vec<Range<T>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(previous) if range.first <= previous.last => previous.last = previous.last.max(range.last),
            _ => joined.push(range),
        }
    }
    joined.into()
}

/// Whether one of the ranges contains the address. They are sorted and do not overlap.
#[inline]
fn find<T: Copy + Ord>(ranges: &[Range<T>], ip: T) -> bool {
    let following = ranges.partition_point(|range| range.first <= ip);
    let nearest = following.checked_sub(1).and_then(|index| ranges.get(index));
    nearest.is_some_and(|range| ip <= range.last)
}

pub(crate) const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
const COMPATIBLE: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 96);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(networks: &[&str]) -> NetworkSet {
        let mut issues = ConfigIssues::default();
        let set = NetworkSet::parse(networks, "allow", &mut issues);
        assert!(issues.into_result(|| ()).is_ok());
        set
    }

    fn contains(set: &NetworkSet, ip: &str) -> bool {
        set.contains(ip.parse().unwrap())
    }

    #[test]
    fn an_address_is_found_in_any_of_the_networks() {
        let set = set(&["10.0.0.0/8", "192.0.2.7", "192.0.2.8/31", "2001:db8::/32", "10.1.0.0/16", "::1"]);
        for ip in ["10.0.0.0", "10.255.255.255", "10.1.2.3", "192.0.2.7", "192.0.2.9", "2001:db8:ffff::1", "::1"] {
            assert!(contains(&set, ip), "{ip}");
        }
        for ip in ["9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.10", "2001:db9::", "2001:db7::", "::2", "::"] {
            assert!(!contains(&set, ip), "{ip}");
        }
        assert!(!contains(&NetworkSet::default(), "10.0.0.1"));
    }

    #[test]
    fn the_widest_networks_contain_every_address_of_their_version() {
        let all = set(&["0.0.0.0/0", "::/0"]);
        for ip in ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            assert!(contains(&all, ip), "{ip}");
        }
        assert!(!contains(&set(&["0.0.0.0/0"]), "2001:db8::1"));
        assert!(!contains(&set(&["::/0"]), "192.0.2.1"));
    }

    #[test]
    fn ipv4_mapped_networks_are_those_of_ipv4() {
        let mapped = set(&["::ffff:10.0.0.0/104", "::ffff:192.0.2.7"]);
        assert!(contains(&mapped, "10.1.2.3") && contains(&mapped, "192.0.2.7"));
        assert!(!contains(&mapped, "11.0.0.0") && !contains(&mapped, "192.0.2.8"));
        // All of IPv4.
        assert!(contains(&set(&["::ffff:0:0/96"]), "203.0.113.9"));
    }

    #[test]
    fn a_text_that_is_no_network_is_an_error_that_says_why() {
        for (text, error) in [
            ("", NetworkError::NoNetwork),
            ("10.0.0.0/33", NetworkError::NoNetwork),
            ("10.0.0.1:80", NetworkError::NoNetwork),
            ("[2001:db8::1]", NetworkError::NoNetwork),
            ("010.0.0.1", NetworkError::NoNetwork),
            ("fe80::1%eth0", NetworkError::Zone),
            ("fe80::%1/64", NetworkError::Zone),
            ("::192.0.2.7", NetworkError::Compatible),
            ("::192.0.2.0/120", NetworkError::Compatible),
        ] {
            assert_eq!(parse_network(text), Err(error), "{text}");
        }
        for text in ["::", "::1", "::/0", "::/96", "0.0.0.0/0", "::ffff:0.0.0.0/95"] {
            assert!(parse_network(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_lookup_among_10_000_networks_takes_16_comparisons() {
        use std::cell::Cell;
        use std::cmp::Ordering;

        /// An address that counts how often one is compared.
        #[derive(Clone, Copy)]
        struct Counted<'a>(u32, &'a Cell<u32>);
        impl Ord for Counted<'_> {
            fn cmp(&self, other: &Self) -> Ordering {
                self.1.set(self.1.get() + 1);
                self.0.cmp(&other.0)
            }
        }
        impl PartialOrd for Counted<'_> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl PartialEq for Counted<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }
        impl Eq for Counted<'_> {}

        let count = Cell::new(0);
        let counted = |ip| Counted(ip, &count);
        let ranges: Vec<_> =
            (0..10_000).map(|net| Range { first: counted(net << 16), last: counted(net << 16 | 0xff) }).collect();
        for (ip, expected) in [(0, true), (5_000 << 16 | 7, true), (5_000 << 16 | 0x100, false), (u32::MAX, false)] {
            count.set(0);
            assert_eq!(find(&ranges, counted(ip)), expected);
            assert!(count.get() <= 16, "{} comparisons", count.get());
        }
    }

    proptest! {
        #[test]
        fn a_lookup_finds_what_a_comparison_with_each_network_finds(
            networks in proptest::collection::vec((any::<u32>(), 0_u8..=32), 0..40), ip: u32,
        ) {
            let networks: Vec<_> = networks.into_iter().map(|(bits, prefix)| {
                IpNet::V4(Ipv4Net::new(Ipv4Addr::from_bits(bits), prefix).unwrap().trunc())
            }).collect();
            let ip = IpAddr::V4(Ipv4Addr::from_bits(ip));
            let expected = networks.iter().any(|network| network.contains(&ip));
            prop_assert_eq!(NetworkSet::new(&networks).contains(ip), expected);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse_network(&text);
        }
    }
}
