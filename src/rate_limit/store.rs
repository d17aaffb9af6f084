//! `Store`: where a limit's counts are kept.

use crate::rate_limit::memory::MemoryStore;
#[cfg(feature = "redis")]
use crate::rate_limit::redis::RedisStore;

/// Where the counts are kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Store {
    /// In this process.
    Memory(MemoryStore),
    /// In Redis, for all processes that charge it.
    #[cfg(feature = "redis")]
    Redis(RedisStore),
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
