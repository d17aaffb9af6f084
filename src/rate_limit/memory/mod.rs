//! `MemoryStore`: the rate-limit store of one process, in bounded memory.

mod counter_table;
pub(super) mod decide;
mod siphash;
pub(super) mod table;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "redis")]
use crate::rate_limit::algorithm::cached_denial::CachedDenial;
use crate::rate_limit::algorithm::fixed_window::FixedWindow;
use crate::rate_limit::algorithm::penalty::{BlockParams, Penalty};
use crate::rate_limit::algorithm::sliding_log::SlidingLog;
use crate::rate_limit::algorithm::sliding_window::SlidingWindow;
use crate::rate_limit::algorithm::token_bucket::TokenBucket;
use crate::rate_limit::algorithm::{Algorithm, MAX_LOG_UNITS, WindowParams};
use crate::rate_limit::memory::counter_table::CounterTable;
use crate::rate_limit::memory::siphash::SipHash;
use crate::rate_limit::memory::table::Table;
use crate::rate_limit::subject::Subject;

/// A store in the memory of this process, whose size is bounded from the start.
///
/// It decides in less than a microsecond, and forgets all counters when the process ends. Each process counts for
/// itself: behind a load balancer with `n` instances, a caller may get up to `n` times the quota. Use a `RedisStore`
/// (feature `redis`) to share counters.
///
/// Clones share their counters. If several layers have clones of one store, limits with the same name, window and
/// algorithm count together.
///
/// ```
/// use portcullis::{Quota, RateLimit};
/// use portcullis::rate_limit::{Key, MemoryStore};
///
/// let store = MemoryStore::with_subjects(1_000_000);
/// let limit = RateLimit::builder()
///     .quota(Quota::per_hour(1000)?)
///     .key(Key::user())
///     .store(store.clone())
///     .build();
/// assert!(limit.is_ok());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// # Memory
///
/// The tables of a limit are allocated when its layer is built, and never grow. [`Algorithm`] lists the bytes that a
/// subject takes; with the default of 65,536 subjects, a limit takes 1.7 to 36 MB. A limit with
/// [blocks](crate::rate_limit::Limit::block_for) has a second table of the same capacity.
///
/// If more subjects are active than the capacity, new subjects evict those that use the smallest share of their limit.
/// A subject at its limit is never evicted, so that a flood of new subjects cannot reset anyone's limit.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    subjects: usize,
    /// Random. A caller that knew the key could find ids or addresses whose hash is that of another subject, and use up
    /// its quota, or many that fall into one set of the table, and fill it.
    hash_key: [u64; 2],
    tables: Mutex<Tables>,
}

/// The tables that were created so far.
#[derive(Default)]
struct Tables {
    counters: Vec<(CounterId, Arc<dyn CounterTable>)>,
    penalties: Vec<(PenaltyId, Arc<Table<Penalty>>)>,
    #[cfg(feature = "redis")]
    denials: Vec<(Box<str>, Arc<Table<CachedDenial>>)>,
}

/// Limits with equal ids share their counters.
///
/// The quota's units are not part of it, so a limit by tier and a changed quota keep the counters. But `size` is: the
/// type of the counter depends on it.
#[derive(PartialEq)]
struct CounterId {
    name: Box<str>,
    algorithm: Algorithm,
    /// In microseconds.
    window: u64,
    /// The quota's units, rounded up to what some type of counter holds; 0 if all quotas use one type.
    size: u32,
}

#[derive(PartialEq)]
struct PenaltyId {
    name: Box<str>,
    params: BlockParams,
}

