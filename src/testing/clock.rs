//! `FakeClock`: a clock that moves only when a test moves it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::clock::{Clock, TimeSource};

/// A clock that moves only when a test moves it. Clones share the time.
///
/// Pass [`clock()`](Self::clock) to the `clock` setter of a builder, then move the time of the layer with
/// [`advance`](Self::advance) and [`set_wall`](Self::set_wall). Timeouts of network calls are not affected: they follow
/// tokio's clock, which `tokio::time::pause` stops.
///
/// ```
/// use std::time::Duration;
/// use portcullis::testing::FakeClock;
///
/// let fake = FakeClock::new();
/// let clock = fake.clock();
/// let before = clock.since_epoch();
/// fake.advance(Duration::from_secs(90));
/// assert_eq!(clock.since_epoch() - before, Duration::from_secs(90));
/// ```
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<Mutex<Time>>);

#[derive(Debug)]
struct Time {
    wall: SystemTime,
    monotonic: Instant,
}

impl FakeClock {
    /// Creates a clock that is stopped at the current time.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Time { wall: SystemTime::now(), monotonic: Instant::now() })))
    }

    /// Returns a [`Clock`] that reads this fake clock, for the `clock` setter of a builder.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::from_source(self.clone())
    }

    /// Moves the wall clock and the monotonic clock forward, as time does.
    pub fn advance(&self, time: Duration) {
        let mut current = self.lock();
        current.wall += time;
        current.monotonic += time;
    }

    /// Sets the wall clock, forward or back. The monotonic clock does not change.
    ///
    /// Use it to test what happens when the clock of a machine is corrected.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use portcullis::testing::FakeClock;
    ///
    /// let fake = FakeClock::new();
    /// let clock = fake.clock();
    /// let before = clock.monotonic();
    /// fake.set_wall(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    /// assert_eq!(clock.since_epoch().as_secs(), 1_700_000_000);
    /// assert_eq!(clock.monotonic(), before);
    /// ```
    pub fn set_wall(&self, wall: SystemTime) {
        self.lock().wall = wall;
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for FakeClock {
    fn wall(&self) -> SystemTime {
        self.lock().wall
    }

    fn monotonic(&self) -> Instant {
        self.lock().monotonic
    }
}
