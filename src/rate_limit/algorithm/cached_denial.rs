//! `CachedDenial`: a denial by Redis, kept so that the next request need not ask again.

// A caller that is over its limit often sends many more requests. They should not load the server that all processes
// share, and their rejection should not take a round trip. But a cached denial must not reject a request that Redis
// would admit. So it is used only for requests with the same fingerprint, only until the time that Redis gave, and only
// if no refund can shorten that time (`RedisLimiter::cache_denial` checks that). The exception is an administrative
// call in another process, which this one does not notice for up to `MAX_AGE`.

use std::num::NonZeroU32;

use super::{Occupancy, Slot};

/// A denial, and until when Redis would repeat it. Times are in microseconds and count from before Redis was asked.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct CachedDenial {
    cached_at: u64,
    /// Until when Redis denies the request.
    denied_until: u64,
    /// When more units are free.
    more_at: u64,
    /// When all units are free.
    reset_at: u64,
    /// Which requests are denied: `None` for a block, which denies every request of the subject.
    fingerprint: Option<NonZeroU32>,
    /// What to add to the wait, in units of [`SLACK_UNIT`].
    slack: u32,
}

/// What Redis reported about a request that it denied. Times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(in crate::rate_limit) struct DenialParams {
    pub(in crate::rate_limit) fingerprint: Option<NonZeroU32>,
    /// The time until Redis would admit the request.
    pub(in crate::rate_limit) wait: u64,
    /// The time until more units are free.
    pub(in crate::rate_limit) more: u64,
    /// The time until all units are free.
    pub(in crate::rate_limit) reset: u64,
    /// What to add to the wait that callers get.
    pub(in crate::rate_limit) slack: u64,
}

/// How long a request is denied, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rate_limit) struct DenialInForce {
    pub(in crate::rate_limit) wait: u64,
    pub(in crate::rate_limit) more: u64,
    pub(in crate::rate_limit) reset: u64,
    pub(in crate::rate_limit) is_block: bool,
}

impl CachedDenial {
    /// Caches a denial of a request that was sent at `sent_at`.
    ///
    /// Redis decided at some time between `sent_at` and the response. Counted from the earlier of the two, the denial
    /// ends too early rather than too late, and the request is then sent to Redis.
    pub(in crate::rate_limit) fn new(denial: &DenialParams, sent_at: u64) -> Self {
        Self {
            cached_at: sent_at,
            denied_until: sent_at.saturating_add(denial.wait),
            more_at: sent_at.saturating_add(denial.more),
            reset_at: sent_at.saturating_add(denial.reset),
            fingerprint: denial.fingerprint,
            slack: u32::try_from(denial.slack.div_ceil(SLACK_UNIT)).unwrap_or(u32::MAX),
        }
    }

    /// Returns the denial of a request with this fingerprint; `None` if Redis must be asked.
    ///
    /// The wait includes the slack: by the server's clock, the denial may have started as late as the response arrived.
    pub(in crate::rate_limit) fn in_force(&self, fingerprint: NonZeroU32, now: u64) -> Option<DenialInForce> {
        let is_block = self.fingerprint.is_none();
        let applies = is_block || self.fingerprint == Some(fingerprint);
        let is_fresh = now < self.cached_at.saturating_add(MAX_AGE) && now < self.denied_until;
        (applies && is_fresh).then(|| DenialInForce {
            wait: self.denied_until - now + u64::from(self.slack) * SLACK_UNIT,
            more: self.more_at.saturating_sub(now),
            reset: self.reset_at.saturating_sub(now),
            is_block,
        })
    }
}

impl Slot for CachedDenial {
    type Params = ();

    fn is_empty(&self) -> bool {
        self.denied_until == 0
    }

    /// A denial that is over counts as an empty slot. Any other may be evicted: Redis still knows it.
    fn occupancy(&self, (): &(), now: u64) -> Occupancy {
        Occupancy { used: u32::from(self.denied_until > now), capacity: 2 }
    }
}

/// How long a denial is used before Redis is asked again: an operator may have lifted it in another process.
const MAX_AGE: u64 = 10_000_000;
/// A hundredth of a second: a `u32` of them is longer than the longest window.
const SLACK_UNIT: u64 = 10_000;

#[cfg(test)]
mod tests;
