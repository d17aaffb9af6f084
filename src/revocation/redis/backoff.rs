//! `Backoff`: the pause after a failed attempt.

use std::time::Duration;

/// Pauses that double from one failure to the next. They stay short, so that a server that is back is used within a
/// second, and each attempt is one connection of each process.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns the pause before the next attempt.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(400);
