//! `FetchSchedule`: when a fetch may start, and what the last ones brought.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::jwt::keys::jwks::SkippedKey;

/// What decides whether a fetch may start; touched only where keys are missing or old.
#[derive(Debug, Default)]
pub(super) struct FetchSchedule {
    /// Fetches in a row that failed.
    pub(super) failures: u32,
    /// When the next fetch may start after one that failed.
    pub(super) retry_at: Option<Instant>,
    /// When the fetch under way, if there is one, counts as lost: a runtime that nobody drives does not end it.
    pub(super) lost_at: Option<Instant>,
    /// When the next fetch for an unknown `kid` may start.
    pub(super) next_search: Option<Instant>,
    /// Hashes of `kid`s that a fetch did not bring, and until when that counts.
    pub(super) absent: VecDeque<(u64, Instant)>,
    /// Where the metadata said that the keys are.
    pub(super) jwks_uri: Option<String>,
    /// Until when that is believed without a look at the metadata.
    pub(super) told_until: Option<Instant>,
    /// What was left out of the last set, so that it is logged once.
    pub(super) skipped: Vec<SkippedKey>,
}

impl FetchSchedule {
    pub(super) fn is_fetching(&self, now: Instant) -> bool {
        self.lost_at.is_some_and(|at| now < at)
    }

    pub(super) fn unavailable(&self, now: Instant) -> Option<Duration> {
        self.retry_at?.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    pub(super) fn is_absent(&self, kid: u64, now: Instant) -> bool {
        self.absent.iter().any(|(known, until)| *known == kid && now < *until)
    }

    pub(super) fn note_absent(&mut self, kid: u64, until: Instant, now: Instant) {
        if self.is_absent(kid, now) {
            return;
        }
        if self.absent.len() == MAX_ABSENT {
            self.absent.pop_front();
        }
        self.absent.push_back((kid, until));
    }

    pub(super) fn succeed(&mut self, uri: String, skipped: Vec<SkippedKey>) {
        self.failures = 0;
        self.retry_at = None;
        self.jwks_uri = Some(uri);
        self.skipped = skipped;
        // What was not in an earlier set may be in this one.
        self.absent.clear();
    }

    /// Notes a fetch that failed, and how long to wait for the next: a second, doubling to a minute.
    pub(super) fn fail(&mut self, now: Instant, jitter: f64) -> Duration {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(6)).min(LAST_RETRY).mul_f64(jitter);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.checked_add(wait);
        // The metadata may name another place by now.
        self.jwks_uri = None;
        wait
    }
}

pub(super) const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);
// Hashes alone are kept: three kilobytes at most, however long the kids.
const MAX_ABSENT: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_a_second_doubling_to_a_minute() {
        let now = Instant::now();
        let mut control = FetchSchedule::default();
        let waits: Vec<_> = (0..9).map(|_| control.fail(now, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(control.unavailable(now), Some(LAST_RETRY));
        assert_eq!(control.unavailable(now + LAST_RETRY), None);
        control.succeed("uri".to_owned(), Vec::new());
        assert_eq!(control.unavailable(now), None);
        assert_eq!(control.fail(now, 1.0).as_secs(), 1);
    }

    #[test]
    fn absent_kids_are_forgotten_in_time_and_their_number_is_bounded() {
        let now = Instant::now();
        let mut control = FetchSchedule::default();
        for kid in 0..=MAX_ABSENT as u64 {
            control.note_absent(kid, now + LAST_RETRY, now);
            control.note_absent(kid, now + LAST_RETRY, now);
        }
        assert_eq!(control.absent.len(), MAX_ABSENT);
        assert!(!control.is_absent(0, now), "the oldest gave way");
        assert!(control.is_absent(1, now));
        assert!(!control.is_absent(1, now + LAST_RETRY));
    }

    #[test]
    fn a_fetch_is_under_way_until_it_counts_as_lost() {
        let now = Instant::now();
        let control = FetchSchedule { lost_at: now.checked_add(LAST_RETRY), ..FetchSchedule::default() };
        assert!(control.is_fetching(now));
        assert!(!control.is_fetching(now + LAST_RETRY));
        assert!(!control.is_fetching(now + LAST_RETRY + FIRST_RETRY));
        assert!(!FetchSchedule::default().is_fetching(now));
    }
}
