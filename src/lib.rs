//! Tower layers that secure an existing web app, and axum extractors that give its handlers a [`UserContext`].
//!
//! Portcullis verifies the tokens of any issuer and enforces scopes, roles, tiers, rate limits, CORS and security headers.
//!
//! ```
//! use axum::{Router, routing::{get, post}};
//! use portcullis::{ConfigError, Extractor, Issuer, JwtAuth, RequireScope, RequireTier, Tiers, UserContext};
//!
//! fn app() -> Result<Router, ConfigError> {
//!     let tiers = Tiers::ascending(["basic", "professional", "enterprise"])?;
//!     let auth = JwtAuth::builder()
//!         .issuer(Issuer::discover("https://auth.example.com"))
//!         .audience("https://api.example.com")
//!         .tiers(tiers.clone())
//!         .build()?;
//!     Ok(Router::new()
//!         .route("/valuations", post(create).layer(RequireScope::all(["write:valuations"])?))
//!         .route("/analytics", get(|| async { "up" }).layer(RequireTier::at_least(tiers.get("professional")?)))
//!         .layer(auth))
//! }
//!
//! async fn create(Extractor(user): Extractor<UserContext>) -> String {
//!     user.id().to_owned()
//! }
//! # assert!(app().is_ok());
//! ```
//!
//! # Layers
//!
//! | layer | does | module |
//! |---|---|---|
//! | [`JwtAuth`] | verifies the bearer token of a request and provides its user | [`jwt`] |
//! | [`RequireUser`] [`RequireScope`] [`RequireRole`] [`RequirePermission`] [`RequireTier`] | reject users without the privileges that a route requires | [`require`] |
//! | [`RateLimit`] | rejects requests above a quota: by user, address, API key or tenant | [`rate_limit`] |
//! | [`Cors`] | responds to preflights, and lets pages of trusted origins read responses | [`cors`] |
//! | [`SecurityHeaders`] | adds missing security headers to every response | [`headers`] |
//! | [`ClearSiteData`](headers::ClearSiteData) | clears the browser's data after a logout | [`headers`] |
//! | [`TrustedProxies`] | finds the client's address behind proxies | [`context`] |
//! | [`Stack`] | combines the layers of a whole app into one, in the correct order | [`stack`] |
//!
//! Every layer works on axum's `Router`, on any tower or hyper service, and on a tonic server. A layer decides before
//! the inner service is called, so a rejected request never reaches the handler. A rejection is a [`gate::Denial`],
//! sent as `application/problem+json` or as a gRPC status; see [`gate`]. Handlers read the values that the layers
//! provide with an [`Extractor`]; see [`extract`].
//!
//! # What it does not do
//!
//! Portcullis issues no tokens, stores no sessions, and reads no request bodies. For request ids, tracing, compression and panic
//! handling, use tower-http.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `axum` | yes | the extractors; support for axum's body and `ConnectInfo` |
//! | `jwt` | yes | [`JwtAuth`] |
//! | `fetch` | yes | the built-in HTTP client (reqwest with rustls) that fetches published keys |
//! | `audit` | no | [`SecurityHeaders::audit`]: the grade of Mozilla's HTTP Observatory, for tests |
//! | `redis` | no | a [`RateLimit`] store in Redis, shared by all processes |
//! | `serde` | no | serialization of users and privileges; deserialization of settings |
//! | `tonic` | no | support for tonic's body; conversion of a rejection into tonic's `Status` |
//! | `testing` | no | an in-process issuer, signed test tokens, a fake clock, `as_user` |
//!
//! # Guide
//!
//! - [Layer order](_guide::layer_order): where each layer goes, and why.
//! - [Issuers](_guide::issuers): how to configure Auth0, Okta, Entra ID, Keycloak, Cognito, Google or your own.
//! - [Defaults](_guide::defaults): every default, with its reason.
//! - [Migration](_guide::migration): from tower-http's `CorsLayer` and from helmet.
//! - [Threat model](_guide::threat_model): attacks, defenses, and what remains the app's job.
//! - [Performance](_guide::performance): what each layer costs.
//! - [Architecture](_guide::architecture): how the crate is organized.

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
mod client;
pub mod clock;
pub mod context;
#[cfg(feature = "cors")]
pub mod cors;
#[cfg(feature = "serde")]
mod deserialize;
mod error;
#[cfg(feature = "axum")]
pub mod extract;
mod field;
#[cfg(all(fuzzing, feature = "jwt"))]
pub mod fuzzing;
pub mod gate;
#[cfg(feature = "headers")]
pub mod headers;
#[cfg(feature = "jwt")]
pub mod jwt;
#[cfg(feature = "rate_limit")]
pub mod rate_limit;
pub mod require;
pub mod stack;
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

