//! The IP address of the connection's peer, which the server put into the request's extensions.
//!
//! A tower service does not see the connection. Servers differ in the type that they insert, so each known one is
//! tried.

use std::net::{IpAddr, SocketAddr};

#[cfg(feature = "axum")]
use axum::extract::connect_info::{ConnectInfo, MockConnectInfo};
use http::Extensions;

/// The peer's address from axum's `ConnectInfo`, else `MockConnectInfo`, else a bare [`SocketAddr`].
#[cfg(feature = "axum")]
pub(super) fn peer_ip(extensions: &Extensions) -> Option<IpAddr> {
    // The order of axum's own extractor: a real connection takes precedence over a mocked one.
    let connected = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let mocked = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    connected.or_else(mocked).or_else(|| socket_ip(extensions))
}

/// The peer's address from a bare [`SocketAddr`].
#[cfg(not(feature = "axum"))]
pub(super) fn peer_ip(extensions: &Extensions) -> Option<IpAddr> {
    socket_ip(extensions)
}

fn socket_ip(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}
