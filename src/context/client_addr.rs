//! `ClientAddr`: where a request comes from, as far as trusted proxies vouch for it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::request;
use ipnet::IpNet;

use crate::context::peer::peer;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::field::forwarded;

/// The address of the client: the peer of the connection, or what a trusted proxy says of it.
///
/// An IPv4-mapped IPv6 address is given as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    /// The IP address.
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

/// The networks of the proxies in front of the app, and the field they write; also a layer, which puts the
/// [`ClientAddr`] where every layer and handler below finds it.
///
/// A forwarding field is believed only as far as trusted hands wrote it: the client is the peer, unless the peer is
/// trusted; then the nearest address, read from the right, that is not. An entry that is no address ends the walk: the
/// client is then taken to be the last trusted proxy, so never let anybody in for having a proxy's address.
///
/// ```
/// use portcullis::TrustedProxies;
///
/// let proxies = TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])?;
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
    field: ForwardingField,
}

#[derive(Clone, Copy, Debug)]
enum ForwardingField {
    Forwarded,
    XForwardedFor,
}

impl TrustedProxies {
    /// Proxies in these networks (CIDR notation, or single addresses), which write `X-Forwarded-For`.
    ///
    /// # Errors
    ///
    /// Names every item that is neither an address nor a network.
    pub fn new<I>(networks: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut problems = ConfigIssues::default();
        let mut parsed = Vec::new();
        for network in networks {
            let text = network.as_ref();
            match text.parse::<IpNet>().or_else(|fault| text.parse::<IpAddr>().map(IpNet::from).map_err(|_| fault)) {
                Ok(network) => parsed.push(network),
                Err(_) => problems.add(
                    ConfigIssue::new(
                        "trusted proxies",
                        IssueKind::Invalid,
                        "neither an address nor a network",
                        "write an IP address or a network as 10.0.0.0/8",
                    )
                    .with_value(text),
                ),
            }
        }
        problems.into_result(|| Self { networks: parsed.into(), field: ForwardingField::XForwardedFor })
    }

    /// No proxy: the client is always the peer.
    pub fn none() -> Self {
        Self { networks: Arc::new([]), field: ForwardingField::XForwardedFor }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.networks.is_empty()
    }

    /// Reads `Forwarded` (RFC 7239) instead of `X-Forwarded-For`.
    ///
    /// Only one of the two is ever read: a proxy that writes one passes the other on as the client sent it.
    pub fn use_forwarded_header(mut self) -> Self {
        self.field = ForwardingField::Forwarded;
        self
    }

    /// The client of this request; `None` where the connection's peer is not known.
    ///
    /// The peer is axum's `ConnectInfo<SocketAddr>`, in tests its `MockConnectInfo<SocketAddr>`, or a
    /// [`std::net::SocketAddr`] in the request's extensions.
    #[must_use]
    pub fn client(&self, head: &request::Parts) -> Option<ClientAddr> {
        let peer = forwarded::canonical(peer(&head.extensions)?);
        if !self.trusts(peer) {
            return Some(ClientAddr(peer));
        }
        let client = match self.field {
            ForwardingField::Forwarded => self.walk(peer, forwarded::forwarded_for(&head.headers)),
            ForwardingField::XForwardedFor => self.walk(peer, forwarded::x_forwarded_for(&head.headers)),
        };
        Some(ClientAddr(client))
    }

    /// Whether the client came by https: as a trusted peer says in `X-Forwarded-Proto`, its last word, or in the `proto` of
    /// the client's element of `Forwarded`.
    pub(crate) fn vouches_for_https(&self, head: &request::Parts) -> bool {
        let is_trusted = peer(&head.extensions).is_some_and(|peer| self.trusts(forwarded::canonical(peer)));
        is_trusted
            && match self.field {
                ForwardingField::XForwardedFor => forwarded::is_x_forwarded_https(&head.headers),
                ForwardingField::Forwarded => {
                    let mut hops = forwarded::forwarded_hops(&head.headers).map_while(|hop| hop);
                    let mut farthest = None;
                    let client = hops.find(|hop| {
                        farthest = Some(*hop);
                        !self.trusts(hop.address)
                    });
                    client.or(farthest).is_some_and(|hop| hop.is_https)
                }
            }
    }

