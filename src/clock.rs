//! `Clock`: the current time, from the system or from a fake clock in tests.
//!
//! Layers never read the system's time directly. Their builders have a `clock` setter, so a test can move the time past
//! an expiry or a window without sleeping. Timeouts of the network are the exception: they follow tokio's clock.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock that a layer reads: the system's by default, or a custom [`TimeSource`].
///
/// In tests, pass a [`FakeClock`](crate::testing::FakeClock) (feature `testing`) instead of sleeping. The wall clock is
/// for dates, such as the expiry of a token; the monotonic clock is for ages, such as that of fetched keys.
///
/// ```
/// use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
/// use portcullis::clock::{Clock, TimeSource};
///
/// struct Stopped;
///
/// impl TimeSource for Stopped {
///     fn wall(&self) -> SystemTime {
///         UNIX_EPOCH + Duration::from_secs(1_700_000_000)
///     }
///
///     fn monotonic(&self) -> Instant {
///         Instant::now()
///     }
/// }
///
/// assert_eq!(Clock::from_source(Stopped).since_epoch().as_secs(), 1_700_000_000);
/// ```
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn TimeSource>>);

impl Clock {
    /// Returns the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// Returns a clock that reads a custom source. Clones of the clock share it.
    #[must_use]
    pub fn from_source(source: impl TimeSource) -> Self {
        Self(Some(Arc::new(source)))
    }

    /// Returns the wall-clock time since 1970-01-01T00:00:00Z, which is a NumericDate (RFC 7519 §2).
    ///
    /// If the wall clock is before 1970, it is wrong. The result is then [`Duration::MAX`], at which every token has
    /// expired. Zero would be the dangerous choice: no token would ever expire.
    ///
    /// ```
    /// use portcullis::clock::Clock;
    ///
    /// let year_2020 = 1_577_836_800;
    /// assert!(Clock::system().since_epoch().as_secs() > year_2020);
    /// ```
    #[must_use]
    pub fn since_epoch(&self) -> Duration {
        let now = match &self.0 {
            None => SystemTime::now(),
            Some(source) => source.wall(),
        };
        now.duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
    }

    /// Whether the wall clock has reached this time. It has if it is before 1970, because then it is wrong.
    ///
    /// This takes less time than a number of microseconds.
    #[cfg(feature = "revocation")]
    #[inline]
    pub(crate) fn has_reached(&self, time: SystemTime) -> bool {
        let now = match &self.0 {
            None => SystemTime::now(),
            Some(source) => source.wall(),
        };
        now >= time || now < UNIX_EPOCH
    }

    /// Returns the monotonic time, for ages and timeouts.
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
        f.write_str(if self.0.is_none() { "Clock(system)" } else { "Clock(custom)" })
    }
}

/// A source of time for a [`Clock`].
///
/// It is read on every request, so it must not block. The two times are independent: the wall clock may be set forward
/// or back, while the monotonic clock continues.
pub trait TimeSource: Send + Sync + 'static {
    /// Returns the wall-clock time, which may jump.
    fn wall(&self) -> SystemTime;

    /// Returns the monotonic time, which never goes back.
    fn monotonic(&self) -> Instant;
}

/// Counts microseconds since 1970 without jumps: it reads the wall clock once, and then adds the monotonic clock.
///
/// Windows of rate limits begin at full hours, and a change of the wall clock must neither end nor extend them. All
/// instances on the system's clock agree, because they share one reading of the wall clock.
#[derive(Clone, Debug)]
pub(crate) struct SteadyClock {
    clock: Clock,
    start: Instant,
    micros_at_start: u64,
}

