//! `Subject`: who is counted, spelt so that no two kinds can collide.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::context::UserContext;

/// Who is counted: a user, an address, an API key, a tenant or what a function of the app's own names.
///
/// A [`RateLimit`](crate::RateLimit) reads its subjects off requests by its [`Key`](crate::rate_limit::Key). An operator names one
/// to look into its limits or to lift them:
///
/// ```
/// use portcullis::rate_limit::{Key, Quota, RateLimit, Subject};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limit = RateLimit::builder().quota(Quota::per_hour(100)?).key(Key::user()).build()?;
/// let ann = Subject::user(Some("https://auth.example.com"), "ann");
/// assert_eq!(limit.peek(&ann).await?[0].used(), 0);
/// limit.unblock(&ann).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Subject<'a> {
    kind: Kind<'a>,
    /// Whether the address is a connection's own, since no proxy is trusted to name another.
    is_peer: bool,
    /// Whose tier counts, where it is known.
    user: Option<&'a UserContext>,
    route: Option<Cow<'a, str>>,
}

#[derive(Clone)]
enum Kind<'a> {
    Address(IpAddr),
    ApiKey(Cow<'a, [u8]>),
    Everybody,
    Own(Cow<'a, str>),
    Tenant(Cow<'a, str>),
    User { issuer: Option<Cow<'a, str>>, id: Cow<'a, str> },
}

impl<'a> Subject<'a> {
    /// A user, by issuer and id, both as their [`UserContext`] has them: a user of a token has an issuer. The quotas are
    /// those of the lowest tier; see [`of_user`](Self::of_user).
    #[must_use]
    pub fn user(issuer: Option<&'a str>, id: &'a str) -> Self {
        Self::of(Kind::User { issuer: issuer.map(Cow::Borrowed), id: Cow::Borrowed(id) })
    }

    /// This user, with the quotas of their tier.
    #[must_use]
    pub fn of_user(user: &'a UserContext) -> Self {
        Self { user: Some(user), ..Self::user(user.issuer(), user.id()) }
    }

    /// An address; of an IPv6 one, its network.
    #[must_use]
    #[inline]
    pub fn address(ip: IpAddr) -> Self {
        Self::of(Kind::Address(ip.to_canonical()))
    }

    /// The holder of an API key.
    #[must_use]
    pub fn api_key(key: &'a [u8]) -> Self {
        Self::of(Kind::ApiKey(Cow::Borrowed(key)))
    }

    /// A tenant.
    #[must_use]
    pub fn tenant(name: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Tenant(name.into()))
    }

    /// What a function given to [`Key::custom`](crate::rate_limit::Key::custom) returned.
    #[must_use]
    pub fn custom(name: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Own(name.into()))
    }

    /// Everybody together.
    #[must_use]
    pub fn global() -> Self {
        Self::of(Kind::Everybody)
    }

    /// On this route alone, for a limit that counts [by route](crate::rate_limit::Limit::by_route).
    #[must_use]
    pub fn on_route(mut self, route: impl Into<Cow<'a, str>>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// The peer of a connection, where no proxy is trusted to name another address.
    #[inline]
    pub(super) fn of_peer(ip: IpAddr) -> Self {
        Self { is_peer: true, ..Self::address(ip) }
    }

    #[inline]
    fn of(kind: Kind<'a>) -> Self {
        Self { kind, is_peer: false, user: None, route: None }
    }

    pub(super) fn context(&self) -> Option<&'a UserContext> {
        self.user
    }

    pub(super) fn is_api_key(&self) -> bool {
        matches!(self.kind, Kind::ApiKey(_))
    }

    pub(super) fn is_everybody(&self) -> bool {
        matches!(self.kind, Kind::Everybody)
    }

    pub(super) fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Own(_))
    }

    pub(super) fn is_tenant(&self) -> bool {
        matches!(self.kind, Kind::Tenant(_))
    }

    pub(super) fn is_user(&self) -> bool {
        matches!(self.kind, Kind::User { .. })
    }

    pub(super) fn is_address(&self) -> bool {
        matches!(self.kind, Kind::Address(_))
    }

    /// The address of a connection's peer, where no proxy is trusted to name another.
    #[inline]
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self.kind {
            Kind::Address(ip) if self.is_peer => Some(ip),
            _ => None,
        }
    }

    /// Spells what tells this subject from every other, in words, of which the last is returned.
    ///
    /// The first begins with a tag, which says how it goes on. Text stands behind its length; only that of the route is the
    /// last word.
    #[inline]
    pub(super) fn spell(&self, ipv6_prefix: u8, by_route: bool, mut sink: impl FnMut(u64)) -> u64 {
        match &self.kind {
            Kind::Address(IpAddr::V4(ip)) => sink(u64::from(b'4') | u64::from(ip.to_bits()) << 32),
            Kind::Address(IpAddr::V6(ip)) => {
                let network = network(*ip, ipv6_prefix);
                [u64::from(b'6'), (network >> 64) as u64, network as u64].into_iter().for_each(&mut sink);
            }
            Kind::ApiKey(key) => text(b'k', key, &mut sink),
            Kind::Everybody => sink(u64::from(b'*')),
            Kind::Own(name) => text(b'o', name.as_bytes(), &mut sink),
            Kind::Tenant(name) => text(b't', name.as_bytes(), &mut sink),
            Kind::User { issuer, id } => {
                if let Some(issuer) = issuer {
                    text(b'i', issuer.as_bytes(), &mut sink);
                }
                text(b'u', id.as_bytes(), &mut sink);
            }
        }
        let route = self.route(by_route);
        padded(route, &mut sink);
        route.len() as u64
    }

    /// Feeds what tells this subject from every other to the digest that all processes of a store agree on: a tag and the
    /// lengths of two parts, then the parts, then the route.
    #[cfg(feature = "redis")]
    pub(super) fn feed(&self, ipv6_prefix: u8, by_route: bool, mut sink: impl FnMut(&[u8])) {
        let (tag, first, second): (u8, &[u8], &[u8]) = match &self.kind {
            Kind::Address(IpAddr::V4(ip)) => (b'4', &ip.octets(), b""),
            Kind::Address(IpAddr::V6(ip)) => (b'6', &network(*ip, ipv6_prefix).to_be_bytes(), b""),
            Kind::ApiKey(key) => (b'k', key, b""),
            Kind::Everybody => (b'*', b"", b""),
            Kind::Own(name) => (b'o', name.as_bytes(), b""),
            Kind::Tenant(name) => (b't', name.as_bytes(), b""),
            Kind::User { issuer: Some(issuer), id } => (b'i', issuer.as_bytes(), id.as_bytes()),
            Kind::User { issuer: None, id } => (b'u', b"", id.as_bytes()),
        };
        let head = u128::from(tag) | (first.len() as u128) << 8 | (second.len() as u128) << 72;
        sink(&head.to_le_bytes());
        [first, second, self.route(by_route)].into_iter().for_each(sink);
    }

    #[inline]
    fn route(&self, by_route: bool) -> &[u8] {
        self.route.as_deref().filter(|_| by_route).unwrap_or_default().as_bytes()
    }
}

