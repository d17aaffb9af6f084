//! `Lists`: the networks of an `IpFilter`, and the decision about an address.

use std::net::IpAddr;

use crate::context::NetworkSet;

/// The validated lists of an `IpFilter`.
#[derive(Debug)]
pub(super) struct Lists {
    /// `None` if every address that is not denied is allowed.
    pub(super) allowed: Option<NetworkSet>,
    pub(super) denied: NetworkSet,
}

impl Lists {
    pub(super) fn admit(&self, ip: IpAddr) -> bool {
        !self.denied.contains_client(ip) && self.allowed.as_ref().is_none_or(|allowed| allowed.contains_client(ip))
    }
}
