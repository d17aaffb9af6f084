//! `ApiKeyUsage`: how often a key was used, and `UsageCounters`, which count it until it is written.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::api_key::key::id::ApiKeyId;
use crate::record_store::time::{of_system_time, to_system_time};

/// The usage of a key since the last call of [`ApiKeyStore::record_usage`](crate::api_key::ApiKeyStore::record_usage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyUsage {
    id: ApiKeyId,
    count: u64,
    last_used_at: u64,
}

impl ApiKeyUsage {
    /// Creates the usage of a key, for the tests of a store. The time is rounded down to whole seconds.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use portcullis::api_key::{ApiKeyStore, ApiKeyUsage, MemoryKeys};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let usage =
    ///     ApiKeyUsage::new("Zx81kQ0aB2cD".parse()?, 3, SystemTime::now());
    /// // There is no such key, so it is skipped.
    /// MemoryKeys::new().record_usage(&[usage]).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(id: ApiKeyId, count: u64, last_used_at: SystemTime) -> Self {
        Self { id, count, last_used_at: of_system_time(last_used_at) }
    }

    /// Returns the id of the key.
    #[must_use]
    pub fn id(&self) -> &ApiKeyId {
        &self.id
    }

    /// Returns the number of requests, which a store adds to its count.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the time of the last request, in whole seconds.
    #[must_use]
    pub fn last_used_at(&self) -> SystemTime {
        to_system_time(self.last_used_at)
    }
}

/// The usage of a key that is not written yet. Requests count it without a lock.
#[derive(Debug, Default)]
pub(super) struct UsageCounter {
    count: AtomicU64,
    /// In whole seconds since 1970.
    last_used_at: AtomicU64,
}

impl UsageCounter {
    pub(super) fn count(&self, now_seconds: u64) {
        self.add(1, now_seconds);
    }

    fn add(&self, count: u64, last_used_at: u64) {
        self.last_used_at.fetch_max(last_used_at, Ordering::Relaxed);
        // After the time, so that who takes the count sees the time of its requests.
        self.count.fetch_add(count, Ordering::Release);
    }
}

/// The counters of all keys in use.
#[derive(Debug, Default)]
pub(super) struct UsageCounters(Mutex<HashMap<ApiKeyId, Arc<UsageCounter>>>);

impl UsageCounters {
    /// Returns the counter of a key, which the cached key holds.
    pub(super) fn of(&self, id: ApiKeyId) -> Arc<UsageCounter> {
        Arc::clone(self.lock().entry(id).or_default())
    }

    /// Returns the usage that is not written yet, and forgets the keys that are neither used nor cached.
    pub(super) fn take(&self) -> Vec<ApiKeyUsage> {
        let mut taken = Vec::new();
        self.lock().retain(|id, counter| {
            // Compared first: another holder appears only under the lock, so a counter without one does not change.
            let is_cached = Arc::strong_count(counter) > 1;
            let count = counter.count.swap(0, Ordering::Acquire);
            if count > 0 {
                let last_used_at = counter.last_used_at.load(Ordering::Relaxed);
                taken.push(ApiKeyUsage { id: *id, count, last_used_at });
            }
            is_cached
        });
        taken
    }

    /// Adds usage that could not be written.
    pub(super) fn restore(&self, usage: &[ApiKeyUsage]) {
        for usage in usage {
            self.of(usage.id).add(usage.count, usage.last_used_at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ApiKeyId, Arc<UsageCounter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ApiKeyId {
        format!("{text:0>12}").parse().unwrap()
    }

    #[test]
    fn usage_is_taken_once_and_restored_if_it_is_not_written() {
        let counters = UsageCounters::default();
        let counter = counters.of(id("a"));
        (0..3).for_each(|second| counter.count(100 + second));
        let usage = counters.take();
        assert_eq!(usage, [ApiKeyUsage { id: id("a"), count: 3, last_used_at: 102 }]);
        assert_eq!(counters.take(), []);
        counter.count(104);
        counters.restore(&usage);
        assert_eq!(counters.take(), [ApiKeyUsage { id: id("a"), count: 4, last_used_at: 104 }]);
    }

    #[test]
    fn keys_that_are_neither_used_nor_cached_are_forgotten() {
        let counters = UsageCounters::default();
        let counter = counters.of(id("a"));
        counter.count(1);
        drop(counter);
        assert_eq!(counters.take().len(), 1);
        assert!(counters.lock().is_empty());
    }
}
