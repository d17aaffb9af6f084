//! `CounterTable`: what a limit does with its table of counters, whatever their algorithm.

use crate::rate_limit::algorithm::{Counter, WindowParams};
use crate::rate_limit::decision::{Charge, ChargedAt, Decision, Fit, Usage};
use crate::rate_limit::memory::table::Table;

/// The counters of one limit, whatever their algorithm.
///
/// One virtual call for a decision, and static calls to the algorithm inside. Each method sets the limit of the charge
/// on the counter, because the quota of one subject may change with its tier.
pub(in crate::rate_limit) trait CounterTable: Send + Sync {
    /// Decides about the only charge of a request, and applies it if it fits.
    ///
    /// Most requests have one charge. This saves them the callback of [`decide_together`](Self::decide_together).
    fn decide(&self, charge: &Charge, clock: &dyn Fn() -> u64, decision: &mut Decision);

    /// Decides about one of several charges.
    ///
    /// Calls `confirm` with whether the charge fits and with the time, while the subject's set is locked. Applies the
    /// charge as of the time that `confirm` returns; `None` applies nothing. Returns the usage after that.
    ///
    /// `confirm` decides about the other charges, with this one still locked. So no other request can use the units in
    /// between, and either all charges are applied or none.
    fn decide_together(
        &self,
        charge: &Charge,
        clock: &dyn Fn() -> u64,
        confirm: &mut dyn FnMut(Fit, u64) -> Option<u64>,
    ) -> Usage;

    /// Applies a charge that Redis decided about, whether or not it fits here.
    #[cfg(feature = "redis")]
    fn apply(&self, charge: &Charge, now: u64);

    /// Refunds a charge that was applied at `charged_at`.
    fn refund(&self, charge: &Charge, clock: &dyn Fn() -> u64, charged_at: u64);

    /// Refunds the units that were charged last. Unlike [`refund`](Self::refund), it needs no time of the charge, which
    /// an administrator does not know.
    fn refund_last(&self, charge: &Charge, clock: &dyn Fn() -> u64);

    /// Frees as many units as the charge lacks, those that were charged last first.
    fn make_room(&self, charge: &Charge, clock: &dyn Fn() -> u64);

    /// Returns the subject's usage under the limit that was last applied to it.
    fn usage(&self, hash: u64, clock: &dyn Fn() -> u64) -> Usage;

    /// Removes the subject's usage.
    fn reset(&self, hash: u64);

    /// Returns the number of subjects that have counters of their own.
    #[cfg(test)]
    fn subjects(&self) -> usize;
}

impl<C: Counter + Clone + Default + Send> CounterTable for Table<C> {
    fn decide(&self, charge: &Charge, clock: &dyn Fn() -> u64, decision: &mut Decision) {
        let params = self.params().with_limit(charge.limit);
        self.access(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            match fit(counter, &params, now, charge) {
                Fit::Fits => counter.charge(&params, now, charge.cost),
                Fit::Exceeds(wait) => decision.exceed(0, charge, wait),
            }
            decision.set_usage(0, usage_of(counter, &params, now, charge.reports_more));
            decision.charged_at = ChargedAt::in_memory(now);
        });
    }

    fn decide_together(
        &self,
        charge: &Charge,
        clock: &dyn Fn() -> u64,
        confirm: &mut dyn FnMut(Fit, u64) -> Option<u64>,
    ) -> Usage {
        let params = self.params().with_limit(charge.limit);
        let mut usage = Usage::default();
        self.access(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            let charged_at = confirm(fit(counter, &params, now, charge), now);
            if let Some(charged_at) = charged_at {
                // The time has passed while the sets of other charges were locked.
                if charged_at != now {
                    counter.advance(&params, charged_at);
                }
                counter.charge(&params, charged_at, charge.cost);
            }
            usage = usage_of(counter, &params, charged_at.unwrap_or(now), charge.reports_more);
        });
        usage
    }

    #[cfg(feature = "redis")]
    fn apply(&self, charge: &Charge, now: u64) {
        let params = self.params().with_limit(charge.limit);
        self.access(charge.hash, &|| now, |counter, now| {
            counter.advance(&params, now);
            counter.charge(&params, now, charge.cost);
        });
    }

    fn refund(&self, charge: &Charge, clock: &dyn Fn() -> u64, charged_at: u64) {
        let params = self.params().with_limit(charge.limit);
        self.access(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            counter.refund(&params, now, charged_at, charge.cost);
        });
    }

    fn refund_last(&self, charge: &Charge, clock: &dyn Fn() -> u64) {
        self.access_existing(charge.hash, clock, |counter, now| {
            // The subject's tier may be unknown here, so the limit of its last request applies.
            counter.advance(&self.params().with_limit(counter.limit()), now);
            counter.refund_last(charge.cost);
        });
    }

    fn make_room(&self, charge: &Charge, clock: &dyn Fn() -> u64) {
        let params = self.params().with_limit(charge.limit);
        self.access_existing(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            if let Some(allowed) = charge.limit.checked_sub(charge.cost) {
                counter.refund_last(counter.used().saturating_sub(allowed));
            }
        });
    }

    fn usage(&self, hash: u64, clock: &dyn Fn() -> u64) -> Usage {
        let mut usage = Usage::default();
        self.access_existing(hash, clock, |counter, now| {
            let params = self.params().with_limit(counter.limit());
            counter.advance(&params, now);
            usage = usage_of(counter, &params, now, false);
        });
        usage
    }

    fn reset(&self, hash: u64) {
        self.remove(hash);
    }

    #[cfg(test)]
    fn subjects(&self) -> usize {
        self.capacity()
    }
}

/// Returns whether a charge fits into the quota.
// Inlined by force: as a call it takes 20 instructions more.
#[inline(always)]
fn fit(counter: &impl Counter, params: &WindowParams, now: u64, charge: &Charge) -> Fit {
    let fits = counter.used().checked_add(charge.cost).is_some_and(|used| used <= charge.limit);
    // A cost of 0 fits even if the limit was lowered below the units in use.
    if charge.cost == 0 || fits {
        return Fit::Fits;
    }
    let can_ever_fit = charge.cost <= charge.limit;
    Fit::Exceeds(can_ever_fit.then(|| counter.time_until_fit(params, now, charge.cost)))
}

#[inline]
fn usage_of(counter: &impl Counter, params: &WindowParams, now: u64, reports_more: bool) -> Usage {
    let used = counter.used();
    let one_more = params.limit.saturating_sub(used).saturating_add(1);
    let more = if reports_more && used > 0 { counter.time_until_fit(params, now, one_more) } else { 0 };
    Usage { used, more, reset: counter.time_until_unused(params, now) }
}
