//! `PoolSettings`: the bounds of a pool, what a job needs, and what an overload is.

use std::time::Duration;

/// The bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub(in crate::password) struct PoolSettings {
    /// The jobs of the default size that run at once.
    pub(in crate::password) permits: usize,
    /// The 1-KiB blocks of a job that needs one permit.
    pub(in crate::password) blocks_of_permit: usize,
    /// The jobs that may wait.
    pub(in crate::password) queue: usize,
    /// How long a job may wait.
    pub(in crate::password) max_wait: Duration,
}

/// What a job needs.
#[derive(Clone, Copy, Debug)]
pub(in crate::password) struct JobSize {
    /// The memory that the job uses, which decides about its permits.
    pub(in crate::password) memory_kib: usize,
    /// The blocks that the pool lends to the job.
    pub(in crate::password) blocks: usize,
}

/// The pool is full, the job waited for too long, or it failed. The caller should retry after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::password) struct Overload {
    pub(in crate::password) retry_after: Duration,
}

impl JobSize {
    /// Returns the size of a job that uses nothing besides these blocks.
    pub(in crate::password) fn of_blocks(blocks: usize) -> Self {
        Self { memory_kib: blocks, blocks }
    }
}
