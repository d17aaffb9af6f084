//! `Pauses`: how long to wait before the next poll, and how many tokens to ask for.

use std::time::Duration;

/// The state that decides when the next poll starts, without a clock.
#[derive(Debug)]
pub(super) struct Pauses {
    /// The number of failures since the last success.
    failures: u32,
    max_events: u8,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { failures: 0, max_events: MAX_EVENTS }
    }
}

impl Pauses {
    /// Returns how many tokens to ask for.
    pub(super) fn max_events(&self) -> u8 {
        self.max_events
    }

    /// Records a poll whose tokens were all handled. Returns the shortest time from its start to the start of the next
    /// one, if the poll has brought nothing new.
    pub(super) fn after_success(&mut self) -> Duration {
        self.failures = 0;
        self.max_events = self.max_events.saturating_mul(2).min(MAX_EVENTS);
        SHORTEST
    }

    /// Records a poll of which some tokens could not be applied, and returns the time until the next one.
    ///
    /// `has_progress` is whether others were handled: one token that the app cannot handle must not delay all.
    pub(super) fn after_failed_events(&mut self, has_progress: bool) -> Duration {
        if has_progress {
            self.failures = 0;
        }
        self.back_off()
    }

    /// Records a poll without a valid response, and returns the time until the next one: a second, doubled per failure
    /// up to a minute, or the `Retry-After` of the response if it is longer.
    pub(super) fn after_failed_poll(&mut self, retry_after: Option<Duration>) -> Duration {
        // The response may have been too large. With one token it is not.
        self.max_events = 1;
        self.back_off().max(retry_after.unwrap_or_default()).min(LONGEST)
    }

    fn back_off(&mut self) -> Duration {
        let pause = SHORTEST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        pause
    }
}

const SHORTEST: Duration = Duration::from_secs(1);

/// An outage is noticed as over within a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// Tokens of 8 KiB each fit into the largest response. Most are smaller than 2 KiB.
const MAX_EVENTS: u8 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_back_off_is_a_second_and_doubles_up_to_a_minute() {
        let mut pauses = Pauses::default();
        let waits: Vec<_> = (0..9).map(|_| pauses.after_failed_poll(None).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        pauses.after_success();
        assert_eq!(pauses.after_failed_poll(None), SECOND);
        assert_eq!(pauses.after_failed_events(false), 2 * SECOND);
        assert_eq!(pauses.after_failed_events(false), 4 * SECOND);
        assert_eq!(pauses.after_failed_events(true), SECOND);
    }

    #[test]
    fn a_longer_retry_after_applies_up_to_a_minute() {
        let pause = |retry_after: u32| Pauses::default().after_failed_poll(Some(retry_after * SECOND));
        assert_eq!([pause(0), pause(1), pause(7), pause(60), pause(3_600)], [1, 1, 7, 60, 60].map(|n| n * SECOND));
        let mut pauses = Pauses::default();
        for _ in 0..5 {
            pauses.after_failed_poll(None);
        }
        assert_eq!(pauses.after_failed_poll(Some(7 * SECOND)), 32 * SECOND);
    }

    #[test]
    fn after_a_failed_poll_one_token_is_asked_for_and_then_twice_as_many() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.max_events(), 32);
        pauses.after_failed_poll(None);
        let asked: Vec<_> = (0..7)
            .map(|_| {
                let max = pauses.max_events();
                pauses.after_success();
                max
            })
            .collect();
        assert_eq!(asked, [1, 2, 4, 8, 16, 32, 32]);
        // The tokens have arrived, so the response was not too large.
        pauses.after_failed_events(false);
        assert_eq!(pauses.max_events(), 32);
    }
}
