//! `Limit`: one named limit: its quota, the requests it applies to, and what happens when it is exceeded.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, request};

use crate::context::Tier;
use crate::rate_limit::algorithm::{Algorithm, MAX_LOG_UNITS};
use crate::rate_limit::key::Key;
use crate::rate_limit::quota::Quota;

/// One named limit of a [`RateLimit`](crate::RateLimit): its quota, and which requests it counts.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Quota, rate_limit::Limit};
///
/// // After five failed logins within five minutes, the sixth blocks the subject for an hour.
/// let login = Limit::new("login", Quota::per(5, Duration::from_secs(300))?)
///     .only_failures()
///     .block_for(Duration::from_secs(3600));
/// # let _ = login;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
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
    pub(super) is_shadow: bool,
    pub(super) outage: Option<OutagePolicy>,
}

impl Limit {
    /// Creates a limit with one quota for every subject.
    ///
    /// Callers see the name in headers and problem details. It also identifies the counters in a store: if two layers
    /// share a store, limits with the same name and quota count together.
    pub fn new(name: impl Into<Arc<str>>, quota: Quota) -> Self {
        Self::of(name.into(), Quotas::Single(quota))
    }

    /// Creates a limit whose quota depends on the tier of the verified user.
    ///
    /// The quota of the highest of these tiers that the user has applies. Users with none of them and anonymous callers
    /// get the quota of the lowest tier. All quotas have the same window. Put the layer inside of the one that
    /// authenticates.
    pub fn by_tier(name: impl Into<Arc<str>>, quotas: impl IntoIterator<Item = (Tier, Quota)>) -> Self {
        Self::of(name.into(), Quotas::ByTier(quotas.into_iter().collect()))
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
            is_shadow: false,
            outage: None,
        }
    }

    /// Sets the key (default: the key of the layer).
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the cost of a request in units (default 1). With 0, a request is never charged, and only a
    /// running block rejects it.
    pub fn cost(mut self, units: u32) -> Self {
        self.cost = Cost::Fixed(units);
        self
    }

    /// Sets the cost of a request in units, computed from its head.
    ///
    /// If the caller controls the number, set a minimum: a cost of 0 is not counted.
    ///
    /// ```
    /// use portcullis::{Quota, rate_limit::Limit};
    ///
    /// let items = Limit::new("items", Quota::per_minute(1000)?).cost_of(|head| {
    ///     let header = head.headers.get("x-item-count").and_then(|value| value.to_str().ok());
    ///     header.and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
    /// });
    /// # let _ = items;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn cost_of(mut self, units: impl Fn(&request::Parts) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Cost::Computed(Arc::new(units));
        self
    }

    /// Restricts the limit to these routes, written as in the router: `/reports/{id}` (default: all routes).
    ///
    /// A route is axum's `MatchedPath`, including the path of every `nest`. The request's path is compared as well, so
    /// that a limit on one path also counts requests that a wildcard route matches.
    pub fn on_routes(mut self, routes: impl IntoIterator<Item: Into<Box<str>>>) -> Self {
        self.filter.routes = Some(routes.into_iter().map(Into::into).collect());
        self
    }

    /// Restricts the limit to requests for which the condition is true.
    ///
    /// ```
    /// use portcullis::{Quota, UserContext, rate_limit::Limit};
    ///
    /// let exports = Limit::new("exports", Quota::per_day(20)?)
    ///     .only_if(|head| UserContext::from_extensions(&head.extensions).is_some_and(|user| user.has_scope("export")));
    /// # let _ = exports;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn only_if(mut self, condition: impl Fn(&request::Parts) -> bool + Send + Sync + 'static) -> Self {
        self.filter.condition = Some(Arc::new(condition));
        self
    }

    /// Counts each route separately (default: all routes together).
    pub fn by_route(mut self) -> Self {
        self.by_route = true;
        self
    }

    /// Counts only requests that fail with a status from 400 to 499, such as failed logins (default: all requests).
    ///
    /// A request is charged before the handler runs, so that concurrent attempts count, and refunded if it succeeds.
    /// Only its own units are refunded. Handlers can override the status with an [`Attempt`](crate::context::Attempt).
    /// For a gRPC response, the `grpc-status` in its head counts; a status in trailers after a body is not seen.
    pub fn only_failures(self) -> Self {
        self.only_failures_if(|status| status.is_client_error())
    }

    /// Counts only requests whose response status the condition calls a failure; see
    /// [`only_failures`](Self::only_failures).
    pub fn only_failures_if(mut self, is_failure: impl Fn(StatusCode) -> bool + Send + Sync + 'static) -> Self {
        self.failure = Some(FailureCondition(Arc::new(is_failure)));
        self
    }

    /// Blocks a subject that exceeds the limit: all its requests are rejected for this long (default: no block).
    ///
    /// With a limit of five, the sixth request starts the block. A [shadow](Self::shadow) limit never blocks.
    pub fn block_for(mut self, duration: Duration) -> Self {
        self.block = Some(BlockDurations { first: duration, longest: self.block.and_then(|block| block.longest) });
        self
    }

    /// Doubles the length of each further block, up to this length (default: all blocks have the same length).
    ///
    /// Past blocks are forgotten once the subject has not been blocked for that long. Requires
    /// [`block_for`](Self::block_for).
    pub fn escalate_to(mut self, longest: Duration) -> Self {
        let first = self.block.map_or(Duration::ZERO, |block| block.first);
        self.block = Some(BlockDurations { first, longest: Some(longest) });
        self
    }

    /// Turns the limit into a shadow limit: it counts, but never rejects a request.
    ///
    /// Requests that would be rejected are logged at `info`. Use it to try out a quota.
    pub fn shadow(mut self) -> Self {
        self.is_shadow = true;
        self
    }

    /// Sets what the limit does while the store is unavailable.
    ///
    /// The default is [`FailClosed`](OutagePolicy::FailClosed) for a limit that counts failures or blocks, and
    /// [`local(0.5)`](OutagePolicy::local) for any other. Only a store in Redis can become unavailable.
    pub fn on_outage(mut self, outage: OutagePolicy) -> Self {
        self.outage = Some(outage);
        self
    }

    #[cfg(feature = "redis")]
    pub(super) fn outage_policy(&self) -> OutagePolicy {
        let protects_accounts = self.failure.is_some() || self.block.is_some();
        let default = if protects_accounts { OutagePolicy::FailClosed } else { OutagePolicy::local(DEFAULT_SHARE) };
        self.outage.unwrap_or(default)
    }
}

