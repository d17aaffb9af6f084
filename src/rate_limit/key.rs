//! `Key`: by what the requests of one subject are told from those of another.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, request};

use crate::context::{ClientAddr, TrustedProxies, UserContext, Visitor};
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::subject::Subject;

/// By what requests are counted: the first of its parts that a request has.
///
/// ```
/// use portcullis::{TrustedProxies, rate_limit::Key};
///
/// let key = Key::user().or_ip(TrustedProxies::new(["10.0.0.0/8"])?);
/// # let _ = key;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// A request that has none of them is refused, it must not go uncounted: 401 where it is anonymous and the key charges for a
/// user, else 403. [`ip`](Key::ip) and [`everybody`](Key::global) are had by every request; nothing may stand behind them.
#[derive(Clone)]
#[must_use]
pub struct Key {
    parts: Vec<Part>,
    ipv6_prefix: Option<u8>,
}

#[derive(Clone)]
enum Part {
    ApiKey(HeaderName),
    Everybody,
    Ip(TrustedProxies),
    Own(Arc<dyn Fn(&request::Parts) -> Option<String> + Send + Sync>),
    Tenant(Arc<dyn Fn(&UserContext) -> Option<String> + Send + Sync>),
    User,
}

impl Key {
    /// The verified user, by issuer and id. An authenticating layer must stand outside, else the answer is 500.
    pub fn user() -> Self {
        Self::of(Part::User)
    }

    /// The client's address, an IPv6 one by its /64. Where [`TrustedProxies`] stands outside as a layer, what it found;
    /// else by these.
    pub fn ip(proxies: TrustedProxies) -> Self {
        Self::of(Part::Ip(proxies))
    }

    /// The one value of this field, an API key. It is kept and sent to a store as a hash alone.
    ///
    /// A caller may invent keys: let a layer that knows them stand outside, or add a limit by address.
    pub fn api_key(field: HeaderName) -> Self {
        Self::of(Part::ApiKey(field))
    }

    /// What the function reads off the verified user, their tenant.
    pub fn tenant(read: impl Fn(&UserContext) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(Part::Tenant(Arc::new(read)))
    }

    /// What a function of one's own reads off a request's head. Let it trust nothing that the caller may write at will.
    pub fn custom(read: impl Fn(&request::Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(Part::Own(Arc::new(read)))
    }

    /// Everybody together.
    pub fn global() -> Self {
        Self::of(Part::Everybody)
    }

    /// Else the client's address; see [`ip`](Self::ip).
    pub fn or_ip(self, proxies: TrustedProxies) -> Self {
        self.or(Self::ip(proxies))
    }

    /// Else another key: looked at where a request has nothing of this one, and not beside it.
    pub fn or(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self.ipv6_prefix = self.ipv6_prefix.or(other.ipv6_prefix);
        self
    }

    /// Sets how many leading bits of an IPv6 address are counted as one subject: 64 unless set, the network of one
    /// household; 48 or 56 where providers hand out more.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = Some(bits);
        self
    }

    pub(super) fn ipv6_bits(&self) -> u8 {
        self.ipv6_prefix.unwrap_or(IPV6_PREFIX)
    }

