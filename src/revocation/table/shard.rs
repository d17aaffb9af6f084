//! `Shard`: a part of the table, an open-addressing hash table that readers use without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::context::{IdHash, RevocationId};
use crate::revocation::table::position;

/// Slots in buckets of eight. A bucket has a word of eight tags, one byte for each slot: 0 if the slot is empty,
/// otherwise seven bits of the hash below a bit that is 1. A lookup compares eight tags at once, and then usually at
/// most one slot.
///
/// An entry is in the first bucket with an empty slot, counted from the bucket of its hash; there is always one. The
/// slots of a bucket are used from the lowest. An entry is never moved or removed, so a lookup ends at the first bucket
/// that is not full. To remove entries, the writer replaces the shard.
///
/// The tags are apart from the slots: those of a million entries take 1.3 MB, so they stay in the cache of a processor.
/// Clones share the slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    tags: Arc<[AtomicU64]>,
    buckets: Arc<[[Slot; SLOTS]]>,
}

/// The two halves of the id, and the value.
#[derive(Debug, Default)]
pub(super) struct Slot([AtomicU64; 3]);

impl Shard {
    pub(super) fn with_buckets(buckets: usize) -> Self {
        Self {
            tags: (0..buckets).map(|_| AtomicU64::default()).collect(),
            buckets: (0..buckets).map(|_| Default::default()).collect(),
        }
    }

    /// The number of slots.
    pub(super) fn capacity(&self) -> usize {
        self.tags.len() * SLOTS
    }

    /// Returns the value of an entry.
    pub(super) fn get(&self, id: RevocationId, hash: IdHash) -> Option<u64> {
        let (_, slot) = self.find(id, hash)?;
        Some(slot.value())
    }

    /// Returns the slot of an entry, with its index.
    pub(super) fn find(&self, id: RevocationId, hash: IdHash) -> Option<(usize, &Slot)> {
        let mut bucket = position::bucket(hash, self.tags.len());
        loop {
            // Pairs with the release in `insert`: a slot whose tag is visible is complete.
            let tags = self.tags.get(bucket)?.load(Ordering::Acquire);
            let mut matches = zero_bytes(tags ^ hash.tags());
            while matches != 0 {
                let index = matches.trailing_zeros() as usize / 8;
                let slot = self.buckets.get(bucket)?.get(index)?;
                if slot.id() == id {
                    return Some((bucket * SLOTS + index, slot));
                }
                matches &= matches - 1;
            }
            if tags & LAST_USED == 0 {
                return None;
            }
            bucket = self.following(bucket);
        }
    }

    /// Adds an entry that is not there yet, and returns the index of its slot. `None` if no slot is empty.
    ///
    /// Only the writer calls it, and at most [`capacity`](Self::capacity) - 1 times, so that lookups end.
    pub(super) fn insert(&self, id: RevocationId, hash: IdHash, value: u64) -> Option<usize> {
        let mut bucket = position::bucket(hash, self.tags.len());
        for _ in 0..self.tags.len() {
            let word = self.tags.get(bucket)?;
            let tags = word.load(Ordering::Relaxed);
            let empty = !tags & USED;
            if empty != 0 {
                let index = empty.trailing_zeros() as usize / 8;
                let Slot([high, low, stored]) = self.buckets.get(bucket)?.get(index)?;
                high.store(id.0[0], Ordering::Relaxed);
                low.store(id.0[1], Ordering::Relaxed);
                stored.store(value, Ordering::Relaxed);
                let tag = hash.tags() & (0xff << (index * 8));
                word.store(tags | tag, Ordering::Release);
                return Some(bucket * SLOTS + index);
            }
            bucket = self.following(bucket);
        }
        None
    }

    /// Returns the entries with the indices of their slots.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &Slot)> {
        let slots = self.buckets.iter().flatten().enumerate();
        slots.filter(|(index, _)| {
            let tags = self.tags.get(index / SLOTS).map_or(0, |tags| tags.load(Ordering::Relaxed));
            tags >> (index % SLOTS * 8) & 0xff != 0
        })
    }

    fn following(&self, bucket: usize) -> usize {
        if bucket + 1 == self.tags.len() { 0 } else { bucket + 1 }
    }
}

impl Slot {
    pub(super) fn id(&self) -> RevocationId {
        RevocationId([self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)])
    }

    /// Returns the value. Everything that was written before it is visible then.
    pub(super) fn value(&self) -> u64 {
        self.0[2].load(Ordering::Acquire)
    }

    /// Changes the value. Only the writer calls it.
    pub(super) fn set_value(&self, value: u64) {
        self.0[2].store(value, Ordering::Release);
    }
}

/// Marks the bytes of a word that are zero by their highest bit.
///
/// A byte above a zero byte may be marked too, but the lowest mark is always right. The comparison of the id corrects
/// a wrong mark of a tag.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOWEST_BITS) & !word & USED
}

pub(super) const SLOTS: usize = 8;

const LOWEST_BITS: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each tag, which is 1 if the slot is used.
const USED: u64 = LOWEST_BITS << 7;

/// That of the last slot, so that the bucket is full.
const LAST_USED: u64 = 1 << 63;
