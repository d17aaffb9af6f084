//! Tower layers that secure an existing web app, and axum extractors that give its handlers the user.
//!
//! Portcullis verifies the tokens of any issuer, checks scopes, roles, permissions and tiers, limits request rates, and
//! adds CORS and security headers. Its layers work on axum's `Router`, on a tonic server, and on any hyper or tower
//! service.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis::{ConfigError, Issuer, JwtAuth, RequireScope, UserContext};
//!
//! fn app() -> Result<Router, ConfigError> {
//!     let auth = JwtAuth::builder()
//!         .issuer(Issuer::discover("https://auth.example.com"))
//!         .audience("https://api.example.com")
//!         .build()?;
//!     let reports = get(reports).layer(RequireScope::new("read:reports")?);
//!     Ok(Router::new().route("/reports", reports).layer(auth))
//! }
//!
//! async fn reports(user: UserContext) -> String {
//!     format!("the reports of {}", user.id())
//! }
//! # assert!(app().is_ok());
//! ```
//!
//! A request without a valid token gets 401, a user without the scope gets 403, and the handler runs for neither. The
//! user is a [`UserContext`]. [Getting started](_guide::start) continues from here, step by step.
//!
//! # Layers
//!
//! | layer | what it does |
//! |---|---|
//! | [JwtAuth] | verifies the bearer token of a request, and provides its user to handlers; otherwise 401 |
//! | [ApiKeyAuth] | verifies the API key of a request, which the app has issued; otherwise 401 |
//! | [IntrospectionAuth] | asks the authorization server about an opaque token, and provides its user; otherwise 401 |
//! | [SessionAuth] | authenticates browsers by a session cookie, and logs users in and out; otherwise 401 |
//! | [AnyOf] | accepts one of several credentials, for example a token or an API key |
//! | [BasicAuth] | verifies a user name and a password, for internal endpoints; otherwise 401 |
//! | [ClientCertAuth] | maps the client's TLS certificate to a user; otherwise 401 or 403 |
//! | [Require*](require) | protect a route with [`RequireScope`], [`RequireRole`], [`RequirePermission`], [`RequireTier`], [`RequireUser`], [`RequireVerifiedEmail`] or [`RequireCredential`]: 403 without the privilege, 401 for an anonymous user |
//! | [RateLimit] | limits the requests of each user, address, API key or tenant: 429 above the quota |
//! | [Cors] | lets pages of trusted origins read responses, and responds to preflights |
//! | [Csrf] | rejects requests that pages of other sites cause: 403. `SessionAuth` makes the same check, `JwtAuth` if the token is in a cookie, and `ClientCertAuth` for browsers |
//! | [SecurityHeaders] | adds missing security headers to every response: CSP, HSTS and others |
//! | [ClearSiteData](headers::ClearSiteData) | clears the browser's data after a logout |
//! | [EndStreams] | ends event streams, gRPC calls and, if enabled, downloads when their credential ends |
//! | [IpFilter] | allows or denies requests by the client's address: 403 |
//! | [TrustedProxies] | finds the client's address and scheme behind proxies |
//! | [Stack] | combines the layers of a whole app into one, in the correct order |
//!
//! [`Revocations`] is a handle for the layers that authenticate: after a logout, they reject a credential that has not
//! expired. [`BackChannelLogout`] is the endpoint at which an OpenID provider logs users out, and [`SharedSignals`] the
//! one to which an identity provider sends security events (CAEP, RISC).
//!
//! A layer decides before it calls the inner service, so a rejected request never reaches the handler. A rejection is a
//! [`Denial`](gate::Denial). It is sent as `application/problem+json`, or as a gRPC status if the service is a gRPC
//! server. An app can [render it differently](_guide::recipes::error_bodies). The module [`gate`] is for custom layers.
//!
//! # Extractors
//!
//! A handler receives what the layers provide as an argument: the user, the token's claims, the client's address, the
//! remaining quota, or the nonce of the page. The module [`extract`] lists them. Services without axum read the same
//! values from the request's [extensions](context).
//!
//! # Features
//!
//! | default feature | adds |
//! |---|---|
//! | **axum** | the extractors; support for axum's body and `ConnectInfo` |
//! | **cors** | [`Cors`], [`OriginSet`] |
//! | **end_streams** | [`EndStreams`] |
//! | **fetch** | the built-in HTTP client, which fetches published keys (hyper with rustls) |
//! | **headers** | [`SecurityHeaders`], [`ClearSiteData`](headers::ClearSiteData), [`CspNonce`] |
//! | **jwt** | [`JwtAuth`] |
//! | **rate_limit** | [`RateLimit`] |
//! | **revocation** | [`Revocations`], which rejects credentials before they expire |
//!
//! | opt-in feature | adds |
//! |---|---|
//! | **api_key** | [`ApiKeyAuth`] |
//! | **audit** | [`SecurityHeaders::audit`]: the grade of Mozilla's HTTP Observatory, for tests |
//! | **back_channel_logout** | [`BackChannelLogout`] |
//! | **basic** | [`BasicAuth`] |
//! | **client_cert** | [`ClientCertAuth`], for certificates of the TLS connection or of a trusted proxy |
//! | **introspection** | [`IntrospectionAuth`] |
//! | **metrics** | counters of [security events](security_event) |
//! | **login_protection** | limits by account, and [`DeviceCookies`](rate_limit::DeviceCookies) |
//! | **redis** | rate limits, revocations, API keys and sessions in Redis, shared by all processes |
//! | **redis_tls** | TLS to Redis (`rediss://`), by rustls with aws-lc |
//! | **risk** | [`RiskCheck`](risk::RiskCheck), which assesses logins and requests by a function of the app |
//! | **serde** | `Serialize` for users and privileges, `Deserialize` for [settings](_guide::recipes::settings) |
//! | **session** | [`SessionAuth`] |
//! | **shared_signals** | [`SharedSignals`] |
//! | **testing** | an in-process issuer, signed test tokens, a fake clock, [`as_user`](testing::as_user) |
//! | **tonic** | support for tonic's body; conversion of a rejection into tonic's `Status` |
//!
//! The `Require*` layers, [`AnyOf`], [`IpFilter`], [`TrustedProxies`], [`Stack`], [`gate`] and [`security_event`] need no
//! feature. The
//! guide lists [how many crates each feature brings](_guide::features).
//!
//! # Guide
//!
//! [Getting started](_guide::start) secures an app in eight steps. The [recipes](_guide::recipes) solve one task each:
//!
//! | to | read |
//! |---|---|
//! | log, and see why a request or token was rejected | [logging](_guide::recipes::logging) |
//! | write an audit log, and count security events | [audit events](_guide::recipes::audit_events) |
//! | return your own error JSON | [error bodies](_guide::recipes::error_bodies) |
//! | leave some routes open | [open routes](_guide::recipes::open_routes), [methods](_guide::recipes::methods) |
//! | understand a compiler error | [compiler errors](_guide::recipes::compile_errors) |
//! | test your routes | [testing](_guide::recipes::testing) |
//! | know which header a client sends | [client requests](_guide::recipes::client_requests) |
//! | choose a credential | [which credential](_guide::recipes::which_credential) |
//! | authenticate by API key | [API keys](_guide::recipes::api_keys) |
//! | accept opaque tokens | [opaque tokens](_guide::recipes::opaque_tokens) |
//! | log browser users in and out | [sessions](_guide::recipes::sessions) |
//! | log users in with an OpenID provider | [login with OpenID Connect](_guide::recipes::oidc_login) |
//! | accept several kinds of credentials, such as tokens and sessions | [several credentials](_guide::recipes::several_credentials) |
//! | log a user out, or end a session | [logout](_guide::recipes::logout) |
//! | use WebSockets or event streams, and end them | [WebSockets](_guide::recipes::websockets) |
//! | limit failed logins | [login limits](_guide::recipes::login_limits) |
//! | run behind a proxy | [load balancers](_guide::recipes::load_balancer), [peer address](_guide::recipes::peer_address) |
//! | read settings from a file | [settings](_guide::recipes::settings) |
//! | accept the tokens of many tenants | [many tenants](_guide::recipes::many_tenants) |
//! | rotate keys | [key rotation](_guide::recipes::key_rotation) |
//! | survive an outage of Redis | [Redis outage](_guide::recipes::redis_outage) |
//! | go to production, or report a vulnerability | [production](_guide::recipes::production) |
//!
//! More pages: [issuers](_guide::issuers) (Auth0, Okta, Entra ID, Keycloak, Cognito, Google or your own),
//! [layer order](_guide::layer_order), [defaults](_guide::defaults), [features](_guide::features),
//! [migration](_guide::migration) from tower-http's `CorsLayer` and from helmet, [threat model](_guide::threat_model),
//! [performance](_guide::performance) and [architecture](_guide::architecture).
//!
//! # What it does not do
//!
//! Portcullis issues no tokens, has no login page, keeps no application data in sessions, and reads no request bodies
//! except forms with [CSRF tokens](session::CsrfForm) and logout tokens. It does not replace TLS. For request ids,
//! tracing, compression and panic handling, use tower-http.

