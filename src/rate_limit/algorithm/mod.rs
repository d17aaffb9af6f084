//! The arithmetic of counting: pure, on microseconds since 1970, with the time an argument.

#[cfg(feature = "redis")]
mod cached_denial;
mod fixed_window;
mod penalty;
mod sliding_log;
mod sliding_window;
mod token_bucket;

#[cfg(feature = "redis")]
pub(super) use cached_denial::CachedDenial;
pub(super) use fixed_window::FixedWindow;
pub(super) use penalty::Penalty;
pub(super) use sliding_log::SlidingLog;
pub(super) use sliding_window::SlidingWindow;
pub(super) use token_bucket::TokenBucket;

use crate::rate_limit::quota::Algorithm;

/// What is counted against: the units of a window, and the step in which the algorithm keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowParams {
    /// The units of a window; never zero.
    pub(super) limit: u32,
    /// The window in microseconds; for a [`Penalty`], the first block's length.
    pub(super) window: u64,
    /// The tick of a log, the length of a sub-window, or the longest block, in microseconds; never zero.
    pub(super) step: u64,
}

impl WindowParams {
    pub(super) fn new(algorithm: Algorithm, limit: u32, window: u64) -> Self {
        let step = match algorithm {
            // Twice the window must fit into the offsets of a log.
            Algorithm::SlidingLog => (window >> 31) + 1,
            Algorithm::SlidingWindow => window.div_ceil(sliding_window::PAST),
            Algorithm::FixedWindow | Algorithm::TokenBucket => window,
        };
        Self { limit, window, step }
    }

    #[inline]
    pub(super) fn with_limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }
}

/// What one subject has used of a quota.
///
/// [`settle`](Counter::settle) comes first: what the others answer is true as of the time that it was given. Each is
/// also told the params, which for one subject may change from request to request: units used stay used.
pub(super) trait Counter {
    /// Forgets what is past. Times that lie ahead, because the clock went back, become the present: what was used stays
    /// used, and for no longer than a window.
    fn settle(&mut self, params: &WindowParams, now: u64);

    /// The units in use, a begun one counted whole.
    fn used(&self) -> u32;

    /// The limit that was last settled by.
    fn limit(&self) -> u32;

    /// Uses units, whether or not they fit.
    fn charge(&mut self, params: &WindowParams, now: u64, cost: u32);

    /// Gives back units charged at `then`, as far as they are still in use.
    fn refund(&mut self, params: &WindowParams, now: u64, then: u64, cost: u32);

    /// Gives back the units charged last.
    fn forgive(&mut self, cost: u32);

    /// The microseconds until `cost`, which is no more than the limit, fits.
    fn wait(&self, params: &WindowParams, now: u64, cost: u32) -> u64;

    /// The microseconds until nothing is in use.
    fn reset(&self, params: &WindowParams, now: u64) -> u64;
}

#[cfg(test)]
mod tests;
