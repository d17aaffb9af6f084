//! `PoolStats`: what the pool does at the moment, and has done so far.

/// The jobs of a pool, for metrics; see [`Passwords::pool_stats`](crate::password::Passwords::pool_stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// The hashes that are being computed.
    pub running: usize,
    /// The hashes that wait.
    pub waiting: usize,
    /// The highest number of hashes that were computed at once.
    pub max_running: usize,
    /// The hashes that were started.
    pub started: u64,
    /// The calls that were rejected because the queue was full or the wait too long.
    pub rejected: u64,
    /// The memory that the pool holds for hashes, in KiB.
    pub memory_kib: usize,
    /// The highest amount of memory that the pool held, in KiB.
    pub max_memory_kib: usize,
}
