//! `TokenBucket`: refills units at an even rate.

use super::{Counter, ROUND_DOWN, WindowParams};

/// A token bucket, stored as its debt: the units that are missing from a full bucket.
///
/// A default bucket, with a debt of zero, is full. So a new subject and one without usage are the same, and the table
/// need not store either. The debt is in units rather than time, so that it keeps its meaning if the refill rate
/// changes with the user's tier.
///
/// # Rounding
///
/// The debt is a fraction, in `f64`, which is also the number type of Lua. Each operation may round up or down.
/// Rounding must never admit more than the limit, so refills are multiplied by [`ROUND_DOWN`], a factor just below one
/// that outweighs the errors of all operations of a decision. Waits are lengthened accordingly, by [`WAIT_FACTOR`]: a
/// caller that waits as long as the response says is admitted.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct TokenBucket {
    /// The time up to which the debt is refilled.
    updated_at: u64,
    debt: f64,
    limit: u32,
}

impl Counter for TokenBucket {
    #[inline]
    fn advance(&mut self, params: &WindowParams, now: u64) {
        // If the clock went back, nothing is refilled now, and refills continue from the earlier time.
        let elapsed = now.saturating_sub(self.updated_at);
        self.debt = (self.debt - refilled(params, elapsed)).max(0.0);
        self.updated_at = now;
        self.limit = params.limit;
    }

    #[inline]
    fn used(&self) -> u32 {
        // Rounds up without `ceil`, which is a function call on targets without an instruction for it.
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

    fn refund(&mut self, params: &WindowParams, now: u64, charged_at: u64, cost: u32) {
        // Units refilled since the charge are no longer owed. Refunding them again would raise the limit. A refill that
        // is rounded down would leave too much to refund, so this one is rounded up: divided by the factor.
        let owed = f64::from(cost) - refilled(params, now.saturating_sub(charged_at)) / ROUND_DOWN;
        self.debt = (self.debt - owed.max(0.0)).max(0.0);
    }

    fn refund_last(&mut self, cost: u32) {
        self.debt = (self.debt - f64::from(cost)).max(0.0);
    }

    #[inline]
    fn time_until_fit(&self, params: &WindowParams, _: u64, cost: u32) -> u64 {
        time_until_debt(params, self.debt, f64::from(params.limit) - f64::from(cost))
    }

    #[inline]
    fn time_until_unused(&self, params: &WindowParams, _: u64) -> u64 {
        time_until_debt(params, self.debt, 0.0)
    }
}

/// Returns the units refilled in a time, rounded down.
#[inline]
fn refilled(params: &WindowParams, elapsed: u64) -> f64 {
    // The parentheses let the processor divide before the debt is loaded; so does `time_until_debt`.
    elapsed as f64 * (f64::from(params.limit) / params.window as f64 * ROUND_DOWN)
}

/// Returns the microseconds until the debt has shrunk to `wanted`.
#[inline]
fn time_until_debt(params: &WindowParams, debt: f64, wanted: f64) -> u64 {
    if debt <= wanted {
        return 0;
    }
    let micros = (debt - wanted) * (params.window as f64 / f64::from(params.limit) * WAIT_FACTOR);
    // Rounds up without `ceil`, as in `used`, and adds a microsecond because the product is rounded too.
    let whole = micros as u64;
    whole.saturating_add(1 + u64::from((whole as f64) < micros))
}

/// Lengthens a wait by what refills and refunds are rounded down.
const WAIT_FACTOR: f64 = 1.0 / (ROUND_DOWN * ROUND_DOWN);

#[cfg(test)]
mod tests;