    /// Whether it looks for a verified user.
    pub(super) fn asks_for_a_user(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Tenant(_) | Part::User))
    }

    /// Whether subjects of this kind may be counted by it.
    pub(super) fn counts(&self, subject: &Subject<'_>) -> bool {
        self.parts.iter().any(|part| match part {
            Part::ApiKey(_) => subject.is_api_key(),
            Part::Everybody => subject.is_everybody(),
            Part::Ip(_) => subject.is_address(),
            Part::Own(_) => subject.is_own(),
            Part::Tenant(_) => subject.is_tenant(),
            Part::User => subject.is_user(),
        })
    }

    /// The name of the first part that every request has, where another part stands behind it.
    pub(super) fn hides_a_part(&self) -> Option<&'static str> {
        let before = self.parts.split_last().map(|(_, before)| before).unwrap_or_default();
        before.iter().find_map(|part| match part {
            Part::Everybody => Some("everybody"),
            Part::Ip(_) => Some("ip"),
            _ => None,
        })
    }

    /// The subject of a request.
    #[inline]
    pub(super) fn subject<'a>(&self, head: &'a request::Parts) -> Result<Subject<'a>, Denial> {
        for part in &self.parts {
            if let Some(subject) = part.subject(head)? {
                return Ok(subject);
            }
        }
        Err(self.missing(head))
    }

    /// Why a request that has none of the parts is refused.
    #[cold]
    fn missing(&self, head: &request::Parts) -> Denial {
        let visitor = head.extensions.get::<Visitor>();
        let is_anonymous = visitor.is_some_and(|visitor| visitor.user().is_none());
        let kind = if self.asks_for_a_user() && is_anonymous {
            DenialKind::CredentialsMissing
        } else {
            DenialKind::RateLimitKeyMissing
        };
        Denial::new(kind, visitor.map(|visitor| visitor.realm().clone()).unwrap_or_default())
    }

    fn of(part: Part) -> Self {
        Self { parts: vec![part], ipv6_prefix: None }
    }
}

impl Part {
    #[inline]
    fn subject<'a>(&self, head: &'a request::Parts) -> Result<Option<Subject<'a>>, Denial> {
        Ok(match self {
            Self::ApiKey(field) => {
                let mut values = head.headers.get_all(field).iter();
                let one = values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes);
                one.filter(|key| !key.is_empty()).map(Subject::api_key)
            }
            Self::Everybody => Some(Subject::global()),
            Self::Ip(proxies) => {
                let known = head.extensions.get::<ClientAddr>();
                match known.copied().or_else(|| proxies.client(head)) {
                    Some(client) if known.is_none() && proxies.is_none() => Some(Subject::of_peer(client.ip())),
                    Some(client) => Some(Subject::address(client.ip())),
                    None => return Err(Denial::new(DenialKind::AddressUnknown, Default::default())),
                }
            }
            Self::Own(read) => read(head).map(Subject::custom),
            Self::Tenant(read) => user(head)?.and_then(|user| read(user)).map(Subject::tenant),
            Self::User => user(head)?.map(Subject::of_user),
        })
    }
}

/// The user, `None` for an anonymous visitor. That nobody looked is a fault of the app's.
fn user(head: &request::Parts) -> Result<Option<&UserContext>, Denial> {
    match head.extensions.get::<Visitor>() {
        Some(visitor) => Ok(visitor.user()),
        None => {
            Err(Denial::new(DenialKind::AuthLayerMissing { required_by: "a RateLimit by user" }, Default::default()))
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey",
            Self::Everybody => "Everybody",
            Self::Ip(_) => "Ip",
            Self::Own(_) => "Own",
            Self::Tenant(_) => "Tenant",
            Self::User => "User",
        })
    }
}

const IPV6_PREFIX: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_subjects_of_its_kinds_alone() {
        let keys = [
            Key::api_key(HeaderName::from_static("x-api-key")),
            Key::global(),
            Key::ip(TrustedProxies::none()),
            Key::custom(|_| None),
            Key::tenant(|_| None),
            Key::user(),
        ];
        let subjects = [
            Subject::api_key(b"a"),
            Subject::global(),
            Subject::address("192.0.2.1".parse().expect("an address")),
            Subject::custom("a"),
            Subject::tenant("a"),
            Subject::user(None, "a"),
        ];
        for (row, key) in keys.iter().enumerate() {
            for (column, subject) in subjects.iter().enumerate() {
                assert_eq!(key.counts(subject), row == column, "{key:?} {subject:?}");
            }
        }
        let either = Key::user().or_ip(TrustedProxies::none());
        assert!(either.counts(&subjects[2]) && either.counts(&subjects[5]) && !either.counts(&subjects[0]));
    }
}
