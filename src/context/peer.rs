//! The address of a connection's peer, as the server left it in the request's extensions.

use std::net::{IpAddr, SocketAddr};

use http::Extensions;

#[cfg(feature = "axum")]
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let connect_info = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
    connect_info.map(|info| info.0.ip()).or_else(|| plain_peer(extensions))
}

#[cfg(not(feature = "axum"))]
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    plain_peer(extensions)
}

fn plain_peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}
