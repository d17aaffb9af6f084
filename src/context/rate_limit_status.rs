//! `RateLimitStatus`: the remaining quota of each rate limit.

use std::cmp::Reverse;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

/// The remaining quota of each limit that a [`RateLimit`](crate::RateLimit) charged for this request.
///
/// Handlers [extract](crate::extract) it. If a request passes several `RateLimit`
/// layers, it holds the limits of the innermost layer. [Shadow](crate::rate_limit::Limit::shadow) limits are omitted.
///
/// ```
/// use portcullis::rate_limit::RateLimitStatus;
///
/// async fn remaining(status: RateLimitStatus) -> String {
///     match status.tightest() {
///         Some(limit) => {
///             format!("{} of {} remaining", limit.remaining(), limit.limit())
///         }
///         None => "no limit applies".to_owned(),
///     }
/// }
/// # let _ = remaining;
/// ```
#[derive(Clone, Debug)]
pub struct RateLimitStatus {
    names: Arc<[Arc<str>]>,
    snapshots: LimitSnapshots,
}

impl RateLimitStatus {
    /// The maximum number of limits in one layer: a decision has one bit of a byte for each limit.
    pub(crate) const MAX_LIMITS: usize = 8;

    #[inline]
    pub(crate) fn new(names: Arc<[Arc<str>]>, snapshots: LimitSnapshots) -> Self {
        Self { names, snapshots }
    }

    /// Returns the status of each limit, in the order in which the layer checks them.
    pub fn limits(&self) -> impl Iterator<Item = LimitStatus<'_>> {
        self.snapshots.iter().filter_map(|snapshot| {
            let name = self.names.get(usize::from(snapshot.rule_index))?;
            Some(LimitStatus { name, snapshot: *snapshot })
        })
    }

    /// Returns the limit with the fewest remaining units; `None` if no limit applies to the request.
    ///
    /// Of several with equally few units, it is the one that takes longest to reset.
    #[must_use]
    pub fn tightest(&self) -> Option<LimitStatus<'_>> {
        self.limits().min_by_key(|status| status.snapshot.tightness())
    }
}

/// The remaining quota of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStatus<'a> {
    name: &'a str,
    snapshot: LimitSnapshot,
}

impl<'a> LimitStatus<'a> {
    /// Whether both describe the same limit of the same subject in the same store. If the limits of two nested layers
    /// do, each request is charged twice, which is logged.
    pub(crate) fn is_same_counter(&self, other: &LimitStatus<'_>) -> bool {
        self.snapshot.subject == other.snapshot.subject && self.name == other.name
    }

    /// Returns the limit's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Returns the number of units per window.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.snapshot.limit
    }

    /// Returns the number of remaining units.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.snapshot.remaining
    }

    /// Returns the time until all units are available again, in whole seconds, rounded up.
    #[must_use]
    pub fn reset(&self) -> Duration {
        Duration::from_secs(u64::from(self.snapshot.reset))
    }
}

/// One limit, as it was right after the decision about a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitSnapshot {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Seconds until more units are available, rounded up; zero if all are.
    pub(crate) more: u32,
    /// Seconds until all units are available again, rounded up.
    pub(crate) reset: u32,
    /// The position of the limit in its layer.
    pub(crate) rule_index: u8,
    /// The position of the applied quota among the quotas of that limit.
    pub(crate) quota_index: u8,
    /// Identifies the subject within its store.
    pub(crate) subject: u64,
}

impl LimitSnapshot {
    /// Orders limits by tightness: the fewest remaining units first, then the longest time until the reset.
    #[inline]
    pub(crate) fn tightness(&self) -> (u32, Reverse<u32>) {
        (self.remaining, Reverse(self.reset))
    }

    /// Adds units that were refunded after the decision.
    pub(crate) fn refund(&mut self, units: u32) {
        self.remaining = self.remaining.saturating_add(units).min(self.limit);
        if self.remaining == self.limit {
            self.more = 0;
            self.reset = 0;
        }
    }
}

/// The snapshots of one layer's limits. Most layers have one or two limits, which need no allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitSnapshots(SmallVec<[LimitSnapshot; 2]>);

impl LimitSnapshots {
    #[inline]
    pub(crate) fn push(&mut self, snapshot: LimitSnapshot) {
        self.0.push(snapshot);
    }
}

impl Deref for LimitSnapshots {
    type Target = [LimitSnapshot];

    #[inline]
    fn deref(&self) -> &[LimitSnapshot] {
        &self.0
    }
}

impl DerefMut for LimitSnapshots {
    #[inline]
    fn deref_mut(&mut self) -> &mut [LimitSnapshot] {
        &mut self.0
    }
}
