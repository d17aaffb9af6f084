//! `Table`: a set-associative table of subjects, whose memory is allocated at the start and never grows.

mod set;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rate_limit::algorithm::Slot;
use crate::rate_limit::memory::table::set::{Set, Tag, WAYS};

/// The slots of one limit, by the keyed hash of the subject.
///
/// # Layout
///
/// ```text
/// Table
/// ├ shard 0: one lock, aligned to a cache line
/// │ ├ set 0: recency list, 8 ways of a tag (the hash) and a slot (the counter)
/// │ └ set 1, ...
/// ├ shard 1, ... up to 1,023
/// └ overflow: 256 slots, each with a lock; only for counters
/// ```
///
/// A hash selects one set of eight ways. A new subject takes an empty way; if there is none, it evicts the subject with
/// the smallest share of its limit in use, and of several the least recently used one. A subject at its limit is never
/// evicted. If all eight are at their limits, new subjects share an overflow slot, if the table has overflow slots.
///
/// # Locking
///
/// One lock covers several sets. This keeps the locks few enough to stay in the processor's cache even if the sets are
/// not. The set itself cannot be prefetched before the lock is held, so a lock for each set would gain nothing.
///
/// A thread that holds the lock of a shard may lock an overflow slot of the same table, and then a shard of a table
/// that is later in the order of the store (`lock_order`). It never locks an earlier table, or a second shard of the
/// same table. So threads cannot wait for each other in a circle; tests/it/rate_limit/deadlocks.rs tries.
///
/// # What an attacker could do
///
/// - Find subjects whose hashes select the set of a victim: not without the key of the hash, which is random.
/// - Send requests as many subjects, to evict a victim's counter: only if the victim uses a smaller share of its limit
///   than all others in its set. A victim at its limit is not evicted.
/// - Bring eight subjects of each set to their limits, so that all new subjects share the overflow slots and are soon
///   rejected. That takes as many requests as the capacity times the limit, in one window, from as many addresses or
///   accounts. Subjects that have a way are not affected.
/// - Use up memory: nothing is allocated after the start.
pub(in crate::rate_limit) struct Table<S: Slot> {
    shards: Box<[Shard<S>]>,
    /// Empty if two subjects must not share a slot: a block or a cached denial of one must not reject the other.
    overflow: Box<[Mutex<S>]>,
    params: S::Params,
}

/// Aligned to a cache line, so that threads that lock neighboring shards do not contend.
#[repr(align(64))]
struct Shard<S>(Mutex<Box<[Set<S>]>>);

impl<S: Slot> Table<S> {
    /// Creates a table for at least this many subjects, with overflow slots.
    pub(super) fn new(subjects: usize, params: S::Params) -> Self {
        let overflow = (0..OVERFLOW_SLOTS).map(|_| Mutex::default()).collect();
        Self { overflow, ..Self::without_overflow(subjects, params) }
    }

    /// Creates a table for at least this many subjects. It does not remember a subject that finds no way.
    pub(super) fn without_overflow(subjects: usize, params: S::Params) -> Self {
        let sets = subjects.div_ceil(WAYS).max(1);
        let shards = (sets / MIN_SETS_PER_SHARD).clamp(1, MAX_SHARDS);
        let shard = || Shard(Mutex::new(vec![Set::empty(); sets.div_ceil(shards)].into()));
        Self { shards: (0..shards).map(|_| shard()).collect(), overflow: Box::default(), params }
    }

    pub(in crate::rate_limit) fn params(&self) -> S::Params {
        self.params
    }

    /// Calls `visit` with the subject's slot, which is locked meanwhile, and with the time.
    ///
    /// A new subject is stored if its slot is not empty after the visit: a request that is rejected or costs nothing
    /// evicts no one. The clock is read once the set is locked: if threads read it before they wait for the lock,
    /// counters would move backwards and free units twice.
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
                // Visited outside the set, and stored afterwards: the visit may find that there is nothing to store.
                let mut slot = S::default();
                visit(&mut slot, now);
                if !slot.is_empty() {
                    set.store(way, Tag::of(hash), slot);
                }
            }
            None => self.access_overflow(hash, clock, visit),
        }
    }

    /// Calls `visit` with the overflow slot of a subject whose set is full or, without overflow slots, with a slot that
    /// is then dropped. The shard of the set stays locked.
    #[cold]
    fn access_overflow(&self, hash: u64, clock: &dyn Fn() -> u64, visit: impl FnOnce(&mut S, u64)) {
        let mut temporary = S::default();
        let mut shared = self.overflow.get(hash as usize % OVERFLOW_SLOTS).map(lock);
        let slot = shared.as_deref_mut().unwrap_or(&mut temporary);
        // Other sets share this slot: read the clock again, now that it is locked.
        visit(slot, clock());
    }

    /// Calls `visit` with the slot of a subject that has one. It evicts no one, and does not count as a use.
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

    /// Removes the subject. Units in an overflow slot stay there, because they may be those of another subject.
    pub(in crate::rate_limit) fn remove(&self, hash: u64) {
        let hash = non_zero(hash);
        if let Some((mut sets, index)) = self.lock_shard(hash)
            && let Some(set) = sets.get_mut(index)
            && let Some((way, _)) = set.find(Tag::of(hash))
        {
            set.clear(way);
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

/// Zero marks an empty way. So the subject with the hash zero, if there is one, shares the counter of the hash one.
#[inline]
fn non_zero(hash: u64) -> u64 {
    hash.max(1)
}

/// A panic while a lock was held leaves a counter that is at worst half charged, so the lock stays usable.
#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Slot> fmt::Debug for Table<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

/// More locks than threads that decide at the same time, and few enough to stay in the processor's cache.
const MAX_SHARDS: usize = 1_024;
/// A small table has fewer shards. With eight sets in each, rounding up adds at most an eighth to the capacity.
const MIN_SETS_PER_SHARD: usize = 8;
/// A flood of subjects at their limits, once all ways are taken, shares this many slots.
const OVERFLOW_SLOTS: usize = 256;

#[cfg(test)]
mod tests;
