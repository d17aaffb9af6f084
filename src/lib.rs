//! Tower layers that secure an existing web app, and axum extractors that hand its handlers a [`UserContext`].
//! They pair with any issuer of tokens and issue nothing themselves.
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
//! # The layers
//!
//! | layer | lets through | its room |
//! |---|---|---|
//! | [`JwtAuth`] | requests with a good token, or with none where that is allowed | [`jwt`] |
//! | [`RequireUser`] [`RequireScope`] [`RequireRole`] [`RequirePermission`] [`RequireTier`] | users who have what a route asks for | [`require`] |
//! | [`RateLimit`] | who is within a quota | [`rate_limit`] |
//! | [`Cors`] | every request, and pages of trusted origins to the answers | [`cors`] |
//! | [`SecurityHeaders`] | every request, and completes the fields of its answer | [`headers`] |
//! | [`ClearSiteData`](headers::ClearSiteData) | every request, and clears what the browser keeps after a log-out | [`headers`] |
//! | [`TrustedProxies`] | every request, with the client's address found | [`context`] |
//! | [`Stack`] | what those do that stand around a whole app, in the one right order | [`stack`] |
//!
//! Every layer decides by a request's head before the service inside is called, and works on axum's `Router`, on any tower
//! service and on a tonic server. What a layer refuses it says as data, as `application/problem+json` or as a gRPC
//! status: see [`gate`]. What it leaves for handlers is read by an [`Extractor`]: see [`extract`].
//!
//! # What it does not do
//!
//! It does not issue tokens, keep sessions, or read request bodies. Request ids, tracing, compression and caught panics are
//! tower-http's.
//!
//! # Features
//!
//! | feature | on | gives |
//! |---|---|---|
//! | `axum` | yes | extractors, axum's body, its `ConnectInfo` |
//! | `jwt` | yes | [`JwtAuth`] |
//! | `fetch` | yes | the built-in HTTP client (reqwest with rustls) for published keys |
//! | `redis` | no | counts of [`RateLimit`] in Redis |
//! | `tonic` | no | tonic's body, and its `Status` of a refusal |
//! | `testing` | no | an issuer in the process, minted tokens, a clock with hands, `as_user` |
//!
//! # The guide
//!
//! [Layer order](_guide::layer_order), [threat model](_guide::threat_model), [defaults](_guide::defaults),
//! [issuers](_guide::issuers), [migration](_guide::migration) from `CorsLayer` and from helmet, [performance](_guide::performance),
//! [architecture](_guide::architecture).

#![cfg_attr(
    not(feature = "jwt"),
    expect(dead_code, unused_imports, reason = "the ground floor serves `jwt` in parts that no other layer needs")
)]

pub mod _guide;
mod client;
pub mod clock;
pub mod context;
pub mod cors;
mod error;
#[cfg(feature = "axum")]
pub mod extract;
mod field;
#[cfg(all(fuzzing, feature = "jwt"))]
pub mod fuzzing;
pub mod gate;
pub mod headers;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod rate_limit;
pub mod require;
pub mod stack;
#[cfg(feature = "testing")]
pub mod testing;

pub use context::{
    ClientAddr, CspNonce, OriginSet, Permission, Principal, Role, Roles, Scopes, Tier, Tiers, TrustedProxies,
    UserContext,
};
pub use cors::Cors;
pub use error::{ConfigError, ConfigIssue, IssueKind};
#[cfg(feature = "axum")]
pub use extract::Extractor;
pub use headers::SecurityHeaders;
#[cfg(feature = "jwt")]
pub use jwt::{Algorithm, ClaimMap, Issuer, JwtAuth, Profile};
pub use rate_limit::{Quota, RateLimit};
pub use require::{RequirePermission, RequireRole, RequireScope, RequireTier, RequireUser};
pub use stack::Stack;
