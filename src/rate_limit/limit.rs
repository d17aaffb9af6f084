//! `Limit`: one named limit, what it counts and what it does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, request};

use crate::context::Tier;
use crate::rate_limit::key::Key;
use crate::rate_limit::quota::{Algorithm, MOST_EXACT, Quota};

/// One named limit of a [`RateLimit`](crate::RateLimit): its quota, and what it counts.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Quota, rate_limit::Limit};
///
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
    pub(super) applies: Applies,
    pub(super) failure: Option<Failure>,
    pub(super) block: Option<Block>,
    pub(super) by_route: bool,
    pub(super) is_shadow: bool,
    pub(super) outage: Option<OutagePolicy>,
}

#[derive(Clone, Debug)]
pub(super) enum Quotas {
    One(Quota),
    ByTier(Vec<(Tier, Quota)>),
}

impl Quotas {
    /// Each tier's quota, the lowest tier's first.
    pub(super) fn ascending(self) -> Vec<(Option<Tier>, Quota)> {
        match self {
            Self::One(quota) => vec![(None, quota)],
            Self::ByTier(mut quotas) => {
                quotas.sort_by_key(|(tier, _)| tier.rank());
                quotas.into_iter().map(|(tier, quota)| (Some(tier), quota)).collect()
            }
        }
    }

    /// How units are counted: where tiers change, by what keeps them whatever the limit.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::One(quota) if quota.units().get() <= MOST_EXACT => {
                quota.chosen_algorithm().unwrap_or(Algorithm::SlidingLog)
            }
            Self::One(quota) => quota.chosen_algorithm().unwrap_or(Algorithm::SlidingWindow),
            Self::ByTier(quotas) => {
                quotas.first().and_then(|(_, quota)| quota.chosen_algorithm()).unwrap_or(Algorithm::SlidingWindow)
            }
        }
    }
}

#[derive(Clone)]
pub(super) enum Cost {
    Fixed(u32),
    Of(Arc<dyn Fn(&request::Parts) -> u32 + Send + Sync>),
}

/// On which requests a limit is counted: all unless set.
#[derive(Clone, Default)]
pub(super) struct Applies {
    pub(super) routes: Option<Arc<[Box<str>]>>,
    pub(super) condition: Option<Arc<dyn Fn(&request::Parts) -> bool + Send + Sync>>,
}

/// Which statuses are failures.
#[derive(Clone)]
pub(super) struct Failure(Arc<dyn Fn(StatusCode) -> bool + Send + Sync>);

impl Failure {
    pub(super) fn is(&self, status: StatusCode) -> bool {
        (self.0)(status)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) first: Duration,
    pub(super) longest: Option<Duration>,
}

/// What a limit does while its store cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutagePolicy {
    /// Refuses with 503 and `Retry-After`.
    FailClosed,
    /// Counts in this process alone, what it counted before included, against a share of the limit: with four
    /// instances, a quarter. Above the share the answer is 503, above the whole limit 429. What is told to remain is of the
    /// share.
    Local(f64),
    /// Lets everything through, uncounted.
    FailOpen,
}

impl Limit {
    /// A limit of this name. The name is told to callers, and tells this limit's counts from others in a store: two
    /// layers with one store count together where their limits have one name and one quota.
    pub fn new(name: impl Into<Arc<str>>, quota: Quota) -> Self {
        Self::of(name.into(), Quotas::One(quota))
    }

    /// A limit whose quota is that of the highest of these tiers that the verified user has. All have one window. Who has
    /// none of them, and who is anonymous, has the lowest tier's quota. Stands inside of what authenticates.
    pub fn by_tier(name: impl Into<Arc<str>>, quotas: impl IntoIterator<Item = (Tier, Quota)>) -> Self {
        Self::of(name.into(), Quotas::ByTier(quotas.into_iter().collect()))
    }

