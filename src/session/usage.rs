//! `SessionUsage`: when a session was used last, as far as this process knows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::session::secret::SessionDigest;

/// The last use of a session, recorded without a lock. Times are in whole seconds since 1970.
#[derive(Debug)]
pub(super) struct SessionUsage {
    digest: SessionDigest,
    last_used_at: AtomicU64,
    /// The last use that is stored.
    touched_at: AtomicU64,
    /// Whether a later use is waiting to be stored.
    is_waiting: AtomicBool,
    /// Whether this process has renewed the session, so that this cookie is the old one.
    is_replaced: AtomicBool,
}

/// When a use must be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    At(u64),
    /// It is waiting already, and overdue. With a fake clock, a request notices that before the waiting task.
    Overdue,
}

impl SessionUsage {
    /// `touched_at` is the last use that is stored.
    pub(super) fn new(digest: SessionDigest, touched_at: u64) -> Self {
        Self {
            digest,
            last_used_at: AtomicU64::new(touched_at),
            touched_at: AtomicU64::new(touched_at),
            is_waiting: AtomicBool::new(false),
            is_replaced: AtomicBool::new(false),
        }
    }

    pub(super) fn digest(&self) -> SessionDigest {
        self.digest
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed)
    }

    pub(super) fn set_replaced(&self) {
        self.is_replaced.store(true, Ordering::Relaxed);
    }

    pub(super) fn last_used_at(&self) -> u64 {
        self.last_used_at.load(Ordering::Relaxed)
    }

    /// Records the last use in the store, which another process may have written.
    pub(super) fn merge_stored(&self, last_used_at: u64) {
        self.last_used_at.fetch_max(last_used_at, Ordering::Relaxed);
        self.touched_at.fetch_max(last_used_at, Ordering::Relaxed);
    }

    /// Records a use. Returns when it must be stored, unless it is stored already, or waiting and not due.
    pub(super) fn record(&self, now: u64) -> Option<Due> {
        // Read first, so that requests of one second rarely contend for it.
        if self.last_used_at.load(Ordering::Relaxed) >= now {
            return None;
        }
        // Before `is_waiting` is read: `take` resets that first, and then reads the time.
        self.last_used_at.fetch_max(now, Ordering::SeqCst);
        let is_waiting = self.is_waiting.swap(true, Ordering::SeqCst);
        let due_at = self.touched_at.load(Ordering::Relaxed).saturating_add(TOUCH_INTERVAL);
        match is_waiting {
            false => Some(Due::At(due_at.max(now))),
            true => (due_at <= now).then_some(Due::Overdue),
        }
    }

    /// Returns the last use, which the caller stores.
    pub(super) fn take(&self) -> u64 {
        self.is_waiting.store(false, Ordering::SeqCst);
        let last_used_at = self.last_used_at.load(Ordering::SeqCst);
        self.touched_at.fetch_max(last_used_at, Ordering::Relaxed);
        last_used_at
    }

    /// Records that the last use could not be stored. Returns whether it must be stored again.
    pub(super) fn restore(&self) -> bool {
        !self.is_waiting.swap(true, Ordering::SeqCst)
    }
}

/// In seconds: one write per session, process and minute.
const TOUCH_INTERVAL: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_stored_when_the_last_stored_one_is_a_minute_old() {
        let usage = SessionUsage::new(SessionDigest::from_bytes([1; 32]), 1_000);
        assert_eq!(usage.record(1_000), None, "stored already");
        assert_eq!(usage.record(1_010), Some(Due::At(1_060)));
        assert_eq!(usage.record(1_020), None, "waiting");
        assert_eq!(usage.record(1_060), Some(Due::Overdue));
        assert_eq!((usage.take(), usage.last_used_at()), (1_060, 1_060));
        assert_eq!(usage.record(1_130), Some(Due::At(1_130)), "at once");
        assert_eq!(usage.take(), 1_130);
        usage.merge_stored(1_150);
        assert_eq!((usage.last_used_at(), usage.record(1_160)), (1_150, Some(Due::At(1_210))));
        assert!(!usage.restore());
    }

    #[test]
    fn a_use_that_was_not_stored_waits_again_unless_a_later_one_does() {
        let usage = SessionUsage::new(SessionDigest::from_bytes([1; 32]), 1_000);
        usage.record(1_100);
        assert_eq!(usage.take(), 1_100);
        assert!(usage.restore() && !usage.restore());
        assert_eq!(usage.record(1_101), None, "it waits, and is not due");
        assert_eq!(usage.record(1_160), Some(Due::Overdue));
        usage.merge_stored(900);
        assert_eq!(usage.last_used_at(), 1_160, "an earlier use of another process");
        assert_eq!(usage.digest(), SessionDigest::from_bytes([1; 32]));
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let usage = SessionUsage::new(SessionDigest::from_bytes([1; 32]), 1_000);
        assert_eq!((usage.record(500), usage.last_used_at()), (None, 1_000));
    }
}
