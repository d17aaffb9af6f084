//! `Limit`: one named limit: its quota, the requests it applies to, and what happens when it is exceeded.

mod by_credential;
mod conditions;
mod enforcement;
mod outage_policy;
mod quotas;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, request};

use crate::context::quota::Quota;
use crate::context::{RoutePattern, Tier};
use crate::rate_limit::key::Key;

pub(super) use conditions::{Cost, FailureCondition, RequestFilter};
pub use outage_policy::OutagePolicy;
pub(super) use quotas::Quotas;

/// One named limit of a [`RateLimit`](crate::RateLimit): its quota, and which requests it counts.
///
/// ```
/// use std::time::Duration;
/// use portcullis::rate_limit::{Key, Limit};
/// use portcullis::{Quota, RateLimit};
///
/// // Five failed logins in five minutes. The sixth starts a block of an hour.
/// let login = Limit::new("login", Quota::per(5, Duration::from_secs(300))?)
///     .only_failures()
///     .block_for(Duration::from_secs(3600));
/// let key = Key::ip();
/// assert!(RateLimit::builder().limit(login).key(key).build().is_ok());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// Setters do not fail. [`RateLimitBuilder::build`](crate::rate_limit::RateLimitBuilder::build) reports invalid values.
#[derive(Clone)]
#[must_use]
pub struct Limit {
    pub(super) name: Arc<str>,
    pub(super) quotas: Quotas,
    pub(super) key: Option<Key>,
    pub(super) cost: Cost,
    pub(super) filter: RequestFilter,
    pub(super) failure: Option<FailureCondition>,
    pub(super) block: Option<BlockDurations>,
    pub(super) by_route: bool,
    pub(super) by_credential: bool,
    pub(super) is_shadow: bool,
    /// Whether a success resets the count, instead of refunding its own units.
    pub(super) counts_in_a_row: bool,
    pub(super) outage: Option<OutagePolicy>,
}

