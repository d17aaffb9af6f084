//! Values that layers pass to each other and to handlers: the user, privileges, the client's address.
//!
//! | value | set by | read by |
//! |---|---|---|
//! | [`Visitor`] with [`UserContext`] | [`JwtAuth`](crate::JwtAuth), custom gates | `Require*`, handlers |
//! | [`ClientAddr`] | [`TrustedProxies`] | handlers, `RateLimit`, `IpFilter` |
//! | `PeerCertificate` | the TLS server, `ClientCertAuth` | `ClientCertAuth`, handlers |
//! | [`RateLimitStatus`], [`Attempt`] | [`RateLimit`](crate::RateLimit) | handlers |
//! | [`CspNonce`], [`NoStore`] | [`SecurityHeaders`](crate::SecurityHeaders) | handlers, `JwtAuth` |
//!
//! The other types here are settings that several layers share: [`OriginSet`], [`Realm`] with its [`AuthScheme`]s,
//! [`Roles`], [`Scopes`], [`Tiers`].
//!
//! The layers put these values into the request's extensions. Axum handlers [extract](crate::extract) them, and a
//! service without axum reads them from the extensions:
//!
//! ```
//! use http::Request;
//! use portcullis::{UserContext, context::Visitor};
//!
//! let mut request = Request::new(());
//! // An authenticating layer does this.
//! let ann = UserContext::new("ann");
//! request.extensions_mut().insert(Visitor::authenticated(ann));
//!
//! let user = UserContext::from_extensions(request.extensions()).unwrap();
//! assert_eq!(user.id(), "ann");
//! ```
//!
//! [`ClientAddr`]: crate::ClientAddr
//! [`Roles`]: crate::Roles
//! [`Tiers`]: crate::Tiers

#[cfg(any(feature = "login_protection", feature = "passwords"))]
pub(crate) mod account_name;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
mod app_settings;
#[cfg(feature = "rate_limit")]
pub(crate) mod attempt;
mod auth_scheme;
pub(crate) mod client_addr;
mod credential;
#[cfg(feature = "headers")]
pub(crate) mod csp_nonce;
mod identity;
mod nat64;
mod network_set;
mod no_store;
#[cfg(feature = "cors")]
pub(crate) mod origin_set;
#[cfg(feature = "client_cert")]
mod peer_certificate;
pub(crate) mod peer_ip;
pub(crate) mod permission;
pub(crate) mod principal;
#[cfg(any(feature = "api_key", feature = "rate_limit"))]
#[cfg_attr(not(feature = "rate_limit"), expect(unreachable_pub, reason = "only a limit has an algorithm"))]
pub(crate) mod quota;
#[cfg(feature = "rate_limit")]
pub(crate) mod rate_limit_status;
mod realm;
#[cfg_attr(not(feature = "rate_limit"), expect(dead_code, reason = "limits compare routes in more ways"))]
mod request_route;
#[cfg(feature = "revocation")]
mod revocation_ids;
pub(crate) mod roles;
pub(crate) mod route;
mod route_pattern;
pub(crate) mod scopes;
#[cfg(feature = "serde")]
mod serialization;
mod shared_str;
pub(crate) mod tiers;
pub(crate) mod trusted_proxies;
pub(crate) mod user;
mod visitor;

#[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
pub(crate) use app_settings::AppSettings;
#[cfg(feature = "rate_limit")]
pub(crate) use attempt::Attempt;
pub use auth_scheme::AuthScheme;
pub use credential::Credential;
#[cfg(feature = "headers")]
pub(crate) use csp_nonce::CspNonce;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
pub(crate) use identity::Identity;
pub(crate) use nat64::Nat64Prefix;
pub(crate) use network_set::NetworkSet;
pub use no_store::NoStore;
#[cfg(feature = "cors")]
pub(crate) use origin_set::OriginSet;
#[cfg(feature = "client_cert")]
pub(crate) use peer_certificate::CertificateFields;
#[cfg(feature = "client_cert")]
pub use peer_certificate::{InvalidCertificate, PeerCertificate};
pub(crate) use permission::Permission;
#[cfg(feature = "api_key")]
pub(crate) use quota::Quota;
#[cfg(feature = "rate_limit")]
pub(crate) use rate_limit_status::{LimitSnapshot, LimitSnapshots};
#[cfg(feature = "rate_limit")]
pub(crate) use rate_limit_status::{LimitStatus, RateLimitStatus};
pub use realm::Realm;
pub(crate) use request_route::RequestRoute;
#[cfg(feature = "revocation")]
pub(crate) use revocation_ids::{IdHash, RevocationId, RevocationIds, RevocationKind};
pub(crate) use roles::Role;
pub use roles::RolesBuilder;
pub(crate) use route_pattern::RoutePattern;
pub(crate) use scopes::Scopes;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
pub(crate) use shared_str::SharedStr;
pub(crate) use tiers::Tier;
pub(crate) use trusted_proxies::TrustedProxies;
pub(crate) use user::UserContext;
pub use user::{AuthorizationDetail, ClaimsError};
pub use visitor::Visitor;
