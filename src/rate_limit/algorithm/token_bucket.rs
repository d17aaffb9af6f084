//! `TokenBucket`: units that flow back evenly, the debt of a token bucket.

use super::{Counter, WindowParams};

/// The debt of a token bucket. It is kept in units, so that it means the same under another tier's rate.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct TokenBucket {
    at: u64,
    debt: f64,
    limit: u32,
}

impl Counter for TokenBucket {
    #[inline]
    fn settle(&mut self, params: &WindowParams, now: u64) {
        let elapsed = now.saturating_sub(self.at);
        self.debt = (self.debt - refilled(params, elapsed)).max(0.0);
        self.at = now;
        self.limit = params.limit;
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
    fn charge(&mut self, _: &WindowParams, _: u64, cost: u32) {
        self.debt = (self.debt + f64::from(cost)).min(f64::from(u32::MAX));
    }

    fn refund(&mut self, params: &WindowParams, now: u64, then: u64, cost: u32) {
        // What flowed back since is not in debt any more; to give it back again would raise the limit.
        let left = f64::from(cost) - refilled(params, now.saturating_sub(then)) / SHY;
        self.debt = (self.debt - left.max(0.0)).max(0.0);
    }

    fn forgive(&mut self, cost: u32) {
        self.debt = (self.debt - f64::from(cost)).max(0.0);
    }

    #[inline]
    fn wait(&self, params: &WindowParams, _: u64, cost: u32) -> u64 {
        until_debt(params, self.debt, f64::from(params.limit) - f64::from(cost))
    }

    #[inline]
    fn reset(&self, params: &WindowParams, _: u64) -> u64 {
        until_debt(params, self.debt, 0.0)
    }
}

/// The units that flow back in a time, never too many: what rounding adds is taken off.
#[inline]
fn refilled(params: &WindowParams, elapsed: u64) -> f64 {
    // What is divided does not wait for the debt, here and below.
    elapsed as f64 * (f64::from(params.limit) / params.window as f64 * SHY)
}

#[inline]
fn until_debt(params: &WindowParams, debt: f64, wanted: f64) -> u64 {
    if debt <= wanted {
        return 0;
    }
    let micros = (debt - wanted) * (params.window as f64 / f64::from(params.limit) * STRETCH);
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