impl Limit {
    /// Creates a limit with one quota for every subject.
    ///
    /// The name is sent to callers in headers and problem details, so it is printable ASCII. It also identifies the
    /// counters in a store: if two layers share a store, limits with the same name and quota count together. Limits
    /// with the same name and another quota, or other blocks, cannot share a store.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Limit, MemoryStore, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = MemoryStore::new();
    /// let layer = || {
    ///     let limit = Limit::new("mail", Quota::per_hour(10)?);
    ///     let builder = RateLimit::builder().limit(limit).key(Key::user());
    ///     builder.store(store.clone()).build()
    /// };
    /// let (web, worker) = (layer()?, layer()?);
    ///
    /// let ann = Subject::user(None, "ann");
    /// web.check(&ann, 4).await?;
    /// assert_eq!(worker.peek(&ann).await?[0].used(), 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(name: impl Into<String>, quota: Quota) -> Self {
        Self::of(name.into().into(), Quotas::Single(quota))
    }

    /// Creates a limit whose quota depends on the tier of the verified user.
    ///
    /// The quota of the user's tier applies or, if that tier has none, the quota of the next lower tier that has one.
    /// If there is no such tier, or the caller has no tier or is anonymous, the quota of the lowest tier applies. All
    /// quotas have the same window and algorithm. Put the layer inside the one that authenticates.
    ///
    /// ```
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    /// use portcullis::{Quota, RateLimit, Tiers, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tiers = Tiers::ascending(["free", "paid"])?;
    /// let quotas = [
    ///     (tiers.get("free")?, Quota::per_day(100)?),
    ///     (tiers.get("paid")?, Quota::per_day(10_000)?),
    /// ];
    /// let limit = Limit::by_tier("requests", quotas);
    /// let limit = RateLimit::builder().limit(limit).key(Key::user()).build()?;
    ///
    /// let ann = UserContext::new("ann").with_tier(tiers.get("paid")?);
    /// let status = limit.check(&Subject::of_user(&ann), 1).await?;
    /// assert_eq!(status.tightest().unwrap().remaining(), 9_999);
    /// # Ok(())
    /// # }
    /// ```
    pub fn by_tier(name: impl Into<String>, quotas: impl IntoIterator<Item = (Tier, Quota)>) -> Self {
        Self::of(name.into().into(), Quotas::ByTier(quotas.into_iter().collect()))
    }

    fn of(name: Arc<str>, quotas: Quotas) -> Self {
        Self {
            name,
            quotas,
            key: None,
            cost: Cost::Fixed(1),
            filter: RequestFilter::default(),
            failure: None,
            block: None,
            by_route: false,
            by_credential: false,
            is_shadow: false,
            counts_in_a_row: false,
            outage: None,
        }
    }

    /// Sets the key (default: the key of the layer).
    ///
    /// ```
    /// use portcullis::rate_limit::{Key, Limit};
    /// use portcullis::{Quota, RateLimit};
    ///
    /// let all = Limit::new("all", Quota::per_second(500)?).key(Key::global());
    /// let each = Limit::new("each", Quota::per_second(10)?).key(Key::user());
    /// let limit = RateLimit::builder().add_limit(all).add_limit(each).build();
    /// assert!(limit.is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the cost of a request in units (default 1).
    ///
    /// With a cost of 0, a request is never charged, and only a running block rejects it.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::post};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// // A report costs as much as 25 other requests.
    /// let limit = Limit::new("api", Quota::per_hour(100)?).cost(25);
    /// # let layer = RateLimit::builder().limit(limit).key(Key::global()).build()?;
    /// # let app = Router::<()>::new().route("/reports", post(|| async {})).layer(layer);
    /// # let request = Request::post("/reports").body(Body::empty()).unwrap();
    /// # let response = app.oneshot(request).await.unwrap();
    /// assert_eq!(response.headers()["x-ratelimit-remaining"], "75");
    /// # Ok(())
    /// # }
    /// ```
    pub fn cost(mut self, units: u32) -> Self {
        self.cost = Cost::Fixed(units);
        self
    }

    /// Sets the cost of a request in units, computed from its head.
    ///
    /// A request that costs more than the quota is rejected without a `Retry-After`. If the caller controls the number,
    /// set a minimum: a cost of 0 is not counted.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::post};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let quota = Quota::per_minute(1000)?;
    /// let limit = Limit::new("items", quota).cost_of(|head| {
    ///     let count = head.headers.get("x-item-count");
    ///     let count = count.and_then(|value| value.to_str().ok()?.parse().ok());
    ///     count.unwrap_or(1).max(1)
    /// });
    /// # let layer = RateLimit::builder().limit(limit).key(Key::global()).build()?;
    /// # let app = Router::<()>::new().route("/items", post(|| async {})).layer(layer);
    /// let request = Request::post("/items").header("x-item-count", "40");
    /// # let request = request.body(Body::empty()).unwrap();
    /// # let response = app.oneshot(request).await.unwrap();
    /// assert_eq!(response.headers()["x-ratelimit-remaining"], "960");
    /// # Ok(())
    /// # }
    /// ```
    pub fn cost_of(mut self, units: impl Fn(&request::Parts) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Cost::Computed(Arc::new(units));
        self
    }

    /// Restricts the limit to these routes, as written in the router: `/reports/{id}` (default: all). `POST /reports`
    /// is only that method of the route; GET includes HEAD.
    ///
    /// A route is axum's `MatchedPath`, including the path of every `nest`; the names of parameters do not matter. If
    /// no router has matched a route, or a wildcard route, the request's path is compared with the routes instead: so
    /// the limit also applies around a router, on a `fallback`, and in a hyper or tonic service. Paths that differ only
    /// in percent encoding, empty segments or dot segments are counted too. If a route with a parameter has matched,
    /// such as `/{page}`, the path is compared with the routes that have none, such as `/login`.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let exports = Limit::new("exports", Quota::per_day(1)?)
    ///     .on_routes(["/export", "/reports/{id}/export"]);
    /// # let layer = RateLimit::builder().limit(exports).key(Key::global()).build()?;
    /// # let app = Router::<()>::new()
    /// #     .route("/reports/{id}", get(|| async {}))
    /// #     .route("/reports/{id}/export", get(|| async {}))
    /// #     .layer(layer);
    /// # let get = async |path: &str| {
    /// #     let request = Request::get(path).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(get("/reports/7/export").await, 200);
    /// assert_eq!(get("/reports/8/export").await, 429);
    /// assert_eq!(get("/reports/7").await, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_routes(mut self, routes: impl IntoIterator<Item: Into<String>>) -> Self {
        self.filter.routes = Some(RoutePattern::all(routes).into());
        self
    }

    /// Restricts the limit to requests for which the condition is true (default: all requests).
    ///
    /// If [`on_routes`](Self::on_routes) is set too, both must apply.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::{Method, Request}, routing::any};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let writes = Limit::new("writes", Quota::per_minute(1)?)
    ///     .only_if(|head| head.method != Method::GET);
    /// # let layer = RateLimit::builder().limit(writes).key(Key::global()).build()?;
    /// # let app = Router::<()>::new().route("/", any(|| async {})).layer(layer);
    /// # let send = async |method: Method| {
    /// #     let request = Request::builder().method(method).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(send(Method::POST).await, 200);
    /// assert_eq!(send(Method::POST).await, 429);
    /// assert_eq!(send(Method::GET).await, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn only_if(mut self, condition: impl Fn(&request::Parts) -> bool + Send + Sync + 'static) -> Self {
        self.filter.condition = Some(Arc::new(condition));
        self
    }

    /// Counts each route separately (default: all routes together).
    ///
    /// A route is axum's `MatchedPath`: `/users/1` and `/users/2` are both `/users/{id}`. Without one, it is the route
    /// in [`on_routes`](Self::on_routes) that the request's path matches. All other requests count as one route,
    /// because a caller could invent any number of paths. If the layer runs outside a router, that is logged once as a
    /// warning.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = Limit::new("each route", Quota::per_minute(1)?).by_route();
    /// # let layer = RateLimit::builder().limit(limit).key(Key::global()).build()?;
    /// # let app = Router::<()>::new().route("/users/{id}", get(|| async {}))
    /// #     .route("/teams", get(|| async {})).layer(layer);
    /// # let get = async |path: &str| {
    /// #     let request = Request::get(path).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(get("/users/1").await, 200);
    /// assert_eq!(get("/users/2").await, 429);
    /// assert_eq!(get("/teams").await, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn by_route(mut self) -> Self {
        self.by_route = true;
        self
    }

    /// Counts only requests that fail, such as failed logins (default: all requests).
    ///
    /// A request fails if its status is from 400 to 499. Every request is charged before the handler runs, so that
    /// concurrent attempts count, and refunded if it succeeds. Only its own units are refunded. Handlers can override
    /// the status with an [`Attempt`](crate::rate_limit::Attempt). For a gRPC response, the `grpc-status` in its head
    /// counts; a status in trailers after a body is not read.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::{Request, StatusCode}, routing::post};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let login = Limit::new("login", Quota::per_minute(1)?).only_failures();
    /// # let layer = RateLimit::builder().limit(login).key(Key::global()).build()?;
    /// # let app = Router::<()>::new().route("/right", post(|| async {}))
    /// #     .route("/wrong", post(|| async { StatusCode::UNAUTHORIZED })).layer(layer);
    /// # let log_in = async |password: &str| {
    /// #     let request = Request::post(format!("/{password}")).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(log_in("right").await, 200);
    /// assert_eq!(log_in("wrong").await, 401);
    /// // The failure used up the quota, so not even the right password is tried.
    /// assert_eq!(log_in("right").await, 429);
    /// # Ok(())
    /// # }
    /// ```
    pub fn only_failures(self) -> Self {
        self.only_failures_if(|status| status.is_client_error())
    }

    /// Counts only requests for whose response status the condition is true; see
    /// [`only_failures`](Self::only_failures).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit};
    /// # use portcullis::rate_limit::{Key, Limit};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// // Counts guessed ids, and no other errors of the caller.
    /// let guesses = Limit::new("guesses", Quota::per_minute(2)?)
    ///     .only_failures_if(|status| status == StatusCode::NOT_FOUND);
    /// # let layer = RateLimit::builder().limit(guesses).key(Key::global()).build()?;
    /// # let app = Router::<()>::new().route("/files/1", get(|| async {})).layer(layer);
    /// # let get = async |path: &str| {
    /// #     let request = Request::get(path).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(get("/files/1").await, 200);
    /// assert_eq!(get("/files/2").await, 404);
    /// assert_eq!(get("/files/3").await, 404);
    /// assert_eq!(get("/files/1").await, 429);
    /// # Ok(())
    /// # }
    /// ```
    pub fn only_failures_if(mut self, is_failure: impl Fn(StatusCode) -> bool + Send + Sync + 'static) -> Self {
        self.failure = Some(FailureCondition::new(is_failure));
        self
    }
}

/// How long blocks last.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockDurations {
    pub(super) first: Duration,
    /// `None` if all blocks have the length of the first.
    pub(super) longest: Option<Duration>,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("name", &self.name).field("quotas", &self.quotas).finish_non_exhaustive()
    }
}
