//! `Store`: where the counters of a limit are kept.

use crate::rate_limit::memory::MemoryStore;
#[cfg(feature = "redis")]
use crate::rate_limit::redis::RedisStore;

/// Where the counters of a [`RateLimit`](crate::RateLimit) are kept.
///
/// [`RateLimitBuilder::store`](crate::rate_limit::RateLimitBuilder::store) accepts a store of either kind. A `Store` is
/// useful if the app's configuration decides at runtime which one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Store {
    /// In the memory of this process.
    Memory(MemoryStore),
    /// In Redis, shared by all processes that use the same server and prefix.
    #[cfg(feature = "redis")]
    Redis(RedisStore),
}

impl Store {
    /// Returns the counters of this process.
    pub(super) fn memory(&self) -> MemoryStore {
        match self {
            Self::Memory(store) => store.clone(),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.local_memory(),
        }
    }
}

impl From<MemoryStore> for Store {
    fn from(store: MemoryStore) -> Self {
        Self::Memory(store)
    }
}

#[cfg(feature = "redis")]
impl From<RedisStore> for Store {
    fn from(store: RedisStore) -> Self {
        Self::Redis(store)
    }
}