fn network(ip: Ipv6Addr, prefix: u8) -> u128 {
    let host_bits = 128 - u32::from(prefix.min(128));
    ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or_default()
}

fn text(tag: u8, text: &[u8], sink: &mut impl FnMut(u64)) {
    sink(u64::from(tag) | (text.len() as u64) << 8);
    padded(text, sink);
}

/// The last word is filled up with zeros.
#[inline]
fn padded(bytes: &[u8], sink: &mut impl FnMut(u64)) {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|word| sink(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        sink(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }
}

/// Shows no API key.
impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Subject");
        match &self.kind {
            Kind::Address(ip) => shown.field("address", ip),
            Kind::ApiKey(_) => shown.field("api_key", &"..."),
            Kind::Everybody => shown.field("everybody", &true),
            Kind::Own(name) => shown.field("own", name),
            Kind::Tenant(name) => shown.field("tenant", name),
            Kind::User { issuer, id } => shown.field("issuer", issuer).field("user", id),
        };
        shown.field("route", &self.route).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn spelt(subject: &Subject<'_>, prefix: u8, by_route: bool) -> Vec<u64> {
        let mut words = Vec::new();
        let last = subject.spell(prefix, by_route, |word| words.push(word));
        words.push(last);
        words
    }

    #[cfg(feature = "redis")]
    fn fed(subject: &Subject<'_>, prefix: u8, by_route: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        subject.feed(prefix, by_route, |part| bytes.extend_from_slice(part));
        bytes
    }

    #[test]
    #[cfg(feature = "redis")]
    fn what_is_fed_to_a_digest_tells_routes_and_networks_apart_where_they_count() {
        let on = |route: &'static str, by_route| fed(&Subject::custom("a").on_route(route), 64, by_route);
        assert_eq!(on("/b", false), on("/c", false));
        assert_ne!(on("/b", true), on("/c", true));
        let of = |ip: &str, prefix| fed(&Subject::address(ip.parse().unwrap()), prefix, false);
        assert_eq!(of("2001:db8::1", 64), of("2001:db8::2", 64));
        assert_ne!(of("2001:db8::1", 128), of("2001:db8::2", 128));
    }

    fn address(ip: &str) -> Vec<u64> {
        spelt(&Subject::address(ip.parse().unwrap()), 64, false)
    }

    #[test]
    fn no_two_subjects_are_spelt_alike() {
        let subjects = [
            Subject::user(None, "a"),
            Subject::user(Some(""), "a"),
            Subject::user(Some("a"), "b"),
            Subject::user(Some("ab"), ""),
            Subject::user(Some(""), "ab"),
            Subject::address("192.0.2.1".parse().unwrap()),
            Subject::address("2001:db8::1".parse().unwrap()),
            Subject::api_key(b"a"),
            Subject::tenant("a"),
            Subject::custom("a"),
            Subject::custom("a").on_route("/b"),
            Subject::custom("a/b"),
            Subject::custom("a\0"),
            Subject::custom(""),
            Subject::custom("").on_route("a"),
            Subject::custom("").on_route("a\0"),
            Subject::custom("\x01\0\0\0\0\0\0\0"),
            Subject::user(Some("eight by"), "a"),
            Subject::user(None, "eight by").on_route("u\x01\0\0\0\0\0\0a"),
            Subject::global(),
        ];
        let all: BTreeSet<_> = subjects.iter().map(|subject| spelt(subject, 64, true)).collect();
        assert_eq!(all.len(), subjects.len());
        #[cfg(feature = "redis")]
        assert_eq!(
            subjects.iter().map(|subject| fed(subject, 64, true)).collect::<BTreeSet<_>>().len(),
            subjects.len()
        );
    }

    #[test]
    fn an_ipv6_address_counts_by_its_network_and_a_mapped_one_as_ipv4() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:0:0:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        let two = ["2001:db8::1", "2001:db8::2"].map(|ip| Subject::address(ip.parse().unwrap()));
        assert_ne!(spelt(&two[0], 128, false), spelt(&two[1], 128, false));
        assert_eq!(spelt(&two[0], 0, false), spelt(&Subject::address("ff::".parse().unwrap()), 0, false));
    }

    #[test]
    fn a_route_counts_only_where_routes_are_counted() {
        let (here, there) = (Subject::custom("a").on_route("/b"), Subject::custom("a").on_route("/c"));
        assert_eq!(spelt(&here, 64, false), spelt(&there, 64, false));
        assert_ne!(spelt(&here, 64, true), spelt(&there, 64, true));
    }

    #[test]
    fn an_api_key_does_not_show() {
        assert!(!format!("{:?}", Subject::api_key(b"hunter2")).contains("hunter2"));
    }
}
