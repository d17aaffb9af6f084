//! Where "now" comes from: the system, or hands that a test holds.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a layer reads the time: the system's clocks by default, or a [`TimeSource`] of a test's own.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn TimeSource>>);

impl Clock {
    /// The system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A source of one's own.
    #[must_use]
    pub fn from_source(source: impl TimeSource) -> Self {
        Self(Some(Arc::new(source)))
    }

    /// Wall time as a NumericDate counts it: the time since 1970-01-01T00:00:00Z (RFC 7519 §2).
    ///
    /// A clock set before 1970 cannot be right, and reads as the end of time: nothing is valid then.
    #[must_use]
    pub fn since_epoch(&self) -> Duration {
        let now = match &self.0 {
            None => SystemTime::now(),
            Some(source) => source.wall(),
        };
        now.duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
    }

    /// Monotonic time, for ages and waits.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(source) => source.monotonic(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "Clock(system)" } else { "Clock(own source)" })
    }
}

/// Microseconds since 1970 that pass evenly: the wall clock once, and the monotonic one from there on.
///
/// All that read the system's clocks agree.
#[derive(Clone, Debug)]
pub(crate) struct SteadyClock {
    clock: Clock,
    start: Instant,
    micros: u64,
}

impl SteadyClock {
    pub(crate) fn new(clock: Clock) -> Self {
        static SYSTEM: OnceLock<(Instant, u64)> = OnceLock::new();
        let read = || (clock.monotonic(), u64::try_from(clock.since_epoch().as_micros()).unwrap_or(END));
        let (start, micros) = if clock.0.is_none() { *SYSTEM.get_or_init(read) } else { read() };
        Self { clock, start, micros }
    }

    #[inline]
    pub(crate) fn micros(&self) -> u64 {
        let elapsed = self.clock.monotonic().saturating_duration_since(self.start);
        self.micros.saturating_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}

/// The end of time: far ahead, and near enough to count its milliseconds in 48 bits.
const END: u64 = u64::MAX >> 12;

/// A source of time other than the system's.
pub trait TimeSource: Send + Sync + 'static {
    /// The wall clock, which may jump.
    fn wall(&self) -> SystemTime;

    /// The monotonic clock, which never goes back.
    fn monotonic(&self) -> Instant;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Before1970;

    impl TimeSource for Before1970 {
        fn wall(&self) -> SystemTime {
            UNIX_EPOCH - Duration::from_secs(5)
        }

        fn monotonic(&self) -> Instant {
            Instant::now()
        }
    }

    #[test]
    fn a_wall_clock_before_1970_reads_as_the_end_of_time() {
        assert_eq!(Clock::from_source(Before1970).since_epoch(), Duration::MAX);
    }

    /// Both clocks, in hands: microseconds after 1970, and after the start.
    struct Held(Instant, Arc<[AtomicU64; 2]>);

    impl TimeSource for Held {
        fn wall(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_micros(self.1[0].load(Ordering::Relaxed))
        }

        fn monotonic(&self) -> Instant {
            self.0 + Duration::from_micros(self.1[1].load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_steady_clock_goes_by_the_monotonic_one_and_never_before_its_start() {
        let hands = Arc::new([AtomicU64::new(5_000), AtomicU64::new(70)]);
        let steady = SteadyClock::new(Clock::from_source(Held(Instant::now(), Arc::clone(&hands))));
        for (wall, monotonic, micros) in [(5_000, 70, 5_000), (9_000, 70, 5_000), (1, 95, 5_025), (1, 0, 5_000)] {
            hands[0].store(wall, Ordering::Relaxed);
            hands[1].store(monotonic, Ordering::Relaxed);
            assert_eq!(steady.micros(), micros);
        }
    }

    #[test]
    fn a_steady_clock_before_1970_can_still_be_counted_by() {
        let micros = SteadyClock::new(Clock::from_source(Before1970)).micros();
        // In the sub-windows of a millisecond: see `Sliding`.
        assert!(micros > 1 << 50 && micros / 84 < 1 << 48);
    }

    #[test]
    fn all_steady_clocks_of_the_system_agree() {
        let early = SteadyClock::new(Clock::system());
        let late = SteadyClock::new(Clock::system());
        assert_eq!((early.start, early.micros), (late.start, late.micros));
        let wall = Clock::system().since_epoch().as_micros() as u64;
        assert!(wall.abs_diff(late.micros()) < 60_000_000);
    }

    #[test]
    fn the_system_clock_is_past_2020() {
        assert!(Clock::system().since_epoch().as_secs() > 1_577_836_800);
    }
}
