//! How a `Key` finds the subject of a request, and what it needs for that.

use http::{HeaderName, request};

use crate::context::Visitor;
use crate::gate::{Denial, DenialKind};
#[cfg(all(feature = "login_protection", feature = "redis"))]
use crate::keys::mac::MacKey;
use crate::rate_limit::key::Key;
use crate::rate_limit::key::part::KeyPart;
use crate::rate_limit::subject::Subject;

impl Key {
    pub(in crate::rate_limit) fn ipv6_prefix_bits(&self) -> u8 {
        self.ipv6_prefix.unwrap_or(DEFAULT_IPV6_PREFIX)
    }

    /// Whether it needs a layer that authenticates users.
    pub(in crate::rate_limit) fn needs_user(&self) -> bool {
        self.parts.iter().any(KeyPart::is_of_user)
    }

    /// Whether it has no subject for an anonymous caller, whatever the request carries.
    pub(in crate::rate_limit) fn requires_user(&self) -> bool {
        self.parts.iter().all(KeyPart::is_of_user)
    }

    /// Whether it needs a `TrustedProxies` layer.
    pub(in crate::rate_limit) fn needs_address(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, KeyPart::Ip))
    }

    /// Returns the headers of its API keys.
    pub(in crate::rate_limit) fn api_key_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.parts.iter().filter_map(|part| match part {
            KeyPart::ApiKey(header) => Some(header),
            _ => None,
        })
    }

    /// Returns the key of the HMAC that stands for the name of an account in a store; `None` if it counts no accounts.
    #[cfg(all(feature = "login_protection", feature = "redis"))]
    #[inline]
    pub(in crate::rate_limit) fn account_names(&self) -> Option<&MacKey> {
        self.parts.iter().find_map(|part| match part {
            KeyPart::Account { names, .. } => Some(&**names),
            _ => None,
        })
    }

    /// Returns the key for the known devices of the accounts that this key counts; `None` if it counts no accounts.
    #[cfg(feature = "login_protection")]
    pub(in crate::rate_limit) fn for_devices(&self) -> Option<Self> {
        self.parts.iter().find_map(|part| match part {
            KeyPart::Account { names, of_device: false } => {
                Some(Self::of(KeyPart::Account { names: names.clone(), of_device: true }))
            }
            _ => None,
        })
    }

    /// Whether the key can yield subjects of this kind.
    pub(in crate::rate_limit) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.parts.iter().any(|part| match part {
            #[cfg(feature = "login_protection")]
            KeyPart::Account { of_device, .. } if *of_device => subject.is_device(),
            #[cfg(feature = "login_protection")]
            KeyPart::Account { .. } => subject.is_account(),
            KeyPart::ApiKey(_) => subject.is_api_key(),
            KeyPart::Custom(_) => subject.is_custom(),
            KeyPart::Global => subject.is_global(),
            KeyPart::Ip => subject.is_address(),
            KeyPart::Tenant(_) => subject.is_tenant(),
            KeyPart::User => subject.is_user(),
            KeyPart::UserTenant => subject.is_user_tenant(),
        })
    }

    /// Returns the name of an alternative that every request matches, if another follows it.
    pub(in crate::rate_limit) fn unreachable_after(&self) -> Option<&'static str> {
        let all_but_last = self.parts.split_last().map(|(_, others)| others).unwrap_or_default();
        all_but_last.iter().find_map(|part| match part {
            KeyPart::Global => Some("global"),
            KeyPart::Ip => Some("ip"),
            _ => None,
        })
    }

    /// Returns the subject of a request.
    #[inline]
    pub(in crate::rate_limit) fn subject<'a>(&self, head: &'a request::Parts) -> Result<Subject<'a>, Denial> {
        for part in &self.parts {
            if let Some(subject) = part.subject(head)? {
                return Ok(subject);
            }
        }
        Err(self.subject_missing(head))
    }

    /// Returns the denial of a request that matches no alternative: a 401 if authentication would help.
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
}

const DEFAULT_IPV6_PREFIX: u8 = 64;
