//! `TokenCache`: tokens that were verified before, known again by all their bytes.

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

/// Tokens that were verified before.
///
/// A hit is exact: every byte of the token is compared, and a hash only says where to look. Each thread mostly has a shard of its
/// own, so that two which see the same token do not wait for one another. A shard is lines of eight places. One subject has two
/// places of a line at most, whatever number of tokens they have; a newcomer takes a free place, that of a token that has expired, or one
/// that was not used again, and otherwise only makes the others older.
pub(crate) struct TokenCache {
    shards: Box<[CacheShard]>,
    /// Counts the lines that were swept, of all shards: a thread that is idle or gone sweeps none of its own.
    sweep_cursor: AtomicUsize,
    /// Of subjects, whose names a caller may choose.
    hasher: RandomState,
    /// Of tokens, whose last bytes nobody can: a hash that is merely fast will do.
    tails: SeedableRandomState,
}

struct CacheShard(Box<[Mutex<CacheSet>]>);

#[derive(Default)]
struct CacheSet([Option<CacheEntry>; WAYS]);

struct CacheEntry {
    hash: u64,
    token: Zeroizing<Box<[u8]>>,
    subject: u64,
    /// How often it was used since, up to a bound; less with every newcomer that found no place.
    uses: u8,
    known: CachedToken,
}

/// What is known of a token that was verified.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    /// Before the app's own map has changed it.
    pub(crate) user: UserContext,
    /// The place of the issuer among those that are trusted.
    pub(crate) issuer: usize,
    /// The number of the generation of the issuer's keys that it was verified by.
    pub(crate) generation: u64,
    /// When it was verified; not believed before, should the clock be set back.
    pub(crate) since: Duration,
    /// When it expires, with the leeway; since 1970, as `since`.
    pub(crate) until: Duration,
}

impl TokenCache {
    /// Places for about so many tokens in all.
    pub(crate) fn new(tokens: NonZeroUsize) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_SHARDS);
        Self::with_shards(tokens, threads)
    }

    fn with_shards(tokens: NonZeroUsize, shards: usize) -> Self {
        let lines = tokens.get().div_ceil(WAYS * shards);
        let shard = || CacheShard((0..lines).map(|_| Mutex::default()).collect());
        let shards = (0..shards).map(|_| shard()).collect();
        let hasher = RandomState::new();
        let tails = SeedableRandomState::with_seed(hasher.hash_one(lines), SharedSeed::global_random());
        Self { shards, sweep_cursor: AtomicUsize::new(0), hasher, tails }
    }

    /// What is known of this very token, if it is still good by the clock.
    pub(crate) fn get(&self, token: &[u8], now: Duration) -> Option<CachedToken> {
        let hash = self.hash(token);
        let mut line = self.shard()?.line(hash)?;
        let place = line.0.iter_mut().find(|place| place.as_ref().is_some_and(|seen| seen.is(hash, token)))?;
        place.take_if(|seen| seen.known.until <= now);
        let seen = place.as_mut().filter(|seen| seen.known.since <= now)?;
        seen.uses = (seen.uses + 1).min(MAX_USE_COUNT);
        Some(seen.known.clone())
    }

    /// Remembers a token that was verified, where there is room for it.
    pub(crate) fn insert(&self, token: &str, known: CachedToken) {
        if token.len() > MAX_CACHED_LEN {
            return;
        }
        let hash = self.hash(token.as_bytes());
        let subject = self.hasher.hash_one((known.issuer, known.user.id()));
        self.sweep(&known);
        if let Some(mut line) = self.shard().and_then(|shard| shard.line(hash)) {
            line.sweep(&known);
            if let Some(place) = line.place_for(hash, token, subject) {
                let token = Zeroizing::new(token.as_bytes().into());
                *place = Some(CacheEntry { hash, token, subject, uses: 0, known });
            }
        }
    }

    /// Lets go of what is out of date in one line after the other: a token does not lie here much longer than it is good.
    fn sweep(&self, newest: &CachedToken) {
        let next = self.sweep_cursor.fetch_add(1, Ordering::Relaxed);
        let shard = self.shards.get(next % self.shards.len());
        if let Some(line) = shard.and_then(|CacheShard(lines)| lines.get(next / self.shards.len() % lines.len())) {
            lock(line).sweep(newest);
        }
    }

    /// A signature is as good as random: its last bytes tell tokens apart.
    fn hash(&self, token: &[u8]) -> u64 {
        self.tails.hash_one(token.last_chunk::<HASHED_BYTES>().map_or(token, |tail| tail))
    }

    fn shard(&self) -> Option<&CacheShard> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        let thread = THREAD.try_with(|thread| *thread).unwrap_or_default();
        self.shards.get(thread % self.shards.len())
    }
}

