//! `ReplayStore`: the trait that an app implements to remember consumed values in its database.

use std::future::Future;
use std::time::Duration;

use crate::record_store::StoreError;
use crate::replay_cache::digest::ReplayDigest;

/// A store of consumed values, to implement for your database.
///
/// [`MemoryReplays`](crate::replay_cache::MemoryReplays) and `RedisReplays` are stores. Each method is one atomic step:
/// of several calls at once with the same arguments, one returns `true`. For SQL, insert a row whose primary key is the
/// digest, and update it only if it has expired, or if its step is smaller.
///
/// An entry must be kept for at least the time that the call names, and may be deleted after it.
pub trait ReplayStore: Send + Sync + 'static {
    /// Stores a digest. Returns false if it is stored already.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached, or is full.
    fn consume(
        &self,
        digest: &ReplayDigest,
        keep_for: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Stores a step for a digest. Returns false, and changes nothing, if the same or a greater step is stored.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached, or is full.
    fn advance(
        &self,
        digest: &ReplayDigest,
        step: u64,
        keep_for: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
