//! `FakeClock`: a clock whose hands a test holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::clock::{Clock, TimeSource};

/// A clock whose hands a test holds. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use portcullis::testing::FakeClock;
///
/// let hands = FakeClock::new();
/// let clock = hands.clock();
/// let before = clock.since_epoch();
/// hands.advance(Duration::from_secs(90));
/// assert_eq!(clock.since_epoch() - before, Duration::from_secs(90));
/// ```
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    wall: SystemTime,
    monotonic: Instant,
}

impl FakeClock {
    /// A clock that stands at the present.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Hands { wall: SystemTime::now(), monotonic: Instant::now() })))
    }

    /// The clock, for a builder.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::from_source(self.clone())
    }

    /// Lets time pass on both clocks, the wall's and the monotonic one.
    pub fn advance(&self, time: Duration) {
        let mut hands = self.hands();
        hands.wall += time;
        hands.monotonic += time;
    }

    /// Sets the wall clock, backwards too; the monotonic one stays.
    pub fn set_wall(&self, wall: SystemTime) {
        self.hands().wall = wall;
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
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
        self.hands().wall
    }

    fn monotonic(&self) -> Instant {
        self.hands().monotonic
    }
}