impl CacheShard {
    fn line(&self, hash: u64) -> Option<MutexGuard<'_, CacheSet>> {
        // The high bits choose the line: a product of two words' high word, without a division.
        let index = (u128::from(hash) * self.0.len() as u128) >> 64;
        self.0.get(index as usize).map(lock)
    }
}

fn lock(line: &Mutex<CacheSet>) -> MutexGuard<'_, CacheSet> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CacheEntry {
    fn is(&self, hash: u64, token: &[u8]) -> bool {
        self.hash == hash && **self.token == *token
    }
}

impl CachedToken {
    /// Whether it can be of no use any more, seen from a token that was verified just now: it has expired, or its issuer has
    /// published another generation of its keys since, which never becomes an older one again.
    fn is_over(&self, newest: &Self) -> bool {
        self.until <= newest.since || self.issuer == newest.issuer && self.generation < newest.generation
    }
}

impl CacheSet {
    fn sweep(&mut self, newest: &CachedToken) {
        for place in &mut self.0 {
            place.take_if(|seen| seen.known.is_over(newest));
        }
    }

    /// The place that a newcomer takes; `None` where all others were used again of late, who are then a little older.
    fn place_for(&mut self, hash: u64, token: &str, subject: u64) -> Option<&mut Option<CacheEntry>> {
        let same = self.0.iter().position(|place| place.as_ref().is_some_and(|seen| seen.is(hash, token.as_bytes())));
        let own = self.0.iter().flatten().filter(|seen| seen.subject == subject).count();
        let place = if same.is_some() {
            same
        } else if own >= MAX_WAYS_PER_SUBJECT {
            self.least_used(|seen| seen.subject == subject)
        } else if let Some(free) = self.0.iter().position(Option::is_none) {
            Some(free)
        } else {
            let least = self.least_used(|_| true);
            least.filter(|place| self.0.get(*place).and_then(Option::as_ref).is_some_and(|seen| seen.uses == 0))
        };
        if place.is_none() {
            for seen in self.0.iter_mut().flatten() {
                seen.uses = seen.uses.saturating_sub(1);
            }
        }
        self.0.get_mut(place?)
    }

    fn least_used(&self, is_meant: impl Fn(&CacheEntry) -> bool) -> Option<usize> {
        let meant = self.0.iter().enumerate().filter_map(|(place, seen)| Some((place, seen.as_ref()?)));
        let meant = meant.filter(|(_, seen)| is_meant(seen));
        meant.min_by_key(|(_, seen)| (seen.uses, seen.known.since)).map(|(place, _)| place)
    }
}

/// Tells nothing of the tokens.
impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: usize = self.shards.iter().map(|shard| shard.0.len()).sum();
        f.debug_struct("TokenCache").field("places", &(lines * WAYS)).finish_non_exhaustive()
    }
}

const WAYS: usize = 8;
/// Of one subject in a line: a flood of one's own tokens takes a quarter of the places.
const MAX_WAYS_PER_SUBJECT: usize = 2;
/// How many newcomers without a place it takes to let a token go that was in use.
const MAX_USE_COUNT: u8 = 15;
/// Longer ones are rare, and would take more memory than they save work.
const MAX_CACHED_LEN: usize = 8_192;
const HASHED_BYTES: usize = 32;
/// More threads share shards: memory is divided among them all.
const MAX_SHARDS: usize = 16;

#[cfg(test)]
mod tests;