// No request may cause a panic, whatever its bytes: library code returns an error, or `expect` states the invariant.
#![cfg_attr(
    not(test),
    warn(
        clippy::disallowed_macros,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod _guide;
pub mod any_of;
#[cfg(feature = "api_key")]
#[doc(alias("api keys", "x-api-key"))]
pub mod api_key;
#[cfg(feature = "back_channel_logout")]
#[doc(alias("oidc logout", "OpenID Connect", "single logout"))]
pub mod back_channel_logout;
#[cfg(feature = "basic")]
#[doc(alias("password", "RFC 7617"))]
pub mod basic;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod claims;
mod client;
#[cfg(feature = "client_cert")]
#[doc(alias("mTLS", "mutual TLS", "RFC 9440", "SPIFFE", "XFCC"))]
pub mod client_cert;
pub mod clock;
pub mod context;
#[cfg(feature = "cors")]
pub mod cors;
#[doc(alias("cross-site request forgery", "xsrf"))]
pub mod csrf;
#[cfg(feature = "serde")]
mod deserialize;
#[cfg(feature = "end_streams")]
#[doc(alias("server-sent events", "SSE", "streaming"))]
pub mod end_streams;
#[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
mod endpoint;
mod error;
#[cfg(feature = "axum")]
pub mod extract;
mod field;
#[cfg(all(fuzzing, feature = "jwt"))]
pub mod fuzzing;
pub mod gate;
#[cfg(feature = "headers")]
pub mod headers;
#[cfg(any(feature = "introspection", feature = "jwt", feature = "passwords"))]
#[doc(alias("fetch", "hyper", "reqwest"))]
pub mod http_client;
#[cfg(feature = "introspection")]
#[doc(alias("opaque token", "reference token", "RFC 7662"))]
pub mod introspection;
#[doc(alias("allowlist", "blocklist", "cidr", "denylist"))]
pub mod ip_filter;
#[cfg(feature = "jwt")]
pub mod jwt;
#[cfg(feature = "keys")]
#[doc(alias("HKDF", "key rotation", "secret"))]
pub mod keys;
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
mod lookup;
#[cfg(feature = "one_time_tokens")]
#[doc(alias("email verification", "magic link", "OTP", "password reset"))]
pub mod one_time_tokens;
#[cfg(feature = "passwords")]
#[doc(alias("argon2", "bcrypt", "login", "password hash"))]
pub mod password;
#[cfg(feature = "rate_limit")]
pub mod rate_limit;
#[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
mod record_store;
#[cfg(feature = "replay_cache")]
#[doc(alias("jti", "nonce", "single use"))]
pub mod replay_cache;
#[doc(alias("authorization", "owner"))]
pub mod require;
#[cfg(feature = "revocation")]
#[doc(alias("blocklist", "denylist", "logout"))]
pub mod revocation;
#[cfg(feature = "risk")]
#[doc(alias("adaptive authentication", "step-up"))]
pub mod risk;
#[cfg(any(
    feature = "basic",
    feature = "client_cert",
    feature = "jwt",
    feature = "replay_cache",
    feature = "passwords",
    feature = "revocation",
    feature = "risk",
    all(feature = "redis", feature = "rate_limit")
))]
mod runtime;
#[doc(alias("audit log", "OCSF", "OWASP", "SIEM"))]
pub mod security_event;
#[cfg(feature = "session")]
#[doc(alias("cookie", "login", "logout"))]
pub mod session;
#[cfg(feature = "shared_signals")]
#[doc(alias("CAEP", "RISC", "security event token", "SSF"))]
pub mod shared_signals;
pub mod stack;
#[cfg(all(feature = "redis", any(feature = "rate_limit", feature = "replay_cache", feature = "revocation")))]
mod store;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod strict_json;
#[cfg(feature = "testing")]
#[allow(
    clippy::disallowed_macros,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
