//! `RateLimit`: limits how often a user, address, API key or tenant may send requests.
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
//! # Limits, keys and costs
//!
//! A [`Limit`] has a name, a [`Quota`] or one for each tier, and a [`Key`]. The key identifies the [`Subject`] whose
//! requests are counted together. A request costs one unit by default.
//!
//! A layer may have several limits. A request is charged under all of them or, if one rejects it, under none. Each
//! limit may have its own key, apply only to [some routes](Limit::on_routes) or [some requests](Limit::only_if), count
//! [each route separately](Limit::by_route), count [only failures](Limit::only_failures), charge [several
//! units](Limit::cost_of), start a [block](Limit::block_for), or merely [report](Limit::shadow).
//!
//! If a user's tier changes, the units they used stay in use under the new quota.
//!
//! # Order of layers
//!
//! Put a limit by user inside of the layer that authenticates, and outside of expensive ones. If no layer
//! authenticated, the response is 500. To bound the work of signature verification, put another limit by address
//! outside of `JwtAuth`. [`Stack`](crate::Stack) has a setter for each.
//!
//! # Handlers and other code
//!
//! A handler that extracts a [`RateLimitStatus`] gets the remaining quota. One that extracts an [`Attempt`] reports
//! whether the request failed, for limits that count only failures.
//! Outside of requests, [`check`](RateLimit::check) charges a subject. Administrators can [`peek`](RateLimit::peek),
//! [`refund`](RateLimit::refund), [`reset`](RateLimit::reset) and [`unblock`](RateLimit::unblock).
//!
//! # Responses
//!
//! | header | sent with | content |
//! |---|---|---|
//! | `X-RateLimit-Limit`, `-Remaining`, `-Reset` | every counted response | the limit with the fewest units remaining, and when all of them are available again |
//! | `RateLimit-Policy`, `RateLimit` | every counted response, if enabled | every limit (draft-ietf-httpapi-ratelimit-headers-10) |
//! | `Retry-After` | 429 | seconds until the request is admitted, if no other follows |
//! | `Retry-After` | 503 | seconds until the store is tried again |
//!
//! The response to a rejected request is 429 with a problem of type `quota-exceeded`, or `abnormal-usage-detected` for
//! a block. `violated-policies` names the limits that reject it. A request that costs more than the limit gets no
//! `Retry-After`.
//!
//! If the store is unavailable, the [`OutagePolicy`] of a limit decides. A request that is rejected only because of the
//! outage gets 503 with a problem of type `temporary-reduced-capacity`. An outage alone never causes a 429.
//!
//! # Stores
//!
//! A [`MemoryStore`] keeps the counters in this process, in bounded memory. With the feature `redis`, a `RedisStore`
//! shares them between processes.
//!
//! # What it does not do
//!
//! It does not queue or delay requests, count bytes, or limit concurrency; for the latter, use tower's
//! `ConcurrencyLimit`.

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
mod request_route;
mod response_headers;
mod rule;
mod store;
mod subject;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use crate::context::{Attempt, LimitStatus, RateLimitStatus};
pub use admin::LimitUsage;
pub use algorithm::Algorithm;
pub use builder::RateLimitBuilder;
pub use decision::StoreUnavailable;
pub use key::Key;
pub use layer::{RateLimit, RateLimitPass};
pub use limit::{Limit, OutagePolicy};
pub use memory::MemoryStore;
pub use quota::Quota;
pub use response_headers::ResetFormat;
pub use store::Store;
pub use subject::Subject;
