//! `RateLimit`: how often a user, an address or a tenant may charge.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{ConfigError, Quota, RateLimit, Tiers, TrustedProxies, UserContext, rate_limit::Key, testing::as_user};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let tiers = Tiers::ascending(["basic", "professional"])?;
//! let limit = RateLimit::builder()
//!     .by_tier([
//!         (tiers.get("basic")?, Quota::per_hour(1)?),
//!         (tiers.get("professional")?, Quota::per_hour(500)?),
//!     ])
//!     .key(Key::user().or_ip(TrustedProxies::none()))
//!     .exempt(["/health"])
//!     .build()?;
//!
//! let ann = as_user(UserContext::new("ann").with_tier(tiers.get("basic")?));
//! let app: Router = Router::new()
//!     .route("/", get(|| async {}))
//!     .layer(ServiceBuilder::new().layer(ann).layer(limit));
//! let request = || Request::get("/").body(Body::empty()).unwrap();
//! let first = app.clone().oneshot(request()).await.unwrap();
//! assert_eq!(first.headers()["x-ratelimit-remaining"], "0");
//! assert_eq!(app.oneshot(request()).await.unwrap().status(), 429);
//! # Ok(())
//! # }
//! ```
//!
//! # What is counted
//!
//! Whose requests are counted together is a [`Subject`]. A request costs one unit unless said otherwise. A [`Limit`] has a
//! name, a [`Quota`] or one for each tier, and a [`Key`] that tells whose the units are. Several limits of one layer are judged together, and a request is charged by all of them or by none: a refused one costs nothing. Each
//! may have another key, apply to [some routes](Limit::on_routes) or [some requests](Limit::only_if) alone, count
//! [each route on its own](Limit::by_route), [only failures](Limit::only_failures), or [more than one unit](Limit::cost_of), start a
//! [block](Limit::block_for), or merely [report](Limit::shadow).
//!
//! A user whose tier changes keeps the units used: the new limit is judged by the same count.
//!
//! # Where it stands
//!
//! Inside of what authenticates, where it counts by user, and outside of what is costly. Where signature work must be
//! bounded, a second one by address stands outside of `JwtAuth`. Where none authenticated, a limit by user answers 500.
//!
//! # In a handler
//!
//! [`Extractor<RateLimitStatus>`](RateLimitStatus) tells what is left; [`Extractor<Attempt>`](Attempt) says whether a request that
//! counts only where it fails did fail. Outside of requests, [`check`](RateLimit::check) charges a subject, and an operator
//! may [`peek`](RateLimit::peek), [`refund`](RateLimit::refund), [`reset`](RateLimit::reset) and [`unblock`](RateLimit::unblock).
//!
//! # What a caller is told
//!
//! | field | on | says |
//! |---|---|---|
//! | `X-RateLimit-Limit`, `-Remaining`, `-Reset` | every counted answer | the limit with least left; when all of it is back |
//! | `RateLimit-Policy`, `RateLimit` | every counted answer, on request | every limit (draft-ietf-httpapi-ratelimit-headers-10) |
//! | `Retry-After` | 429 | the seconds after which the request is let through, if nothing else comes |
//! | `Retry-After` | 503 | the seconds after which the store is asked again |
//!
//! A refusal is 429 with a problem of the type `quota-exceeded`, or `abnormal-usage-detected` for a block, and names the
//! limits in `violated-policies`. A request that costs more than the limit ever has gets no `Retry-After`. That a store cannot
//! be asked is 503 `temporary-reduced-capacity`, never 429.
//!
//! # Where the counts are kept
//!
//! In a [`MemoryStore`], whose memory is bounded whatever comes. With the feature `redis` in a `RedisStore`, for all processes at once.
//!
//! # What it does not do
//!
//! It does not queue or delay requests, count bytes, or bound how many run at once: tower's `ConcurrencyLimit` does.

mod admin;
mod algorithm;
mod builder;
mod check;
mod decision;
mod diagnostics;
mod key;
mod layer;
mod limit;
mod memory;
mod policy;
mod quota;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod remote;
mod response_headers;
mod single;
mod store;
mod subject;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use crate::context::{Attempt, LimitStatus, RateLimitStatus};
pub use admin::{LimitUsage, StoreUnavailable};
pub use builder::RateLimitBuilder;
pub use key::Key;
pub use layer::{Pass, RateLimit};
pub use limit::{Limit, OutagePolicy};
pub use memory::MemoryStore;
pub use quota::{Algorithm, Quota};
pub use response_headers::ResetFormat;
pub use store::Store;
pub use subject::Subject;
