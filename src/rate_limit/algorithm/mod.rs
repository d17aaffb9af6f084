//! The traits that counters implement. Pure arithmetic on microseconds, with the time as an argument.

// The algorithms read no clock, take no lock and know no subject. So property tests can run each of them through long
// histories, with any time, and compare it with a simpler model. The Lua script implements them a second time, for
// Redis; tests/it/redis compares both stores on the same requests.

#[cfg(feature = "redis")]
pub(super) mod cached_denial;
pub(super) mod fixed_window;
pub(super) mod penalty;
pub(super) mod sliding_log;
pub(super) mod sliding_window;
pub(super) mod token_bucket;

pub use crate::context::quota::Algorithm;
use crate::context::quota::{Quota, micros};

/// What one window holds, and the resolution in which an algorithm keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowParams {
    /// The units per window; never zero.
    pub(super) limit: u32,
    /// The length of the window in microseconds; never zero.
    pub(super) window: u64,
    /// The tick of a log or the length of a sub-window in microseconds; never zero.
    pub(super) step: u64,
}

impl WindowParams {
    pub(super) fn new(algorithm: Algorithm, limit: u32, window: u64) -> Self {
        let step = match algorithm {
            // A log stores offsets of 32 bits from its oldest unit. The newest unit may be one window later than that,
            // and the present one window later than the newest unit, so twice the window must fit.
            Algorithm::SlidingLog => (window >> 31) + 1,
            Algorithm::SlidingWindow => window.div_ceil(SUB_WINDOWS),
            Algorithm::FixedWindow | Algorithm::TokenBucket => window,
        };
        Self { limit, window, step }
    }

    /// Returns the parameters of the counters of a quota.
    pub(super) fn of(quota: Quota, algorithm: Algorithm) -> Self {
        Self::new(algorithm, quota.units().get(), micros(quota.window()))
    }

    #[inline]
    pub(super) fn with_limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }
}

/// The units that one subject has in use.
///
/// Call [`advance`](Counter::advance) first: the results of the other methods are valid for the time it was given. Each
/// method takes the parameters because the limit may change between two requests, as with a change of the user's tier.
/// Units in use stay in use then.
pub(super) trait Counter {
    /// Moves the counter to `now` and frees the units that have left the window.
    ///
    /// If the clock went back, times in the future become `now`: units in use stay in use, for one window at most.
    fn advance(&mut self, params: &WindowParams, now: u64);

    /// Returns the units in use; a fraction of a unit counts as one.
    fn used(&self) -> u32;

    /// Returns the limit of the last call to [`advance`](Counter::advance), for calls that do not know the subject's
    /// tier: evictions and administrative calls.
    fn limit(&self) -> u32;

    /// Charges units, whether or not they fit. The caller has checked that, or mirrors a decision of Redis.
    fn charge(&mut self, params: &WindowParams, now: u64, cost: u32);

    /// Refunds units that were charged at `charged_at`, as far as they are still in use.
    ///
    /// Units that have left the window since are no longer in use. Refunding them would free units of other requests,
    /// and a caller could exceed its limit with slow requests that succeed.
    fn refund(&mut self, params: &WindowParams, now: u64, charged_at: u64, cost: u32);

    /// Refunds the units that were charged last.
    fn refund_last(&mut self, cost: u32);

    /// Returns the microseconds until `cost` units fit. `cost` is at most the limit.
    fn time_until_fit(&self, params: &WindowParams, now: u64, cost: u32) -> u64;

    /// Returns the microseconds until no unit is in use.
    fn time_until_unused(&self, params: &WindowParams, now: u64) -> u64;
}

/// What a table stores for one subject. The table only needs to know which of its entries it may evict.
pub(super) trait Slot: Clone + Default + Send {
    /// The settings that all slots of one table share.
    type Params: Copy + Send + Sync;

    /// Whether the slot holds nothing worth keeping.
    fn is_empty(&self) -> bool;

    /// Returns how much of the slot's capacity is in use at `now`.
    fn occupancy(&self, params: &Self::Params, now: u64) -> Occupancy;
}

/// How much of a slot is in use: `used` of `capacity`.
///
/// A table evicts empty slots first, then those with the smallest share in use, and never a slot that is full. The
/// share and not the number counts, because subjects of one table may have the quotas of different tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occupancy {
    pub(super) used: u32,
    pub(super) capacity: u32,
}

impl<C: Counter + Clone + Default + Send> Slot for C {
    type Params = WindowParams;

    #[inline]
    fn is_empty(&self) -> bool {
        self.used() == 0
    }

    fn occupancy(&self, params: &WindowParams, now: u64) -> Occupancy {
        // On a copy: looking at a subject must not change what its next request finds.
        let mut counter = self.clone();
        counter.advance(&params.with_limit(counter.limit()), now);
        Occupancy { used: counter.used(), capacity: counter.limit() }
    }
}

/// The maximum number of units in a sliding log: its memory grows with each unit.
pub(super) const MAX_LOG_UNITS: u32 = 128;
/// The number of sub-windows in a window. More of them free units sooner and take more memory. With twelve, a unit of
/// an hour's quota is freed at most five minutes late.
pub(super) const SUB_WINDOWS: u64 = 12;
/// A factor just below one, by which a token bucket rounds refills down: 200 times the error of one operation on `f64`.
/// A decision takes far fewer operations, so rounding never admits more than the limit.
pub(super) const ROUND_DOWN: f64 = 1.0 - 200.0 * f64::EPSILON;

#[cfg(test)]
mod tests;
