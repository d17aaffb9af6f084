//! `Key`: what identifies the subject of a request.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, request};

use crate::context::{ClientAddr, TrustedProxies, UserContext, Visitor};
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::subject::Subject;

/// Identifies the [`Subject`] that a request is counted for. Alternatives are tried in order.
///
/// ```
/// use portcullis::{TrustedProxies, rate_limit::Key};
///
/// let key = Key::user().or_ip(TrustedProxies::new(["10.0.0.0/8"])?);
/// # let _ = key;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// A request that matches no alternative is rejected, so that it cannot evade the limit: with 401 if it is anonymous
/// and the key needs a user, else with 403. Every request has an [address](Key::ip) and a [global](Key::global)
/// subject, so no alternative may follow these.
#[derive(Clone)]
#[must_use]
pub struct Key {
    parts: Vec<KeyPart>,
    ipv6_prefix: Option<u8>,
}

#[derive(Clone)]
enum KeyPart {
    ApiKey(HeaderName),
    Custom(Arc<dyn Fn(&request::Parts) -> Option<String> + Send + Sync>),
    Global,
    Ip(TrustedProxies),
    Tenant(Arc<dyn Fn(&UserContext) -> Option<String> + Send + Sync>),
    User,
}

impl Key {
    /// Counts by the verified user, identified by issuer and id.
    ///
    /// An authenticating layer must be outside of this one. Otherwise the response to every request is 500.
    pub fn user() -> Self {
        Self::of(KeyPart::User)
    }

    /// Counts by the client's address; IPv6 addresses by their /64 network, see [`ipv6_prefix`](Self::ipv6_prefix).
    ///
    /// If [`TrustedProxies`] is also an outer layer, the address that it found is used, else the one found by
    /// `proxies`.
    pub fn ip(proxies: TrustedProxies) -> Self {
        Self::of(KeyPart::Ip(proxies))
    }

    /// Counts by an API key, the single value of this header. Stores keep only a hash of it.
    ///
    /// Callers may make up keys. Put a layer that verifies them outside of this one, or add a limit by address.
    pub fn api_key(header: HeaderName) -> Self {
        Self::of(KeyPart::ApiKey(header))
    }

    /// Counts by the tenant that the function reads from the verified user.
    ///
    /// ```
    /// use portcullis::rate_limit::Key;
    ///
    /// let by_email_domain = Key::tenant(|user| user.email()?.split_once('@').map(|(_, domain)| domain.to_owned()));
    /// # let _ = by_email_domain;
    /// ```
    pub fn tenant(read: impl Fn(&UserContext) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(KeyPart::Tenant(Arc::new(read)))
    }

    /// Counts by the value that the function reads from the request head.
    ///
    /// Do not rely on values that the caller can choose freely: with a new value per request it evades the limit.
    pub fn custom(read: impl Fn(&request::Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(KeyPart::Custom(Arc::new(read)))
    }

    /// Counts all requests together.
    pub fn global() -> Self {
        Self::of(KeyPart::Global)
    }

    /// Falls back to the client's address; see [`ip`](Self::ip).
    pub fn or_ip(self, proxies: TrustedProxies) -> Self {
        self.or(Self::ip(proxies))
    }

    /// Falls back to another key for requests that do not match this one.
    pub fn or(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self.ipv6_prefix = self.ipv6_prefix.or(other.ipv6_prefix);
        self
    }

    /// Sets how many leading bits of an IPv6 address identify a client (default 64; from 1 to 128).
    ///
    /// A /64 is usually one household. Use 48 or 56 if providers assign larger networks to your callers.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = Some(bits);
        self
    }

    pub(super) fn ipv6_prefix_bits(&self) -> u8 {
        self.ipv6_prefix.unwrap_or(DEFAULT_IPV6_PREFIX)
    }

