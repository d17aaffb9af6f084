//! `Table`: a set-associative table of subjects, whose memory is allocated at the start and never grows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rate_limit::algorithm::{Counter, Occupancy, Slot, WindowParams};
use crate::rate_limit::decision::{Charge, ChargedAt, Decision, Fit, Usage};

/// The slots of one limit, by the keyed hash of the subject.
///
/// A hash selects one set of eight ways. A new subject takes an empty way; if there is none, it evicts the subject with
/// the smallest share of its limit in use, and of several the least recently used one. A subject at its limit is never
/// evicted, so that a flood of new subjects cannot reset anyone's limit. If all eight are at their limits, new subjects
/// share an overflow slot, if the table has overflow slots.
///
/// One lock covers several sets. This keeps the locks few enough to stay in the processor's cache even if the sets are
/// not. The set itself cannot be prefetched before the lock is held, so locks of their own would gain nothing.
pub(in crate::rate_limit) struct Table<S: Slot> {
    shards: Box<[Shard<S>]>,
    /// Empty if two subjects must not share a slot.
    overflow: Box<[Mutex<S>]>,
    params: S::Params,
}

/// Aligned to a cache line, so that threads that lock neighboring shards do not contend.
#[repr(align(64))]
struct Shard<S>(Mutex<Box<[Set<S>]>>);

#[derive(Clone)]
struct Set<S> {
    /// The indexes of the ways, the most recently used first.
    recency: [u8; WAYS],
    ways: [Way<S>; WAYS],
}

#[derive(Clone)]
struct Way<S> {
    /// The hash of the subject; [`NO_SUBJECT`] if the way is empty.
    tag: Tag,
    slot: S,
}

/// A hash in parts of 16 bits, so that it does not force an alignment of 8 bytes, and padding, on small slots.
#[derive(Clone, Copy, PartialEq)]
struct Tag([u16; 4]);

impl Tag {
    #[inline]
    fn of(hash: u64) -> Self {
        Self([hash as u16, (hash >> 16) as u16, (hash >> 32) as u16, (hash >> 48) as u16])
    }
}

impl<S: Slot> Table<S> {
    /// Creates a table for at least this many subjects, with overflow slots.
    pub(super) fn new(subjects: usize, params: S::Params) -> Self {
        let overflow = (0..OVERFLOW_SLOTS).map(|_| Mutex::default()).collect();
        Self { overflow, ..Self::without_overflow(subjects, params) }
    }

    /// Creates a table for at least this many subjects. It does not remember a subject that finds no way.
    pub(super) fn without_overflow(subjects: usize, params: S::Params) -> Self {
        let empty = Set {
            recency: std::array::from_fn(|way| way as u8),
            ways: std::array::from_fn(|_| Way { tag: NO_SUBJECT, slot: S::default() }),
        };
        let sets = subjects.div_ceil(WAYS).max(1);
        let shards = (sets / MIN_SETS_PER_SHARD).clamp(1, MAX_SHARDS);
        let shard = || Shard(Mutex::new(vec![empty.clone(); sets.div_ceil(shards)].into()));
        Self { shards: (0..shards).map(|_| shard()).collect(), overflow: Box::default(), params }
    }

    pub(in crate::rate_limit) fn params(&self) -> S::Params {
        self.params
    }

    /// Calls `visit` with the subject's slot, which is locked meanwhile, and with the time.
    ///
    /// A new subject is stored if its slot is not empty after the visit. The clock is read once the set is locked: if
    /// threads read it before they wait for the lock, counters would move backwards and free units twice.
    #[inline]
    pub(in crate::rate_limit) fn access(&self, hash: u64, clock: &dyn Fn() -> u64, visit: impl FnOnce(&mut S, u64)) {
        let hash = non_zero(hash);
        let Some((mut sets, index)) = self.lock_shard(hash) else { return };
        let Some(set) = sets.get_mut(index) else { return };
        let now = clock();
        if let Some((way, slot)) = set.find(Tag::of(hash)) {
            visit(slot, now);
            set.touch(way);
            return;
        }
        match set.victim(&self.params, now) {
            Some(way) => {
                let mut slot = S::default();
                visit(&mut slot, now);
                if !slot.is_empty() {
                    set.store(way, Tag::of(hash), slot);
                }
            }
            None => self.access_overflow(hash, clock, visit),
        }
    }

    #[cold]
    fn access_overflow(&self, hash: u64, clock: &dyn Fn() -> u64, visit: impl FnOnce(&mut S, u64)) {
        let mut temporary = S::default();
        let mut shared = self.overflow.get(hash as usize % OVERFLOW_SLOTS).map(lock);
        let slot = shared.as_deref_mut().unwrap_or(&mut temporary);
        // Other sets share this slot: read the clock again, now that it is locked.
        visit(slot, clock());
    }

