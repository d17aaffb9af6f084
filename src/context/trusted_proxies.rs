//! `TrustedProxies`: the client's IP address and scheme behind reverse proxies.
//!
//! The rules are those of `real_ip_recursive` in nginx: read from the right, skip trusted proxies, stop at the first
//! other address.

pub(super) mod networks;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::request;

use crate::context::client_addr::{Client, ClientAddr};
use crate::context::peer_ip::peer_ip;
use crate::context::trusted_proxies::networks::{Networks, Width};
use crate::error::{ConfigError, ConfigIssue, IssueKind};
use crate::field::forwarded::{self, MAX_HOPS};

/// The reverse proxies in front of the app, and the header in which they forward the client's address.
///
/// As a layer, it finds the address and the scheme of the client, for all inner layers and handlers:
/// [`ClientAddr`], limits with [`Key::ip`](crate::rate_limit::Key::ip), and the `Strict-Transport-Security` of
/// [`SecurityHeaders`](crate::SecurityHeaders). A [`Stack`](crate::Stack) has it as a
/// [setting](crate::stack::StackBuilder::trusted_proxies).
///
/// | constructor | trusted proxies | use it if |
/// |---|---|---|
/// | [`none`](Self::none) | none | clients connect to the app directly |
/// | [`new`](Self::new) | those in networks that you list, or on a Unix socket | you know the addresses of your proxies |
/// | [`hops`](Self::hops) | the last `n`, whatever their addresses | the platform does not publish them, or changes them |
///
/// The server must provide the address of the connection's peer: with axum, serve with
/// `into_make_service_with_connect_info::<SocketAddr>()`. A Unix socket has no such address.
///
/// A forwarding header is read only if the peer is a trusted proxy, and then from the right, because each proxy appends
/// to it. The client is the first address that is not a trusted proxy. Everything to its left may be forged. Reading
/// stops at an entry that is not an address, and the client is then the last trusted proxy. So never allow a request
/// only because its client has the address of a proxy.
///
/// With the feature `serde`, it is deserialized from the list that [`new`](Self::new) takes, or from the number that
/// [`hops`](Self::hops) takes. The empty list is [`none`](Self::none).
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
    trust: Trust,
    header: ForwardingHeader,
}

#[derive(Clone, Debug)]
enum Trust {
    Networks(Networks),
    /// The peer and the hops behind it, this many in total. The flag is set once the warning about the number is
    /// logged.
    Hops(usize, Arc<AtomicBool>),
}

#[derive(Clone, Copy, Debug)]
enum ForwardingHeader {
    Forwarded,
    XForwardedFor,
}

impl TrustedProxies {
    /// Trusts the proxies in these networks, which write `X-Forwarded-For`.
    ///
    /// A network is written in CIDR notation or as a single address. `unix:` stands for every connection without an
    /// address, as in nginx's `set_real_ip_from`. List only the addresses of your own proxies: every machine in these
    /// networks can choose the address that it appears to have.
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
    /// # Unix sockets
    ///
    /// Write `unix:` only if every connection without an address comes through a Unix socket that only your proxy can
    /// open. It does not matter whether the app is served with connect info of a type of your own, or without. A server
    /// on TCP must then provide the address of each peer, as it must anyway: if it does not, its clients are taken for
    /// the proxy and can choose their address.
    ///
    /// ```
    /// use portcullis::TrustedProxies;
    ///
    /// let proxies = TrustedProxies::new(["unix:"])?;
    /// // A request through a Unix socket with `X-Forwarded-For: 203.0.113.9`:
    /// # let request = http::Request::builder().header("x-forwarded-for", "203.0.113.9");
    /// # let head = request.body(()).unwrap().into_parts().0;
    /// assert_eq!(proxies.client(&head).unwrap().to_string(), "203.0.113.9");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every item that is neither an IP address nor a network nor `unix:`, and if the
    /// networks have more public addresses than any real list of proxies: more IPv4 addresses than a /8 (16,777,216),
    /// or more IPv6 addresses than a /20. Among such networks are `0.0.0.0/0`, `::/0`, and pairs like `0.0.0.0/1` and
    /// `128.0.0.0/1`. A client that is itself trusted can choose its address, and so evade every limit. If you do not
    /// know the addresses of your proxies, count them with [`hops`](Self::hops).
    pub fn new<I>(networks: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let networks = Networks::parse(networks, "TrustedProxies::new", Width::Bounded)?;
        Ok(Self::of(Trust::Networks(networks)))
    }

