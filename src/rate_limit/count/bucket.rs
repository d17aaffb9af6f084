//! `Bucket`: units that flow back evenly, the debt of a token bucket.

use super::{Count, Terms};

/// The debt of a token bucket. It is kept in units, so that it means the same under another tier's rate.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct Bucket {
    at: u64,
    debt: f64,
    limit: u32,
}

impl Count for Bucket {
    #[inline]
    fn settle(&mut self, terms: &Terms, now: u64) {
        let elapsed = now.saturating_sub(self.at);
        self.debt = (self.debt - refilled(terms, elapsed)).max(0.0);
        self.at = now;
        self.limit = terms.limit;
    }

    #[inline]
    fn used(&self) -> u32 {
        // Rounded up without `ceil`, which is a call where the target has no instruction for it.
        let whole = self.debt as u32;
        whole.saturating_add(u32::from(f64::from(whole) < self.debt))
    }

    #[inline]
    fn limit(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn charge(&mut self, _: &Terms, _: u64, cost: u32) {
        self.debt = (self.debt + f64::from(cost)).min(f64::from(u32::MAX));
    }

    fn refund(&mut self, terms: &Terms, now: u64, then: u64, cost: u32) {
        // What flowed back since is not in debt any more; to give it back again would raise the limit.
        let left = f64::from(cost) - refilled(terms, now.saturating_sub(then)) / SHY;
        self.debt = (self.debt - left.max(0.0)).max(0.0);
    }

    fn forgive(&mut self, cost: u32) {
        self.debt = (self.debt - f64::from(cost)).max(0.0);
    }

    #[inline]
    fn wait(&self, terms: &Terms, _: u64, cost: u32) -> u64 {
        until_debt(terms, self.debt, f64::from(terms.limit) - f64::from(cost))
    }

    #[inline]
    fn reset(&self, terms: &Terms, _: u64) -> u64 {
        until_debt(terms, self.debt, 0.0)
    }
}

/// The units that flow back in a time, never too many: what rounding adds is taken off.
#[inline]
fn refilled(terms: &Terms, elapsed: u64) -> f64 {
    // What is divided does not wait for the debt, here and below.
    elapsed as f64 * (f64::from(terms.limit) / terms.window as f64 * SHY)
}

#[inline]
fn until_debt(terms: &Terms, debt: f64, wanted: f64) -> u64 {
    if debt <= wanted {
        return 0;
    }
    let micros = (debt - wanted) * (terms.window as f64 / f64::from(terms.limit) * STRETCH);
    // Rounded up without `ceil`, as above.
    let whole = micros as u64;
    whole.saturating_add(1 + u64::from((whole as f64) < micros))
}

/// Two hundred times the error of one operation below 1.
const SHY: f64 = 1.0 - 200.0 * f64::EPSILON;
/// A wait is longer by what is taken off twice: of what flows back, and of what is given back.
const STRETCH: f64 = 1.0 / (SHY * SHY);

#[cfg(test)]
mod tests;
