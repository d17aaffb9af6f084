//! `LimitTables`: the tables of one limit, and how many subjects its bytes hold.

#[cfg(feature = "redis")]
use std::sync::Arc;
use std::sync::Mutex;

#[cfg(feature = "redis")]
use crate::rate_limit::algorithm::cached_denial::CachedDenial;
use crate::rate_limit::algorithm::fixed_window::FixedWindow;
use crate::rate_limit::algorithm::penalty::{BlockParams, Penalty};
use crate::rate_limit::algorithm::sliding_log::SlidingLog;
use crate::rate_limit::algorithm::sliding_window::SlidingWindow;
use crate::rate_limit::algorithm::token_bucket::TokenBucket;
use crate::rate_limit::algorithm::{Algorithm, Counter, WindowParams};
use crate::rate_limit::memory::counter_table::CounterTable;
use crate::rate_limit::memory::table::Table;

/// The tables of one limit. Counters and blocks are in separate tables: most limits have no blocks, and a flood that
/// fills one does not evict from the other.
///
/// All layers of a store that have the limit share one. The last of them frees it.
pub(in crate::rate_limit) struct LimitTables {
    /// The position of the counters in the order in which tables are locked.
    pub(in crate::rate_limit) lock_order: u64,
    pub(in crate::rate_limit) counters: Box<dyn CounterTable>,
    /// `None` if the limit does not block.
    pub(in crate::rate_limit) penalties: Option<Table<Penalty>>,
    /// Used only by a store in Redis.
    #[cfg(feature = "redis")]
    pub(in crate::rate_limit) denials: Arc<Table<CachedDenial>>,
}

/// What the tables of a limit depend on.
#[derive(Clone, Copy)]
pub(in crate::rate_limit) struct TableParams {
    pub(in crate::rate_limit) algorithm: Algorithm,
    /// With the highest quota, which determines the type of the counters.
    pub(in crate::rate_limit) window: WindowParams,
    pub(in crate::rate_limit) block: Option<BlockParams>,
}

/// How much memory the tables of a limit may take.
#[derive(Clone, Copy)]
pub(super) struct TableBounds {
    /// For all tables of the limit together.
    pub(super) max_bytes: usize,
    /// Whether denials by Redis are cached.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "only `redis` needs it"))]
    pub(super) caches_denials: bool,
}

impl LimitTables {
    /// Creates the tables of a limit. Their memory is allocated as requests use it.
    pub(super) fn new(params: TableParams, bounds: TableBounds, lock_order: u64) -> Self {
        let units = params.window.limit;
        // Counters of the next larger size, so that the code exists in few variants.
        let create = match params.algorithm {
            Algorithm::SlidingLog if units <= 8 => Self::with_counters::<SlidingLog<8>>,
            Algorithm::SlidingLog if units <= 16 => Self::with_counters::<SlidingLog<16>>,
            Algorithm::SlidingLog if units <= 32 => Self::with_counters::<SlidingLog<32>>,
            Algorithm::SlidingLog if units <= 64 => Self::with_counters::<SlidingLog<64>>,
            Algorithm::SlidingLog => Self::with_counters::<SlidingLog<128>>,
            Algorithm::SlidingWindow if units <= u32::from(u16::MAX) => Self::with_counters::<SlidingWindow<u16>>,
            Algorithm::SlidingWindow => Self::with_counters::<SlidingWindow<u32>>,
            Algorithm::FixedWindow => Self::with_counters::<FixedWindow>,
            Algorithm::TokenBucket => Self::with_counters::<TokenBucket>,
        };
        create(params, bounds, lock_order)
    }

    fn with_counters<C: Counter + Clone + Default + Send + 'static>(
        params: TableParams,
        bounds: TableBounds,
        lock_order: u64,
    ) -> Self {
        let overflow_slots = overflow_slots::<C>(bounds.max_bytes);
        let sets = sets::<C>(params, bounds);
        Self {
            lock_order,
            counters: Box::new(Table::<C>::new(sets, overflow_slots, params.window)),
            penalties: params.block.map(|block| Table::new(sets, 0, block)),
            #[cfg(feature = "redis")]
            denials: Arc::new(Table::new(sets, 0, ())),
        }
    }
}

/// Returns how many sets each table of a limit has, so that all of them together stay within the bound.
fn sets<C: Counter + Clone + Default + Send>(params: TableParams, bounds: TableBounds) -> usize {
    let mut per_set = Table::<C>::BYTES_PER_SET;
    let mut other = Table::<C>::BYTES_OF_SHARD + overflow_slots::<C>(bounds.max_bytes) * size_of::<Mutex<C>>();
    if params.block.is_some() {
        per_set += Table::<Penalty>::BYTES_PER_SET;
        other += Table::<Penalty>::BYTES_OF_SHARD;
    }
    #[cfg(feature = "redis")]
    if bounds.caches_denials {
        per_set += Table::<CachedDenial>::BYTES_PER_SET;
        other += Table::<CachedDenial>::BYTES_OF_SHARD;
    }
    bounds.max_bytes.saturating_sub(other + BYTES_OF_LIMIT) / per_set
}

/// Returns the number of overflow slots: at most an eighth of the memory.
fn overflow_slots<C>(max_bytes: usize) -> usize {
    (max_bytes / 8 / size_of::<Mutex<C>>()).clamp(1, MAX_OVERFLOW_SLOTS)
}

/// A flood of subjects at their limits, once all ways are taken, shares this many slots.
const MAX_OVERFLOW_SLOTS: usize = 256;
/// More than the bytes of a `LimitTables` and what it points to before anything is counted.
const BYTES_OF_LIMIT: usize = 1_024;

#[cfg(test)]
mod tests;