    /// Trusts the proxies in these networks, however many public addresses they have.
    ///
    /// Every client in these networks can choose its address. With `0.0.0.0/0` and `::/0`, all clients can.
    ///
    /// ```
    /// use portcullis::TrustedProxies;
    ///
    /// // A company that uses two public /8 networks only inside.
    /// let networks = ["11.0.0.0/8", "22.0.0.0/8"];
    /// assert!(TrustedProxies::new(networks).is_err());
    /// assert!(TrustedProxies::dangerously_trust_networks(networks).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every item that is neither an IP address nor a network nor `unix:`.
    pub fn dangerously_trust_networks<I>(networks: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let setting = "TrustedProxies::dangerously_trust_networks";
        Ok(Self::of(Trust::Networks(Networks::parse(networks, setting, Width::Unbounded)?)))
    }

    /// Trusts this many proxies, the nearest ones, whatever their addresses. They write `X-Forwarded-For`.
    ///
    /// Use it if the addresses of the proxies are unknown, for example those of a cloud platform's load balancer. The
    /// connection's peer is the first of the proxies, so the client is the entry at this place from the right. Count
    /// the entries that a request gets on its way: most proxies append one. For example:
    ///
    /// | proxies | entries | `hops` |
    /// |---|---|---|
    /// | one nginx, HAProxy, Envoy or AWS ALB | `client` | 1 |
    /// | Heroku's router, Google Cloud Run | `client` | 1 |
    /// | Google Cloud's Application Load Balancer, which adds its own address | `client, balancer` | 2 |
    /// | a CDN in front of one load balancer | `client, cdn` | 2 |
    ///
    /// ```
    /// use portcullis::TrustedProxies;
    ///
    /// let proxies = TrustedProxies::hops(2)?;
    /// // A request with a forged first entry in `X-Forwarded-For`:
    /// // 6.6.6.6, 203.0.113.9, 192.0.2.7
    /// # let mut head = http::Request::builder()
    /// #     .header("x-forwarded-for", "6.6.6.6, 203.0.113.9, 192.0.2.7").body(()).unwrap().into_parts().0;
    /// # head.extensions.insert(std::net::SocketAddr::from(([10, 0, 0, 1], 443)));
    /// assert_eq!(proxies.client(&head).unwrap().to_string(), "203.0.113.9");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// It is safe only if **every** request passes that many proxies that append to the header:
    ///
    /// - If clients can connect to the app around the proxies, or around the outer one, they can choose their address.
    ///   Let the app's firewall admit only the proxies, or list the networks with [`new`](Self::new).
    /// - If the number is too high, clients can choose their address too. The layer logs a warning once, when a request
    ///   has fewer entries, but at least one.
    /// - If the number is too low, all clients have the address of a proxy and share one limit.
    ///
    /// A request with fewer entries has the address of the leftmost one, or without entries that of the peer. Health
    /// checks of the load balancer are such requests. The peer's address is not needed otherwise, so this works on a
    /// Unix socket too.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the number is 0 or above 64. For 0, call [`none`](Self::none).
    pub fn hops(count: usize) -> Result<Self, ConfigError> {
        if (1..=MAX_HOPS).contains(&count) {
            return Ok(Self::of(Trust::Hops(count, Arc::default())));
        }
        let remedy = "pass the number of your proxies, or call TrustedProxies::none() if there is no proxy";
        let issue = ConfigIssue::new("TrustedProxies::hops", IssueKind::Invalid, "not from 1 to 64", remedy);
        Err(issue.with_value(count.to_string()).into())
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
        Self::of(Trust::Networks(Networks::default()))
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
    ///
    /// Inside a `TrustedProxies` layer, call [`ClientAddr::from_extensions`] instead.
    #[must_use]
    pub fn client(&self, head: &request::Parts) -> Option<ClientAddr> {
        self.find(head).addr
    }

    /// Returns the client of this request, and the scheme that it used.
    ///
    /// The scheme is in the last value of `X-Forwarded-Proto`, or in the `proto` parameter of the client's element of
    /// `Forwarded`.
    pub(crate) fn find(&self, head: &request::Parts) -> Client {
        let peer = peer_ip(&head.extensions);
        let mut client = Client {
            addr: peer.map(ClientAddr::new),
            is_https: false,
            is_proxied: self.trusts_peer(peer),
            trusts_no_proxy: self.trusts_no_proxy(),
        };
        if !client.is_proxied {
            return client;
        }
        let headers = &head.headers;
        let forwarded = match self.header {
            ForwardingHeader::XForwardedFor => {
                client.is_https = forwarded::is_x_forwarded_https(headers);
                self.client_hop(forwarded::x_forwarded_for(headers), |ip| ip)
            }
            ForwardingHeader::Forwarded => {
                let hop = self.client_hop(forwarded::forwarded_hops(headers), |hop| hop.address);
                client.is_https = hop.is_some_and(|hop| hop.is_https);
                hop.map(|hop| hop.address)
            }
        };
        client.addr = forwarded.map(ClientAddr::new).or(client.addr);
        client
    }

    /// Returns the client's hop. The hops start at the nearest proxy, and a `None` ends them. The client is the first
    /// hop that is not a trusted proxy, or the last hop if all are trusted.
    ///
    /// The last hop is the proxy farthest from the app. Nothing vouches for the entries further left.
    fn client_hop<H: Copy>(&self, hops: impl Iterator<Item = Option<H>>, address: impl Fn(H) -> IpAddr) -> Option<H> {
        let mut last = None;
        // The peer is the first proxy, so the first entry is the address of the second one.
        for (hop, proxies) in hops.map_while(|hop| hop).zip(1..) {
            last = Some(hop);
            if !self.trusts_hop(address(hop), proxies) {
                return last;
            }
        }
        if last.is_some() {
            self.warn_about_missing_hops();
        }
        last
    }

    /// Whether the connection of this request is from a trusted proxy.
    #[cfg(feature = "client_cert")]
    pub(crate) fn trusts_peer_of(&self, head: &request::Parts) -> bool {
        self.trusts_peer(peer_ip(&head.extensions))
    }

    /// Whether every connection counts as one from a trusted proxy.
    #[cfg(feature = "client_cert")]
    pub(crate) fn trusts_every_peer(&self) -> bool {
        matches!(self.trust, Trust::Hops(..))
    }

    fn trusts_peer(&self, peer: Option<IpAddr>) -> bool {
        match (&self.trust, peer) {
            (Trust::Networks(networks), Some(ip)) => networks.contain(ip),
            (Trust::Networks(networks), None) => networks.has_unix(),
            (Trust::Hops(..), _) => true,
        }
    }

    /// Whether the sender at this address is a trusted proxy, after `proxies` others.
    fn trusts_hop(&self, ip: IpAddr, proxies: usize) -> bool {
        match &self.trust {
            Trust::Networks(networks) => networks.contain(ip),
            Trust::Hops(count, _) => proxies < *count,
        }
    }

    pub(crate) fn trusts_no_proxy(&self) -> bool {
        matches!(&self.trust, Trust::Networks(networks) if networks.are_none())
    }

    /// Logs once that the number of hops is probably too high. A request without any entry may be a health check, so it
    /// is not logged.
    fn warn_about_missing_hops(&self) {
        let Trust::Hops(count, has_warned) = &self.trust else { return };
        if !has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                hops = count,
                "a request has fewer forwarded addresses than TrustedProxies::hops expects; if it passed all of your \
                 proxies, lower the number: otherwise clients can choose their address"
            );
        }
    }

    fn of(trust: Trust) -> Self {
        Self { trust, header: ForwardingHeader::XForwardedFor }
    }
}

#[cfg(test)]
mod tests;
