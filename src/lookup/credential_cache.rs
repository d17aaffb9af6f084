//! `CredentialCache`: verified credentials with their users, in a set-associative table.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(any(feature = "jwt", test))]
use std::thread;

use crate::context::UserContext;

/// Credentials that have been verified, with their users.
///
/// A hit is exact: all bytes of the key are compared, and the hash only selects the set. Only accepted credentials are
/// inserted, so a caller without valid ones cannot change the cache.
///
/// # Layout and locking
///
/// - A shard is an array of sets, each with eight ways and its own lock. A lookup locks one set, compares up to eight
///   hashes and clones the value, which only counts references. An insertion locks one set, and before it another one
///   to sweep it, never two at a time, so that no order of locks can cause a deadlock.
/// - A cache [per thread](Self::per_thread) has one shard per processor. Each thread uses one shard, so threads rarely
///   wait for each other, even for the same credential. A credential that several threads receive has an entry in
///   several shards. In a [shared](Self::shared) cache it has one.
///
/// # Eviction
///
/// The cache must withstand callers that have many valid credentials:
///
/// - A subject has at most two ways of a set, however many credentials it has.
/// - A new credential replaces an expired entry or one that has not been used again. If all entries of the set are in
///   use, the new credential is not cached, and their use counts decrease by one. So credentials that are sent once do
///   not evict those in use, and those no longer in use are evicted eventually.
///
/// # Invalidation
///
/// Nothing is notified about a credential that became invalid. A value has what its gate needs to decide on each hit
/// whether it is outdated. Outdated entries are removed by later insertions.
///
/// No cache crate bounds the share of a subject.
pub(crate) struct CredentialCache<K, V> {
    shards: Box<[CacheShard<K, V>]>,
    /// The number of sets that have been swept, in all shards. Each insertion sweeps the next set, so that expired
    /// entries are removed even from the shard of an idle thread.
    sweep_cursor: AtomicUsize,
    /// Keyed, because callers may choose their subject, and with equal hashes could take the ways of another one.
    subject_hasher: RandomState,
}

/// What is known of a verified credential.
pub(crate) trait CachedCredential: Clone {
    /// A time of the wall clock, or of the monotonic clock.
    type Time: Copy + Ord;

    fn user(&self) -> &UserContext;

    /// If the clock is set back before this time, the entry is not used.
    fn verified_at(&self) -> Self::Time;

    fn expires_at(&self) -> Self::Time;

    /// Whether the entry can never be used again, as of the time when `newest` was verified.
    fn is_outdated(&self, newest: &Self) -> bool {
        self.expires_at() <= newest.verified_at()
    }
}

/// The sets that one thread uses, or several if there are more threads than shards.
struct CacheShard<K, V>(Box<[Mutex<CacheSet<K, V>>]>);

/// The entries among which a credential may be. It searches and replaces within eight entries, so each operation takes
/// a bounded time, whatever the capacity.
struct CacheSet<K, V>([Option<CacheEntry<K, V>>; WAYS]);

struct CacheEntry<K, V> {
    /// Compared before the key, so that of eight entries usually at most one key is compared.
    hash: u64,
    key: K,
    /// The hash of the user's issuer and id. Equal hashes of two subjects would only make them share two ways.
    subject_hash: u64,
    /// The number of hits, at most [`MAX_USE_COUNT`], minus the credentials that were not cached because the set was in
    /// use.
    use_count: u8,
    cached: V,
}

impl<K: AsRef<[u8]>, V: CachedCredential> CredentialCache<K, V> {
    /// Creates a cache for about this number of credentials, with one shard per processor.
    #[cfg(any(feature = "jwt", test))]
    pub(crate) fn per_thread(capacity: NonZeroUsize) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_shards(capacity, processors.min(MAX_SHARDS))
    }

    /// Creates a cache for about this number of credentials, which all threads share.
    #[cfg(any(feature = "introspection", test))]
    pub(crate) fn shared(capacity: NonZeroUsize) -> Self {
        Self::with_shards(capacity, 1)
    }

    fn with_shards(capacity: NonZeroUsize, shards: usize) -> Self {
        // Rounded up to whole sets, so that a capacity of 1 caches something.
        let sets_per_shard = capacity.get().div_ceil(WAYS * shards);
        let new_shard = || CacheShard((0..sets_per_shard).map(|_| Mutex::default()).collect());
        Self {
            shards: (0..shards).map(|_| new_shard()).collect(),
            sweep_cursor: AtomicUsize::new(0),
            subject_hasher: RandomState::new(),
        }
    }

    /// Returns what is known of a cached credential that has not expired.
    ///
    /// `hash` is that of the key, by a hash whose values callers cannot choose.
    pub(crate) fn get(&self, hash: u64, key: &[u8], now: V::Time) -> Option<V> {
        let mut set = self.shard()?.lock_set(hash)?;
        let way = set.0.iter_mut().find(|way| way.as_ref().is_some_and(|entry| entry.matches(hash, key)))?;
        // An expired entry is removed at once; it would only take a way. If the wall clock was set back to before the
        // verification, the entry stays but is not used: the credential may not be valid yet by this clock.
        way.take_if(|entry| entry.cached.expires_at() <= now);
        let entry = way.as_mut().filter(|entry| entry.cached.verified_at() <= now)?;
        entry.use_count = (entry.use_count + 1).min(MAX_USE_COUNT);
        Some(entry.cached.clone())
    }

    /// Caches a verified credential, unless all entries of its set are in use. `own` makes a copy of the key.
    pub(crate) fn insert(&self, hash: u64, key: &[u8], own: impl FnOnce(&[u8]) -> K, cached: V) {
        let user = cached.user();
        let subject_hash = self.subject_hasher.hash_one((user.issuer(), user.id()));
        // Sweep another set first, with its own lock, which is released before the next one is taken.
        self.sweep_next_set(&cached);
        if let Some(mut set) = self.shard().and_then(|shard| shard.lock_set(hash)) {
            set.sweep(&cached);
            if let Some(way) = set.way_for(hash, key, subject_hash) {
                // Starts at zero: until it is sent again, the credential may be replaced by any other.
                *way = Some(CacheEntry { hash, key: own(key), subject_hash, use_count: 0, cached });
            }
        }
    }

    /// Removes the outdated entries of the next set in turn, so that nothing stays in memory long after it expired.
    fn sweep_next_set(&self, newest: &V) {
        let next = self.sweep_cursor.fetch_add(1, Ordering::Relaxed);
        let shard = self.shards.get(next % self.shards.len());
        let index = next / self.shards.len();
        if let Some(set) = shard.and_then(|CacheShard(sets)| sets.get(index % sets.len())) {
            lock(set).sweep(newest);
        }
    }

    /// Returns the shard of this thread. Threads are numbered in the order of their first use of a cache.
    fn shard(&self) -> Option<&CacheShard<K, V>> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        if let [shared] = &*self.shards {
            return Some(shared);
        }
        // `try_with` fails while the thread is shutting down.
        let thread = THREAD.try_with(|thread| *thread).unwrap_or_default();
        self.shards.get(thread % self.shards.len())
    }
}

