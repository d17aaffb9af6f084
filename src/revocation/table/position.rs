//! `Position`: where in the table an id is, by a hash that callers cannot predict.

use std::hash::{BuildHasher, RandomState};

use crate::context::RevocationId;

/// The random numbers of a process that decide about positions.
///
/// An id is a part of a SHA-256 of names that a caller may choose. Without them, a caller could choose many names whose
/// ids are in one bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeds([u64; 2]);

/// The hash of an id. Its parts select the shard, the bucket and the tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position(u64);

impl Seeds {
    pub(super) fn random() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0), random.hash_one(1)])
    }

    #[inline]
    pub(super) fn position(self, id: RevocationId) -> Position {
        let product = u128::from(id.0[0] ^ self.0[0]) * u128::from(id.0[1] ^ self.0[1]);
        Position((product >> 64) as u64 ^ product as u64)
    }
}

impl Position {
    /// The shard: the highest bits.
    #[inline]
    pub(super) fn shard(self) -> usize {
        (self.0 >> (64 - SHARD_BITS)) as usize
    }

    /// The bucket of so many: the lower half, scaled without a division.
    #[inline]
    pub(super) fn bucket(self, buckets: usize) -> usize {
        ((u64::from(self.0 as u32) * buckets as u64) >> 32) as usize
    }

    /// The tag, which is not 0, in each byte of a word.
    #[inline]
    pub(super) fn repeated_tag(self) -> u64 {
        let tag = u64::from((self.0 >> 48) as u8).max(1);
        tag * 0x0101_0101_0101_0101
    }
}

const SHARD_BITS: u32 = 6;

/// A shard is copied when it grows. Of a million entries, a shard has 16,000, whose copy takes less than a millisecond.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;
