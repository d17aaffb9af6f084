//! `ClientAddr`: the client's IP address, and `Client`: all that a `TrustedProxies` finds out about a request.

use std::fmt;
use std::net::IpAddr;

use http::uri::Scheme;
use http::{Extensions, Version, request};

/// The client's IP address: the connection's peer, or the address that a trusted proxy forwarded.
///
/// A [`TrustedProxies`](crate::TrustedProxies) layer finds it. An IPv4-mapped IPv6 address is returned as IPv4.
/// Handlers [extract](crate::extract) it:
///
/// ```
/// use portcullis::ClientAddr;
///
/// async fn hello(client: ClientAddr) -> String {
///     format!("Hello, {client}")
/// }
/// # let _ = hello;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    pub(super) fn new(ip: IpAddr) -> Self {
        Self(ip)
    }

    /// Returns the IP address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// Returns the address that a [`TrustedProxies`](crate::TrustedProxies) layer found.
    ///
    /// It is `None` if there is no such layer around the caller, or if the server does not provide the address of the
    /// connection.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use http::Request;
    /// use portcullis::{ClientAddr, TrustedProxies, gate::Gate};
    ///
    /// let mut head = Request::new(()).into_parts().0;
    /// head.extensions.insert(SocketAddr::from(([203, 0, 113, 9], 4711)));
    /// assert!(ClientAddr::from_extensions(&head.extensions).is_none());
    ///
    /// // As a layer, it does this for each request.
    /// let _ = TrustedProxies::none().enter(&mut head);
    /// let client = ClientAddr::from_extensions(&head.extensions).unwrap();
    /// assert_eq!(client.to_string(), "203.0.113.9");
    /// ```
    #[must_use]
    pub fn from_extensions(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Client>()?.addr
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a `TrustedProxies` layer found out about a request, for all inner layers and handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    /// `None` if neither the server nor a trusted proxy provides an address.
    pub(crate) addr: Option<ClientAddr>,
    /// Whether a trusted proxy reports that the client used https.
    pub(crate) is_https: bool,
    /// Whether the connection is from a trusted proxy.
    pub(crate) is_proxied: bool,
    /// Whether the layer trusts no proxy at all, so that every peer is taken for a client.
    #[cfg_attr(not(feature = "rate_limit"), expect(dead_code, reason = "only `rate_limit` needs it"))]
    pub(crate) trusts_no_proxy: bool,
}

/// Whether the client is known to use https: by the URI of an HTTP/2 request, or by a trusted proxy.
#[inline]
pub(crate) fn is_https(head: &request::Parts) -> bool {
    // In HTTP/1 the client writes the scheme into the request target (RFC 9112 §3.2.2), so it proves nothing.
    let is_in_uri = head.version >= Version::HTTP_2 && head.uri.scheme() == Some(&Scheme::HTTPS);
    is_in_uri || head.extensions.get::<Client>().is_some_and(|client| client.is_https)
}
