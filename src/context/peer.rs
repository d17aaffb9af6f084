//! The address of a connection's peer, as the server left it in the request's extensions.

use std::net::{IpAddr, SocketAddr};

#[cfg(feature = "axum")]
use axum::extract::connect_info::{ConnectInfo, MockConnectInfo};
use http::Extensions;

#[cfg(feature = "axum")]
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    // As axum's own extractor does: the connection's before the one that an app's tests put in its place.
    let connected = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let mocked = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    connected.or_else(mocked).or_else(|| plain_peer(extensions))
}

#[cfg(not(feature = "axum"))]
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    plain_peer(extensions)
}

fn plain_peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}