    /// Calls `visit` with the slot of a subject that has one.
    pub(in crate::rate_limit) fn access_existing(
        &self,
        hash: u64,
        clock: &dyn Fn() -> u64,
        visit: impl FnOnce(&mut S, u64),
    ) {
        let hash = non_zero(hash);
        if let Some((mut sets, index)) = self.lock_shard(hash)
            && let Some((_, slot)) = sets.get_mut(index).and_then(|set| set.find(Tag::of(hash)))
        {
            visit(slot, clock());
        }
    }

    /// Removes the subject.
    pub(in crate::rate_limit) fn remove(&self, hash: u64) {
        let hash = non_zero(hash);
        if let Some((mut sets, index)) = self.lock_shard(hash)
            && let Some(set) = sets.get_mut(index)
            && let Some((way, _)) = set.find(Tag::of(hash))
        {
            set.store(way, NO_SUBJECT, S::default());
        }
    }

    /// Locks the shard of a hash, and returns its sets and the index of the one that the hash selects.
    #[inline]
    fn lock_shard(&self, hash: u64) -> Option<(MutexGuard<'_, Box<[Set<S>]>>, usize)> {
        // Maps the hash to a range without a division: the high word of the product is the shard, and the low word,
        // which is as evenly distributed, selects the set in the same way.
        let product = u128::from(hash) * self.shards.len() as u128;
        let sets = lock(&self.shards.get((product >> 64) as usize)?.0);
        let index = (u128::from(product as u64) * sets.len() as u128) >> 64;
        Some((sets, index as usize))
    }
}

/// Zero marks an empty way.
#[inline]
fn non_zero(hash: u64) -> u64 {
    hash.max(1)
}

/// A panic while a lock was held leaves a counter that is at worst half charged, so the lock stays usable.
#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Slot> Set<S> {
    #[inline]
    fn find(&mut self, tag: Tag) -> Option<(usize, &mut S)> {
        let mut ways = self.ways.iter_mut().enumerate();
        ways.find(|(_, way)| way.tag == tag).map(|(index, way)| (index, &mut way.slot))
    }

    /// Moves a way to the front of the recency list.
    #[inline]
    fn touch(&mut self, way: usize) {
        let mut moved = way as u8;
        for entry in &mut self.recency {
            std::mem::swap(entry, &mut moved);
            if usize::from(moved) == way {
                return;
            }
        }
    }

    fn store(&mut self, index: usize, tag: Tag, slot: S) {
        if let Some(way) = self.ways.get_mut(index) {
            *way = Way { tag, slot };
            self.touch(index);
        }
    }

    /// Returns the way that a new subject may take; `None` if every subject is at its limit.
    fn victim(&self, params: &S::Params, now: u64) -> Option<usize> {
        let mut smallest: Option<(usize, Occupancy)> = None;
        for &recent in self.recency.iter().rev() {
            let index = usize::from(recent);
            let Some(way) = self.ways.get(index) else { continue };
            if way.tag == NO_SUBJECT {
                return Some(index);
            }
            let occupancy = way.slot.occupancy(params, now);
            if occupancy.used == 0 {
                return Some(index);
            }
            let is_full = occupancy.used >= occupancy.capacity;
            if !is_full && smallest.is_none_or(|(_, other)| is_smaller_share(occupancy, other)) {
                smallest = Some((index, occupancy));
            }
        }
        smallest.map(|(index, _)| index)
    }
}

/// Compares two fractions by their cross products.
fn is_smaller_share(one: Occupancy, other: Occupancy) -> bool {
    u64::from(one.used) * u64::from(other.capacity) < u64::from(other.used) * u64::from(one.capacity)
}

/// The counters of one limit, whatever their algorithm.
pub(in crate::rate_limit) trait CounterTable: Send + Sync {
    /// Decides about the only charge of a request, and applies it if it fits.
    fn decide(&self, charge: &Charge, clock: &dyn Fn() -> u64, decision: &mut Decision);

    /// Decides about one of several charges.
    ///
    /// Calls `confirm` with whether the charge fits and with the time, while the subject's set is locked. Applies the
    /// charge as of the time that `confirm` returns; `None` applies nothing. Returns the usage after that.
    fn decide_together(
        &self,
        charge: &Charge,
        clock: &dyn Fn() -> u64,
        confirm: &mut dyn FnMut(Fit, u64) -> Option<u64>,
    ) -> Usage;

