//! `Subject`: the user, address, API key or tenant that a limit is applied to.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

#[cfg(feature = "redis")]
use sha2::{Digest, Sha256};

use crate::context::UserContext;

/// The user, address, API key, tenant or custom value that a limit is applied to.
///
/// A [`RateLimit`](crate::RateLimit) determines the subject of a request by its [`Key`](crate::rate_limit::Key). Create
/// one yourself to charge, inspect or reset a subject outside of a request:
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
    /// Whether the address is that of the connection, because no proxy is trusted to name another.
    is_peer: bool,
    /// The user whose tier selects the quota, if known.
    user: Option<&'a UserContext>,
    route: Option<Cow<'a, str>>,
}

#[derive(Clone)]
enum Kind<'a> {
    Address(IpAddr),
    ApiKey(Cow<'a, [u8]>),
    Custom(Cow<'a, str>),
    Global,
    Tenant(Cow<'a, str>),
    User { issuer: Option<Cow<'a, str>>, id: Cow<'a, str> },
}

impl<'a> Subject<'a> {
    /// A user, by the issuer and id of their [`UserContext`]. Users of tokens always have an issuer.
    ///
    /// The user's tier is unknown, so the quota of the lowest tier applies; see [`of_user`](Self::of_user).
    #[must_use]
    pub fn user(issuer: Option<&'a str>, id: &'a str) -> Self {
        Self::of(Kind::User { issuer: issuer.map(Cow::Borrowed), id: Cow::Borrowed(id) })
    }

    /// A user, with the quota of their tier.
    #[must_use]
    pub fn of_user(user: &'a UserContext) -> Self {
        Self { user: Some(user), ..Self::user(user.issuer(), user.id()) }
    }

    /// A client address. IPv6 addresses stand for their network; see
    /// [`Key::ipv6_prefix`](crate::rate_limit::Key::ipv6_prefix).
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

    /// A tenant, by the name that the function given to [`Key::tenant`](crate::rate_limit::Key::tenant) returns.
    #[must_use]
    pub fn tenant(name: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Tenant(name.into()))
    }

    /// A custom subject, by the value that the function given to [`Key::custom`](crate::rate_limit::Key::custom)
    /// returns.
    #[must_use]
    pub fn custom(name: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Custom(name.into()))
    }

    /// The one subject that all requests share under [`Key::global`](crate::rate_limit::Key::global).
    #[must_use]
    pub fn global() -> Self {
        Self::of(Kind::Global)
    }

    /// Restricts the subject to one route, for limits that count [by route](crate::rate_limit::Limit::by_route).
    #[must_use]
    pub fn on_route(mut self, route: impl Into<Cow<'a, str>>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// The address of the connection, used if no proxy is trusted to name another.
    #[inline]
    pub(super) fn of_peer(ip: IpAddr) -> Self {
        Self { is_peer: true, ..Self::address(ip) }
    }

    #[inline]
    fn of(kind: Kind<'a>) -> Self {
        Self { kind, is_peer: false, user: None, route: None }
    }

    pub(super) fn user_context(&self) -> Option<&'a UserContext> {
        self.user
    }

    pub(super) fn is_address(&self) -> bool {
        matches!(self.kind, Kind::Address(_))
    }

    pub(super) fn is_api_key(&self) -> bool {
        matches!(self.kind, Kind::ApiKey(_))
    }

    pub(super) fn is_custom(&self) -> bool {
        matches!(self.kind, Kind::Custom(_))
    }

    pub(super) fn is_global(&self) -> bool {
        matches!(self.kind, Kind::Global)
    }

    pub(super) fn is_tenant(&self) -> bool {
        matches!(self.kind, Kind::Tenant(_))
    }

    pub(super) fn is_user(&self) -> bool {
        matches!(self.kind, Kind::User { .. })
    }

    /// Returns the address if it is that of the connection; see [`of_peer`](Self::of_peer).
    #[inline]
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self.kind {
            Kind::Address(ip) if self.is_peer => Some(ip),
            _ => None,
        }
    }

    /// Feeds a hash function with words that no other subject has.
    ///
    /// Every part begins with a word of a tag and the length of the text that follows, or of a tag and an IPv4 address.
    /// So no two subjects have the same words, whatever text they contain. Whole words keep the hash function simple
    /// and fast.
    #[inline]
    pub(super) fn encode(&self, ipv6_prefix: u8, by_route: bool, mut sink: impl FnMut(u64)) {
        match &self.kind {
            Kind::Address(IpAddr::V4(ip)) => sink(u64::from(b'4') | u64::from(ip.to_bits()) << 32),
            Kind::Address(IpAddr::V6(ip)) => {
                let network = network(*ip, ipv6_prefix);
                sink(u64::from(b'6'));
                sink((network >> 64) as u64);
                sink(network as u64);
            }
            Kind::ApiKey(key) => encode_text(b'k', key, &mut sink),
            Kind::Custom(name) => encode_text(b'c', name.as_bytes(), &mut sink),
            Kind::Global => sink(u64::from(b'*')),
            Kind::Tenant(name) => encode_text(b't', name.as_bytes(), &mut sink),
            Kind::User { issuer, id } => {
                if let Some(issuer) = issuer {
                    encode_text(b'i', issuer.as_bytes(), &mut sink);
                }
                encode_text(b'u', id.as_bytes(), &mut sink);
            }
        }
        if by_route && let Some(route) = &self.route {
            encode_text(b'r', route.as_bytes(), &mut sink);
        }
    }

    /// Returns the first half of the SHA-256 of the subject: the same in every process that shares a Redis store.
    #[cfg(feature = "redis")]
    pub(super) fn digest(&self, ipv6_prefix: u8, by_route: bool) -> u128 {
        let mut hash = Sha256::new();
        self.encode(ipv6_prefix, by_route, |word| hash.update(word.to_le_bytes()));
        let hash: [u8; 32] = hash.finalize().into();
        hash.iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte))
    }
}