    /// Whether it needs a layer that authenticates users.
    pub(super) fn needs_user(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, KeyPart::Tenant(_) | KeyPart::User))
    }

    /// Whether the key can yield subjects of this kind.
    pub(super) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.parts.iter().any(|part| match part {
            KeyPart::ApiKey(_) => subject.is_api_key(),
            KeyPart::Custom(_) => subject.is_custom(),
            KeyPart::Global => subject.is_global(),
            KeyPart::Ip(_) => subject.is_address(),
            KeyPart::Tenant(_) => subject.is_tenant(),
            KeyPart::User => subject.is_user(),
        })
    }

    /// Returns the name of an alternative that every request matches, if another follows it.
    pub(super) fn unreachable_after(&self) -> Option<&'static str> {
        let all_but_last = self.parts.split_last().map(|(_, others)| others).unwrap_or_default();
        all_but_last.iter().find_map(|part| match part {
            KeyPart::Global => Some("global"),
            KeyPart::Ip(_) => Some("ip"),
            _ => None,
        })
    }

    /// Returns the subject of a request.
    #[inline]
    pub(super) fn subject<'a>(&self, head: &'a request::Parts) -> Result<Subject<'a>, Denial> {
        for part in &self.parts {
            if let Some(subject) = part.subject(head)? {
                return Ok(subject);
            }
        }
        Err(self.subject_missing(head))
    }

    #[cold]
    fn subject_missing(&self, head: &request::Parts) -> Denial {
        let visitor = head.extensions.get::<Visitor>();
        let is_anonymous = visitor.is_some_and(|visitor| visitor.user().is_none());
        let kind = if self.needs_user() && is_anonymous {
            DenialKind::CredentialsMissing
        } else {
            DenialKind::RateLimitKeyMissing
        };
        Denial::new(kind, visitor.map(|visitor| visitor.realm().clone()).unwrap_or_default())
    }

    fn of(part: KeyPart) -> Self {
        Self { parts: vec![part], ipv6_prefix: None }
    }
}

impl KeyPart {
    #[inline]
    fn subject<'a>(&self, head: &'a request::Parts) -> Result<Option<Subject<'a>>, Denial> {
        Ok(match self {
            Self::ApiKey(header) => {
                // Two keys are no key: a proxy might have read the other one.
                let mut values = head.headers.get_all(header).iter();
                let single = values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes);
                single.filter(|key| !key.is_empty()).map(Subject::api_key)
            }
            Self::Custom(read) => read(head).map(Subject::custom),
            Self::Global => Some(Subject::global()),
            Self::Ip(proxies) => {
                let known = head.extensions.get::<ClientAddr>();
                match known.copied().or_else(|| proxies.client(head)) {
                    Some(client) if known.is_none() && proxies.is_none() => Some(Subject::of_peer(client.ip())),
                    Some(client) => Some(Subject::address(client.ip())),
                    None => return Err(Denial::new(DenialKind::AddressUnknown, Default::default())),
                }
            }
            Self::Tenant(read) => user(head)?.and_then(|user| read(user)).map(Subject::tenant),
            Self::User => user(head)?.map(Subject::of_user),
        })
    }
}

/// Returns the user, `None` for an anonymous caller. If no layer authenticated, the app is misconfigured.
fn user(head: &request::Parts) -> Result<Option<&UserContext>, Denial> {
    match head.extensions.get::<Visitor>() {
        Some(visitor) => Ok(visitor.user()),
        None => Err(Denial::new(DenialKind::auth_layer_missing("a RateLimit by user"), Default::default())),
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
    }
}

impl fmt::Debug for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey",
            Self::Custom(_) => "Custom",
            Self::Global => "Global",
            Self::Ip(_) => "Ip",
            Self::Tenant(_) => "Tenant",
            Self::User => "User",
        })
    }
}

const DEFAULT_IPV6_PREFIX: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_matches_only_subjects_of_its_kinds() {
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
                assert_eq!(key.matches(subject), row == column, "{key:?} {subject:?}");
            }
        }
        let either = Key::user().or_ip(TrustedProxies::none());
        assert!(either.matches(&subjects[2]) && either.matches(&subjects[5]) && !either.matches(&subjects[0]));
    }
}