// Aliases are at the re-exports, because rustdoc 1.95 drops the aliases of an item that it inlines.
#[doc(inline)]
#[doc(alias("ip", "ip address", "remote address"))]
pub use context::ClientAddr;
#[cfg(feature = "headers")]
#[doc(inline)]
pub use context::CspNonce;
#[cfg(feature = "cors")]
#[doc(inline)]
pub use context::OriginSet;
#[doc(inline)]
#[doc(alias("client credentials", "machine to machine", "service account"))]
pub use context::Principal;
#[doc(inline)]
#[doc(alias("groups", "rbac"))]
pub use context::Roles;
#[doc(inline)]
#[doc(alias("load balancer", "proxy", "real ip", "X-Forwarded-For"))]
pub use context::TrustedProxies;
#[doc(inline)]
#[doc(alias("claims", "current user", "identity"))]
pub use context::UserContext;
#[doc(inline)]
pub use context::{Permission, Role, Scopes, Tier, Tiers};
#[cfg(feature = "cors")]
#[doc(inline)]
#[doc(alias("cors layer", "CorsLayer", "cross-origin", "preflight"))]
pub use cors::Cors;
#[doc(inline)]
pub use error::{ConfigError, ConfigIssue, IssueKind};
#[cfg(feature = "axum")]
#[doc(inline)]
pub use extract::Extractor;
#[cfg(feature = "headers")]
#[doc(inline)]
#[doc(alias("helmet", "secure headers", "SetResponseHeaderLayer"))]
pub use headers::SecurityHeaders;
#[cfg(feature = "jwt")]
#[doc(inline)]
#[doc(alias("identity provider", "idp", "jwk", "oidc", "OpenID Connect"))]
pub use jwt::Issuer;
#[cfg(feature = "jwt")]
#[doc(inline)]
#[doc(alias("authenticate", "authentication", "bearer", "login", "oauth", "oauth2", "oidc", "OpenID Connect"))]
pub use jwt::JwtAuth;
#[cfg(feature = "jwt")]
#[doc(inline)]
pub use jwt::{Algorithm, ClaimMap, Profile};
#[cfg(feature = "rate_limit")]
#[doc(inline)]
pub use rate_limit::Quota;
#[cfg(feature = "rate_limit")]
#[doc(inline)]
#[doc(alias("429", "governor", "rate limiter", "rate limiting", "throttle"))]
pub use rate_limit::RateLimit;
#[doc(inline)]
#[doc(alias("403", "authorize", "guard", "rbac"))]
pub use require::RequirePermission;
#[doc(inline)]
#[doc(alias("403", "admin", "authorize", "guard", "rbac"))]
pub use require::RequireRole;
#[doc(inline)]
#[doc(alias("403", "authorize", "guard"))]
pub use require::RequireScope;
#[doc(inline)]
#[doc(alias("403", "plan", "subscription"))]
pub use require::RequireTier;
#[doc(inline)]
#[doc(alias("401", "authenticated", "login required", "protected"))]
pub use require::RequireUser;
#[doc(inline)]
#[doc(alias("middleware", "ServiceBuilder"))]
pub use stack::Stack;
