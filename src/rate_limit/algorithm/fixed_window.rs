//! `FixedWindow`: counts in windows that begin at multiples of their length since 1970.

use super::{Counter, WindowParams};

/// The units charged in the current window.
///
/// Windows begin at multiples of their length since 1970, and not at the first request of each subject. So limits reset
/// at the full hour or at midnight UTC, and the counter need not store when its window began.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct FixedWindow {
    /// The number of the window since 1970.
    window: u64,
    used: u32,
    limit: u32,
}

impl FixedWindow {
    /// Returns the microseconds until the next window begins.
    fn time_until_next(&self, params: &WindowParams, now: u64) -> u64 {
        (self.window + 1).saturating_mul(params.window).saturating_sub(now)
    }
}

impl Counter for FixedWindow {
    #[inline]
    fn advance(&mut self, params: &WindowParams, now: u64) {
        let window = now / params.window;
        // If the clock went back, the units of the later window stay in use in this one.
        if window > self.window {
            self.used = 0;
        }
        self.window = window;
        self.limit = params.limit;
    }

    #[inline]
    fn used(&self) -> u32 {
        self.used
    }

    #[inline]
    fn limit(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn charge(&mut self, _: &WindowParams, _: u64, cost: u32) {
        self.used = self.used.saturating_add(cost);
    }

    fn refund(&mut self, params: &WindowParams, _: u64, charged_at: u64, cost: u32) {
        // Units of an earlier window are free already. If the clock went back, the charge is of a later window, whose
        // units `advance` has kept.
        if charged_at / params.window >= self.window {
            self.used = self.used.saturating_sub(cost);
        }
    }

    fn refund_last(&mut self, cost: u32) {
        self.used = self.used.saturating_sub(cost);
    }

    #[inline]
    fn time_until_fit(&self, params: &WindowParams, now: u64, cost: u32) -> u64 {
        // All units are freed at once, so any cost up to the limit fits then.
        let fits = self.used.checked_add(cost).is_some_and(|used| used <= params.limit);
        if fits { 0 } else { self.time_until_next(params, now) }
    }

    #[inline]
    fn time_until_unused(&self, params: &WindowParams, now: u64) -> u64 {
        if self.used == 0 { 0 } else { self.time_until_next(params, now) }
    }
}

#[cfg(test)]
mod tests;
