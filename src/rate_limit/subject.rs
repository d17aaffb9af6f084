//! `Subject`: the user, address, API key or tenant that a limit is applied to.

#[cfg(feature = "login_protection")]
mod account;
#[cfg(feature = "login_protection")]
mod device;
mod network;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

#[cfg(feature = "redis")]
use sha2::{Digest, Sha256};

use crate::context::{Credential, UserContext};
use crate::rate_limit::subject::network::network;

#[cfg(feature = "login_protection")]
pub(super) use device::Device;

/// The user, address, API key, tenant or custom value that a limit is applied to.
///
/// A [`RateLimit`](crate::RateLimit) determines the subject of a request by its [`Key`](crate::rate_limit::Key). Create
/// one yourself to [charge](crate::RateLimit::check), [inspect](crate::RateLimit::peek) or
/// [reset](crate::RateLimit::reset) a subject outside a request:
///
/// ```
/// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limit = RateLimit::builder()
///     .quota(Quota::per_hour(100)?)
///     .key(Key::user())
///     .build()?;
///
/// let ann = Subject::user(Some("https://auth.example.com"), "ann");
/// limit.check(&ann, 30).await?;
/// assert_eq!(limit.peek(&ann).await?[0].used(), 30);
/// limit.reset(&ann).await?;
/// assert_eq!(limit.peek(&ann).await?[0].used(), 0);
/// # Ok(())
/// # }
/// ```
///
/// Two subjects are the same if they are of the same kind and have the same parts. A user and a tenant of the same name
/// are different subjects, and so are two users with the same id at different issuers. The `Debug` output does not show
/// API keys.
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
    /// An account, by its folded name, as any client or as one known device.
    #[cfg(feature = "login_protection")]
    Account {
        name: Cow<'a, str>,
        device: Option<Device>,
    },
    Address(IpAddr),
    ApiKey(Cow<'a, [u8]>),
    /// A credential with a quota of its own.
    Credential {
        issuer: Option<&'a str>,
        kind: &'static str,
        id: &'a str,
    },
    Custom(Cow<'a, str>),
    Global,
    Tenant(Cow<'a, str>),
    User {
        issuer: Option<Cow<'a, str>>,
        id: Cow<'a, str>,
    },
    UserTenant {
        issuer: Option<Cow<'a, str>>,
        name: Cow<'a, str>,
    },
}

impl<'a> Subject<'a> {
    /// A user, by the issuer and id of their [`UserContext`]. Users of tokens always have an issuer.
    ///
    /// The user's tier is unknown, so the quota of the lowest tier applies; see [`of_user`](Self::of_user).
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, UserContext};
    /// use portcullis::rate_limit::{Key, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quota = Quota::per_hour(100)?;
    /// # let limit = RateLimit::builder().quota(quota).key(Key::user()).build()?;
    /// let user = UserContext::new("ann").with_issuer("https://a.example");
    /// limit.check(&Subject::of_user(&user), 1).await?;
    ///
    /// let ann = Subject::user(Some("https://a.example"), "ann");
    /// assert_eq!(limit.peek(&ann).await?[0].used(), 1);
    /// // Another issuer, or none, is another user.
    /// let other = Subject::user(None, "ann");
    /// assert_eq!(limit.peek(&other).await?[0].used(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn user(issuer: Option<&'a str>, id: &'a str) -> Self {
        Self::of(Kind::User { issuer: issuer.map(Cow::Borrowed), id: Cow::Borrowed(id) })
    }

    /// A user, with the quota of their tier.
    ///
    /// ```
    /// use portcullis::rate_limit::{Key, Subject};
    /// use portcullis::{Quota, RateLimit, Tiers, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tiers = Tiers::ascending(["free", "paid"])?;
    /// let (free, paid) = (tiers.get("free")?, tiers.get("paid")?);
    /// let limit = RateLimit::builder()
    ///     .by_tier([
    ///         (free, Quota::per_hour(10)?),
    ///         (paid.clone(), Quota::per_hour(500)?),
    ///     ])
    ///     .key(Key::user())
    ///     .build()?;
    ///
    /// let ann = UserContext::new("ann").with_tier(paid);
    /// let usages = limit.peek(&Subject::of_user(&ann)).await?;
    /// assert_eq!(usages[0].limit(), 500);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn of_user(user: &'a UserContext) -> Self {
        Self { user: Some(user), ..Self::user(user.issuer(), user.id()) }
    }

    /// A client address. IPv6 addresses represent their network; see
    /// [`Key::ipv6_prefix`](crate::rate_limit::Key::ipv6_prefix). One that stands for an IPv4 host, such as an
    /// IPv4-mapped one, is the IPv4 address.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quota = Quota::per_hour(100)?;
    /// # let key = Key::ip();
    /// # let limit = RateLimit::builder().quota(quota).key(key).build()?;
    /// limit.check(&Subject::address("2001:db8::1".parse()?), 1).await?;
    ///
    /// let same_network = Subject::address("2001:db8::2".parse()?);
    /// assert_eq!(limit.peek(&same_network).await?[0].used(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[inline]
    pub fn address(ip: IpAddr) -> Self {
        Self::of(Kind::Address(ip.to_canonical()))
    }

    /// The holder of an API key, by the value of the header that [`Key::api_key`](crate::rate_limit::Key::api_key)
    /// reads.
    #[must_use]
    pub fn api_key(key: &'a [u8]) -> Self {
        Self::of(Kind::ApiKey(Cow::Borrowed(key)))
    }

    /// A tenant, by the name that the function given to [`Key::tenant`](crate::rate_limit::Key::tenant) returns.
    #[must_use]
    pub fn tenant(name: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Kind::Tenant(name.into()))
    }

    /// A tenant, by the issuer and [tenant](UserContext::tenant) of its users, as
    /// [`Key::user_tenant`](crate::rate_limit::Key::user_tenant) counts it.
    #[must_use]
    pub fn user_tenant(issuer: Option<&'a str>, tenant: &'a str) -> Self {
        Self::of(Kind::UserTenant { issuer: issuer.map(Cow::Borrowed), name: Cow::Borrowed(tenant) })
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
    ///
    /// Write the route as in the router, including the path of every `nest`. Other limits ignore it.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = Limit::new("each route", Quota::per_hour(10)?).by_route();
    /// let limit = RateLimit::builder().limit(limit).key(Key::user()).build()?;
    ///
    /// let ann = Subject::user(None, "ann");
    /// limit.check(&ann.clone().on_route("/users/{id}"), 1).await?;
    /// let other = ann.on_route("/reports");
    /// assert_eq!(limit.peek(&other).await?[0].used(), 0);
    /// # Ok(())
    /// # }
    /// ```
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

    /// The credential of the user, if it has an id and its user cannot get another one at any time. The route remains.
    pub(super) fn into_credential(self, user: &'a UserContext) -> Self {
        if matches!(user.credential(), Credential::Session | Credential::Token) {
            return self;
        }
        let Some(id) = user.token_id() else { return self };
        let kind = Kind::Credential { issuer: user.issuer(), kind: user.credential().as_str(), id };
        Self { kind, is_peer: false, ..self }
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

    pub(super) fn is_user_tenant(&self) -> bool {
        matches!(self.kind, Kind::UserTenant { .. })
    }

    /// Returns the address if it is that of the connection; see [`of_peer`](Self::of_peer).
    #[inline]
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self.kind {
            Kind::Address(ip) if self.is_peer => Some(ip),
            _ => None,
        }
    }

    /// Passes words to a hash function that no other subject has.
    ///
    /// Every part begins with one word that holds a tag and the length of the text that follows, or a tag and an IPv4
    /// address. So no two subjects have the same words, whatever text they contain: a caller cannot choose an id that
    /// ends in the encoding of another part. Whole words keep the hash function simple and fast.
    ///
    /// The encoding must not change: processes of different versions share a Redis store, whose keys are hashes of it.
    #[inline]
    pub(super) fn encode(&self, ipv6_prefix: u8, by_route: bool, mut sink: impl FnMut(u64)) {
        match &self.kind {
            #[cfg(feature = "login_protection")]
            Kind::Account { name, device } => {
                if let Some(Device { id, .. }) = device {
                    encode_text(b'D', id, &mut sink);
                }
                encode_text(b'a', name.as_bytes(), &mut sink);
            }
            Kind::Address(ip) => match network(*ip, ipv6_prefix) {
                IpAddr::V4(ip) => sink(u64::from(b'4') | u64::from(ip.to_bits()) << 32),
                IpAddr::V6(network) => {
                    let network = network.to_bits();
                    sink(u64::from(b'6'));
                    sink((network >> 64) as u64);
                    sink(network as u64);
                }
            },
            Kind::ApiKey(key) => encode_text(b'k', key, &mut sink),
            Kind::Credential { issuer, kind, id } => {
                if let Some(issuer) = issuer {
                    encode_text(b'i', issuer.as_bytes(), &mut sink);
                }
                encode_text(b'C', kind.as_bytes(), &mut sink);
                encode_text(b'C', id.as_bytes(), &mut sink);
            }
            Kind::Custom(name) => encode_text(b'c', name.as_bytes(), &mut sink),
            Kind::Global => sink(u64::from(b'*')),
            Kind::Tenant(name) => encode_text(b't', name.as_bytes(), &mut sink),
            Kind::User { issuer, id } => {
                // A user without an issuer differs from one with an empty issuer.
                if let Some(issuer) = issuer {
                    encode_text(b'i', issuer.as_bytes(), &mut sink);
                }
                encode_text(b'u', id.as_bytes(), &mut sink);
            }
            Kind::UserTenant { issuer, name } => {
                if let Some(issuer) = issuer {
                    encode_text(b'i', issuer.as_bytes(), &mut sink);
                }
                encode_text(b'T', name.as_bytes(), &mut sink);
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
///
/// The length distinguishes a text that ends in zeros from the padding.
fn encode_text(tag: u8, text: &[u8], sink: &mut impl FnMut(u64)) {
    sink(u64::from(tag) | (text.len() as u64) << 8);
    let (words, rest) = text.as_chunks::<8>();
    words.iter().for_each(|word| sink(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        sink(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }
}

/// Does not show API keys.
impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Subject");
        match &self.kind {
            #[cfg(feature = "login_protection")]
            Kind::Account { name, device } => debug.field("account", name).field("is_known_device", &device.is_some()),
            Kind::Address(ip) => debug.field("address", ip),
            Kind::ApiKey(_) => debug.field("api_key", &"..."),
            Kind::Credential { issuer, id, .. } => debug.field("issuer", issuer).field("credential", id),
            Kind::Custom(name) => debug.field("custom", name),
            Kind::Global => debug.field("global", &true),
            Kind::Tenant(name) => debug.field("tenant", name),
            Kind::User { issuer, id } => debug.field("issuer", issuer).field("user", id),
            Kind::UserTenant { issuer, name } => debug.field("issuer", issuer).field("tenant", name),
        };
        debug.field("route", &self.route).finish()
    }
}

#[cfg(test)]
mod tests;
