//! What a request is charged, and what a store decides about it.

// The path of a request: `Policy::charges` reads a `Charge` for each limit from its head; a store turns them into a
// `Decision`; the layer turns that into a `Denial` or into a status, headers and, later, refunds. Both stores share
// these types, so the layer does not know which of them decided.

use std::error::Error;
use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::context::RateLimitStatus;

/// What a request is charged under one limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charge {
    /// The position of the limit's rule in the layer.
    pub(super) rule_index: u8,
    /// The position of the applied quota in the rule; `OF_CREDENTIAL` for the quota of the credential.
    pub(super) quota_index: u8,
    /// Whether the charge is left out if it does not fit, instead of rejecting the request.
    pub(super) is_shadow: bool,
    /// Whether the usage says when more units are available. Only a header that few apps send needs it.
    pub(super) reports_more: bool,
    /// Whether blocks readmit a request at their end, so that their length is the wait, and not that of the quota.
    pub(super) readmits: bool,
    /// The limit to decide by: the quota's, or a share of it while Redis is unavailable.
    pub(super) limit: u32,
    /// The quota's limit.
    pub(super) full_limit: u32,
    /// In units.
    pub(super) cost: u32,
    /// The keyed hash of the subject, for tables in memory.
    pub(super) hash: u64,
    /// The digest of the subject, the same in every process; zero if the store is in memory. Unlike the keyed hash,
    /// which differs in each process, it names the subject in Redis.
    #[cfg(feature = "redis")]
    pub(super) digest: u128,
    /// When Redis charged it, by the clock of the node that did, in microseconds since 1970. A refund needs that time,
    /// and the nodes of a cluster have different clocks.
    #[cfg(feature = "redis")]
    pub(super) redis_charged_at: u64,
}

impl Charge {
    /// The `quota_index` of a quota that is not among those of the rule.
    pub(super) const OF_CREDENTIAL: u8 = u8::MAX;

    /// Identifies the subject within its store, to detect that two layers charge the same counter.
    #[inline]
    pub(super) fn subject(&self) -> u64 {
        #[cfg(feature = "redis")]
        if self.digest != 0 {
            return self.digest as u64;
        }
        self.hash
    }
}

/// What a request is charged, one [`Charge`] per limit. Most layers have one or two limits, which need no allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Charges(SmallVec<[Charge; 2]>);

impl Charges {
    #[inline]
    pub(super) fn push(&mut self, charge: Charge) {
        self.0.push(charge);
    }
}

impl FromIterator<Charge> for Charges {
    fn from_iter<I: IntoIterator<Item = Charge>>(charges: I) -> Self {
        Self(charges.into_iter().collect())
    }
}

impl Deref for Charges {
    type Target = [Charge];

    #[inline]
    fn deref(&self) -> &[Charge] {
        &self.0
    }
}

/// The units a subject has in use, and when they are available again. Times are in microseconds from now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) used: u32,
    /// Until more units are available than now; zero if all are, or if the charge does not need it.
    pub(super) more: u64,
    /// Until all units are available.
    pub(super) reset: u64,
}

/// Whether a cost fits into the remaining quota. All of it must fit: a request is never charged in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    /// It exceeds the quota, and fits after this many microseconds; `None`: never.
    Exceeds(Option<u64>),
}

/// When and where a request was charged. Times are in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChargedAt {
    /// By the clock of the store that decided.
    pub(super) store: u64,
    /// By the clock of this process.
    pub(super) local: u64,
    /// Whether Redis decided.
    #[cfg(feature = "redis")]
    pub(super) is_remote: bool,
}

impl ChargedAt {
    /// A charge by the store in memory.
    pub(super) fn in_memory(now: u64) -> Self {
        Self {
            store: now,
            local: now,
            #[cfg(feature = "redis")]
            is_remote: false,
        }
    }
}

/// What a store decides about all charges of one request. Either all of them are applied or none.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// The usage under each limit after the decision.
    usages: SmallVec<[Usage; 2]>,
    /// A bit for each usage that was looked up: not all are if another limit rejects the request.
    known: u8,
    /// A bit for each charge that exceeds its limit, shadow limits included.
    exceeded: u8,
    /// A bit for each charge whose rejection starts a block.
    blocking: u8,
    pub(super) is_rejected: bool,
    /// Whether the subject is blocked.
    pub(super) is_blocked: bool,
    /// Whether the request is rejected because Redis is unavailable, and not because of the caller.
    pub(super) is_outage: bool,
    pub(super) charged_at: ChargedAt,
    /// Whether the request costs more than a limit's whole quota, so that no wait helps.
    never_fits: bool,
    /// The longest wait of any limit that rejects the request, in microseconds.
    wait: u64,
}

