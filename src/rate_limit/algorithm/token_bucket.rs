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
/// caller that waits as long as the response says is admitted. No wait is longer than the window, in which the whole
/// limit is refilled exactly.
///
/// Only a charge changes the stored debt. If every request did, a caller that retries often would add up the errors of
/// many roundings.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct TokenBucket {
    /// The time of `debt`: that of the last charge.
    updated_at: u64,
    debt: f64,
    /// The debt at the time of the last call to `advance`.
    owed: f64,
    limit: u32,
}

impl TokenBucket {
    /// Returns how much of the stored debt is owed at a time, at the refill rate of a limit.
    #[inline]
    fn owed_at(&self, params: &WindowParams, now: u64) -> f64 {
        let elapsed = now.saturating_sub(self.updated_at);
        if elapsed >= params.window && self.debt <= f64::from(params.limit) {
            return 0.0;
        }
        (self.debt - refilled(params, elapsed)).max(0.0)
    }

    /// Shortens a wait that rounding made longer than the window.
    #[inline]
    fn within_window(&self, params: &WindowParams, wait: u64) -> u64 {
        if self.debt <= f64::from(params.limit) { wait.min(params.window) } else { wait }
    }

    /// Takes units off the debt, and off what is owed of it now.
    fn take_off(&mut self, units: f64) {
        self.debt = (self.debt - units).max(0.0);
        self.owed = (self.owed - units).max(0.0);
    }
}

impl Counter for TokenBucket {
    #[inline]
    fn advance(&mut self, params: &WindowParams, now: u64) {
        // If the clock went back, what was owed at the last call is owed now, and refills continue from here. If the
        // limit changes, what is owed by now was refilled at the rate of the previous limit.
        if now < self.updated_at {
            self.debt = self.owed;
            self.updated_at = now;
        }
        if self.limit != params.limit {
            self.debt = self.owed_at(&params.with_limit(self.limit), now);
            self.updated_at = now;
            self.limit = params.limit;
        }
        self.owed = self.owed_at(params, now);
    }

    #[inline]
    fn used(&self) -> u32 {
        // Rounds up without `ceil`, which is a function call on targets without an instruction for it.
        let whole = self.owed as u32;
        whole.saturating_add(u32::from(f64::from(whole) < self.owed))
    }

    #[inline]
    fn limit(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn charge(&mut self, _: &WindowParams, now: u64, cost: u32) {
        if cost > 0 {
            self.owed = (self.owed + f64::from(cost)).min(f64::from(u32::MAX));
            self.debt = self.owed;
            self.updated_at = now;
        }
    }

    fn refund(&mut self, params: &WindowParams, now: u64, charged_at: u64, cost: u32) {
        // Units refilled since the charge are no longer owed. Refunding them again would raise the limit. A refill that
        // is rounded down would leave too much to refund, so this one is rounded up: divided by the factor.
        let owed = f64::from(cost) - refilled(params, now.saturating_sub(charged_at)) / ROUND_DOWN;
        self.take_off(owed.max(0.0));
    }

    fn refund_last(&mut self, cost: u32) {
        self.take_off(f64::from(cost));
    }

    #[inline]
    fn time_until_fit(&self, params: &WindowParams, _: u64, cost: u32) -> u64 {
        let wanted = f64::from(params.limit) - f64::from(cost);
        self.within_window(params, time_until_debt(params, self.owed, wanted))
    }

    #[inline]
    fn time_until_unused(&self, params: &WindowParams, _: u64) -> u64 {
        self.within_window(params, time_until_debt(params, self.owed, 0.0))
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
