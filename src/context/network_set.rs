//! `NetworkSet`: a list of networks, in which an address is found in the same time whatever the number of networks.

#[cfg(feature = "api_key")]
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

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
    fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => find(&self.ipv4, ip.to_bits()),
            IpAddr::V6(ip) => find(&self.ipv6, ip.to_bits()),
        }
    }

    /// Whether the client with this address is in one of the networks.
    ///
    /// An address of NAT64 (RFC 6052 §2.1) also counts as the IPv4 address in it: that is the address of the client
    /// behind a translator in front of the app. In a local NAT64 (RFC 8215), the place of the IPv4 address depends on
    /// the operator's prefix, so such an address is only compared as it is.
    pub(crate) fn contains_client(&self, ip: IpAddr) -> bool {
        self.contains(ip) || nat64_client(ip).is_some_and(|ip| self.contains(ip.into()))
    }
}

/// Why an item of a list is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkError {
    Compatible,
    NoNetwork,
}

impl NetworkError {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Compatible => "an IPv4-compatible IPv6 address, which no peer has",
            Self::NoNetwork => "neither an address nor a network",
        }
    }

    /// Returns what to write instead.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Compatible => "write the IPv4 address",
            Self::NoNetwork => "write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
        }
    }
}

/// Parses an address or a network. An IPv4-mapped one (RFC 4291 §2.5.5.2) becomes IPv4, as the addresses of peers do.
pub(crate) fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(network) = network else { return Err(NetworkError::NoNetwork) };
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

/// Returns the client's address if a NAT64 with the well-known prefix has translated it.
fn nat64_client(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
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
        set.contains_client(ip.parse().unwrap())
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
    fn ipv4_mapped_networks_are_those_of_ipv4_and_nat64_addresses_also_count_as_ipv4() {
        assert!(contains(&set(&["::ffff:10.0.0.0/104"]), "10.1.2.3"));
        let set = set(&["192.0.2.0/24"]);
        assert!(contains(&set, "64:ff9b::192.0.2.7"));
        assert!(!contains(&set, "64:ff9b::192.0.3.7"));
        assert!(!contains(&set, "64:ff9b:1::192.0.2.7"), "the place of the address is unknown");
        assert!(!contains(&set, "2002:c000:207::1"));
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