impl<K, V> CacheShard<K, V> {
    fn lock_set(&self, hash: u64) -> Option<MutexGuard<'_, CacheSet<K, V>>> {
        // The high word of the product maps the hash to an index below the length, without a division.
        let index = (u128::from(hash) * self.0.len() as u128) >> 64;
        self.0.get(index as usize).map(lock)
    }
}

/// Locks a set. A poisoned lock is used as well: each change replaces whole entries, so no panic leaves half of one.
fn lock<K, V>(set: &Mutex<CacheSet<K, V>>) -> MutexGuard<'_, CacheSet<K, V>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: AsRef<[u8]>, V> CacheEntry<K, V> {
    fn matches(&self, hash: u64, key: &[u8]) -> bool {
        self.hash == hash && self.key.as_ref() == key
    }
}

impl<K, V> Default for CacheSet<K, V> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<K: AsRef<[u8]>, V: CachedCredential> CacheSet<K, V> {
    /// Removes the entries that can never be used again.
    fn sweep(&mut self, newest: &V) {
        for way in &mut self.0 {
            way.take_if(|entry| entry.cached.is_outdated(newest));
        }
    }

    /// Selects the way for a new key. Returns `None`, and decreases all use counts, if all entries are in use.
    fn way_for(&mut self, hash: u64, key: &[u8], subject_hash: u64) -> Option<&mut Option<CacheEntry<K, V>>> {
        let index = self.index_for(hash, key, subject_hash);
        if index.is_none() {
            for entry in self.0.iter_mut().flatten() {
                entry.use_count = entry.use_count.saturating_sub(1);
            }
        }
        self.0.get_mut(index?)
    }

    /// Returns the way for a new key, in this order: its own, the least used of its subject if the subject has its
    /// share, a free one, or the least used that has no hits left.
    fn index_for(&self, hash: u64, key: &[u8], subject_hash: u64) -> Option<usize> {
        let is_same = |way: &Option<CacheEntry<K, V>>| way.as_ref().is_some_and(|entry| entry.matches(hash, key));
        if let Some(same) = self.0.iter().position(is_same) {
            return Some(same);
        }
        let ways_of_subject = self.0.iter().flatten().filter(|entry| entry.subject_hash == subject_hash).count();
        // Even if a way is free: a subject must not fill a set that is empty at the moment.
        if ways_of_subject >= MAX_WAYS_PER_SUBJECT {
            return self.least_used(|entry| entry.subject_hash == subject_hash);
        }
        if let Some(free) = self.0.iter().position(Option::is_none) {
            return Some(free);
        }
        self.least_used(|entry| entry.use_count == 0)
    }

    /// Returns the index of the least used entry that is eligible, and of those the oldest.
    fn least_used(&self, is_eligible: impl Fn(&CacheEntry<K, V>) -> bool) -> Option<usize> {
        let entries = self.0.iter().enumerate().filter_map(|(index, way)| Some((index, way.as_ref()?)));
        let eligible = entries.filter(|(_, entry)| is_eligible(entry));
        eligible.min_by_key(|(_, entry)| (entry.use_count, entry.cached.verified_at())).map(|(index, _)| index)
    }
}

/// Shows the capacity, and nothing of the credentials.
impl<K, V> fmt::Debug for CredentialCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets: usize = self.shards.iter().map(|shard| shard.0.len()).sum();
        f.debug_struct("CredentialCache").field("capacity", &(sets * WAYS)).finish_non_exhaustive()
    }
}

// With more, a lookup compares more hashes. With fewer, a few credentials in use fill a set while others are empty.
const WAYS: usize = 8;

// A flood of credentials of one subject takes at most a quarter of the cache.
const MAX_WAYS_PER_SUBJECT: usize = 2;

// An entry that was used often is replaced after this many credentials found no way in its set. Without a limit, an
// entry with a thousand hits would stay for a thousand credentials after its last use.
const MAX_USE_COUNT: u8 = 15;

// The capacity is divided among the shards, so with more of them, few threads could use much of it.
#[cfg(any(feature = "jwt", test))]
const MAX_SHARDS: usize = 16;

#[cfg(test)]
mod tests;
