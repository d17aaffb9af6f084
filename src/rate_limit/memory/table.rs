//! `Table`: a set-associative table of subjects, with a fixed capacity.

mod set;
mod sets;

use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::rate_limit::algorithm::Slot;
use crate::rate_limit::memory::table::set::{Set, Tag};
use crate::rate_limit::memory::table::sets::Sets;

#[cfg(test)]
pub(in crate::rate_limit::memory) use crate::rate_limit::memory::table::set::WAYS;

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
/// └ overflow: up to 256 slots, each with a lock; only for counters
/// ```
///
/// The capacity is fixed, and the memory is allocated as it is first used: the shards by the first access, a chunk of
/// sets by the first access to one of them, and the overflow slots by the first set that is full. Nothing is moved or
/// resized, so no request waits for that.
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
/// - Use up memory: the table stops growing when all its sets are allocated.
pub(in crate::rate_limit) struct Table<S: Slot> {
    shards: OnceLock<Box<[Shard<S>]>>,
    shard_count: usize,
    sets_per_shard: usize,
    overflow: OnceLock<Box<[Mutex<S>]>>,
    /// Zero if two subjects must not share a slot: a block or a cached denial of one must not reject the other.
    overflow_slots: usize,
    params: S::Params,
}

/// Aligned to a cache line, so that threads that lock neighboring shards do not contend.
#[repr(align(64))]
struct Shard<S>(Mutex<Sets<S>>);

impl<S: Slot> Table<S> {
    /// The bytes that a set adds to a table, with its share of its shard and of the pointers to its chunk.
    ///
    /// The last chunk of a shard may have fewer sets than the others, and a shard has eight sets or more.
    pub(in crate::rate_limit::memory) const BYTES_PER_SET: usize =
        size_of::<Set<S>>() + CHUNK_POINTER / Sets::<S>::PER_CHUNK + Self::BYTES_OF_SHARD.div_ceil(MIN_SETS_PER_SHARD);

    /// The bytes that a shard adds to a table, beside those of its sets.
    pub(in crate::rate_limit::memory) const BYTES_OF_SHARD: usize = size_of::<Shard<S>>() + CHUNK_POINTER;

    /// Creates a table of up to this many sets. Fewer than an eighth of them stay unused.
    ///
    /// Without overflow slots, a subject for which no way is free is not stored.
    pub(in crate::rate_limit::memory) fn new(sets: usize, overflow_slots: usize, params: S::Params) -> Self {
        let sets = sets.max(1);
        let shards = (sets / MIN_SETS_PER_SHARD).clamp(1, MAX_SHARDS);
        Self {
            shards: OnceLock::new(),
            shard_count: shards,
            sets_per_shard: sets / shards,
            overflow: OnceLock::new(),
            overflow_slots,
            params,
        }
    }

    pub(in crate::rate_limit) fn params(&self) -> S::Params {
        self.params
    }

    /// Returns the number of ways.
    #[cfg(test)]
    pub(in crate::rate_limit::memory) fn capacity(&self) -> usize {
        self.shard_count * self.sets_per_shard * WAYS
    }

    /// Calls `visit` with the subject's slot, which is locked meanwhile, and with the time.
    ///
    /// A new subject is stored if its slot is not empty after the visit: a request that is rejected or costs nothing
    /// evicts no one. The clock is read once the set is locked: if threads read it before they wait for the lock,
    /// counters would move backwards and free units twice.
    #[inline]
    pub(in crate::rate_limit) fn access(&self, hash: u64, clock: &dyn Fn() -> u64, visit: impl FnOnce(&mut S, u64)) {
        let hash = non_zero(hash);
        let Some((mut sets, index)) = self.lock_shard(self.shards(), hash) else { return };
        let sets = &mut *sets;
        let set = match sets.get(index) {
            Some(set) => set,
            None => match sets.allocate(index, self.sets_per_shard) {
                Some(set) => set,
                // If there is no memory for the set, treat it as full.
                None => return self.access_overflow(hash, clock, visit),
            },
        };
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
        let slots = self.overflow.get_or_init(|| (0..self.overflow_slots).map(|_| Mutex::default()).collect());
        let index = (hash as usize).checked_rem(slots.len());
        let mut shared = index.and_then(|index| slots.get(index)).map(lock);
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
        if let Some(shards) = self.shards.get()
            && let Some((mut sets, index)) = self.lock_shard(shards, hash)
            && let Some((_, slot)) = sets.get(index).and_then(|set| set.find(Tag::of(hash)))
        {
            visit(slot, clock());
        }
    }

    /// Removes the subject. Units in an overflow slot stay there, because they may be those of another subject.
    pub(in crate::rate_limit) fn remove(&self, hash: u64) {
        let hash = non_zero(hash);
        if let Some(shards) = self.shards.get()
            && let Some((mut sets, index)) = self.lock_shard(shards, hash)
            && let Some(set) = sets.get(index)
            && let Some((way, _)) = set.find(Tag::of(hash))
        {
            set.clear(way);
        }
    }

    /// Returns the shards, after allocating them if this is the first access.
    #[inline]
    fn shards(&self) -> &[Shard<S>] {
        self.shards.get_or_init(|| (0..self.shard_count).map(|_| Shard(Mutex::default())).collect())
    }

    /// Locks the shard of a hash, and returns its sets and the index of the one that the hash selects.
    #[inline]
    fn lock_shard<'a>(&self, shards: &'a [Shard<S>], hash: u64) -> Option<(MutexGuard<'a, Sets<S>>, usize)> {
        // Maps the hash to a range without a division: the high word of the product is the shard, and the low word,
        // which is as evenly distributed, selects the set in the same way.
        let product = u128::from(hash) * shards.len() as u128;
        let sets = lock(&shards.get((product >> 64) as usize)?.0);
        let index = (u128::from(product as u64) * self.sets_per_shard as u128) >> 64;
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
        f.debug_struct("Table").field("shards", &self.shard_count).finish_non_exhaustive()
    }
}

/// More locks than threads that decide at the same time, and few enough to stay in the processor's cache.
const MAX_SHARDS: usize = 1_024;
/// A small table has fewer shards. With eight sets in each, rounding down loses less than an eighth of the capacity.
const MIN_SETS_PER_SHARD: usize = 8;
/// The pointer to a chunk of sets, and its length.
const CHUNK_POINTER: usize = 2 * size_of::<usize>();

#[cfg(test)]
mod tests;
