//! The position of an id in the table: its shard and its bucket, by its hash.

use crate::context::IdHash;

/// Returns the shard: the highest bits.
#[inline]
pub(super) fn shard(hash: IdHash) -> usize {
    (hash.hash >> (64 - SHARD_BITS)) as usize
}

/// Returns the bucket: the lower half, scaled to the number of buckets without a division.
#[inline]
pub(super) fn bucket(hash: IdHash, buckets: usize) -> usize {
    ((u64::from(hash.hash as u32) * buckets as u64) >> 32) as usize
}

pub(super) const SHARD_BITS: u32 = 6;

/// A shard is copied when it grows. Of a million entries, a shard has 16,000, whose copy takes less than a millisecond.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;
