//! `Lists`: the networks of an `IpFilter`, and the decision about an address.

use std::net::IpAddr;

use crate::context::{Nat64Prefix, NetworkSet};

/// The validated lists of an `IpFilter`.
#[derive(Debug)]
pub(super) struct Lists {
    /// `None` if every address that is not denied is allowed.
    pub(super) allowed: Option<NetworkSet>,
    pub(super) denied: NetworkSet,
    /// Beside the well-known prefix.
    pub(super) nat64: Box<[Nat64Prefix]>,
}

impl Lists {
    pub(super) fn admit(&self, ip: IpAddr) -> bool {
        let translated = self.translated(ip);
        let contains =
            |networks: &NetworkSet| networks.contains(ip) || translated.is_some_and(|ip| networks.contains(ip));
        !contains(&self.denied) && self.allowed.as_ref().is_none_or(contains)
    }

    /// Returns the client's address if a NAT64 has translated it.
    fn translated(&self, ip: IpAddr) -> Option<IpAddr> {
        let well_known = Nat64Prefix::WELL_KNOWN.client(ip);
        well_known.or_else(|| self.nat64.iter().find_map(|prefix| prefix.client(ip)))
    }
}
