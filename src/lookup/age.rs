//! `Age`: how long a record that was read from a store is used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the record may be used. Times are in milliseconds since the start of the cache.
#[derive(Debug)]
pub(crate) struct Age {
    /// When the record must be read again. It moves on if the store is unavailable then.
    read_at: AtomicU64,
    /// When it was read last, or could not be read.
    tried_at: AtomicU64,
    /// Until when the record is used if it cannot be read.
    stale_until: u64,
}

impl Age {
    pub(crate) fn new(now: u64, ttl: Duration, stale_for: Duration) -> Self {
        let read_at = now.saturating_add(millis(ttl));
        Self {
            read_at: AtomicU64::new(read_at),
            tried_at: AtomicU64::new(now),
            stale_until: read_at.saturating_add(millis(stale_for)),
        }
    }

    pub(crate) fn is_current(&self, now: u64) -> bool {
        now < self.read_at.load(Ordering::Relaxed)
    }

    /// Expires the record, but at most once a second. Returns whether it did.
    #[cfg(any(feature = "api_key", test))]
    pub(crate) fn expire(&self, now: u64) -> bool {
        let may_be_read = now >= self.tried_at.load(Ordering::Relaxed).saturating_add(RETRY_AFTER);
        if may_be_read {
            self.read_at.fetch_min(now, Ordering::Relaxed);
        }
        may_be_read
    }

    /// Notes that the record could not be read. Returns whether it may still be used.
    pub(crate) fn extend(&self, now: u64) -> bool {
        let may_be_used = now < self.stale_until;
        self.tried_at.store(now, Ordering::Relaxed);
        if may_be_used {
            let read_at = now.saturating_add(RETRY_AFTER).min(self.stale_until);
            self.read_at.store(read_at, Ordering::Relaxed);
        }
        may_be_used
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// In milliseconds: how often a record that cannot be read is looked up.
const RETRY_AFTER: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_may_be_read_before_its_ttl_at_most_once_a_second() {
        let age = Age::new(1_000, Duration::from_secs(10), Duration::from_secs(300));
        assert!(!age.expire(1_999) && age.is_current(1_999));
        assert!(age.expire(2_000) && !age.is_current(2_000));
        // The store is down.
        assert!(age.extend(2_500) && !age.expire(3_499) && age.expire(3_500));
        assert!(!age.is_current(3_500));
    }

    #[test]
    fn a_record_is_used_until_it_is_stale_and_read_at_most_once_a_second_after_its_ttl() {
        let age = Age::new(1_000, Duration::from_secs(10), Duration::from_secs(300));
        assert!(age.is_current(10_999) && !age.is_current(11_000));
        assert!(age.extend(11_000));
        assert!(age.is_current(11_999) && !age.is_current(12_000));
        assert!(age.extend(310_500));
        assert!(age.is_current(310_999) && !age.is_current(311_000));
        assert!(!age.extend(311_000));
        let without = Age::new(0, Duration::ZERO, Duration::ZERO);
        assert!(!without.is_current(0) && !without.extend(0));
    }
}