    /// The first address beyond the trusted ones; where there is none, the farthest that is known.
    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut farthest = peer;
        for hop in hops.map_while(|hop| hop) {
            farthest = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        farthest
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::Request;

    use super::*;

    fn head(peer: &str, fields: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder();
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        if let Ok(peer) = peer.parse::<IpAddr>() {
            head.extensions.insert(SocketAddr::from((peer, 4711)));
        }
        head
    }

    fn client(proxies: &TrustedProxies, peer: &str, fields: &[(&str, &str)]) -> Option<String> {
        proxies.client(&head(peer, fields)).map(|addr| addr.to_string())
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"]).unwrap()
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn without_a_trusted_peer_no_field_is_believed() {
        let fields = [(XFF, "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(client(&proxies(), "198.51.100.1", &fields).unwrap(), "198.51.100.1");
        assert_eq!(client(&TrustedProxies::none(), "10.0.0.1", &fields).unwrap(), "10.0.0.1");
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        let fields = [(XFF, "6.6.6.6, 203.0.113.9, 10.9.9.9"), (XFF, "10.0.0.2")];
        assert_eq!(client(&proxies(), "10.0.0.1", &fields).unwrap(), "203.0.113.9");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_walk_at_the_last_trusted_hop() {
        let fields = [(XFF, "6.6.6.6, unknown, 10.9.9.9")];
        assert_eq!(client(&proxies(), "10.0.0.1", &fields).unwrap(), "10.9.9.9");
    }

    #[test]
    fn where_every_hop_is_trusted_the_farthest_is_the_client() {
        assert_eq!(client(&proxies(), "10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")]).unwrap(), "10.0.0.3");
        assert_eq!(client(&proxies(), "10.0.0.1", &[]).unwrap(), "10.0.0.1");
    }

    #[test]
    fn only_the_chosen_field_is_read() {
        let fields = [(XFF, "6.6.6.6"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(client(&proxies(), "10.0.0.1", &fields).unwrap(), "6.6.6.6");
        assert_eq!(client(&proxies().use_forwarded_header(), "10.0.0.1", &fields).unwrap(), "203.0.113.9");
    }

    #[test]
    fn an_ipv4_mapped_peer_is_an_ipv4_address() {
        assert_eq!(client(&proxies(), "::ffff:10.0.0.1", &[(XFF, "203.0.113.9")]).unwrap(), "203.0.113.9");
        assert_eq!(client(&proxies(), "::ffff:192.0.2.1", &[]).unwrap(), "192.0.2.1");
    }

    #[test]
    fn an_unknown_peer_gives_no_client() {
        assert_eq!(client(&proxies(), "", &[(XFF, "203.0.113.9")]), None);
    }

    fn is_https(proxies: &TrustedProxies, peer: &str, fields: &[(&str, &str)]) -> bool {
        proxies.vouches_for_https(&head(peer, fields))
    }

    #[test]
    fn https_is_what_a_trusted_peer_says_last() {
        const PROTO: &str = "x-forwarded-proto";
        for (fields, expected) in [
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
            assert_eq!(is_https(&proxies(), "10.0.0.1", fields), expected, "{fields:?}");
            assert!(!is_https(&proxies(), "198.51.100.1", fields) && !is_https(&proxies(), "", fields), "{fields:?}");
            assert!(!is_https(&TrustedProxies::none(), "10.0.0.1", fields), "{fields:?}");
        }
    }

    #[test]
    fn https_is_what_the_clients_element_of_forwarded_says() {
        for (field, expected) in [
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
            let fields = [("forwarded", field), ("x-forwarded-proto", "https")];
            assert_eq!(is_https(&proxies().use_forwarded_header(), "10.0.0.1", &fields), expected, "{field}");
            assert!(!is_https(&proxies().use_forwarded_header(), "198.51.100.1", &fields), "{field}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        let error = TrustedProxies::new(["10.0.0.0/8", "10.0.0.0/33", "proxy.local"]).unwrap_err();
        let named: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
        assert_eq!(named, ["10.0.0.0/33", "proxy.local"]);
    }
}
