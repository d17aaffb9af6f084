//! `ReplayCache`: consumes values once, in a store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::Clock;
use crate::record_store::{StoreCall, StoreError, within_timeout};
use crate::replay_cache::digest::{Kind, ReplayDigest};
use crate::replay_cache::store::ReplayStore;

/// Remembers which values were consumed, until they have expired. Clones share the store.
///
/// A value that is consumed stays so until its expiry, also if the clock is set back in between: the latest time that
/// this cache has seen counts. The store keeps an entry for a minute longer, because the clocks of two processes differ,
/// and a process whose clock is behind would accept the value again.
///
/// The values themselves are not stored, only their [digests](ReplayDigest).
#[derive(Clone)]
pub struct ReplayCache(Arc<Inner>);

struct Inner {
    store: Box<dyn DynStore>,
    clock: Clock,
    /// The latest time that was read, in milliseconds since 1970.
    latest: AtomicU64,
}

impl ReplayCache {
    /// Creates a cache in this store.
    #[must_use]
    pub fn new(store: impl ReplayStore) -> Self {
        Self::with_clock(store, Clock::system())
    }

    /// Creates a cache in this store with another clock than the system's, for tests.
    #[must_use]
    pub fn with_clock(store: impl ReplayStore, clock: Clock) -> Self {
        Self(Arc::new(Inner { store: Box::new(store), clock, latest: AtomicU64::new(0) }))
    }

    /// Consumes a value that is valid until this time. Returns true the first time, and false if the value was consumed
    /// before or has expired.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store does not respond within 5 seconds, or is full. Then it is not
    /// known whether the value was consumed, so reject it.
    pub async fn consume(&self, value: impl AsRef<[u8]>, expires_at: SystemTime) -> Result<bool, StoreError> {
        let digest = ReplayDigest::of(Kind::Consumed, value.as_ref());
        match self.keep_for(expires_at) {
            Some(time) => within_timeout(STORE_TIMEOUT, self.0.store.consume(&digest, time)).await,
            None => Ok(false),
        }
    }

    /// Advances a counter to this step, and keeps it until this time. Returns true if the step is greater than all
    /// before, and false if it is not, or if the time has passed.
    ///
    /// This is for the time step of a one-time password (RFC 6238 §5.2) or the counter of a device: a step that was used
    /// is rejected, and so is every earlier one.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use portcullis::replay_cache::{MemoryReplays, ReplayCache};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::StoreError> {
    /// let replays = ReplayCache::new(MemoryReplays::new());
    /// let expiry = SystemTime::now() + Duration::from_secs(90);
    /// assert!(replays.advance("totp of user-7", 5, expiry).await?);
    /// assert!(!replays.advance("totp of user-7", 5, expiry).await?);
    /// assert!(!replays.advance("totp of user-7", 4, expiry).await?);
    /// assert!(replays.advance("totp of user-7", 6, expiry).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`consume`](Self::consume).
    pub async fn advance(
        &self,
        counter: impl AsRef<[u8]>,
        step: u64,
        expires_at: SystemTime,
    ) -> Result<bool, StoreError> {
        let digest = ReplayDigest::of(Kind::Advanced, counter.as_ref());
        match self.keep_for(expires_at) {
            Some(time) => within_timeout(STORE_TIMEOUT, self.0.store.advance(&digest, step, time)).await,
            None => Ok(false),
        }
    }

    /// Returns how long the store keeps an entry; `None` if it has expired by the latest time that was read.
    fn keep_for(&self, expires_at: SystemTime) -> Option<Duration> {
        let now = u64::try_from(self.0.clock.since_epoch().as_millis()).unwrap_or(u64::MAX);
        let latest = self.0.latest.fetch_max(now, Ordering::Relaxed).max(now);
        let expires_at = expires_at.duration_since(UNIX_EPOCH).ok()?;
        let left = expires_at.checked_sub(Duration::from_millis(latest)).filter(|left| !left.is_zero())?;
        // The clock may have been set back since, and others may be behind.
        let behind = Duration::from_millis(latest.saturating_sub(now));
        Some(left.saturating_add(behind).saturating_add(CLOCK_SKEW).min(LONGEST))
    }
}

impl fmt::Debug for ReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayCache").finish_non_exhaustive()
    }
}

/// The object-safe form of [`ReplayStore`].
trait DynStore: Send + Sync {
    fn consume<'a>(&'a self, digest: &'a ReplayDigest, keep_for: Duration) -> StoreCall<'a, bool>;

    fn advance<'a>(&'a self, digest: &'a ReplayDigest, step: u64, keep_for: Duration) -> StoreCall<'a, bool>;
}

impl<S: ReplayStore> DynStore for S {
    fn consume<'a>(&'a self, digest: &'a ReplayDigest, keep_for: Duration) -> StoreCall<'a, bool> {
        Box::pin(ReplayStore::consume(self, digest, keep_for))
    }

    fn advance<'a>(&'a self, digest: &'a ReplayDigest, step: u64, keep_for: Duration) -> StoreCall<'a, bool> {
        Box::pin(ReplayStore::advance(self, digest, step, keep_for))
    }
}

/// How far the clocks of two processes may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
/// As for sessions and API keys. The stores of this crate respond sooner.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// 400 days: an expiry in the far future takes no space for ever.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
