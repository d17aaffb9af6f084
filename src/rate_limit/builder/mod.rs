//! `RateLimitBuilder`: the settings of a `RateLimit`.

mod compile;
mod validate;

use std::sync::Arc;

use crate::clock::{Clock, SteadyClock};
use crate::context::quota::Quota;
use crate::context::{RoutePattern, Tier};
use crate::error::{ConfigError, ConfigIssues};
#[cfg(feature = "login_protection")]
use crate::rate_limit::account::limits::with_account_limits;
use crate::rate_limit::builder::compile::CompiledLimit;
use crate::rate_limit::builder::validate::{validate_exempt, validate_limits, validate_store};
use crate::rate_limit::diagnostics::Diagnostics;
use crate::rate_limit::key::Key;
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::limit::Limit;
use crate::rate_limit::memory::MemoryStore;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::response_headers::{RateLimitHeaders, ResetFormat};
use crate::rate_limit::rule::Rule;
use crate::rate_limit::store::Store;

impl RateLimit {
    /// Returns a builder. A limit and a key are required; everything else has a default.
    pub fn builder() -> RateLimitBuilder {
        RateLimitBuilder::default()
    }
}

/// Builds a [`RateLimit`].
///
/// Each setter replaces the previous value, except [`add_limit`](Self::add_limit). Setters do not fail;
/// [`build`](Self::build) returns all invalid settings at once. If the compiler reports that this type does not
/// implement `Layer`, the call to `build` is missing.
#[derive(Clone, Debug)]
#[must_use]
pub struct RateLimitBuilder {
    limits: Vec<Limit>,
    key: Option<Key>,
    exempt: Vec<RoutePattern>,
    store: Option<Store>,
    headers: RateLimitHeaders,
    clock: Clock,
}

impl Default for RateLimitBuilder {
    fn default() -> Self {
        Self {
            limits: Vec::new(),
            key: None,
            exempt: Vec::new(),
            store: None,
            headers: RateLimitHeaders { legacy: Some(ResetFormat::Epoch), ietf_draft: false },
            clock: Clock::system(),
        }
    }
}