/// What a limit does while its store is unavailable.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutagePolicy {
    /// Rejects requests with 503 and `Retry-After`.
    FailClosed,
    /// Counts in this process alone, against a share of the limit; see [`local`](Self::local).
    ///
    /// With four instances of the app, a share of 0.25 keeps the limit as a whole. Requests that this process counted
    /// before the outage are included. Above the share, requests are rejected with 503, above the whole limit with 429.
    /// Headers report what remains of the share.
    #[non_exhaustive]
    Local {
        /// The share of the limit, above 0 and up to 1.
        share: f64,
    },
    /// Admits all requests without counting them.
    FailOpen,
}

impl OutagePolicy {
    /// Returns [`Local`](Self::Local) with this share of the limit, above 0 and up to 1.
    #[must_use]
    pub fn local(share: f64) -> Self {
        Self::Local { share }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Quotas {
    Single(Quota),
    ByTier(Vec<(Tier, Quota)>),
}

impl Quotas {
    /// Returns the quotas with their tiers, the lowest tier first.
    pub(super) fn into_ascending(self) -> Vec<(Option<Tier>, Quota)> {
        match self {
            Self::Single(quota) => vec![(None, quota)],
            Self::ByTier(mut quotas) => {
                quotas.sort_by_key(|(tier, _)| tier.rank());
                quotas.into_iter().map(|(tier, quota)| (Some(tier), quota)).collect()
            }
        }
    }

    /// Returns the algorithm that counts. By tier, the default is one whose memory does not depend on the limit.
    pub(super) fn algorithm(&self) -> Algorithm {
        let (quota, default) = match self {
            Self::Single(quota) if quota.units().get() <= MAX_LOG_UNITS => (Some(quota), Algorithm::SlidingLog),
            Self::Single(quota) => (Some(quota), Algorithm::SlidingWindow),
            Self::ByTier(quotas) => (quotas.first().map(|(_, quota)| quota), Algorithm::SlidingWindow),
        };
        quota.and_then(Quota::configured_algorithm).unwrap_or(default)
    }
}

#[derive(Clone)]
pub(super) enum Cost {
    Fixed(u32),
    Computed(Arc<dyn Fn(&request::Parts) -> u32 + Send + Sync>),
}

impl Cost {
    #[inline]
    pub(super) fn of(&self, head: &request::Parts) -> u32 {
        match self {
            Self::Fixed(units) => *units,
            Self::Computed(units) => units(head),
        }
    }
}

/// The requests that a limit counts: all by default.
#[derive(Clone, Default)]
pub(super) struct RequestFilter {
    pub(super) routes: Option<Arc<[Box<str>]>>,
    pub(super) condition: Option<Arc<dyn Fn(&request::Parts) -> bool + Send + Sync>>,
}

/// Which response statuses are failures.
#[derive(Clone)]
pub(super) struct FailureCondition(Arc<dyn Fn(StatusCode) -> bool + Send + Sync>);

impl FailureCondition {
    pub(super) fn is_failure(&self, status: StatusCode) -> bool {
        (self.0)(status)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct BlockDurations {
    pub(super) first: Duration,
    pub(super) longest: Option<Duration>,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("name", &self.name).field("quotas", &self.quotas).finish_non_exhaustive()
    }
}

/// With two instances of the app, they admit the limit together.
#[cfg(feature = "redis")]
const DEFAULT_SHARE: f64 = 0.5;
