//! `RateLimitBuilder`: the settings of a `RateLimit`.

mod compile;
mod validate;

use std::sync::Arc;

use crate::clock::{Clock, SteadyClock};
use crate::context::Tier;
use crate::error::{ConfigError, ConfigIssues};
use crate::rate_limit::builder::compile::CompiledLimit;
use crate::rate_limit::builder::validate::{ValidLimit, validate_exempt, validate_limits, validate_store};
use crate::rate_limit::diagnostics::Diagnostics;
use crate::rate_limit::key::Key;
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::limit::Limit;
use crate::rate_limit::memory::MemoryStore;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::quota::Quota;
use crate::rate_limit::response_headers::{RateLimitHeaders, ResetFormat};
use crate::rate_limit::rule::Rule;
use crate::rate_limit::store::Store;

impl RateLimit {
    /// Returns a builder; a limit and a key are required.
    pub fn builder() -> RateLimitBuilder {
        RateLimitBuilder::default()
    }
}

/// Builds a [`RateLimit`].
///
/// Each setter replaces the previous value, except [`add_limit`](Self::add_limit). If the compiler reports that this
/// type does not implement `Layer`, the call to [`build`](Self::build) is missing.
#[derive(Clone, Debug)]
#[must_use]
pub struct RateLimitBuilder {
    limits: Vec<Limit>,
    key: Option<Key>,
    exempt: Vec<Box<str>>,
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

    /// Adds a limit, up to eight in total. A request is charged under all limits or, if one of them rejects it, under
    /// none.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, TrustedProxies, rate_limit::{Key, Limit}};
    ///
    /// let limit = RateLimit::builder()
    ///     .add_limit(Limit::new("burst", Quota::per_second(10)?))
    ///     .add_limit(Limit::new("sustained", Quota::per_hour(1000)?))
    ///     .key(Key::ip(TrustedProxies::none()))
    ///     .build()?;
    /// # let _ = limit;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn add_limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Sets the key that identifies the subject of a request. Required, unless every limit has its own key.
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Exempts these routes from all limits of the layer (default: none).
    ///
    /// Write a route as in the router, including the path of every `nest`: `["/health", "/api/items/{id}"]`. The route
    /// of a request is axum's `MatchedPath`, which is known to layers added with `Router::layer` and `route_layer`.
    /// Without it, the request's path is compared. Only exact matches are exempt: `//health` is counted.
    pub fn exempt(mut self, routes: impl IntoIterator<Item: Into<Box<str>>>) -> Self {
        self.exempt = routes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets where the counters are kept (default: a new [`MemoryStore`]).
    pub fn store(mut self, store: impl Into<Store>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Sets the format of `X-RateLimit-Reset` (default [`ResetFormat::Epoch`]).
    pub fn reset_format(mut self, format: ResetFormat) -> Self {
        self.headers.legacy = Some(format);
        self
    }

    /// Also sends the headers `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10 (default:
    /// not sent).
    pub fn ietf_draft_headers(mut self) -> Self {
        self.headers.ietf_draft = true;
        self
    }

    /// Sends no `X-RateLimit-*` headers (default: sent). `Retry-After` is sent in any case.
    pub fn without_legacy_headers(mut self) -> Self {
        self.headers.legacy = None;
        self
    }

    /// Sets the clock, for tests (default: the system clock). A store in Redis uses the clock of the server.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}, testing::FakeClock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let clock = FakeClock::new();
    /// let limit = RateLimit::builder().quota(Quota::per_minute(1)?).key(Key::global()).clock(clock.clock()).build()?;
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
    /// Returns [`ConfigError`] with every missing or invalid setting.
    pub fn build(self) -> Result<RateLimit, ConfigError> {
        let mut issues = ConfigIssues::default();
        let store = self.store.unwrap_or_else(|| MemoryStore::new().into());
        let limits = validate_limits(self.limits, self.key.as_ref(), &mut issues);
        validate_exempt(&self.exempt, &mut issues);
        validate_store(&store, &mut issues);
        // Tables are allocated only if all settings are valid.
        issues.into_result(|| RateLimit(Arc::new(compile(limits, self.exempt, &store, self.headers, self.clock))))
    }
}

fn compile(
    limits: Vec<ValidLimit>,
    exempt: Vec<Box<str>>,
    store: &Store,
    headers: RateLimitHeaders,
    clock: Clock,
) -> Policy {
    let memory = match store {
        Store::Memory(store) => store.clone(),
        #[cfg(feature = "redis")]
        Store::Redis(store) => store.local_memory(),
    };
    let mut compiled: Vec<CompiledLimit> = limits.into_iter().map(|limit| CompiledLimit::new(limit, &memory)).collect();
    // Every request locks the tables in this order, in whatever layer, so that no two requests wait for each other.
    compiled.sort_by_key(|limit| limit.lock_order);
    let names = compiled.iter().map(|limit| Arc::clone(&limit.name)).collect();
    #[cfg(feature = "redis")]
    let redis = match store {
        Store::Memory(_) => None,
        Store::Redis(store) => Some(store.limiter(compiled.iter().map(|limit| limit.redis_rule(&memory)).collect())),
    };
    let (rules, tables): (Vec<_>, Vec<_>) = compiled.into_iter().map(|limit| (limit.rule, limit.tables)).unzip();
    Policy {
        needs_route: !exempt.is_empty() || rules.iter().any(Rule::needs_route),
        refunds: rules.iter().any(|rule| rule.failure.is_some()),
        rules: rules.into(),
        names,
        exempt: exempt.into(),
        headers,
        clock: SteadyClock::new(clock),
        memory,
        tables: tables.into(),
        #[cfg(feature = "redis")]
        redis,
        diagnostics: Diagnostics::default(),
    }
}

const DEFAULT_NAME: &str = "default";