impl RateLimitBuilder {
    /// Sets a single limit with this quota, named `default`.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(60)?)
    ///     .key(Key::user())
    ///     .build()?;
    ///
    /// let usages = limit.peek(&Subject::user(None, "ann")).await?;
    /// assert_eq!((usages[0].name(), usages[0].limit()), ("default", 60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn quota(self, quota: Quota) -> Self {
        self.limit(Limit::new(DEFAULT_NAME, quota))
    }

    /// Sets a single limit, named `default`, whose quota depends on the user's tier; see [`Limit::by_tier`].
    pub fn by_tier(self, quotas: impl IntoIterator<Item = (Tier, Quota)>) -> Self {
        self.limit(Limit::by_tier(DEFAULT_NAME, quotas))
    }

    /// Sets a single limit. At least one limit is required; add others with [`add_limit`](Self::add_limit).
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits = vec![limit];
        self
    }

    /// Adds a limit, up to eight in total.
    ///
    /// A request is charged under all limits or, if one of them rejects it, under none.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = RateLimit::builder()
    ///     .add_limit(Limit::new("burst", Quota::per_second(10)?))
    ///     .add_limit(Limit::new("sustained", Quota::per_hour(1000)?))
    ///     .key(Key::user())
    ///     .build()?;
    ///
    /// let ann = Subject::user(None, "ann");
    /// // More than the burst limit allows, so neither limit is charged.
    /// assert!(limit.check(&ann, 11).await.is_err());
    /// let usages = limit.peek(&ann).await?;
    /// assert!(usages.iter().all(|usage| usage.used() == 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Sets the key that identifies the subject of a request. Required, unless every limit has its own key.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::Key};
    ///
    /// // Users are counted by their id, anonymous callers by their address.
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(60)?)
    ///     .key(Key::user().or_ip())
    ///     .build();
    /// assert!(limit.is_ok());
    ///
    /// // There is no default, because no key is right for every app.
    /// let error = RateLimit::builder().quota(Quota::per_minute(60)?).build();
    /// assert_eq!(error.unwrap_err().issues()[0].setting(), "key");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Exempts these routes from all limits of the layer (default: none).
    ///
    /// Write a route as in the router, including the path of every `nest`: `["/health", "/api/items/{id}"]`, or with a
    /// method, `GET /items`, to exempt only that one (GET includes HEAD). The route of a request is axum's
    /// `MatchedPath`, which is known to layers added with `Router::layer` and `route_layer`. Without it, a route
    /// without parameters exempts exactly its path, so `//health` is counted. A route with parameters then exempts
    /// nothing, which is logged once as a warning.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit, rate_limit::Key};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(1)?)
    ///     .key(Key::global())
    ///     .exempt(["/health", "/files/{*path}"])
    ///     .build()?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}))
    /// #     .route("/health", get(|| async {})).layer(limit);
    /// # let get = async |path: &str| {
    /// #     let request = Request::get(path).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(get("/").await, 200);
    /// assert_eq!(get("/").await, 429);
    /// assert_eq!(get("/health").await, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn exempt(mut self, routes: impl IntoIterator<Item: Into<String>>) -> Self {
        self.exempt = RoutePattern::all(routes);
        self
    }

    /// Sets where the counters are kept (default: a new [`MemoryStore`], which no other layer uses).
    ///
    /// Pass clones of one store to several layers to count limits with the same name and quota together, as in
    /// [`Limit::new`]. Use a `RedisStore` (feature `redis`) to share limits between processes.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, MemoryStore};
    ///
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(60)?)
    ///     .key(Key::user())
    ///     .store(MemoryStore::with_max_bytes(256 << 20))
    ///     .build();
    /// assert!(limit.is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn store(mut self, store: impl Into<Store>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Sets the format of `X-RateLimit-Reset` (default [`ResetFormat::Epoch`]).
    ///
    /// The header says when all units of the limit are available again, so that the caller could use its whole quota at
    /// once. Some are available earlier: `Retry-After` and the parameter `t` of [`RateLimit`](Self::ietf_draft_headers)
    /// say when. No standard defines the header, and APIs disagree: GitHub sends the time, others the seconds from now.
    /// Choose what your clients expect.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit, rate_limit::Key};
    /// use portcullis::rate_limit::ResetFormat;
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(100)?)
    ///     .key(Key::global())
    ///     .reset_format(ResetFormat::Delta)
    ///     .build()?;
    /// # let app = Router::<()>::new().route("/", get(|| async {})).layer(limit);
    /// # let request = Request::get("/").body(Body::empty()).unwrap();
    /// # let response = app.oneshot(request).await.unwrap();
    /// assert_eq!(response.headers()["x-ratelimit-reset"], "60");
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset_format(mut self, format: ResetFormat) -> Self {
        self.headers.legacy = Some(format);
        self
    }

    /// Also sends the headers `RateLimit` and `RateLimit-Policy` of the IETF draft (default: not sent).
    ///
    /// The headers are those of draft-ietf-httpapi-ratelimit-headers-10. They report every limit of the layer: in
    /// `RateLimit-Policy` the quota `q` and the window `w` in seconds, in `RateLimit` the remaining units `r` and the
    /// seconds `t` until more units are available. If the limit rejects the request, `Retry-After` is `t` or later.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit, rate_limit::Key};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_hour(100)?)
    ///     .key(Key::global())
    ///     .ietf_draft_headers()
    ///     .build()?;
    /// # let app = Router::<()>::new().route("/", get(|| async {})).layer(limit);
    /// # let request = Request::get("/").body(Body::empty()).unwrap();
    /// # let headers = app.oneshot(request).await.unwrap().headers().clone();
    /// assert_eq!(headers["ratelimit-policy"], r#""default";q=100;w=3600"#);
    /// assert_eq!(headers["ratelimit"], r#""default";r=99;t=3600"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ietf_draft_headers(mut self) -> Self {
        self.headers.ietf_draft = true;
        self
    }

    /// Sends no `X-RateLimit-*` headers (default: sent). Rejections have `Retry-After` in any case.
    pub fn without_legacy_headers(mut self) -> Self {
        self.headers.legacy = None;
        self
    }

    /// Sets the clock, for tests (default: the system clock).
    ///
    /// The layer reads the wall clock once and then adds the monotonic clock, so a wall clock that is set back or
    /// forward does not change any limit. Only the time in `X-RateLimit-Reset` follows the wall clock. A store in Redis
    /// uses the clock of the server.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, testing::FakeClock};
    /// use portcullis::rate_limit::{Key, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let clock = FakeClock::new();
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(1)?)
    ///     .key(Key::global())
    ///     .clock(clock.clock())
    ///     .build()?;
    ///
    /// let subject = Subject::global();
    /// assert!(limit.check(&subject, 1).await.is_ok());
    /// let denial = limit.check(&subject, 1).await.unwrap_err();
    /// clock.advance(denial.retry_after().unwrap());
    /// assert!(limit.check(&subject, 1).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every missing or invalid setting:
    ///
    /// - no limit, more than eight, or two with the same name; a name that is empty or not printable ASCII;
    /// - a limit without a key, or an alternative of a key after one that every request matches;
    /// - quotas by tier with different windows or algorithms, or two for one tier;
    /// - a fixed cost above a quota, or more units than a sliding log holds;
    /// - a route that axum 0.8 does not accept, or an empty list of routes;
    /// - a block of zero length or over 366 days, one that escalates to a shorter length, or one of a shadow limit;
    /// - a share, a prefix length, a size or a deadline that is out of range;
    /// - a store that has a limit with the same name and another quota or other blocks.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Limit}};
    ///
    /// let error = RateLimit::builder()
    ///     .limit(Limit::new("reports", Quota::per_hour(10)?).cost(25))
    ///     .exempt(["health"])
    ///     .build()
    ///     .unwrap_err();
    /// let settings: Vec<_> = error.issues().iter().map(|i| i.setting()).collect();
    /// assert_eq!(settings, ["key", "cost", "exempt"]);
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn build(self) -> Result<RateLimit, ConfigError> {
        let mut issues = ConfigIssues::default();
        let store = self.store.unwrap_or_else(|| MemoryStore::new().into());
        let memory = store.memory();
        // Locked until the limits are added, so that another layer cannot add a limit with the same name in between.
        let mut stored = memory.limits();
        #[cfg(feature = "login_protection")]
        let limits = with_account_limits(self.limits, self.key.as_ref());
        #[cfg(not(feature = "login_protection"))]
        let limits = self.limits;
        let limits = validate_limits(limits, self.key.as_ref(), &stored, &mut issues);
        validate_exempt(&self.exempt, &mut issues);
        validate_store(&store, &mut issues);
        issues.into_result(|| {
            // Nothing is added to the store unless all settings are valid.
            let compiled = limits.into_iter().map(|limit| CompiledLimit::new(limit, &mut stored)).collect();
            RateLimit(Arc::new(policy(compiled, self.exempt, &store, self.headers, self.clock)))
        })
    }
}

