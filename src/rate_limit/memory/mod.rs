//! `MemoryStore`: the rate-limit store of one process, in bounded memory.

mod counter_table;
pub(super) mod decide;
pub(super) mod limit_tables;
mod siphash;
pub(super) mod stored_limits;
pub(super) mod table;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_limit::memory::limit_tables::TableBounds;
use crate::rate_limit::memory::siphash::SipHash;
use crate::rate_limit::memory::stored_limits::{Limits, StoredLimits};
use crate::rate_limit::subject::Subject;

/// A store in the memory of this process, of bounded size.
///
/// It decides in less than a microsecond, and forgets all counters when the process ends. Each process counts for
/// itself: behind a load balancer with `n` instances, a caller may get up to `n` times the quota. Use a `RedisStore`
/// (feature `redis`) to share counters.
///
/// ```
/// use portcullis::{Quota, RateLimit};
/// use portcullis::rate_limit::{Key, MemoryStore};
///
/// let limit = RateLimit::builder()
///     .quota(Quota::per_hour(1000)?)
///     .key(Key::user())
///     .store(MemoryStore::with_max_bytes(256 << 20))
///     .build();
/// assert!(limit.is_ok());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// # Sharing counters
///
/// Clones share their counters. If several layers have clones of one store, limits with the same name and quota count
/// together. A limit by tier has the same quota if all its tiers have. Limits with the same name and another quota are
/// a [`ConfigError`](crate::ConfigError).
///
/// ```
/// use portcullis::{Quota, RateLimit};
/// use portcullis::rate_limit::{Key, MemoryStore};
///
/// let store = MemoryStore::new();
/// let with_quota = |quota| {
///     let builder = RateLimit::builder().quota(quota).key(Key::user());
///     builder.store(store.clone()).build()
/// };
/// let limit = with_quota(Quota::per_minute(1000)?)?;
/// assert!(with_quota(Quota::per_minute(1000)?).is_ok());
///
/// let error = with_quota(Quota::per_minute(200)?).unwrap_err();
/// assert_eq!(error.issues()[0].setting(), "store");
///
/// // A limit exists as long as a layer has it.
/// drop(limit);
/// assert!(with_quota(Quota::per_minute(200)?).is_ok());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// The counters of a limit are freed when the last layer that has the limit is dropped, even if the store is in use.
/// An app that reloads its configuration keeps them if it builds the new layer before it drops the old one. To change
/// the quota of a limit, drop the old layer first, or use a new store; the counters then start at zero.
///
/// # Memory
///
/// The [size](Self::with_max_bytes) is a bound for each limit, 32 MiB by default. Memory is allocated as subjects
/// arrive, and is reused but not returned while a layer has the limit. A layer without requests takes a few kilobytes.
/// The number of subjects that fit depends on the algorithm and the quota:
///
/// | algorithm, units | subjects in 32 MiB | bytes per subject |
/// |---|--:|--:|
/// | `SlidingLog`, up to 8 | 565,000 | 60 |
/// | `SlidingLog`, up to 16 | 360,000 | 94 |
/// | `SlidingLog`, up to 32 | 212,000 | 158 |
/// | `SlidingLog`, up to 64 | 114,000 | 293 |
/// | `SlidingLog`, up to 128 | 61,000 | 543 |
/// | `SlidingWindow`, up to 65,535 | 622,000 | 54 |
/// | `SlidingWindow`, more | 393,000 | 86 |
/// | `TokenBucket` | 770,000 | 44 |
/// | `FixedWindow` | 1,253,000 | 27 |
///
/// With [blocks](crate::rate_limit::Limit::block_for), a subject takes 27 bytes more, within the same bound.
///
/// If more subjects are active than fit, new subjects evict those that use the smallest share of their limit. A subject
/// at its limit is never evicted, so that a flood of new subjects cannot reset anyone's limit.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    bounds: TableBounds,
    /// Random. A caller that knew the key could find ids or addresses whose hash is that of another subject, and use up
    /// its quota, or many that fall into one set of the table, and fill it.
    hash_key: [u64; 2],
    limits: Mutex<Limits>,
}

impl MemoryStore {
    /// Creates a store of the default size, 32 MiB per limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_bytes(DEFAULT_MAX_BYTES)
    }

    /// Creates a store of this size, in bytes per limit (default 32 MiB; from 16 KiB to 64 GiB).
    ///
    /// Allow for all subjects that are active within one window; [Memory](Self#memory) lists how many fit.
    /// [`RateLimitBuilder::build`](crate::rate_limit::RateLimitBuilder::build) reports a size that is out of range. The
    /// bound counts what the store requests from the allocator, which may add a few percent.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, MemoryStore};
    ///
    /// let builder = RateLimit::builder()
    ///     .quota(Quota::per_hour(1000)?)
    ///     .key(Key::user());
    /// let error = builder.store(MemoryStore::with_max_bytes(0)).build();
    /// assert!(error.is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_max_bytes(max_bytes: usize) -> Self {
        Self::with_bounds(TableBounds { max_bytes, caches_denials: false })
    }

    /// Creates a store for the counters and cached denials of a store in Redis.
    #[cfg(feature = "redis")]
    pub(super) fn beside_redis(max_bytes: usize) -> Self {
        Self::with_bounds(TableBounds { max_bytes, caches_denials: true })
    }

    fn with_bounds(bounds: TableBounds) -> Self {
        // std seeds it from the operating system.
        let random = RandomState::new();
        let hash_key = [0, 1].map(|half| random.hash_one(half));
        Self(Arc::new(Inner { bounds, hash_key, limits: Mutex::default() }))
    }

    /// Whether the size is in the supported range.
    pub(super) fn has_valid_size(&self) -> bool {
        let max_bytes = self.0.bounds.max_bytes;
        max_bytes >= MIN_MAX_BYTES && u64::try_from(max_bytes).is_ok_and(|bytes| bytes <= MAX_MAX_BYTES)
    }

    /// Returns the limits whose counters the store holds. Other layers wait until the result is dropped.
    pub(super) fn limits(&self) -> StoredLimits<'_> {
        let limits = self.0.limits.lock().unwrap_or_else(PoisonError::into_inner);
        StoredLimits { limits, bounds: self.0.bounds }
    }

    /// Returns the keyed hash of a subject. The table identifies a subject by it alone: with 64 bits and a secret key,
    /// two of a million active subjects share a hash, and so a counter, with a probability of 1 in 37 million.
    #[inline]
    pub(super) fn hash(&self, subject: &Subject<'_>, ipv6_prefix: u8, by_route: bool) -> u64 {
        let mut hash = SipHash::with_key(self.0.hash_key);
        subject.encode(ipv6_prefix, by_route, |word| hash.write(word));
        hash.finish()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("max_bytes", &self.0.bounds.max_bytes).finish_non_exhaustive()
    }
}

/// Enough for 61,000 subjects of the largest counters.
pub(super) const DEFAULT_MAX_BYTES: usize = 32 << 20;
/// Every limit has at least one set of eight subjects then.
const MIN_MAX_BYTES: usize = 16 << 10;
/// Enough for 100 million subjects of the largest counters. A larger number is a mistake.
const MAX_MAX_BYTES: u64 = 64 << 30;

#[cfg(test)]
mod tests;
