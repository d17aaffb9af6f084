//! `Filter`: which ids may have an entry, so that most checks read one word for each id.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::context::IdHash;
use crate::revocation::table::position::{SHARD_BITS, SHARDS};

/// A Bloom filter: each id sets four bits of one word. If one of them is 0, the id has no entry.
///
/// Readers need no guard, unlike for the shards, because no memory is freed: if the words become too full, the filter
/// continues on the next level, which has twice as many. All levels of a million entries take 2 MB.
///
/// The words of a shard are adjacent, since the highest bits of a hash select both. When the shard is replaced, they
/// are computed again, one by one: each word always has the bits of all entries that have not expired.
#[derive(Debug)]
pub(super) struct Filter {
    levels: [OnceLock<Box<[AtomicU64]>>; LEVELS],
    /// The level in use.
    level: AtomicUsize,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self { levels: [const { OnceLock::new() }; LEVELS], level: AtomicUsize::new(0) }
    }

    /// Whether one of the ids may have an entry.
    #[inline]
    pub(super) fn may_contain<const N: usize>(&self, hashes: &[IdHash; N]) -> bool {
        let level = self.level.load(Ordering::Acquire);
        // Without words, nothing was ever revoked.
        let Some(words) = self.words(level) else { return false };
        hashes.iter().any(|hash| {
            // Pairs with the release of the writer: who sees the bits finds the entry, and who misses the bits of an
            // entry that was removed sees that one was.
            let word = words.get(index(*hash, level)).map_or(u64::MAX, |word| word.load(Ordering::Acquire));
            hash.bits & !word == 0
        })
    }

    /// Adds an id. Only the writer calls this and the next functions.
    pub(super) fn insert(&self, hash: IdHash) {
        let level = self.level.load(Ordering::Relaxed);
        if let Some(word) = self.words(level).and_then(|words| words.get(index(hash, level))) {
            word.fetch_or(hash.bits, Ordering::Release);
        }
    }

    /// Ensures that there are words enough for so many entries.
    pub(super) fn reserve(&self, entries: usize) {
        if self.words(0).is_none() {
            self.set_words(0, (0..SHARDS).map(|_| AtomicU64::default()).collect());
        }
        loop {
            let level = self.level.load(Ordering::Relaxed);
            // At the last level, the filter becomes less useful.
            let Some(words) = self.words(level).filter(|_| level + 1 < LEVELS) else { return };
            if words.len().saturating_mul(ENTRIES_PER_WORD) >= entries {
                return;
            }
            // Each word is divided into two. Until its shard is replaced, both have the bits of both.
            let halves = words.iter().flat_map(|word| [(); 2].map(|()| AtomicU64::new(word.load(Ordering::Relaxed))));
            self.set_words(level + 1, halves.collect());
        }
    }

    /// Sets the ids of a shard.
    pub(super) fn replace(&self, shard: usize, hashes: impl Iterator<Item = IdHash>) {
        let level = self.level.load(Ordering::Relaxed);
        let Some(words) = self.words(level) else { return };
        let start = shard << level;
        let mut replaced = vec![0; 1 << level];
        for hash in hashes {
            if let Some(word) = replaced.get_mut(index(hash, level).wrapping_sub(start)) {
                *word |= hash.bits;
            }
        }
        for (word, bits) in words.iter().skip(start).zip(replaced) {
            word.store(bits, Ordering::Release);
        }
    }

    #[inline]
    fn words(&self, level: usize) -> Option<&[AtomicU64]> {
        self.levels.get(level)?.get().map(AsRef::as_ref)
    }

    fn set_words(&self, level: usize, words: Box<[AtomicU64]>) {
        if let Some(empty) = self.levels.get(level) {
            empty.get_or_init(|| words);
            self.level.store(level, Ordering::Release);
        }
    }
}

/// Returns the index of the word: the highest bits of the hash, one more on each level.
#[inline]
fn index(hash: IdHash, level: usize) -> usize {
    (hash.hash >> (u64::BITS as usize - SHARD_BITS as usize - level)) as usize
}

/// With eight entries in each word, 3 % of the ids without an entry seem to have one.
const ENTRIES_PER_WORD: usize = 8;

/// The last level is for 500 million entries.
const LEVELS: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::RevocationId;

    fn hash(number: u64) -> IdHash {
        IdHash::of(RevocationId([number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number]))
    }

    fn contains(filter: &Filter, number: u64) -> bool {
        filter.may_contain(&[hash(number)])
    }

    #[test]
    fn every_id_is_found_on_every_level_and_few_others() {
        let filter = Filter::new();
        assert!(!contains(&filter, 1), "without words");
        for number in 0..20_000 {
            filter.reserve(number as usize + 1);
            filter.insert(hash(number));
            assert!(contains(&filter, number));
        }
        assert!((0..20_000).all(|number| contains(&filter, number)));
        let of_shard = |shard| (0..20_000).map(hash).filter(move |hash| (hash.hash >> 58) as usize == shard);
        (0..SHARDS).for_each(|shard| filter.replace(shard, of_shard(shard)));
        assert!((0..20_000).all(|number| contains(&filter, number)), "after each shard was replaced");
        let others = (20_000..120_000).filter(|number| contains(&filter, *number)).count();
        assert!(others < 5_000, "{others} of 100,000");
    }

    #[test]
    fn a_replaced_shard_loses_only_its_own_ids() {
        let filter = Filter::new();
        filter.reserve(10_000);
        (0..10_000).for_each(|number| filter.insert(hash(number)));
        filter.replace(7, std::iter::empty());
        for number in 0..10_000 {
            assert_eq!(contains(&filter, number), hash(number).hash >> 58 != 7, "{number}");
        }
    }

    #[test]
    fn an_id_that_is_missing_is_never_found() {
        let filter = Filter::new();
        filter.reserve(1);
        (0..8).for_each(|number| filter.insert(hash(number)));
        assert!(!filter.may_contain(&[IdHash::default(); 5]));
    }
}
