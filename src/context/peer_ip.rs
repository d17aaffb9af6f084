//! The IP address of the connection's peer, which the server put into the request's extensions.
//!
//! A tower service does not see the connection. Servers differ in the type that they insert, so each known one is
//! tried.

use std::net::{IpAddr, SocketAddr};

#[cfg(feature = "axum")]
use axum::extract::connect_info::{ConnectInfo, MockConnectInfo};
use http::Extensions;

use crate::field::forwarded::canonical;

/// The peer's address from axum's `ConnectInfo`, else `MockConnectInfo`, else a bare [`SocketAddr`]. An IPv4-mapped
/// address is returned as IPv4.
///
/// It is `None` on a Unix socket, whatever the type of its connect info, and if the server inserts no address.
#[cfg(feature = "axum")]
pub(crate) fn peer_ip(extensions: &Extensions) -> Option<IpAddr> {
    // The order of axum's own extractor: a real connection takes precedence over a mocked one.
    let connected = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let mocked = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    connected.or_else(mocked).or_else(|| socket_ip(extensions)).map(canonical)
}

/// The peer's address from a bare [`SocketAddr`].
#[cfg(not(feature = "axum"))]
pub(crate) fn peer_ip(extensions: &Extensions) -> Option<IpAddr> {
    socket_ip(extensions).map(canonical)
}

fn socket_ip(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// Whether an address is private, link-local or loopback, as that of a proxy in the same network or on the same host.
#[cfg(any(feature = "headers", feature = "rate_limit"))]
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

#[cfg(all(test, any(feature = "headers", feature = "rate_limit")))]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_routed_globally_are_private() {
        let is_private = |ip: &str| is_private(ip.parse().unwrap());
        let private =
            ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"];
        assert!(private.into_iter().all(is_private));
        let public = ["192.0.2.1", "172.32.0.1", "8.8.8.8", "100.64.0.1", "2001:db8::1", "fec0::1"];
        assert!(!public.into_iter().any(is_private));
    }
}