/// Encodes a tag, the length of the text, and the text, whose last word is padded with zeros.
fn encode_text(tag: u8, text: &[u8], sink: &mut impl FnMut(u64)) {
    sink(u64::from(tag) | (text.len() as u64) << 8);
    let (words, rest) = text.as_chunks::<8>();
    words.iter().for_each(|word| sink(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        sink(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }
}

fn network(ip: Ipv6Addr, prefix: u8) -> u128 {
    let host_bits = 128 - u32::from(prefix.min(128));
    ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or_default()
}

/// Does not show API keys.
impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Subject");
        match &self.kind {
            Kind::Address(ip) => debug.field("address", ip),
            Kind::ApiKey(_) => debug.field("api_key", &"..."),
            Kind::Custom(name) => debug.field("custom", name),
            Kind::Global => debug.field("global", &true),
            Kind::Tenant(name) => debug.field("tenant", name),
            Kind::User { issuer, id } => debug.field("issuer", issuer).field("user", id),
        };
        debug.field("route", &self.route).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn encoded(subject: &Subject<'_>, prefix: u8, by_route: bool) -> Vec<u64> {
        let mut words = Vec::new();
        subject.encode(prefix, by_route, |word| words.push(word));
        words
    }

    fn encoded_address(ip: &str) -> Vec<u64> {
        encoded(&Subject::address(ip.parse().unwrap()), 64, false)
    }

    #[test]
    fn no_two_subjects_have_the_same_encoding() {
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
        let all: BTreeSet<_> = subjects.iter().map(|subject| encoded(subject, 64, true)).collect();
        assert_eq!(all.len(), subjects.len());
    }

    #[test]
    fn ipv6_addresses_count_by_network_and_mapped_ones_as_ipv4() {
        assert_eq!(encoded_address("2001:db8::1"), encoded_address("2001:db8::ffff:0:0:2"));
        assert_ne!(encoded_address("2001:db8::1"), encoded_address("2001:db8:0:1::1"));
        assert_eq!(encoded_address("::ffff:192.0.2.1"), encoded_address("192.0.2.1"));
        assert_ne!(encoded_address("192.0.2.1"), encoded_address("192.0.2.2"));
        let two = ["2001:db8::1", "2001:db8::2"].map(|ip| Subject::address(ip.parse().unwrap()));
        assert_eq!(encoded(&two[0], 64, false), encoded(&two[1], 64, false));
        assert_ne!(encoded(&two[0], 128, false), encoded(&two[1], 128, false));
        assert_eq!(encoded(&two[0], 0, false), encoded(&Subject::address("ff::".parse().unwrap()), 0, false));
    }

    #[test]
    fn routes_count_only_for_limits_by_route() {
        let (here, there) = (Subject::custom("a").on_route("/b"), Subject::custom("a").on_route("/c"));
        assert_eq!(encoded(&here, 64, false), encoded(&there, 64, false));
        assert_ne!(encoded(&here, 64, true), encoded(&there, 64, true));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn the_digest_distinguishes_what_the_encoding_does() {
        let digest = |subject: &Subject<'_>, by_route| subject.digest(64, by_route);
        let here = Subject::custom("a").on_route("/b");
        let there = Subject::custom("a").on_route("/c");
        assert_eq!(digest(&here, false), digest(&there, false));
        assert_ne!(digest(&here, true), digest(&there, true));
        assert_ne!(digest(&Subject::custom("a"), false), digest(&Subject::tenant("a"), false));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn the_digest_is_the_same_in_every_build() {
        let ip = |ip: &str| Subject::address(ip.parse().unwrap());
        for (subject, expected) in [
            (Subject::user(Some("https://auth.example.com"), "ann"), "0f58e24771106c977e4aeeaab1365e01"),
            (Subject::user(None, "ann"), "9dc5d24269c3fc80519b0fcec88634f0"),
            (ip("192.0.2.1"), "87b98daf38fadbf0299d7d7038cfcd42"),
            (ip("2001:db8::1"), "42038ffe6fd0c4adca3576f51a8a40d9"),
            (Subject::api_key(b"secret"), "d74674c682c54f2dbf400f41ed60a971"),
            (Subject::tenant("acme").on_route("/reports/{id}"), "ed8847d8e9c7839b3369ad9fd4d5f905"),
            (Subject::global(), "ed049108bc18f2c64369e8d0ea42850b"),
            (Subject::custom("x"), "a90043b73ca20b7d07bfb650e4154e8d"),
        ] {
            assert_eq!(format!("{:032x}", subject.digest(64, true)), expected, "{subject:?}");
        }
    }

    #[test]
    fn debug_output_does_not_show_an_api_key() {
        assert!(!format!("{:?}", Subject::api_key(b"hunter2")).contains("hunter2"));
    }
}
