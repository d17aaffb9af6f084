//! `MemoryReplays`: a store in the memory of this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::record_store::StoreError;
use crate::replay_cache::digest::ReplayDigest;
use crate::replay_cache::store::ReplayStore;

/// A store of consumed values in the memory of this process. Clones share the values.
///
/// Use it if one process serves all requests: another process, or this one after a restart, does not know the values, and
/// accepts them again. It holds at most [`capacity`](Self::with_capacity) values. If it is full, calls fail until values
/// have expired, because to forget one would make it usable again.
///
/// A million values take about 45 MB.
#[derive(Clone)]
pub struct MemoryReplays(Arc<Inner>);

struct Inner {
    shards: Box<[Mutex<Shard>]>,
    /// The number of entries in all shards, including those that have expired and were not removed yet.
    len: AtomicUsize,
    capacity: usize,
    /// When all shards were last freed of what has expired.
    swept_at: AtomicU32,
    clock: Clock,
    start: Instant,
}

/// Times are seconds since the start of the store, rounded up.
#[derive(Default)]
struct Shard {
    consumed: HashMap<ReplayDigest, u32>,
    /// Separate, because the steps would make the other entries larger.
    advanced: HashMap<ReplayDigest, Advanced>,
    /// The number of entries at which those that have expired are removed.
    sweep_at: usize,
}

struct Advanced {
    kept_until: u32,
    step: u64,
}

impl MemoryReplays {
    /// Creates an empty store for 1,000,000 values.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// Creates an empty store for this number of values, at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::create(capacity, Clock::system())
    }

    /// Sets the clock by whose monotonic time values expire (default: the system's), for tests. The store is empty again.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self::create(self.0.capacity, clock)
    }

    fn create(capacity: usize, clock: Clock) -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        let start = clock.monotonic();
        let (len, capacity, swept_at) = (AtomicUsize::new(0), capacity.max(1), AtomicU32::new(u32::MAX));
        Self(Arc::new(Inner { shards, len, capacity, swept_at, clock, start }))
    }
}

impl Default for MemoryReplays {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayStore for MemoryReplays {
    async fn consume(&self, digest: &ReplayDigest, keep_for: Duration) -> Result<bool, StoreError> {
        let (now, kept_until) = self.0.times(keep_for);
        let mut shard = self.0.shard(digest)?;
        if shard.consumed.get(digest).is_some_and(|kept_until| *kept_until > now) {
            return Ok(false);
        }
        if !shard.consumed.contains_key(digest) {
            self.0.reserve(&mut shard, now)?;
        }
        shard.consumed.insert(*digest, kept_until);
        Ok(true)
    }

    async fn advance(&self, digest: &ReplayDigest, step: u64, keep_for: Duration) -> Result<bool, StoreError> {
        let (now, kept_until) = self.0.times(keep_for);
        let mut shard = self.0.shard(digest)?;
        if shard.advanced.get(digest).is_some_and(|stored| stored.kept_until > now && stored.step >= step) {
            return Ok(false);
        }
        if !shard.advanced.contains_key(digest) {
            self.0.reserve(&mut shard, now)?;
        }
        shard.advanced.insert(*digest, Advanced { kept_until, step });
        Ok(true)
    }
}

impl Inner {
    /// Returns the time and the end of an entry.
    fn times(&self, keep_for: Duration) -> (u32, u32) {
        let now = self.clock.monotonic().saturating_duration_since(self.start);
        let end = now.saturating_add(keep_for).as_secs().saturating_add(1);
        let seconds = |seconds| u32::try_from(seconds).unwrap_or(u32::MAX);
        (seconds(now.as_secs()), seconds(end))
    }

    fn shard(&self, digest: &ReplayDigest) -> Result<MutexGuard<'_, Shard>, StoreError> {
        let [first, ..] = digest.as_bytes();
        let shard = self.shards.get(usize::from(*first) % SHARDS);
        // Each change is complete before anything can panic.
        let shard = shard.map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        shard.ok_or_else(|| StoreError::unavailable("the store has no shards"))
    }

    /// Reserves an entry for a digest that the shard does not have, or fails if all shards are full.
    ///
    /// A shard is freed of what has expired when it has grown to twice its size, so that an insertion costs the same on
    /// average, however many entries there are. All shards are when the capacity is reached, at most once a second.
    fn reserve(&self, shard: &mut Shard, now: u32) -> Result<(), StoreError> {
        if shard.len() >= shard.sweep_at {
            self.sweep(shard, now);
        }
        if self.len.load(Ordering::Relaxed) >= self.capacity && self.swept_at.swap(now, Ordering::Relaxed) != now {
            self.sweep(shard, now);
            // A shard that another thread has locked is freed by a later call.
            self.shards
                .iter()
                .filter_map(|other| other.try_lock().ok())
                .for_each(|mut other| self.sweep(&mut other, now));
        }
        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return Err(StoreError::unavailable(
                "the replay cache in memory is full; create it with a larger capacity",
            ));
        }
        Ok(())
    }

    fn sweep(&self, shard: &mut Shard, now: u32) {
        self.len.fetch_sub(shard.remove_expired(now), Ordering::Relaxed);
        shard.sweep_at = (shard.len() * 2).max(SMALLEST_SWEEP);
    }
}

impl Shard {
    fn len(&self) -> usize {
        self.consumed.len() + self.advanced.len()
    }

    /// Returns the number of removed entries.
    fn remove_expired(&mut self, now: u32) -> usize {
        let before = self.len();
        self.consumed.retain(|_, kept_until| *kept_until > now);
        self.advanced.retain(|_, stored| stored.kept_until > now);
        before - self.len()
    }
}

/// Shows the number of values.
impl fmt::Debug for MemoryReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.len.load(Ordering::Relaxed);
        f.debug_struct("MemoryReplays").field("values", &values).finish_non_exhaustive()
    }
}

const CAPACITY: usize = 1_000_000;
/// So many that a shard is removed from, or grows, in well under a millisecond.
const SHARDS: usize = 64;
const SMALLEST_SWEEP: usize = 64;

#[cfg(test)]
mod tests;
