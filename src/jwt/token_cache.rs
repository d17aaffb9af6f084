//! `TokenCache`: the verified-token cache, a set-associative table in shards.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use zeroize::Zeroizing;

use crate::context::UserContext;
use crate::jwt::issuers::table::IssuerRef;

/// Tokens that have been verified, with their users.
///
/// A hit is exact: all bytes of the token are compared, and the hash only selects the set. Only accepted tokens are
/// inserted, so a caller without valid tokens cannot change the cache.
///
/// # Layout and locking
///
/// - It has one shard per processor. Each thread uses one shard, so threads rarely wait for each other, even for the
///   same token. A token that several threads receive has an entry in several shards.
/// - A shard is an array of sets, each with eight ways and its own lock. A lookup locks one set, compares up to eight
///   hashes and clones the user, which only counts a reference. An insertion locks one set, and before it another one
///   to sweep it, never two at a time, so that no order of locks can cause a deadlock.
///
/// # Eviction
///
/// The cache must withstand callers that have many valid tokens:
///
/// - A subject has at most two ways of a set, however many tokens it has.
/// - A new token replaces an expired entry or one that has not been used again. If all entries of the set are in use,
///   the new token is not cached, and their use counts decrease by one. So tokens that are sent once do not evict those
///   in use, and those no longer in use are evicted eventually.
///
/// # Invalidation
///
/// Nothing is notified about withdrawn keys. An entry has the generation of the keys that verified it, and the policy
/// compares it with the current one on each hit. Outdated entries are removed by later insertions.
///
/// No cache crate bounds the share of a subject.
pub(crate) struct TokenCache {
    shards: Box<[CacheShard]>,
    /// The number of sets that have been swept, in all shards. Each insertion sweeps the next set, so that expired
    /// entries are removed even from the shard of an idle thread.
    sweep_cursor: AtomicUsize,
    /// Keyed, because callers may choose their subject, and with equal hashes could take the ways of another one.
    subject_hasher: RandomState,
    /// A fast hash suffices, because no caller can choose the end of a valid signature.
    token_hasher: SeedableRandomState,
}

/// The sets that one thread uses, or several if there are more threads than shards.
struct CacheShard(Box<[Mutex<CacheSet>]>);

/// The entries among which a token may be. It searches and replaces within eight entries, so each operation takes a
/// bounded time, whatever the capacity.
#[derive(Default)]
struct CacheSet([Option<CacheEntry>; WAYS]);

struct CacheEntry {
    /// Compared before the token, so that of eight entries usually at most one token is compared.
    hash: u64,
    /// Wiped from memory when the entry is dropped, since a token is a credential.
    token: Zeroizing<Box<[u8]>>,
    /// The hash of the user's issuer and id. Equal hashes of two subjects would only make them share two ways.
    subject_hash: u64,
    /// The number of hits, at most [`MAX_USE_COUNT`], minus the tokens that were not cached because the set was in use.
    use_count: u8,
    cached: CachedToken,
}

/// What is known of a verified token.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    /// The user before the app's `map_user`, which runs on every request.
    pub(crate) user: UserContext,
    pub(crate) issuer: IssuerRef,
    /// The generation of the issuer's keys that verified the token.
    pub(crate) key_generation: u64,
    /// Since 1970. If the clock is set back before this time, the entry is not used.
    pub(crate) verified_at: Duration,
    /// When the token expires, including the leeway; since 1970.
    pub(crate) expires_at: Duration,
}

impl TokenCache {
    /// Creates a cache for about this number of tokens.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_shards(capacity, processors.min(MAX_SHARDS))
    }

    fn with_shards(capacity: NonZeroUsize, shards: usize) -> Self {
        // Rounded up to whole sets, so that a capacity of 1 caches something.
        let sets_per_shard = capacity.get().div_ceil(WAYS * shards);
        let new_shard = || CacheShard((0..sets_per_shard).map(|_| Mutex::default()).collect());
        let subject_hasher = RandomState::new();
        let seed = subject_hasher.hash_one(sets_per_shard);
        Self {
            shards: (0..shards).map(|_| new_shard()).collect(),
            sweep_cursor: AtomicUsize::new(0),
            subject_hasher,
            token_hasher: SeedableRandomState::with_seed(seed, SharedSeed::global_random()),
        }
    }

    /// Returns a cached token that has not expired.
    pub(crate) fn get(&self, token: &[u8], now: Duration) -> Option<CachedToken> {
        let hash = self.hash(token);
        let mut set = self.shard()?.lock_set(hash)?;
        let way = set.0.iter_mut().find(|way| way.as_ref().is_some_and(|entry| entry.matches(hash, token)))?;
        // An expired token is removed at once; it would only take a way. If the wall clock was set back to before the
        // verification, the entry stays but is not used: the token may not be valid yet by this clock.
        way.take_if(|entry| entry.cached.expires_at <= now);
        let entry = way.as_mut().filter(|entry| entry.cached.verified_at <= now)?;
        entry.use_count = (entry.use_count + 1).min(MAX_USE_COUNT);
        Some(entry.cached.clone())
    }

    /// Caches a verified token, unless all entries of its set are in use.
    pub(crate) fn insert(&self, token: &str, cached: CachedToken) {
        if token.len() > MAX_CACHED_LEN {
            return;
        }
        let hash = self.hash(token.as_bytes());
        let subject_hash = self.subject_hasher.hash_one((cached.user.issuer(), cached.user.id()));
        // Sweep another set first, with its own lock, which is released before the next one is taken.
        self.sweep_next_set(&cached);
        if let Some(mut set) = self.shard().and_then(|shard| shard.lock_set(hash)) {
            set.sweep(&cached);
            if let Some(way) = set.way_for(hash, token, subject_hash) {
                let token = Zeroizing::new(token.as_bytes().into());
                // Starts at zero: until it is sent again, the token may be replaced by any other.
                *way = Some(CacheEntry { hash, token, subject_hash, use_count: 0, cached });
            }
        }
    }

    /// Removes the outdated entries of the next set in turn, so that no token stays in memory long after it expired.
    fn sweep_next_set(&self, newest: &CachedToken) {
        let next = self.sweep_cursor.fetch_add(1, Ordering::Relaxed);
        let shard = self.shards.get(next % self.shards.len());
        let index = next / self.shards.len();
        if let Some(set) = shard.and_then(|CacheShard(sets)| sets.get(index % sets.len())) {
            lock(set).sweep(newest);
        }
    }

    /// Hashes the end of a token, which is its signature and therefore as good as random.
    ///
    /// Hashing the rest, a kilobyte or more, would add nothing. Callers cannot choose signatures that fall into one
    /// set: only tokens with a valid signature are inserted, and the hash is seeded.
    fn hash(&self, token: &[u8]) -> u64 {
        self.token_hasher.hash_one(token.last_chunk::<HASHED_BYTES>().map_or(token, |end| end))
    }

    /// Returns the shard of this thread. Threads are numbered in the order of their first use of a cache.
    fn shard(&self) -> Option<&CacheShard> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        // `try_with` fails while the thread is shutting down.
        let thread = THREAD.try_with(|thread| *thread).unwrap_or_default();
        self.shards.get(thread % self.shards.len())
    }
}

