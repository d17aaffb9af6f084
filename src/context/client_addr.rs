//! `ClientAddr` and `TrustedProxies`: the client's IP address behind trusted proxies.
//!
//! The rules are those of `real_ip_recursive` in nginx: read from the right, skip trusted proxies, stop at the first
//! other address.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::request;
use ipnet::IpNet;

use crate::context::peer_ip::peer_ip;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::field::forwarded;

/// The client's IP address: the connection's peer, or the address that a trusted proxy forwarded.
///
/// An IPv4-mapped IPv6 address is returned as IPv4. Handlers [extract](crate::extract) it:
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
    /// Returns the IP address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The reverse proxies in front of the app, and the header in which they forward the client's address.
///
/// As a layer, it adds the [`ClientAddr`] to the request's extensions, for all inner layers and handlers. Other layers
/// take it as a setting, to find the client's address themselves.
///
/// The server must provide the address of the connection's peer: with axum, serve with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
///
/// A forwarding header is read only if the peer is a trusted proxy, and then from the right, because each proxy appends
/// to it. The client is the first address that is not a trusted proxy. Everything to its left may be forged. Reading
/// stops at an entry that is not an address, and the client is then the last trusted proxy. So never allow a request
/// only because its client has the address of a proxy.
///
/// With the feature `serde`, it is deserialized from the list that [`new`](Self::new) takes. The empty list is
/// [`none`](Self::none).
///
/// ```
/// use portcullis::TrustedProxies;
///
/// let proxies = TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"])?;
/// // A request from 10.0.0.1 with `X-Forwarded-For: 203.0.113.9, 10.1.2.3`:
/// # let mut head = http::Request::builder()
/// #     .header("x-forwarded-for", "203.0.113.9, 10.1.2.3").body(()).unwrap().into_parts().0;
/// # head.extensions.insert(std::net::SocketAddr::from(([10, 0, 0, 1], 443)));
/// assert_eq!(proxies.client(&head).unwrap().to_string(), "203.0.113.9");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    header: ForwardingHeader,
}

#[derive(Clone, Copy, Debug)]
enum ForwardingHeader {
    Forwarded,
    XForwardedFor,
}

