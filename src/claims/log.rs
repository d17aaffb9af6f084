//! Log lines about claims.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Logs that a claim of a token, which grants nothing, has an unexpected value and is read as absent.
///
/// At `debug`: an issuer that sends such a claim sends it in all of its tokens, and the app need not change anything.
#[cold]
pub(crate) fn log_ignored_claim(issuer: &str, claim: &str) {
    tracing::debug!(issuer, kind = "claim_ignored", claim, "a claim has an unexpected value and is read as absent");
}

/// Limits log lines that anyone can cause: one a minute of each of `N` kinds.
#[derive(Debug)]
pub(crate) struct LogThrottle<const N: usize> {
    clock: Clock,
    start: Instant,
    slots: [Slot; N],
}

#[derive(Debug, Default)]
struct Slot {
    /// Milliseconds since the start. Before this time, the line is not logged.
    next_at: AtomicU64,
    suppressed: AtomicU64,
}

impl<const N: usize> LogThrottle<N> {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { start: clock.monotonic(), clock, slots: std::array::from_fn(|_| Slot::default()) }
    }

    /// Returns whether to log a line of this kind now: the number of those that were not logged since the last one.
    /// `None` if one was logged less than a minute ago.
    pub(crate) fn admit(&self, kind: usize) -> Option<u64> {
        let slot = self.slots.get(kind)?;
        let elapsed = self.clock.monotonic().saturating_duration_since(self.start);
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let next_at = slot.next_at.load(Ordering::Relaxed);
        let following = now.saturating_add(INTERVAL.as_millis() as u64);
        // Of threads that race here, one logs the line.
        let is_due = now >= next_at
            && slot.next_at.compare_exchange(next_at, following, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_due {
            return Some(slot.suppressed.swap(0, Ordering::Relaxed));
        }
        slot.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::SystemTime;

    use super::*;
    use crate::clock::TimeSource;

    struct FakeSource(Mutex<Instant>);

    impl TimeSource for std::sync::Arc<FakeSource> {
        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Instant {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn each_kind_is_logged_once_per_minute_with_the_number_of_those_in_between() {
        let source = std::sync::Arc::new(FakeSource(Mutex::new(Instant::now())));
        let lines = LogThrottle::<2>::new(Clock::from_source(std::sync::Arc::clone(&source)));
        let advance = |time| *source.0.lock().unwrap() += time;
        assert_eq!(lines.admit(0), Some(0));
        assert_eq!(lines.admit(1), Some(0));
        for _ in 0..3 {
            assert_eq!(lines.admit(0), None);
        }
        advance(INTERVAL - Duration::from_millis(1));
        assert_eq!(lines.admit(0), None);
        advance(Duration::from_millis(1));
        assert_eq!(lines.admit(0), Some(4));
        assert_eq!(lines.admit(1), Some(0));
        assert_eq!(lines.admit(0), None);
    }
}
