//! `KeyPart`: one alternative of a key, and how it finds the subject of a request.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, request};

use crate::context::client_addr::Client;
use crate::context::{UserContext, Visitor};
use crate::gate::{Denial, DenialKind};
#[cfg(feature = "login_protection")]
use crate::keys::mac::MacKey;
use crate::rate_limit::subject::Subject;

/// One alternative of a key.
#[derive(Clone)]
pub(super) enum KeyPart {
    /// Accounts or, with the flag, known devices of accounts. The keys are for their names in a store.
    #[cfg(feature = "login_protection")]
    Account {
        names: Arc<MacKey>,
        of_device: bool,
    },
    ApiKey(HeaderName),
    Custom(Arc<dyn Fn(&request::Parts) -> Option<String> + Send + Sync>),
    Global,
    Ip,
    Tenant(Arc<dyn Fn(&UserContext) -> Option<String> + Send + Sync>),
    User,
    UserTenant,
}

impl KeyPart {
    /// Whether it needs the user that a layer authenticated.
    pub(super) fn is_of_user(&self) -> bool {
        matches!(self, Self::Tenant(_) | Self::User | Self::UserTenant)
    }

    /// Returns the subject of a request; `None` if the request does not match.
    #[inline]
    pub(super) fn subject<'a>(&self, head: &'a request::Parts) -> Result<Option<Subject<'a>>, Denial> {
        Ok(match self {
            // The name is in the body.
            #[cfg(feature = "login_protection")]
            Self::Account { .. } => None,
            Self::ApiKey(header) => {
                // Two keys are no key: a proxy might have read the other one.
                let mut values = head.headers.get_all(header).iter();
                let single = values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes);
                single.filter(|key| !key.is_empty()).map(Subject::api_key)
            }
            Self::Custom(read) => read(head).map(Subject::custom),
            Self::Global => Some(Subject::global()),
            Self::Ip => Some(address(head)?),
            Self::Tenant(read) => user(head)?.and_then(|user| read(user)).map(Subject::tenant),
            Self::User => user(head)?.map(Subject::of_user),
            Self::UserTenant => user(head)?.and_then(|user| Some(Subject::user_tenant(user.issuer(), user.tenant()?))),
        })
    }
}

/// Returns the client's address, which an outer `TrustedProxies` layer has found.
///
/// Without one, this is an error: another alternative of the key would hide the mistake, and the address of the
/// connection may be that of a proxy, which all clients share.
#[inline]
fn address(head: &request::Parts) -> Result<Subject<'static>, Denial> {
    let Some(client) = head.extensions.get::<Client>() else {
        return Err(Denial::new(DenialKind::trusted_proxies_missing("a RateLimit by address"), Default::default()));
    };
    match client.addr {
        // This is the connection's address: if it is that of a proxy, warn.
        Some(addr) if client.trusts_no_proxy => Ok(Subject::of_peer(addr.ip())),
        Some(addr) => Ok(Subject::address(addr.ip())),
        None => Err(Denial::of_unknown_address(client)),
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
            #[cfg(feature = "login_protection")]
            Self::Account { .. } => "Account",
            Self::ApiKey(_) => "ApiKey",
            Self::Custom(_) => "Custom",
            Self::Global => "Global",
            Self::Ip => "Ip",
            Self::Tenant(_) => "Tenant",
            Self::User => "User",
            Self::UserTenant => "UserTenant",
        })
    }
}
