//! `Subject`: who is counted, spelt so that no two kinds can collide.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

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

    /// What a function given to [`Key::own`](crate::rate_limit::Key::own) returned.
    #[must_use]
    pub fn own(name: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Own(name.into()))
    }

    /// Everybody together.
    #[must_use]
    pub fn everybody() -> Self {
        Self::of(Kind::Everybody)
    }

    /// On this route alone, for a limit that counts [by route](crate::rate_limit::Limit::by_route).
    #[must_use]
    pub fn on_route(mut self, route: impl Into<Cow<'a, str>>) -> Self {
        self.route = Some(route.into());
        self
    }

    fn of(kind: Kind<'a>) -> Self {
        Self { kind, user: None, route: None }
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

    pub(super) fn ip(&self) -> Option<IpAddr> {
        match self.kind {
            Kind::Address(ip) => Some(ip),
            _ => None,
        }
    }

    /// Feeds what tells this subject from every other: a tag and the lengths of two parts, then the parts, then the route.
    ///
    /// In few pieces, and the first of whole words: a keyed hash takes longest over pieces that end within a word.
    pub(super) fn feed(&self, ipv6_prefix: u8, by_route: bool, mut sink: impl FnMut(&[u8])) {
        let (tag, first, second): (u8, &[u8], &[u8]) = match &self.kind {
            Kind::Address(IpAddr::V4(ip)) => (b'4', &ip.octets(), b""),
            Kind::Address(IpAddr::V6(ip)) => {
                let host_bits = 128 - u32::from(ipv6_prefix.min(128));
                let network = ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or_default();
                (b'6', &network.to_be_bytes(), b"")
            }
            Kind::ApiKey(key) => (b'k', key, b""),
            Kind::Everybody => (b'*', b"", b""),
            Kind::Own(name) => (b'o', name.as_bytes(), b""),
            Kind::Tenant(name) => (b't', name.as_bytes(), b""),
            Kind::User { issuer: Some(issuer), id } => (b'i', issuer.as_bytes(), id.as_bytes()),
            Kind::User { issuer: None, id } => (b'u', b"", id.as_bytes()),
        };
        let head = u128::from(tag) | (first.len() as u128) << 8 | (second.len() as u128) << 72;
        sink(&head.to_le_bytes());
        let route = self.route.as_deref().filter(|_| by_route).unwrap_or_default().as_bytes();
        for part in [first, second, route] {
            if !part.is_empty() {
                sink(part);
            }
        }
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
    use super::*;

    fn fed(subject: &Subject<'_>, prefix: u8, by_route: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        subject.feed(prefix, by_route, |part| bytes.extend_from_slice(part));
        bytes
    }

    fn address(ip: &str) -> Vec<u8> {
        fed(&Subject::address(ip.parse().unwrap()), 64, false)
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
            Subject::own("a"),
            Subject::own("a").on_route("/b"),
            Subject::own("a/b"),
            Subject::own(""),
            Subject::everybody(),
        ];
        let spelt: std::collections::BTreeSet<_> = subjects.iter().map(|subject| fed(subject, 64, true)).collect();
        assert_eq!(spelt.len(), subjects.len());
    }

    #[test]
    fn an_ipv6_address_counts_by_its_network_and_a_mapped_one_as_ipv4() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:0:0:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        let two = ["2001:db8::1", "2001:db8::2"].map(|ip| Subject::address(ip.parse().unwrap()));
        assert_ne!(fed(&two[0], 128, false), fed(&two[1], 128, false));
        assert_eq!(fed(&two[0], 0, false), fed(&Subject::address("ff::".parse().unwrap()), 0, false));
    }

    #[test]
    fn a_route_counts_only_where_routes_are_counted() {
        let (here, there) = (Subject::own("a").on_route("/b"), Subject::own("a").on_route("/c"));
        assert_eq!(fed(&here, 64, false), fed(&there, 64, false));
        assert_ne!(fed(&here, 64, true), fed(&there, 64, true));
    }

    #[test]
    fn an_api_key_does_not_show() {
        assert!(!format!("{:?}", Subject::api_key(b"hunter2")).contains("hunter2"));
    }
}
