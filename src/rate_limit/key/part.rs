//! `KeyPart`: one alternative of a key, and how it finds the subject of a request.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, request};

use crate::context::client_addr::ClientAddr;
use crate::context::{TrustedProxies, UserContext, Visitor};
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::subject::Subject;

/// One alternative of a key.
#[derive(Clone)]
pub(super) enum KeyPart {
    ApiKey(HeaderName),
    Custom(Arc<dyn Fn(&request::Parts) -> Option<String> + Send + Sync>),
    Global,
    Ip(TrustedProxies),
    Tenant(Arc<dyn Fn(&UserContext) -> Option<String> + Send + Sync>),
    User,
}

impl KeyPart {
    /// Returns the subject of a request; `None` if the request does not match.
    #[inline]
    pub(super) fn subject<'a>(&self, head: &'a request::Parts) -> Result<Option<Subject<'a>>, Denial> {
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
                // An outer `TrustedProxies` layer has found the address already.
                let known = head.extensions.get::<ClientAddr>();
                match known.copied().or_else(|| proxies.client(head)) {
                    // No proxy is trusted, so this is the connection's address: if it is that of a proxy, warn.
                    Some(client) if known.is_none() && proxies.is_none() => Some(Subject::of_peer(client.ip())),
                    Some(client) => Some(Subject::address(client.ip())),
                    // Another alternative would hide that the server does not provide the address.
                    None => return Err(Denial::new(DenialKind::AddressUnknown, Default::default())),
                }
            }
            Self::Tenant(read) => user(head)?.and_then(|user| read(user)).map(Subject::tenant),
            Self::User => user(head)?.map(Subject::of_user),
        })
    }
}

/// Returns the user, `None` for an anonymous caller.
///
/// If no layer authenticated, the app is misconfigured. Then this is an error and not `None`, because a fallback to the
/// next alternative would treat every user as anonymous.
fn user(head: &request::Parts) -> Result<Option<&UserContext>, Denial> {
    match head.extensions.get::<Visitor>() {
        Some(visitor) => Ok(visitor.user()),
        None => Err(Denial::new(DenialKind::auth_layer_missing("a RateLimit by user"), Default::default())),
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
