//! `Fixed`: windows that begin at multiples of their length since 1970.

use super::{Count, Terms};

/// The units of the present window.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct Fixed {
    window: u64,
    used: u32,
    limit: u32,
}

impl Count for Fixed {
    #[inline]
    fn settle(&mut self, terms: &Terms, now: u64) {
        let window = now / terms.window;
        if window > self.window {
            self.used = 0;
        }
        self.window = window;
        self.limit = terms.limit;
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
    fn charge(&mut self, _: &Terms, _: u64, cost: u32) {
        self.used = self.used.saturating_add(cost);
    }

    fn refund(&mut self, terms: &Terms, _: u64, then: u64, cost: u32) {
        if then / terms.window >= self.window {
            self.used = self.used.saturating_sub(cost);
        }
    }

    fn forgive(&mut self, cost: u32) {
        self.used = self.used.saturating_sub(cost);
    }

    #[inline]
    fn wait(&self, terms: &Terms, now: u64, cost: u32) -> u64 {
        if self.used.checked_add(cost).is_some_and(|used| used <= terms.limit) { 0 } else { self.rest(terms, now) }
    }

    #[inline]
    fn reset(&self, terms: &Terms, now: u64) -> u64 {
        if self.used == 0 { 0 } else { self.rest(terms, now) }
    }
}

impl Fixed {
    fn rest(&self, terms: &Terms, now: u64) -> u64 {
        (self.window + 1).saturating_mul(terms.window).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests;
