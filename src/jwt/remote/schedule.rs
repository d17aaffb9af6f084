//! `FetchSchedule`: when the next fetch of an issuer's keys may start, given the results of earlier ones.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::jwt::keys::jwks::SkippedKey;

/// The state that decides whether a fetch may start.
///
/// It is behind a lock, which requests take only if keys are missing or due for a refresh. Times are monotonic, so that
/// a change of the wall clock neither stops fetches nor causes a burst of them. Every method takes `now` and is pure
/// otherwise.
#[derive(Debug, Default)]
pub(super) struct FetchSchedule {
    /// The number of failed fetches since the last successful one. It sets the length of the next back-off.
    pub(super) failures: u32,
    /// When the next fetch may start after a failed one (back-off).
    pub(super) retry_at: Option<Instant>,
    /// When the fetch in progress counts as lost, for a runtime that no longer runs its tasks. `None` if no fetch is in
    /// progress.
    pub(super) lost_at: Option<Instant>,
    /// When the next fetch for an unknown `kid` may start (cool-down).
    pub(super) next_kid_fetch_at: Option<Instant>,
    /// Hashes of `kid`s that the issuer did not have, each with the time at which it is forgotten, oldest first.
    ///
    /// A collision of two hashes would reject a valid token for a minute. The hash has a random key, so no caller can
    /// choose a colliding `kid`.
    pub(super) absent_kids: VecDeque<(u64, Instant)>,
    /// The URL of the keys by the issuer's metadata.
    pub(super) jwks_uri: Option<String>,
    /// When the metadata must be fetched again.
    pub(super) jwks_uri_expires_at: Option<Instant>,
    /// The skipped keys of the last key set, so that each is logged once.
    pub(super) skipped: Vec<SkippedKey>,
}

impl FetchSchedule {
    /// Whether a fetch is in progress. A fetch that has not ended by `lost_at` never will: its runtime is gone.
    pub(super) fn is_fetching(&self, now: Instant) -> bool {
        self.lost_at.is_some_and(|at| now < at)
    }

    /// Returns how long to wait until a fetch may start after a failed one, `None` if it may start now.
    pub(super) fn back_off(&self, now: Instant) -> Option<Duration> {
        remaining(self.retry_at, now)
    }

    /// Returns how long to wait until a fetch for an unknown `kid` may start, `None` if it may start now.
    pub(super) fn cool_down(&self, now: Instant) -> Option<Duration> {
        remaining(self.next_kid_fetch_at, now)
    }

    /// Whether the issuer did not have this `kid` a moment ago.
    pub(super) fn is_absent(&self, kid_hash: u64, now: Instant) -> bool {
        self.absent_kids.iter().any(|(hash, until)| *hash == kid_hash && now < *until)
    }

    /// Records that the issuer did not have this `kid`.
    ///
    /// Recording it again does not extend the time: a client that keeps sending the token would otherwise keep its key
    /// out after the issuer has published it.
    pub(super) fn record_absent(&mut self, kid_hash: u64, until: Instant, now: Instant) {
        if self.is_absent(kid_hash, now) {
            return;
        }
        // A flood evicts the oldest, whose tokens can then cause a fetch again, at most one per cool-down.
        if self.absent_kids.len() == MAX_ABSENT_KIDS {
            self.absent_kids.pop_front();
        }
        self.absent_kids.push_back((kid_hash, until));
    }

    /// Records a successful fetch from this URL, and the keys of the set that were skipped.
    pub(super) fn record_success(&mut self, jwks_uri: String, skipped: Vec<SkippedKey>) {
        self.failures = 0;
        self.retry_at = None;
        self.jwks_uri = Some(jwks_uri);
        self.skipped = skipped;
        // A key that was absent from earlier sets may be in this one.
        self.absent_kids.clear();
    }

    /// Records a failed fetch, and returns the time until the next one: a second, doubled per failure up to a minute.
    pub(super) fn record_failure(&mut self, now: Instant, jitter: f64) -> Duration {
        let wait = FIRST_BACK_OFF.saturating_mul(1 << self.failures.min(6)).min(MAX_BACK_OFF).mul_f64(jitter);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.checked_add(wait);
        // The keys may have moved: read the metadata again with the next attempt.
        self.jwks_uri = None;
        wait
    }
}

/// Returns a random factor from 0.9 to 1.1, so that many instances of an app do not fetch at the same moment.
///
/// A hash with a random key is random enough for this.
pub(super) fn jitter(hasher: &RandomState) -> f64 {
    let step = u32::try_from(hasher.hash_one(Instant::now()) % 2001).unwrap_or_default();
    0.9 + f64::from(step) / 10_000.0
}

/// The time until then; `None` if it has passed or was never set.
fn remaining(until: Option<Instant>, now: Instant) -> Option<Duration> {
    until?.checked_duration_since(now).filter(|wait| !wait.is_zero())
}

// A single lost packet costs a second, and an issuer that recovers is not flooded by all instances of an app.
pub(super) const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

// An outage is noticed as over within a minute.
const MAX_BACK_OFF: Duration = Duration::from_secs(60);

// Three kilobytes at most, whatever the length of the `kid`s, since only hashes are kept.
const MAX_ABSENT_KIDS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_is_a_second_and_doubles_up_to_a_minute() {
        let now = Instant::now();
        let mut schedule = FetchSchedule::default();
        let waits: Vec<_> = (0..9).map(|_| schedule.record_failure(now, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(schedule.back_off(now), Some(MAX_BACK_OFF));
        assert_eq!(schedule.back_off(now + MAX_BACK_OFF), None);
        schedule.record_success("uri".to_owned(), Vec::new());
        assert_eq!(schedule.back_off(now), None);
        assert_eq!(schedule.record_failure(now, 1.0).as_secs(), 1);
    }

    #[test]
    fn absent_kids_expire_and_their_number_is_bounded() {
        let now = Instant::now();
        let mut schedule = FetchSchedule::default();
        for kid in 0..=MAX_ABSENT_KIDS as u64 {
            schedule.record_absent(kid, now + MAX_BACK_OFF, now);
            schedule.record_absent(kid, now + MAX_BACK_OFF, now);
        }
        assert_eq!(schedule.absent_kids.len(), MAX_ABSENT_KIDS);
        assert!(!schedule.is_absent(0, now), "the oldest was evicted");
        assert!(schedule.is_absent(1, now));
        assert!(!schedule.is_absent(1, now + MAX_BACK_OFF));
    }

    #[test]
    fn a_fetch_is_in_progress_until_it_counts_as_lost() {
        let now = Instant::now();
        let schedule = FetchSchedule { lost_at: now.checked_add(MAX_BACK_OFF), ..FetchSchedule::default() };
        assert!(schedule.is_fetching(now));
        assert!(!schedule.is_fetching(now + MAX_BACK_OFF));
        assert!(!schedule.is_fetching(now + MAX_BACK_OFF + FIRST_BACK_OFF));
        assert!(!FetchSchedule::default().is_fetching(now));
    }
}
