//! `RateLimit`: limits how often a user, address, API key or tenant may send requests.
//!
//! Without a limit, one client can use up the capacity of an app, guess passwords, or cause costs at a service that the
//! app pays for. A [`RateLimit`] counts the requests of each [`Subject`] and responds with 429 to those above its
//! [`Quota`]. The handler is not called for them.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{ConfigError, Quota, RateLimit, UserContext};
//! use portcullis::{rate_limit::Key, testing::as_user};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let limit = RateLimit::builder()
//!     .quota(Quota::per_hour(1)?)
//!     .key(Key::user())
//!     .exempt(["/health"])
//!     .build()?;
//!
//! // In an app, `JwtAuth` provides the user.
//! let ann = as_user(UserContext::new("ann"));
//! let app: Router = Router::new()
//!     .route("/", get(|| async {}))
//!     .layer(ServiceBuilder::new().layer(ann).layer(limit));
//!
//! let request = || Request::get("/").body(Body::empty()).unwrap();
//! let first = app.clone().oneshot(request()).await.unwrap();
//! assert_eq!(first.headers()["x-ratelimit-remaining"], "0");
//!
//! let second = app.oneshot(request()).await.unwrap();
//! assert_eq!(second.status(), 429);
//! assert!(second.headers().contains_key("retry-after"));
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
//! units](Limit::cost_of), start a [block](Limit::block_for), or only [report](Limit::shadow).
//!
//! If a user's tier changes, the units they used stay in use under the new quota.
//!
//! # Which algorithm
//!
//! The default is right for most limits: no caller exceeds the quota in any period that is as long as the window.
//! [`Quota::algorithm`] selects another one.
//!
//! | you want | algorithm |
//! |---|---|
//! | an exact limit of up to 128 units | [`SlidingLog`](Algorithm::SlidingLog), the default |
//! | an exact limit of more units, or by tier | [`SlidingWindow`](Algorithm::SlidingWindow), the default |
//! | bursts, then a steady rate | [`TokenBucket`](Algorithm::TokenBucket) |
//! | a reset at the full hour, or at midnight UTC | [`FixedWindow`](Algorithm::FixedWindow) |
//!
//! A token bucket and a fixed window admit up to twice the quota in a period that is as long as the window. In return,
//! they take less memory; see [`Algorithm`].
//!
//! # Order of layers
//!
//! Put a limit by user inside the layer that authenticates, and around expensive ones. If no layer authenticated, the
//! response is 500. To bound the work of signature verification, put another limit by address around `JwtAuth`.
//! [`Stack`](crate::Stack) has a setter for each. Put [`Cors`](crate::Cors) around both, so that preflights are not
//! counted and pages can read a 429.
//!
//! # Deployment
//!
//! - **Addresses.** [`Key::ip`] needs a [`TrustedProxies`](crate::TrustedProxies) layer around the limit, which knows
//!   the proxies or load balancers in front of the app. If it does not know a proxy, all clients behind that proxy
//!   share one limit, and a warning is logged. That layer needs the address of the connection: with axum, serve the app
//!   with `into_make_service_with_connect_info::<SocketAddr>()`; in tests, use `MockConnectInfo`.
//! - **Several instances.** Each [`MemoryStore`] counts on its own, and starts empty after a restart. To share the
//!   counters of several instances, use a `RedisStore`.
//! - **Many subjects.** Choose a [size](MemoryStore::with_max_bytes) in which all subjects fit that are active within
//!   one window. The default is 32 MiB for each limit.
//! - **Reloads.** Layers with a shared store keep the counters if the new layer is built before the old one is dropped;
//!   see [`MemoryStore`].
//!
//! # Handlers and other code
//!
//! A handler that extracts a [`RateLimitStatus`] gets the remaining quota. One that extracts an [`Attempt`] reports
//! whether the request failed, for limits that count only failures. Outside requests, [`check`](RateLimit::check)
//! charges a subject. Administrators can [`peek`](RateLimit::peek), [`refund`](RateLimit::refund),
//! [`reset`](RateLimit::reset) and [`unblock`](RateLimit::unblock).
//!
//! # Responses
//!
//! | header | sent with | content |
//! |---|---|---|
//! | `X-RateLimit-Limit`, `-Remaining`, `-Reset` | counted responses | the tightest limit |
//! | `RateLimit-Policy`, `RateLimit` | counted responses, if enabled | every limit |
//! | `Retry-After` | 429 | seconds to wait |
//! | `Retry-After` | 503 | seconds until the store is tried again |
//!
//! A response is counted if a limit applies to its request, including a 429. The tightest limit is the one with the
//! fewest units remaining, and `-Reset` says when all its units are available again. `RateLimit` and `RateLimit-Policy`
//! are those of draft-ietf-httpapi-ratelimit-headers-10; `t` in `RateLimit` says when more units are available, and
//! `Retry-After` is never earlier than the `t` of a limit that rejects the request. After the time in `Retry-After`,
//! the request is admitted if no other was admitted in the meantime. Unless the subject is blocked, `Retry-After` is at
//! most the window.
//!
//! The response to a rejected request is 429 (RFC 6585 §4) with a problem of type `quota-exceeded`, or
//! `abnormal-usage-detected` for a block, including the rejection that starts it. `violated-policies` names the limits
//! that reject it. A request that costs more than the limit gets no `Retry-After`.
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
//! `ConcurrencyLimit`. It does not stop an attacker who has many addresses and needs no account: that is the job of the
//! network in front of the app.
//!
//! # In the guide
//!
//! [Login limits](crate::_guide::recipes::login_limits), [load balancers](crate::_guide::recipes::load_balancer),
//! [the client's address](crate::_guide::recipes::peer_address) and [outages of
//! Redis](crate::_guide::recipes::redis_outage).
//!
//! [`Quota`]: crate::Quota
//! [`Quota::algorithm`]: crate::Quota::algorithm

#[cfg(feature = "login_protection")]
mod account;
mod admin;
mod algorithm;
mod builder;
mod charge;
mod check;
mod decision;
mod diagnostics;
mod key;
pub(crate) mod layer;
mod limit;
mod memory;
mod policy;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod remote;
mod reservation;
mod response_headers;
mod rule;
mod store;
mod subject;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use crate::context::attempt::Attempt;
pub use crate::context::rate_limit_status::{LimitStatus, RateLimitStatus};
#[cfg(feature = "login_protection")]
#[cfg_attr(docsrs, doc(cfg(feature = "login_protection")))]
pub use account::device_cookies::{DeviceCookies, SetDeviceCookie};
#[cfg(all(fuzzing, feature = "login_protection"))]
pub(crate) use account::fuzzing;
pub use admin::LimitUsage;
pub use algorithm::Algorithm;
pub use builder::RateLimitBuilder;
pub use charge::Charged;
pub use decision::StoreUnavailable;
pub use key::Key;
pub(crate) use layer::RateLimit;
pub use layer::RateLimitPass;
pub use limit::{Limit, OutagePolicy};
pub use memory::MemoryStore;
pub use response_headers::ResetFormat;
pub use store::Store;
pub use subject::Subject;
