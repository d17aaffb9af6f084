//! `Networks`: a list of networks, such as those in which every peer is a trusted proxy, and the bound on their size.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::context::network_set::{MAPPED, NetworkError, parse_network};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// Networks, such as those of the trusted proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks {
    networks: Arc<[IpNet]>,
    has_unix: bool,
}

/// How many public addresses the networks may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Bounded,
    Unbounded,
}

impl Networks {
    /// Parses addresses, networks and `unix:`. Issues name the `setting`.
    pub(crate) fn parse<I>(networks: I, setting: &'static str, width: Width) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut issues = ConfigIssues::default();
        let mut parsed = Vec::new();
        let mut has_unix = false;
        for text in networks {
            let text = text.as_ref();
            if text == UNIX {
                has_unix = true;
                continue;
            }
            let (kind, reason, remedy) = match parse_network(text) {
                Ok(network) if width == Width::Bounded && Addresses::of(&[network]).are_too_many() => TOO_WIDE,
                Ok(network) => {
                    parsed.push(network);
                    continue;
                }
                Err(error @ NetworkError::NoNetwork) => {
                    (IssueKind::Invalid, error.reason(), "write 192.0.2.7, 10.0.0.0/8 or unix:")
                }
                Err(error) => (IssueKind::Invalid, error.reason(), error.remedy()),
            };
            issues.add(ConfigIssue::new(setting, kind, reason, remedy).with_value(text));
        }
        if width == Width::Bounded && Addresses::of(&parsed).are_too_many() {
            let (kind, _, remedy) = TOO_WIDE;
            let reason = "the networks together have more public addresses than any real list of proxies";
            issues.add(ConfigIssue::new(setting, kind, reason, remedy));
        }
        issues.into_result(|| Self { networks: parsed.into(), has_unix })
    }

    /// Whether the address is in one of the networks. It must not be an IPv4-mapped one, which no IPv4 network
    /// contains.
    pub(crate) fn contain(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Whether a connection without an address is trusted.
    pub(crate) fn has_unix(&self) -> bool {
        self.has_unix
    }

    pub(crate) fn are_none(&self) -> bool {
        self.networks.is_empty() && !self.has_unix
    }
}

/// The numbers of public addresses in some networks.
struct Addresses {
    ipv4: u128,
    ipv6: u128,
}

impl Addresses {
    fn of(networks: &[IpNet]) -> Self {
        let mut addresses = Self { ipv4: 0, ipv6: 0 };
        // Aggregated networks do not overlap, so none of their addresses is counted twice.
        for network in IpNet::aggregate(&networks.to_vec()) {
            match network {
                IpNet::V4(network) => {
                    let reserved = RESERVED.iter().map(|reserved| common_ipv4(network, *reserved));
                    addresses.ipv4 += size_ipv4(network) - reserved.sum::<u128>();
                }
                IpNet::V6(network) => {
                    // Each address in these networks is that of an IPv4 host.
                    for (translated, host_bits) in TRANSLATED {
                        addresses.ipv4 += common_ipv6(network, *translated).div_ceil(1 << host_bits);
                    }
                    addresses.ipv6 += common_ipv6(network, GLOBAL_UNICAST);
                }
            }
        }
        addresses
    }

    fn are_too_many(&self) -> bool {
        self.ipv4 > MAX_IPV4 || self.ipv6 > MAX_IPV6
    }
}

fn size_ipv4(network: Ipv4Net) -> u128 {
    1 << (32 - u32::from(network.prefix_len()))
}

/// The number of addresses that are in both networks: one of them contains the other, or they have none in common.
fn common_ipv4(a: Ipv4Net, b: Ipv4Net) -> u128 {
    if a.contains(&b) {
        size_ipv4(b)
    } else if b.contains(&a) {
        size_ipv4(a)
    } else {
        0
    }
}

/// See [`common_ipv4`]. The number is at most 2^125, the size of `GLOBAL_UNICAST`, or one in `TRANSLATED`.
fn common_ipv6(a: Ipv6Net, b: Ipv6Net) -> u128 {
    let size = |network: Ipv6Net| 1_u128.checked_shl(128 - u32::from(network.prefix_len())).unwrap_or(u128::MAX);
    if a.contains(&b) {
        size(b)
    } else if b.contains(&a) {
        size(a)
    } else {
        0
    }
}

const fn ipv4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn ipv6(first: [u16; 3], prefix: u8) -> Ipv6Net {
    let [a, b, c] = first;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// The item for connections without an address. nginx's `set_real_ip_from` has the same word.
const UNIX: &str = "unix:";

/// A /8. All published networks of any one CDN have fewer addresses, and some companies use a public /8 inside only.
const MAX_IPV4: u128 = 1 << 24;
/// A /20, as large as what a registry assigns to a large provider.
const MAX_IPV6: u128 = 1 << (128 - 20);

/// The IPv4 networks that are not routed on the internet: of RFC 6890 those with more than 2^16 addresses.
const RESERVED: &[Ipv4Net] = &[
    ipv4([0, 0, 0, 0], 8),
    ipv4([10, 0, 0, 0], 8),
    ipv4([100, 64, 0, 0], 10),
    ipv4([127, 0, 0, 0], 8),
    ipv4([169, 254, 0, 0], 16),
    ipv4([172, 16, 0, 0], 12),
    ipv4([192, 168, 0, 0], 16),
    ipv4([198, 18, 0, 0], 15),
    // Multicast, reserved and broadcast addresses.
    ipv4([224, 0, 0, 0], 3),
];

/// The addresses that are routed on the internet (RFC 4291 §2.4, RFC 3587 §3).
const GLOBAL_UNICAST: Ipv6Net = ipv6([0x2000, 0, 0], 3);

/// The networks that contain an IPv6 address for each IPv4 host, and the bits that such a host can choose.
const TRANSLATED: &[(Ipv6Net, u32)] = &[
    // IPv4-mapped: a peer has such an address only in IPv4 form.
    (MAPPED, 0),
    // NAT64 (RFC 6052 §2.1, RFC 8215).
    (ipv6([0x64, 0xff9b, 0], 96), 0),
    (ipv6([0x64, 0xff9b, 1], 48), 0),
    // Teredo (RFC 4380 §4), 6to4 (RFC 3056 §2).
    (ipv6([0x2001, 0, 0], 32), 0),
    (ipv6([0x2002, 0, 0], 16), 80),
];

const TOO_WIDE: (IssueKind, &str, &str) = (
    IssueKind::Prohibited,
    "the network has more public addresses than any real list of proxies, so clients could choose their address",
    "list only the networks of your proxies, or count the proxies with TrustedProxies::hops(..); if you mean it, call \
     TrustedProxies::dangerously_trust_networks(..)",
);

#[cfg(test)]
mod tests;