impl CacheShard {
    fn lock_set(&self, hash: u64) -> Option<MutexGuard<'_, CacheSet>> {
        // The high word of the product maps the hash to an index below the length, without a division.
        let index = (u128::from(hash) * self.0.len() as u128) >> 64;
        self.0.get(index as usize).map(lock)
    }
}

/// Locks a set. A poisoned lock is used as well: each change replaces whole entries, so no panic leaves half of one.
fn lock(set: &Mutex<CacheSet>) -> MutexGuard<'_, CacheSet> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CacheEntry {
    fn matches(&self, hash: u64, token: &[u8]) -> bool {
        self.hash == hash && **self.token == *token
    }
}

impl CachedToken {
    /// Whether the token has expired or its keys are outdated, as of the time when `newest` was verified.
    fn is_outdated(&self, newest: &Self) -> bool {
        // An issuer's generations only increase, so an older one is never current again.
        let has_old_keys = self.issuer.is_same(&newest.issuer) && self.key_generation < newest.key_generation;
        self.expires_at <= newest.verified_at || has_old_keys
    }
}

impl CacheSet {
    /// Removes the entries that can never be used again.
    fn sweep(&mut self, newest: &CachedToken) {
        for way in &mut self.0 {
            way.take_if(|entry| entry.cached.is_outdated(newest));
        }
    }

    /// Selects the way for a new token. Returns `None`, and decreases all use counts, if all entries are in use.
    fn way_for(&mut self, hash: u64, token: &str, subject_hash: u64) -> Option<&mut Option<CacheEntry>> {
        let index = self.index_for(hash, token, subject_hash);
        if index.is_none() {
            for entry in self.0.iter_mut().flatten() {
                entry.use_count = entry.use_count.saturating_sub(1);
            }
        }
        self.0.get_mut(index?)
    }

    /// Returns the way for a new token, in this order: its own, the least used of its subject if the subject has its
    /// share, a free one, or the least used that has no hits left.
    fn index_for(&self, hash: u64, token: &str, subject_hash: u64) -> Option<usize> {
        let is_same =
            |way: &Option<CacheEntry>| way.as_ref().is_some_and(|entry| entry.matches(hash, token.as_bytes()));
        if let Some(same_token) = self.0.iter().position(is_same) {
            return Some(same_token);
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
    fn least_used(&self, is_eligible: impl Fn(&CacheEntry) -> bool) -> Option<usize> {
        let entries = self.0.iter().enumerate().filter_map(|(index, way)| Some((index, way.as_ref()?)));
        let eligible = entries.filter(|(_, entry)| is_eligible(entry));
        eligible.min_by_key(|(_, entry)| (entry.use_count, entry.cached.verified_at)).map(|(index, _)| index)
    }
}

/// Shows the capacity, and nothing of the tokens.
impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets: usize = self.shards.iter().map(|shard| shard.0.len()).sum();
        f.debug_struct("TokenCache").field("capacity", &(sets * WAYS)).finish_non_exhaustive()
    }
}

// With more, a lookup compares more hashes. With fewer, a few tokens in use fill a set while others are empty.
const WAYS: usize = 8;

// A flood of tokens of one subject takes at most a quarter of the cache.
const MAX_WAYS_PER_SUBJECT: usize = 2;

// An entry that was used often is replaced after this many tokens found no way in its set. Without a limit, an entry
// with a thousand hits would stay for a thousand tokens after its last use.
const MAX_USE_COUNT: u8 = 15;

// Longer tokens are rare, and take more memory than they save work.
const MAX_CACHED_LEN: usize = 8_192;

// A signature has at least this length: HS256 has 32 bytes, which are 43 characters.
const HASHED_BYTES: usize = 32;

// The capacity is divided among the shards, so with more of them, few threads could use much of it.
const MAX_SHARDS: usize = 16;

#[cfg(test)]
mod tests;