    fn of(name: Arc<str>, quotas: Quotas) -> Self {
        Self {
            name,
            quotas,
            key: None,
            cost: Cost::Fixed(1),
            applies: Applies::default(),
            failure: None,
            block: None,
            by_route: false,
            is_shadow: false,
            outage: None,
        }
    }

    /// Sets by what requests are counted, in place of the layer's key.
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets how many units a request costs: one unless set. With zero, the limit is looked at and not charged.
    pub fn cost(mut self, units: u32) -> Self {
        self.cost = Cost::Fixed(units);
        self
    }

    /// Sets how many units a request costs, by its head. A number that the caller writes wants a floor, as `.max(1)`: what
    /// costs nothing is not counted.
    pub fn cost_of(mut self, units: impl Fn(&request::Parts) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Cost::Of(Arc::new(units));
        self
    }

    /// Counts on these routes alone, spelt as the router has them: `/reports/{id}`.
    ///
    /// A route is axum's `MatchedPath`, with the path of every `nest` before it; where there is none, the path as it was
    /// sent.
    pub fn on_routes(mut self, routes: impl IntoIterator<Item: Into<Box<str>>>) -> Self {
        self.applies.routes = Some(routes.into_iter().map(Into::into).collect());
        self
    }

    /// Counts only requests for whose head this is true: those whose token carries a scope, for example.
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
        self.applies.condition = Some(Arc::new(condition));
        self
    }

    /// Counts each route on its own.
    pub fn by_route(mut self) -> Self {
        self.by_route = true;
        self
    }

    /// Counts only requests that fail, with a status of 400 to 499: log-ins, for example. Of a gRPC answer, with the
    /// `grpc-status` that stands in its head; one in trailers after a body is not seen.
    ///
    /// A unit is charged before the handler runs, so that attempts made at once count, and given back when it did not
    /// fail. A success gives back its own unit alone. A handler that knows better says so:
    /// [`Attempt`](crate::context::Attempt).
    pub fn only_failures(self) -> Self {
        self.only_failures_if(|status| status.is_client_error())
    }

    /// As [`only_failures`](Self::only_failures), with other statuses for failures.
    pub fn only_failures_if(mut self, is_failure: impl Fn(StatusCode) -> bool + Send + Sync + 'static) -> Self {
        self.failure = Some(Failure(Arc::new(is_failure)));
        self
    }

    /// Refuses everything from a subject for this long, once it has gone over the limit: of five, with the sixth. A
    /// [shadow](Self::shadow) never blocks.
    pub fn block_for(mut self, time: Duration) -> Self {
        self.block = Some(Block { first: time, longest: self.block.and_then(|block| block.longest) });
        self
    }

    /// Blocks each time for twice as long as the time before, up to this. Blocks are forgotten once the subject has been
    /// free of one for as long.
    pub fn escalate_to(mut self, longest: Duration) -> Self {
        let first = self.block.map_or(Duration::ZERO, |block| block.first);
        self.block = Some(Block { first, longest: Some(longest) });
        self
    }

    /// Counts and reports, and never refuses: the log says at `info` what would have been refused.
    pub fn shadow(mut self) -> Self {
        self.is_shadow = true;
        self
    }

    /// Sets what happens while the store cannot be asked. Unless set, a limit that counts failures or blocks is
    /// [`FailClosed`](OutagePolicy::FailClosed), and any other counts in this process with half of the limit.
    pub fn on_outage(mut self, outage: OutagePolicy) -> Self {
        self.outage = Some(outage);
        self
    }
}

impl Limit {
    /// What happens while the store cannot be asked.
    #[cfg(feature = "redis")]
    pub(super) fn outage(&self) -> OutagePolicy {
        let is_guard = self.failure.is_some() || self.block.is_some();
        self.outage.unwrap_or(if is_guard { OutagePolicy::FailClosed } else { OutagePolicy::Local(HALF) })
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("name", &self.name).field("quotas", &self.quotas).finish_non_exhaustive()
    }
}

#[cfg(feature = "redis")]
const HALF: f64 = 0.5;