/// Turns compiled limits into a policy.
fn policy(
    mut compiled: Vec<CompiledLimit>,
    exempt: Vec<RoutePattern>,
    store: &Store,
    headers: RateLimitHeaders,
    clock: Clock,
) -> Policy {
    // Every request locks the tables in this order, in whatever layer, so that no two requests wait for each other. The
    // position of a limit in `rules` and `tables` is also the `rule_index` of its charges.
    compiled.sort_by_key(|limit| limit.tables.lock_order);
    let names = compiled.iter().map(|limit| Arc::clone(&limit.name)).collect();
    #[cfg(feature = "redis")]
    let redis = match store {
        Store::Memory(_) => None,
        Store::Redis(store) => {
            Some(store.limiter(compiled.iter().map(|limit| limit.redis_rule(headers.ietf_draft)).collect()))
        }
    };
    let (rules, tables): (Vec<_>, Vec<_>) = compiled.into_iter().map(|limit| (limit.rule, limit.tables)).unzip();
    Policy {
        needs_route: !exempt.is_empty() || rules.iter().any(Rule::needs_route),
        needs_match: exempt.iter().any(RoutePattern::has_parameters) || rules.iter().any(Rule::needs_match),
        api_key_headers: rules.iter().flat_map(|rule| rule.key.api_key_headers()).cloned().collect(),
        refunds: rules.iter().any(|rule| rule.failure.is_some()),
        rules: rules.into(),
        names,
        exempt: exempt.into(),
        headers,
        clock: SteadyClock::new(clock),
        memory: store.memory(),
        tables: tables.into(),
        #[cfg(feature = "redis")]
        redis,
        diagnostics: Diagnostics::default(),
    }
}

const DEFAULT_NAME: &str = "default";
