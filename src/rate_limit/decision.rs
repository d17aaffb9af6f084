//! `Decision`: what a store says of all that one request charges for.

use crate::context::{Few, RateLimitStatus};

/// What a request charges of one limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charge {
    pub(super) rule: u8,
    pub(super) grade: u8,
    pub(super) is_shadow: bool,
    /// What is judged by: the limit, or in an outage of the store a share of it.
    pub(super) limit: u32,
    pub(super) whole: u32,
    pub(super) cost: u32,
    /// The subject's, keyed, for tables of this process.
    pub(super) hash: u64,
    /// The subject's, the same in every process; zero where no store needs it.
    #[cfg(feature = "redis")]
    pub(super) digest: u128,
    /// When a store beyond a network charged it, by the clock of the node that did.
    #[cfg(feature = "redis")]
    pub(super) then: u64,
}

impl Charge {
    /// What tells the subject from others of the same store.
    #[inline]
    pub(super) fn subject(&self) -> u64 {
        #[cfg(feature = "redis")]
        if self.digest != 0 {
            return self.digest as u64;
        }
        self.hash
    }
}

/// What is in use after the decision, and the microseconds until nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) used: u32,
    pub(super) reset: u64,
}

/// What a store says of all that one request charges for.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// What was found for each charge; `None` where nothing was looked up, since another refused before.
    usages: Few<Option<Usage>>,
    /// A bit for each charge that did not fit, shadows too.
    exceeded: u8,
    pub(super) is_refused: bool,
    pub(super) is_blocked: bool,
    /// When this process's counts were charged, in microseconds since 1970.
    pub(super) now: u64,
    /// Whether the refusal is due to an outage of the store, not to the caller.
    pub(super) is_reduced: bool,
    is_impossible: bool,
    wait: u64,
}

impl Decision {
    #[inline]
    pub(super) fn new(len: usize) -> Self {
        Self {
            usages: if len <= RateLimitStatus::MOST { Few::same(None, len) } else { Few::none() },
            exceeded: 0,
            is_refused: false,
            is_blocked: false,
            now: 0,
            is_reduced: false,
            is_impossible: false,
            wait: 0,
        }
    }

    #[inline]
    pub(super) fn set(&mut self, index: usize, usage: Usage) {
        if let Some(place) = self.usages.as_mut_slice().get_mut(index) {
            *place = Some(usage);
        }
    }

    /// The charge does not fit, and would after `wait` microseconds; `None`: never.
    pub(super) fn refuse(&mut self, index: usize, charge: &Charge, wait: Option<u64>) {
        self.exceeded |= bit(index);
        if charge.is_shadow {
            return;
        }
        self.is_refused = true;
        match wait {
            Some(wait) => self.wait_for(wait),
            None => self.is_impossible = true,
        }
    }

    /// The subject of the charge is blocked for so many microseconds.
    pub(super) fn block(&mut self, index: usize, wait: u64) {
        self.exceeded |= bit(index);
        self.is_refused = true;
        self.is_blocked = true;
        let reset = self.usage(index).map_or(wait, |usage| usage.reset.max(wait));
        self.set(index, Usage { used: u32::MAX, reset });
        self.wait_for(wait);
    }

    /// The refusal is due to an outage of the store, which is tried again after so many microseconds.
    #[cfg(feature = "redis")]
    pub(super) fn reduce(&mut self, rest: u64) {
        self.is_reduced = true;
        self.is_impossible = false;
        self.wait = rest;
    }

    pub(super) fn wait_for(&mut self, micros: u64) {
        self.wait = self.wait.max(micros);
    }

    #[inline]
    pub(super) fn usages(&self) -> &[Option<Usage>] {
        self.usages.as_slice()
    }

    pub(super) fn usage(&self, index: usize) -> Option<Usage> {
        self.usages().get(index).copied().flatten()
    }

    #[inline]
    pub(super) fn has_exceeded(&self, index: usize) -> bool {
        self.exceeded & bit(index) != 0
    }

    pub(super) fn is_refused_by(&self, index: usize, charge: &Charge) -> bool {
        self.has_exceeded(index) && !charge.is_shadow
    }

    /// The microseconds after which the request would be let through; `None`: never.
    pub(super) fn wait(&self) -> Option<u64> {
        (!self.is_impossible).then_some(self.wait)
    }
}

fn bit(index: usize) -> u8 {
    1_u8.checked_shl(index as u32).unwrap_or_default()
}

#[cfg(test)]
mod tests;
