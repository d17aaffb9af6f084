//! `Hints`: log lines about likely mistakes in the configuration, at most one per minute and kind.
//!
//! If the configuration does not fit an issuer's tokens, all of them are rejected. The reasons of single rejections are
//! logged at `debug`, which production apps usually turn off, so the hints are at `warn`. Anyone can cause them with
//! invented tokens. So their number is bounded, and they contain nothing of a token whose signature was not verified.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// The kinds of hints of an issuer, or of all issuers together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hint {
    Algorithm,
    Audience,
    Claim,
    Issuer,
    Key,
    Signature,
    Tier,
    Type,
}

/// When each kind of hint was logged last.
#[derive(Debug)]
pub(crate) struct Hints {
    clock: Clock,
    start: Instant,
    slots: [Slot; Hint::COUNT],
}

#[derive(Debug, Default)]
struct Slot {
    /// Milliseconds since the start. Before this time, the hint is not logged.
    next_at: AtomicU64,
    suppressed: AtomicU64,
}

impl Hint {
    const COUNT: usize = Self::Type as usize + 1;
}

impl Hints {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { start: clock.monotonic(), clock, slots: Default::default() }
    }

    /// Returns whether to log the hint now: the number of hints of this kind that were not logged since the last one.
    /// `None` if one was logged less than a minute ago.
    pub(crate) fn admit(&self, hint: Hint) -> Option<u64> {
        let slot = self.slots.get(hint as usize)?;
        let elapsed = self.clock.monotonic().saturating_duration_since(self.start);
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let next_at = slot.next_at.load(Ordering::Relaxed);
        let following = now.saturating_add(INTERVAL.as_millis() as u64);
        // Of threads that race here, one logs the hint.
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
        let hints = Hints::new(Clock::from_source(std::sync::Arc::clone(&source)));
        let advance = |time| *source.0.lock().unwrap() += time;
        assert_eq!(hints.admit(Hint::Audience), Some(0));
        assert_eq!(hints.admit(Hint::Type), Some(0));
        for _ in 0..3 {
            assert_eq!(hints.admit(Hint::Audience), None);
        }
        advance(INTERVAL - Duration::from_millis(1));
        assert_eq!(hints.admit(Hint::Audience), None);
        advance(Duration::from_millis(1));
        assert_eq!(hints.admit(Hint::Audience), Some(4));
        assert_eq!(hints.admit(Hint::Type), Some(0));
        assert_eq!(hints.admit(Hint::Audience), None);
    }
}