    /// Applies a charge that another store decided about.
    #[cfg(feature = "redis")]
    fn apply(&self, charge: &Charge, now: u64);

    /// Refunds a charge that was applied at `charged_at`.
    fn refund(&self, charge: &Charge, clock: &dyn Fn() -> u64, charged_at: u64);

    /// Refunds the units that were charged last.
    fn refund_last(&self, charge: &Charge, clock: &dyn Fn() -> u64);

    /// Returns the subject's usage under the limit that was last applied to it.
    fn usage(&self, hash: u64, clock: &dyn Fn() -> u64) -> Usage;

    /// Removes the subject's usage.
    fn reset(&self, hash: u64);
}

impl<C: Counter + Clone + Default + Send> CounterTable for Table<C> {
    fn decide(&self, charge: &Charge, clock: &dyn Fn() -> u64, decision: &mut Decision) {
        let params = self.params.with_limit(charge.limit);
        self.access(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            match fit(counter, &params, now, charge) {
                Fit::Fits => counter.charge(&params, now, charge.cost),
                Fit::Exceeds(wait) => decision.exceed(0, charge, wait),
            }
            decision.set_usage(0, usage_of(counter, &params, now));
            decision.charged_at = ChargedAt::in_memory(now);
        });
    }

    fn decide_together(
        &self,
        charge: &Charge,
        clock: &dyn Fn() -> u64,
        confirm: &mut dyn FnMut(Fit, u64) -> Option<u64>,
    ) -> Usage {
        let params = self.params.with_limit(charge.limit);
        let mut usage = Usage::default();
        self.access(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            let charged_at = confirm(fit(counter, &params, now, charge), now);
            if let Some(charged_at) = charged_at {
                if charged_at != now {
                    counter.advance(&params, charged_at);
                }
                counter.charge(&params, charged_at, charge.cost);
            }
            usage = usage_of(counter, &params, charged_at.unwrap_or(now));
        });
        usage
    }

    #[cfg(feature = "redis")]
    fn apply(&self, charge: &Charge, now: u64) {
        let params = self.params.with_limit(charge.limit);
        self.access(charge.hash, &|| now, |counter, now| {
            counter.advance(&params, now);
            counter.charge(&params, now, charge.cost);
        });
    }

    fn refund(&self, charge: &Charge, clock: &dyn Fn() -> u64, charged_at: u64) {
        let params = self.params.with_limit(charge.limit);
        self.access(charge.hash, clock, |counter, now| {
            counter.advance(&params, now);
            counter.refund(&params, now, charged_at, charge.cost);
        });
    }

    fn refund_last(&self, charge: &Charge, clock: &dyn Fn() -> u64) {
        self.access_existing(charge.hash, clock, |counter, now| {
            counter.advance(&self.params.with_limit(counter.limit()), now);
            counter.refund_last(charge.cost);
        });
    }

    fn usage(&self, hash: u64, clock: &dyn Fn() -> u64) -> Usage {
        let mut usage = Usage::default();
        self.access_existing(hash, clock, |counter, now| {
            let params = self.params.with_limit(counter.limit());
            counter.advance(&params, now);
            usage = usage_of(counter, &params, now);
        });
        usage
    }

    fn reset(&self, hash: u64) {
        self.remove(hash);
    }
}

// Inlined by force: as a call it takes 20 instructions more.
#[inline(always)]
fn fit(counter: &impl Counter, params: &WindowParams, now: u64, charge: &Charge) -> Fit {
    let fits = counter.used().checked_add(charge.cost).is_some_and(|used| used <= charge.limit);
    if charge.cost == 0 || fits {
        return Fit::Fits;
    }
    let can_ever_fit = charge.cost <= charge.limit;
    Fit::Exceeds(can_ever_fit.then(|| counter.time_until_fit(params, now, charge.cost)))
}

#[inline]
fn usage_of(counter: &impl Counter, params: &WindowParams, now: u64) -> Usage {
    Usage { used: counter.used(), reset: counter.time_until_unused(params, now) }
}

impl<S: Slot> fmt::Debug for Table<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

const NO_SUBJECT: Tag = Tag([0; 4]);
/// Subjects per set: few enough to compare all of them, enough that full sets are rare.
const WAYS: usize = 8;
/// More locks than threads that decide at the same time, and few enough to stay in the processor's cache.
const MAX_SHARDS: usize = 1_024;
const MIN_SETS_PER_SHARD: usize = 8;
/// A flood of subjects at their limits, once all ways are taken, shares this many slots.
const OVERFLOW_SLOTS: usize = 256;

#[cfg(test)]
mod tests;