impl MemoryStore {
    /// Creates a store with the default capacity, 65,536 subjects per limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_subjects(DEFAULT_SUBJECTS)
    }

    /// Creates a store with this capacity, in subjects per limit (from 1 to 100 million).
    ///
    /// Allow for all subjects that are active within one window.
    /// [`RateLimitBuilder::build`](crate::rate_limit::RateLimitBuilder::build) reports a capacity that is out of range.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, MemoryStore};
    ///
    /// let builder = RateLimit::builder()
    ///     .quota(Quota::per_hour(1000)?)
    ///     .key(Key::user());
    /// assert!(builder.store(MemoryStore::with_subjects(0)).build().is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_subjects(subjects: usize) -> Self {
        // std seeds it from the operating system.
        let random = RandomState::new();
        let hash_key = [0, 1].map(|half| random.hash_one(half));
        Self(Arc::new(Inner { subjects, hash_key, tables: Mutex::default() }))
    }

    /// Whether the capacity is in the supported range.
    pub(super) fn has_valid_capacity(&self) -> bool {
        (1..=MAX_SUBJECTS).contains(&self.0.subjects)
    }

    /// Returns the keyed hash of a subject. The table identifies a subject by it alone: with 64 bits and a secret key,
    /// two of a million active subjects share a hash, and so a counter, with a probability of 1 in 37 million.
    #[inline]
    pub(super) fn hash(&self, subject: &Subject<'_>, ipv6_prefix: u8, by_route: bool) -> u64 {
        let mut hash = SipHash::with_key(self.0.hash_key);
        subject.encode(ipv6_prefix, by_route, |word| hash.write(word));
        hash.finish()
    }

    /// Returns the counters of a limit, and their position in the order in which tables are locked.
    ///
    /// The position is that of the table in the store, which is the same for every layer that shares the store.
    pub(super) fn counters(
        &self,
        name: &str,
        algorithm: Algorithm,
        params: WindowParams,
    ) -> (usize, Arc<dyn CounterTable>) {
        // Counters of the next larger size, so that the code exists in few variants.
        let size = match algorithm {
            Algorithm::SlidingLog => params.limit.min(MAX_LOG_UNITS).next_power_of_two().max(8),
            Algorithm::SlidingWindow => params.limit.max(u32::from(u16::MAX)),
            Algorithm::FixedWindow | Algorithm::TokenBucket => 0,
        };
        let id = CounterId { name: name.into(), algorithm, window: params.window, size };
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        find_or_insert(&mut tables.counters, id, || counter_table(algorithm, size, self.0.subjects, params))
    }

    /// Returns the penalties of a limit.
    pub(super) fn penalties(&self, name: &str, params: BlockParams) -> Arc<Table<Penalty>> {
        let id = PenaltyId { name: name.into(), params };
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let create = || Arc::new(Table::without_overflow(self.0.subjects, params));
        find_or_insert(&mut tables.penalties, id, create).1
    }

    /// Returns the cache of denials by Redis for a limit.
    #[cfg(feature = "redis")]
    pub(super) fn denials(&self, name: &str) -> Arc<Table<CachedDenial>> {
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let create = || Arc::new(Table::without_overflow(self.0.subjects, ()));
        find_or_insert(&mut tables.denials, name.into(), create).1
    }
}

fn counter_table(algorithm: Algorithm, size: u32, subjects: usize, params: WindowParams) -> Arc<dyn CounterTable> {
    match (algorithm, size) {
        (Algorithm::SlidingLog, 8) => Arc::new(Table::<SlidingLog<8>>::new(subjects, params)),
        (Algorithm::SlidingLog, 16) => Arc::new(Table::<SlidingLog<16>>::new(subjects, params)),
        (Algorithm::SlidingLog, 32) => Arc::new(Table::<SlidingLog<32>>::new(subjects, params)),
        (Algorithm::SlidingLog, 64) => Arc::new(Table::<SlidingLog<64>>::new(subjects, params)),
        (Algorithm::SlidingLog, _) => Arc::new(Table::<SlidingLog<128>>::new(subjects, params)),
        (Algorithm::FixedWindow, _) => Arc::new(Table::<FixedWindow>::new(subjects, params)),
        (Algorithm::SlidingWindow, size) if size > u32::from(u16::MAX) => {
            Arc::new(Table::<SlidingWindow<u32>>::new(subjects, params))
        }
        (Algorithm::SlidingWindow, _) => Arc::new(Table::<SlidingWindow<u16>>::new(subjects, params)),
        (Algorithm::TokenBucket, _) => Arc::new(Table::<TokenBucket>::new(subjects, params)),
    }
}

/// Returns the table with this id and its position, after creating it if there is none.
///
/// Tables are looked up only at startup, in a short list, and never removed: a layer that is built again, with the same
/// store and limits, continues with the counters of the previous one.
fn find_or_insert<I: PartialEq, T: Clone>(tables: &mut Vec<(I, T)>, id: I, create: impl FnOnce() -> T) -> (usize, T) {
    let mut known = tables.iter().enumerate();
    if let Some((position, (_, table))) = known.find(|(_, (known, _))| *known == id) {
        return (position, table.clone());
    }
    let table = create();
    tables.push((id, table.clone()));
    (tables.len() - 1, table)
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("subjects", &self.0.subjects).finish_non_exhaustive()
    }
}

const DEFAULT_SUBJECTS: usize = 65_536;
/// At 26 bytes per subject and more, this takes gigabytes. A larger number is a mistake.
const MAX_SUBJECTS: usize = 100_000_000;

#[cfg(test)]
mod tests;