#[cfg_attr(
    not(any(feature = "rate_limit", feature = "revocation", test)),
    expect(dead_code, reason = "only `rate_limit` and `revocation` need it")
)]
impl SteadyClock {
    pub(crate) fn new(clock: Clock) -> Self {
        // Shared by the instances on the system's clock. A fake clock may start at any time, so it is read each time.
        static SYSTEM_START: OnceLock<(Instant, u64)> = OnceLock::new();
        let read = || (clock.monotonic(), wall_micros(&clock));
        let (start, micros_at_start) = if clock.0.is_none() { *SYSTEM_START.get_or_init(read) } else { read() };
        Self { clock, start, micros_at_start }
    }

    /// Returns the microseconds since 1970 by the wall clock, which may have been changed since the start.
    #[inline]
    pub(crate) fn wall_micros(&self) -> u64 {
        wall_micros(&self.clock)
    }

    /// Returns the microseconds since 1970. A source that goes back reads as its start.
    #[inline]
    pub(crate) fn micros(&self) -> u64 {
        let elapsed = self.clock.monotonic().saturating_duration_since(self.start);
        self.micros_at_start.saturating_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}

#[inline]
pub(crate) fn wall_micros(clock: &Clock) -> u64 {
    let time = clock.since_epoch();
    // Without `as_micros`, whose 128 bits take longer.
    let micros = time.as_secs().checked_mul(1_000_000);
    micros.and_then(|micros| micros.checked_add(time.subsec_micros().into())).unwrap_or(MAX_START)
}

/// The longest time by which an expired credential may be accepted, because the clocks of two machines differ.
///
/// RFC 7519 §4.1.4 permits "usually no more than a few minutes".
#[cfg(any(feature = "jwt", feature = "revocation"))]
pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// The start of a clock whose wall clock is before 1970: far in the future, but its milliseconds still fit into the 48
/// bits that the sliding window stores.
const MAX_START: u64 = u64::MAX >> 12;

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
    fn a_wall_clock_before_1970_reads_as_the_maximum() {
        assert_eq!(Clock::from_source(Before1970).since_epoch(), Duration::MAX);
    }

    /// A fake clock: the wall time in microseconds since 1970, and the monotonic time in microseconds since `start`.
    struct FakeSource {
        start: Instant,
        micros: Arc<[AtomicU64; 2]>,
    }

    impl TimeSource for FakeSource {
        fn wall(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_micros(self.micros[0].load(Ordering::Relaxed))
        }

        fn monotonic(&self) -> Instant {
            self.start + Duration::from_micros(self.micros[1].load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_steady_clock_follows_the_monotonic_clock_and_is_never_before_its_start() {
        let micros = Arc::new([AtomicU64::new(5_000), AtomicU64::new(70)]);
        let source = FakeSource { start: Instant::now(), micros: Arc::clone(&micros) };
        let steady = SteadyClock::new(Clock::from_source(source));
        for (wall, monotonic, expected) in [(5_000, 70, 5_000), (9_000, 70, 5_000), (1, 95, 5_025), (1, 0, 5_000)] {
            micros[0].store(wall, Ordering::Relaxed);
            micros[1].store(monotonic, Ordering::Relaxed);
            assert_eq!(steady.micros(), expected);
        }
    }

    #[test]
    fn a_steady_clock_that_starts_before_1970_fits_the_sliding_window() {
        let micros = SteadyClock::new(Clock::from_source(Before1970)).micros();
        // The shortest window is 1 ms, and its sub-windows are a twelfth of it, 84 microseconds.
        assert!(micros > 1 << 50 && micros / 84 < 1 << 48);
    }

    #[test]
    fn all_steady_clocks_of_the_system_agree() {
        let first = SteadyClock::new(Clock::system());
        let second = SteadyClock::new(Clock::system());
        assert_eq!((first.start, first.micros_at_start), (second.start, second.micros_at_start));
        let wall = Clock::system().since_epoch().as_micros() as u64;
        assert!(wall.abs_diff(second.micros()) < 60_000_000);
    }

    #[test]
    fn the_system_clock_is_past_2020() {
        assert!(Clock::system().since_epoch().as_secs() > 1_577_836_800);
    }
}
