//! `FixedWindow`: windows that begin at multiples of their length since 1970.

use super::{Counter, WindowParams};

/// The units of the present window.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct FixedWindow {
    window: u64,
    used: u32,
    limit: u32,
}

impl Counter for FixedWindow {
    #[inline]
    fn settle(&mut self, params: &WindowParams, now: u64) {
        let window = now / params.window;
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

    fn refund(&mut self, params: &WindowParams, _: u64, then: u64, cost: u32) {
        if then / params.window >= self.window {
            self.used = self.used.saturating_sub(cost);
        }
    }

    fn forgive(&mut self, cost: u32) {
        self.used = self.used.saturating_sub(cost);
    }

    #[inline]
    fn wait(&self, params: &WindowParams, now: u64, cost: u32) -> u64 {
        if self.used.checked_add(cost).is_some_and(|used| used <= params.limit) { 0 } else { self.rest(params, now) }
    }

    #[inline]
    fn reset(&self, params: &WindowParams, now: u64) -> u64 {
        if self.used == 0 { 0 } else { self.rest(params, now) }
    }
}

impl FixedWindow {
    fn rest(&self, params: &WindowParams, now: u64) -> u64 {
        (self.window + 1).saturating_mul(params.window).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests;