impl Decision {
    /// Admits a request with so many charges, until one of them is found to exceed its limit.
    #[inline]
    pub(super) fn admit(charges: usize) -> Self {
        // There are never more: a layer has at most eight limits, one for each bit of `known` and `exceeded`.
        let usages = if charges <= RateLimitStatus::MAX_LIMITS { charges } else { 0 };
        Self {
            usages: SmallVec::from_elem(Usage::default(), usages),
            known: 0,
            exceeded: 0,
            blocking: 0,
            is_rejected: false,
            is_blocked: false,
            is_outage: false,
            charged_at: ChargedAt::default(),
            never_fits: false,
            wait: 0,
        }
    }

    /// Records what the subject of a charge has in use.
    #[inline]
    pub(super) fn set_usage(&mut self, index: usize, usage: Usage) {
        if let Some(entry) = self.usages.get_mut(index) {
            *entry = usage;
            self.known |= bit(index);
        }
    }

    /// Records that a charge exceeds its limit, and fits after `wait` microseconds; `None`: never.
    pub(super) fn exceed(&mut self, index: usize, charge: &Charge, wait: Option<u64>) {
        self.exceeded |= bit(index);
        if charge.is_shadow {
            return;
        }
        self.is_rejected = true;
        match wait {
            // The block that this rejection starts says how long to wait.
            Some(_) if charge.readmits => {}
            Some(wait) => self.wait_at_least(wait),
            None => self.never_fits = true,
        }
    }

    /// Records that the subject of a charge is blocked for this many microseconds.
    pub(super) fn block(&mut self, index: usize, charge: &Charge, wait: u64) {
        self.exceeded |= bit(index);
        self.is_rejected = true;
        self.is_blocked = true;
        // During a block nothing remains, whatever the counter says, and not before the block ends.
        let usage = self.usage(index).unwrap_or_default();
        let is_used_up = usage.used >= charge.limit && charge.cost > 0 && !charge.readmits;
        let more = if is_used_up { usage.more.max(wait) } else { wait };
        self.set_usage(index, Usage { used: u32::MAX, more, reset: usage.reset.max(wait) });
        self.wait_at_least(wait);
    }

    /// Records that this rejection starts a block of the charge's subject.
    pub(super) fn start_block(&mut self, index: usize) {
        self.blocking |= bit(index);
    }

    /// Whether this rejection starts a block of the subject of the charge at this index.
    pub(super) fn starts_block(&self, index: usize) -> bool {
        self.blocking & bit(index) != 0
    }

    /// Records that the request is rejected because Redis is unavailable; the wait is that until the next attempt.
    #[cfg(feature = "redis")]
    pub(super) fn blame_outage(&mut self, retry_after: u64) {
        self.is_outage = true;
        // A cost above this process's share may fit once Redis is back.
        self.never_fits = false;
        self.wait = retry_after;
        // The server may have more units.
        self.usages.iter_mut().for_each(|usage| usage.more = usage.more.min(retry_after));
    }

    /// Lengthens the wait, if it is shorter.
    pub(super) fn wait_at_least(&mut self, micros: u64) {
        self.wait = self.wait.max(micros);
    }

    #[inline]
    pub(super) fn usage(&self, index: usize) -> Option<Usage> {
        if self.known & bit(index) == 0 { None } else { self.usages.get(index).copied() }
    }

    /// Whether any charge exceeds its limit, shadow limits included.
    #[inline]
    pub(super) fn has_any_exceeded(&self) -> bool {
        self.exceeded != 0
    }

    #[inline]
    pub(super) fn has_exceeded(&self, index: usize) -> bool {
        self.exceeded & bit(index) != 0
    }

    pub(super) fn is_rejected_by(&self, index: usize, charge: &Charge) -> bool {
        self.has_exceeded(index) && !charge.is_shadow
    }

    /// Returns the microseconds until the request would be admitted; `None`: never.
    pub(super) fn wait(&self) -> Option<u64> {
        (!self.never_fits).then_some(self.wait)
    }
}

/// Returns the bit of a charge; zero for an index that no layer has.
#[inline]
fn bit(index: usize) -> u8 {
    1_u8.checked_shl(index as u32).unwrap_or_default()
}

/// What an administrator does to the usage of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intervention {
    /// Refunds the units that were charged last.
    Refund,
    /// Removes usage and blocks.
    Reset,
    /// Removes blocks.
    Unblock,
}

/// The error of an administrative call if the store does not respond in time.
///
/// The server may still carry out the call. It is safe to repeat `peek`, `reset` and `unblock`; a repeated `refund` may
/// be applied twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreUnavailable;

impl fmt::Display for StoreUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rate-limit store is unavailable; try again later")
    }
}

impl Error for StoreUnavailable {}

#[cfg(test)]
mod tests;