pub mod testing;
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub mod verify_jwt;

// A name has one public path: a module exports the names that are exported here only to the crate.
// Aliases are at the re-exports, because rustdoc 1.95 drops the aliases of an item that it inlines.
#[doc(alias("authenticate", "multiple credentials", "several credentials"))]
pub use any_of::gate::AnyOf;
#[cfg(feature = "api_key")]
#[doc(alias("api key", "authenticate", "x-api-key"))]
pub use api_key::gate::ApiKeyAuth;
#[cfg(feature = "back_channel_logout")]
#[doc(alias("logout", "oidc", "OpenID Connect", "single logout"))]
pub use back_channel_logout::service::BackChannelLogout;
#[cfg(feature = "basic")]
#[doc(alias("authenticate", "login", "password"))]
pub use basic::gate::BasicAuth;
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub use claims::claim_map::ClaimMap;
#[cfg(feature = "client_cert")]
#[doc(alias("authenticate", "mTLS", "mutual TLS", "SPIFFE"))]
pub use client_cert::gate::ClientCertAuth;
#[doc(alias("ip", "ip address", "remote address"))]
pub use context::client_addr::ClientAddr;
#[cfg(feature = "headers")]
pub use context::csp_nonce::CspNonce;
#[cfg(feature = "cors")]
pub use context::origin_set::OriginSet;
pub use context::permission::Permission;
#[doc(alias("client credentials", "machine to machine", "service account"))]
pub use context::principal::Principal;
#[cfg(any(feature = "api_key", feature = "rate_limit"))]
pub use context::quota::Quota;
pub use context::roles::Role;
#[doc(alias("groups", "rbac"))]
pub use context::roles::Roles;
pub use context::scopes::Scopes;
pub use context::tiers::{Tier, Tiers};
#[doc(alias("load balancer", "proxy", "real ip", "X-Forwarded-For"))]
pub use context::trusted_proxies::TrustedProxies;
#[doc(alias("claims", "current user", "identity"))]
pub use context::user::UserContext;
#[cfg(feature = "cors")]
#[doc(alias("cors layer", "CorsLayer", "cross-origin", "preflight"))]
pub use cors::gate::Cors;
#[doc(alias("cross-site request forgery", "Sec-Fetch-Site", "xsrf"))]
pub use csrf::gate::Csrf;
#[cfg(feature = "end_streams")]
#[doc(alias("server-sent events", "SSE", "streaming"))]
pub use end_streams::layer::EndStreams;
pub use error::{ConfigError, ConfigIssue, IssueKind};
#[cfg(feature = "axum")]
pub use extract::extractor::Extractor;
#[cfg(feature = "headers")]
#[doc(alias("helmet", "secure headers", "SetResponseHeaderLayer"))]
pub use headers::gate::SecurityHeaders;
#[cfg(feature = "introspection")]
#[doc(alias("authenticate", "opaque token", "reference token", "RFC 7662"))]
pub use introspection::gate::IntrospectionAuth;
#[doc(alias("allowlist", "blocklist", "cidr", "denylist"))]
pub use ip_filter::gate::IpFilter;
#[cfg(feature = "jwt")]
pub use jwt::algorithm::Algorithm;
#[cfg(feature = "jwt")]
#[doc(alias("authenticate", "authentication", "bearer", "login", "oauth", "oauth2", "oidc", "OpenID Connect"))]
pub use jwt::gate::JwtAuth;
#[cfg(feature = "jwt")]
#[doc(alias("identity provider", "idp", "jwk", "oidc", "OpenID Connect"))]
pub use jwt::issuer::Issuer;
#[cfg(feature = "jwt")]
pub use jwt::issuer::presets::entra::EntraCloud;
#[cfg(feature = "jwt")]
pub use jwt::issuer::presets::workloads::Pin;
#[cfg(feature = "jwt")]
pub use jwt::issuer::profile::Profile;
#[cfg(feature = "jwt")]
pub use jwt::issuer::tenants::Tenants;
#[cfg(feature = "jwt")]
#[doc(alias("multi-tenant", "realms"))]
pub use jwt::issuers::Issuers;
#[cfg(feature = "keys")]
#[doc(alias("HKDF", "key rotation", "secret"))]
pub use keys::ring::KeyRing;
#[cfg(feature = "rate_limit")]
#[doc(alias("429", "governor", "rate limiter", "rate limiting", "throttle"))]
pub use rate_limit::layer::RateLimit;
#[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
pub use record_store::error::StoreError;
#[doc(alias("403", "api key", "guard", "session"))]
pub use require::credential::RequireCredential;
#[doc(alias("403", "authorize", "guard", "rbac"))]
pub use require::permission::RequirePermission;
#[doc(alias("403", "admin", "authorize", "guard", "rbac"))]
pub use require::role::RequireRole;
#[doc(alias("403", "authorize", "guard"))]
pub use require::scope::RequireScope;
#[doc(alias("403", "plan", "subscription"))]
pub use require::tier::RequireTier;
#[doc(alias("401", "authenticated", "login required", "protected"))]
pub use require::user::RequireUser;
#[doc(alias("403", "confirmed", "email_verified", "guard"))]
pub use require::verified_email::RequireVerifiedEmail;
#[cfg(feature = "revocation")]
#[doc(alias("blacklist", "blocklist", "denylist", "log out", "logout", "revoke"))]
pub use revocation::handle::Revocations;
#[cfg(feature = "session")]
#[doc(alias("authenticate", "cookie", "login", "logout"))]
pub use session::gate::SessionAuth;
#[cfg(feature = "shared_signals")]
#[doc(alias("CAEP", "RISC", "security events", "SSF"))]
pub use shared_signals::service::SharedSignals;
#[doc(alias("middleware", "ServiceBuilder"))]
pub use stack::gate::Stack;