impl TrustedProxies {
    /// Trusts the proxies in these networks, which write `X-Forwarded-For`.
    ///
    /// A network is written in CIDR notation or as a single address. List only the addresses of your own proxies: every
    /// machine in these networks can choose the address that it appears to have.
    ///
    /// ```
    /// use portcullis::TrustedProxies;
    ///
    /// assert!(TrustedProxies::new(["192.0.2.7", "10.0.0.0/8"]).is_ok());
    ///
    /// let error = TrustedProxies::new(["proxy.internal"]).unwrap_err();
    /// assert_eq!(error.issues()[0].value(), Some("proxy.internal"));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every item that is neither an IP address nor a network.
    pub fn new<I>(networks: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut issues = ConfigIssues::default();
        let mut parsed = Vec::new();
        for network in networks {
            let text = network.as_ref();
            match text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
                Some(network) => parsed.push(network),
                None => {
                    let (reason, remedy) = ("neither an address nor a network", "write 192.0.2.7 or 10.0.0.0/8");
                    let issue = ConfigIssue::new("TrustedProxies::new", IssueKind::Invalid, reason, remedy);
                    issues.add(issue.with_value(text));
                }
            }
        }
        issues.into_result(|| Self { networks: parsed.into(), header: ForwardingHeader::XForwardedFor })
    }

    /// Trusts no proxy: the client is always the connection's peer, and forwarding headers are ignored.
    ///
    /// ```
    /// use portcullis::TrustedProxies;
    ///
    /// # let request = http::Request::builder().header("x-forwarded-for", "203.0.113.9").body(()).unwrap();
    /// # let mut head = request.into_parts().0;
    /// # head.extensions.insert(std::net::SocketAddr::from(([198, 51, 100, 1], 443)));
    /// // A request from 198.51.100.1 with `X-Forwarded-For: 203.0.113.9`:
    /// let client = TrustedProxies::none().client(&head).unwrap();
    /// assert_eq!(client.to_string(), "198.51.100.1");
    /// ```
    pub fn none() -> Self {
        Self { networks: Arc::new([]), header: ForwardingHeader::XForwardedFor }
    }

    /// Whether no proxy is trusted.
    #[cfg(feature = "rate_limit")]
    pub(crate) fn is_none(&self) -> bool {
        self.networks.is_empty()
    }

    /// Reads the `Forwarded` header (RFC 7239) instead of `X-Forwarded-For`.
    ///
    /// Only one of the two is read, because a proxy that writes one passes the other on as the client sent it.
    ///
    /// ```
    /// # use portcullis::TrustedProxies;
    /// let proxies = TrustedProxies::new(["10.0.0.0/8"])?.use_forwarded_header();
    /// # let request = http::Request::builder().header("forwarded", "for=203.0.113.9").body(()).unwrap();
    /// # let mut head = request.into_parts().0;
    /// # head.extensions.insert(std::net::SocketAddr::from(([10, 0, 0, 1], 443)));
    /// assert_eq!(proxies.client(&head).unwrap().to_string(), "203.0.113.9");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn use_forwarded_header(mut self) -> Self {
        self.header = ForwardingHeader::Forwarded;
        self
    }

    /// Returns the client of this request; `None` if the connection's peer is unknown.
    ///
    /// The peer is axum's `ConnectInfo<SocketAddr>`, in tests its `MockConnectInfo<SocketAddr>`, or a
    /// [`std::net::SocketAddr`] in the request's extensions.
    #[must_use]
    pub fn client(&self, head: &request::Parts) -> Option<ClientAddr> {
        let peer = forwarded::canonical(peer_ip(&head.extensions)?);
        if !self.trusts(peer) {
            return Some(ClientAddr(peer));
        }
        let headers = &head.headers;
        let client = match self.header {
            ForwardingHeader::Forwarded => self.client_hop(forwarded::forwarded_for(headers), |hop| hop),
            ForwardingHeader::XForwardedFor => self.client_hop(forwarded::x_forwarded_for(headers), |hop| hop),
        };
        Some(ClientAddr(client.unwrap_or(peer)))
    }

    /// Whether a trusted proxy reports that the client used https: in the last value of `X-Forwarded-Proto`, or in the
    /// `proto` parameter of the client's element of `Forwarded`.
    #[cfg_attr(not(any(feature = "headers", test)), expect(dead_code, reason = "only `headers` needs it"))]
    pub(crate) fn reports_https(&self, head: &request::Parts) -> bool {
        let is_trusted = peer_ip(&head.extensions).is_some_and(|peer| self.trusts(forwarded::canonical(peer)));
        if !is_trusted {
            return false;
        }
        match self.header {
            ForwardingHeader::XForwardedFor => forwarded::is_x_forwarded_https(&head.headers),
            ForwardingHeader::Forwarded => {
                let client = self.client_hop(forwarded::forwarded_hops(&head.headers), |hop| hop.address);
                client.is_some_and(|hop| hop.is_https)
            }
        }
    }

    /// Returns the client's hop. The hops start at the nearest proxy, and a `None` ends them. The client is the first
    /// hop that is not a trusted proxy, or the last hop if all are trusted.
    ///
    /// The last hop is the proxy farthest from the app. Nothing vouches for the entries further left.
    fn client_hop<H: Copy>(&self, hops: impl Iterator<Item = Option<H>>, address: impl Fn(H) -> IpAddr) -> Option<H> {
        let mut last = None;
        for hop in hops.map_while(|hop| hop) {
            last = Some(hop);
            if !self.trusts(address(hop)) {
                break;
            }
        }
        last
    }

    /// Whether the address is one of a trusted proxy. It must not be an IPv4-mapped one, which no IPv4 network
    /// contains.
    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::Request;

    use super::*;

    fn head(peer: &str, headers: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        if let Ok(peer) = peer.parse::<IpAddr>() {
            head.extensions.insert(SocketAddr::from((peer, 4711)));
        }
        head
    }

    fn client(proxies: &TrustedProxies, peer: &str, headers: &[(&str, &str)]) -> Option<String> {
        proxies.client(&head(peer, headers)).map(|addr| addr.to_string())
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"]).unwrap()
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn headers_of_an_untrusted_peer_are_ignored() {
        let headers = [(XFF, "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(client(&proxies(), "198.51.100.1", &headers).unwrap(), "198.51.100.1");
        assert_eq!(client(&TrustedProxies::none(), "10.0.0.1", &headers).unwrap(), "10.0.0.1");
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        let headers = [(XFF, "6.6.6.6, 203.0.113.9, 10.9.9.9"), (XFF, "10.0.0.2")];
        assert_eq!(client(&proxies(), "10.0.0.1", &headers).unwrap(), "203.0.113.9");
    }

    #[test]
    fn an_invalid_entry_makes_the_last_trusted_proxy_the_client() {
        let headers = [(XFF, "6.6.6.6, unknown, 10.9.9.9")];
        assert_eq!(client(&proxies(), "10.0.0.1", &headers).unwrap(), "10.9.9.9");
    }

    #[test]
    fn if_every_hop_is_trusted_the_farthest_is_the_client() {
        assert_eq!(client(&proxies(), "10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")]).unwrap(), "10.0.0.3");
        assert_eq!(client(&proxies(), "10.0.0.1", &[]).unwrap(), "10.0.0.1");
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let headers = [(XFF, "6.6.6.6"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(client(&proxies(), "10.0.0.1", &headers).unwrap(), "6.6.6.6");
        assert_eq!(client(&proxies().use_forwarded_header(), "10.0.0.1", &headers).unwrap(), "203.0.113.9");
    }

    #[test]
    fn an_ipv4_mapped_peer_is_returned_as_ipv4() {
        assert_eq!(client(&proxies(), "::ffff:10.0.0.1", &[(XFF, "203.0.113.9")]).unwrap(), "203.0.113.9");
        assert_eq!(client(&proxies(), "::ffff:192.0.2.1", &[]).unwrap(), "192.0.2.1");
    }

    #[test]
    fn without_a_known_peer_the_client_is_unknown() {
        assert_eq!(client(&proxies(), "", &[(XFF, "203.0.113.9")]), None);
    }

    fn is_https(proxies: &TrustedProxies, peer: &str, headers: &[(&str, &str)]) -> bool {
        proxies.reports_https(&head(peer, headers))
    }

    #[test]
    fn https_is_read_from_the_last_x_forwarded_proto_of_a_trusted_peer() {
        const PROTO: &str = "x-forwarded-proto";
        for (headers, expected) in [
            (&[(PROTO, "https")][..], true),
            (&[(PROTO, "HTTPS ")], true),
            (&[(PROTO, "http, https")], true),
            (&[(PROTO, "http"), (PROTO, "https")], true),
            (&[(PROTO, "https, http")], false),
            (&[(PROTO, "https"), (PROTO, "http")], false),
            (&[(PROTO, "httpss")], false),
            (&[(PROTO, "")], false),
            (&[("forwarded", "for=203.0.113.9;proto=https")], false),
            (&[], false),
        ] {
            assert_eq!(is_https(&proxies(), "10.0.0.1", headers), expected, "{headers:?}");
            assert!(
                !is_https(&proxies(), "198.51.100.1", headers) && !is_https(&proxies(), "", headers),
                "{headers:?}"
            );
            assert!(!is_https(&TrustedProxies::none(), "10.0.0.1", headers), "{headers:?}");
        }
    }

    #[test]
    fn https_is_read_from_the_clients_element_of_forwarded() {
        for (value, expected) in [
            ("for=203.0.113.9;proto=https", true),
            ("for=203.0.113.9;Proto=\"HTTPS\"", true),
            ("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", true),
            ("for=203.0.113.9;proto=http, for=10.0.0.2;proto=https", false),
            ("for=6.6.6.6;proto=https, for=203.0.113.9;proto=http", false),
            ("for=10.0.0.3;proto=https, for=10.0.0.2;proto=http", true),
            ("for=unknown;proto=https, for=10.0.0.2;proto=http", false),
            ("for=203.0.113.9;proto=https;proto=https", false),
            ("for=203.0.113.9", false),
            ("proto=https", false),
            ("", false),
        ] {
            let headers = [("forwarded", value), ("x-forwarded-proto", "https")];
            assert_eq!(is_https(&proxies().use_forwarded_header(), "10.0.0.1", &headers), expected, "{value}");
            assert!(!is_https(&proxies().use_forwarded_header(), "198.51.100.1", &headers), "{value}");
        }
    }

    #[test]
    fn every_invalid_network_is_reported() {
        let error = TrustedProxies::new(["10.0.0.0/8", "10.0.0.0/33", "proxy.local"]).unwrap_err();
        let reported: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
        assert_eq!(reported, ["10.0.0.0/33", "proxy.local"]);
    }
}
