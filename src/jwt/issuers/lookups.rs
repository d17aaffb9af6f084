//! `Lookups`: which lookups of issuers are in progress or have failed, and when the next one may start.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::lookup::InProgress;

/// The result of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The issuer is among the found ones.
    Found,
    /// There is no such issuer.
    Absent,
    /// The lookup failed, which says nothing about the issuer.
    Unavailable { retry_after: Duration },
}

/// The limits of the lookups of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LookupLimits {
    /// The number of lookups at the same time.
    pub(crate) concurrent: usize,
    /// The number of failed lookups in a row, after which the next one must wait.
    pub(crate) burst: u32,
    /// The time until a failed lookup is forgotten.
    pub(crate) interval: Duration,
}

/// The state of a source's lookups. It is behind a lock; every method takes the time and is pure otherwise.
///
/// Anyone can send tokens with invented issuers, so failed lookups are limited for all of them together. Successful
/// ones are not: when an app starts, its tenants are looked up as fast as the limit of concurrent lookups permits.
#[derive(Debug)]
pub(crate) struct Lookups {
    limits: LookupLimits,
    /// At most [`LookupLimits::concurrent`].
    in_progress: InProgress<Arc<str>, Outcome>,
    /// Hashes of the names of absent issuers, each with the time at which it is forgotten, oldest first.
    ///
    /// A collision of two hashes would reject a valid token for a minute. The hash has a random key, so no caller can
    /// choose a colliding name.
    absent: VecDeque<(u64, Instant)>,
    /// The names whose last lookup failed without a result, the earliest failure first.
    ///
    /// One tenant with invalid settings, or whose keys cannot be fetched, would otherwise use up the failures of all.
    unavailable: VecDeque<Unavailable>,
    /// When all failed lookups will be forgotten.
    failures_until: Option<Instant>,
    /// Whether the last failed lookup failed because of an outage.
    is_outage: bool,
}

/// A name whose last lookup failed without a result.
#[derive(Debug)]
struct Unavailable {
    hash: u64,
    /// When it may be looked up again (back-off).
    retry_at: Instant,
    /// The number of failures in a row.
    failures: u32,
}

impl Lookups {
    pub(crate) fn new(limits: LookupLimits) -> Self {
        Self {
            limits,
            in_progress: InProgress::new(),
            absent: VecDeque::new(),
            unavailable: VecDeque::new(),
            failures_until: None,
            is_outage: false,
        }
    }

    /// Returns the lookup of this issuer that is in progress.
    pub(crate) fn in_progress(&self, name: &str) -> Option<watch::Receiver<Option<Outcome>>> {
        self.in_progress.join(name)
    }

    /// Returns the outcome without a lookup: the issuer is known to be absent, or no lookup may start now.
    ///
    /// During a flood of invented issuers, a new issuer counts as absent, like an invented one. An issuer that is known
    /// and looked up again is only affected by its own failures: otherwise a flood would lock out all tenants as they
    /// expire, and so would invented names for which the app's function fails.
    pub(crate) fn decided(&self, hash: u64, is_known: bool, now: Instant) -> Option<Outcome> {
        if self.absent.iter().any(|(absent, until)| *absent == hash && now < *until) {
            return Some(Outcome::Absent);
        }
        let failed = self.unavailable.iter().find(|failed| failed.hash == hash);
        if let Some(retry_after) = failed.and_then(|failed| failed.retry_at.checked_duration_since(now))
            && !retry_after.is_zero()
        {
            return Some(Outcome::Unavailable { retry_after });
        }
        if is_known {
            return None;
        }
        let retry_after = self.exhausted_for(now)?;
        Some(if self.is_outage { Outcome::Unavailable { retry_after } } else { Outcome::Absent })
    }

    /// Returns how long no lookup may start, because too many have failed.
    fn exhausted_for(&self, now: Instant) -> Option<Duration> {
        let forgotten_in = self.failures_until?.checked_duration_since(now)?;
        let allowed = self.limits.interval.saturating_mul(self.limits.burst.saturating_sub(1));
        forgotten_in.checked_sub(allowed).filter(|wait| !wait.is_zero())
    }

    /// Records that a lookup starts. Returns its id, and where to receive its outcome.
    pub(crate) fn start(&mut self, name: Arc<str>) -> (u64, watch::Receiver<Option<Outcome>>) {
        self.in_progress.start(name)
    }

    /// Records the end of a lookup. Returns where to send its outcome, `None` if it was [forgotten](Self::forget).
    pub(crate) fn finish(
        &mut self,
        name: &str,
        id: u64,
        hash: u64,
        outcome: Outcome,
        now: Instant,
    ) -> Option<watch::Sender<Option<Outcome>>> {
        let sender = self.in_progress.finish(name, id)?;
        self.record(hash, outcome, now);
        Some(sender)
    }

    fn record(&mut self, hash: u64, outcome: Outcome, now: Instant) {
        let failed = self.unavailable.iter().position(|failed| failed.hash == hash);
        let failed = failed.and_then(|position| self.unavailable.remove(position));
        if outcome == Outcome::Found {
            return;
        }
        if matches!(outcome, Outcome::Unavailable { .. }) {
            let failures = failed.map_or(0, |failed| failed.failures);
            let back_off = FIRST_BACK_OFF.saturating_mul(1 << failures.min(MAX_DOUBLINGS));
            if self.unavailable.len() == MAX_UNAVAILABLE {
                self.unavailable.pop_front();
            }
            let retry_at = now.checked_add(back_off).unwrap_or(now);
            self.unavailable.push_back(Unavailable { hash, retry_at, failures: failures.saturating_add(1) });
        }
        self.is_outage = outcome != Outcome::Absent;
        let start = self.failures_until.filter(|until| now < *until).unwrap_or(now);
        self.failures_until = start.checked_add(self.limits.interval);
        if let (Outcome::Absent, Some(until)) = (outcome, now.checked_add(ABSENT_FOR)) {
            self.absent.retain(|(_, until)| now < *until);
            if self.absent.len() == MAX_ABSENT {
                self.absent.pop_front();
            }
            self.absent.push_back((hash, until));
        }
    }

    /// Forgets that an issuer is absent or unavailable, and the lookup in progress, which may have started too early.
    pub(crate) fn forget(&mut self, name: &str, hash: u64) {
        self.in_progress.forget(name);
        self.absent.retain(|(absent, _)| *absent != hash);
        self.unavailable.retain(|failed| failed.hash != hash);
    }
}

// A tenant that was added is accepted at most this late.
const ABSENT_FOR: Duration = Duration::from_secs(60);

// As for the keys of an issuer: a lost packet costs a second. With the longest back-off, 32 s, some ten broken tenants
// together stay below the rate at which failures are forgotten.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const MAX_DOUBLINGS: u32 = 5;

// More than the failures of a burst and a back-off. A name that is not among them is limited together with all others.
const MAX_UNAVAILABLE: usize = 256;

// More than can fail within a minute. Sixteen bytes each.
const MAX_ABSENT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LookupLimits = LookupLimits { concurrent: 2, burst: 3, interval: Duration::from_secs(2) };

    /// Runs a lookup with this outcome, if one may start.
    fn look_up(lookups: &mut Lookups, hash: u64, outcome: Outcome, now: Instant) -> bool {
        let may_start = lookups.decided(hash, false, now).is_none();
        if may_start {
            let name: Arc<str> = hash.to_string().into();
            let (id, _) = lookups.start(Arc::clone(&name));
            assert!(lookups.finish(&name, id, hash, outcome, now).is_some());
        }
        may_start
    }

    #[test]
    fn failed_lookups_are_limited_and_successful_ones_are_not() {
        let (mut lookups, now) = (Lookups::new(LIMITS), Instant::now());
        assert!((0..1_000).all(|hash| look_up(&mut lookups, hash, Outcome::Found, now)));
        let started = |lookups: &mut Lookups, from: u64, now| {
            (from..from + 1_000).filter(|hash| look_up(lookups, *hash, Outcome::Absent, now)).count()
        };
        assert_eq!(started(&mut lookups, 1_000, now), 3);
        assert_eq!((lookups.decided(0, false, now), lookups.decided(0, true, now)), (Some(Outcome::Absent), None));
        assert_eq!(started(&mut lookups, 2_000, now + Duration::from_millis(1_999)), 0);
        assert_eq!(started(&mut lookups, 3_000, now + Duration::from_secs(2)), 1);
        assert_eq!(started(&mut lookups, 4_000, now + Duration::from_secs(60)), 3);
    }

    #[test]
    fn after_an_outage_an_issuer_counts_as_unavailable_and_not_as_absent() {
        let (mut lookups, now) = (Lookups::new(LIMITS), Instant::now());
        let unavailable = Outcome::Unavailable { retry_after: Duration::from_secs(1) };
        assert!((0..3).all(|hash| look_up(&mut lookups, hash, unavailable, now)));
        let expected = Outcome::Unavailable { retry_after: Duration::from_secs(2) };
        assert_eq!((lookups.decided(7, false, now), lookups.decided(7, true, now)), (Some(expected), None));
        assert_eq!(lookups.decided(7, false, now + Duration::from_secs(2)), None);
    }

    #[test]
    fn an_issuer_whose_lookup_fails_waits_longer_each_time_and_delays_no_other() {
        let (mut lookups, start) = (Lookups::new(LIMITS), Instant::now());
        let unavailable = Outcome::Unavailable { retry_after: Duration::from_secs(1) };
        let mut started = Vec::new();
        for second in 0..200 {
            let now = start + Duration::from_secs(second);
            if look_up(&mut lookups, 7, unavailable, now) {
                started.push(second);
            }
            assert_eq!(lookups.decided(8, false, now), None, "{second}");
        }
        assert_eq!(started, [0, 1, 3, 7, 15, 31, 63, 95, 127, 159, 191]);
        let now = start + Duration::from_secs(200);
        assert!(lookups.decided(7, true, now).is_some());
        lookups.forget("7", 7);
        assert_eq!(lookups.decided(7, true, now), None);
        for hash in 0..1_000 {
            lookups.record(hash, unavailable, now);
        }
        assert_eq!(lookups.unavailable.len(), MAX_UNAVAILABLE);
    }

    #[test]
    fn an_absent_issuer_is_remembered_for_a_minute_in_bounded_memory() {
        let (mut lookups, now) = (Lookups::new(LIMITS), Instant::now());
        assert!(look_up(&mut lookups, 7, Outcome::Absent, now));
        assert_eq!(lookups.decided(7, false, now + ABSENT_FOR - Duration::from_millis(1)), Some(Outcome::Absent));
        assert_eq!(lookups.decided(7, false, now + ABSENT_FOR), None);
        lookups.forget("7", 7);
        assert_eq!(lookups.decided(7, false, now), None);
        for hash in 0..1_000 {
            let (id, _) = lookups.start("a".into());
            lookups.finish("a", id, hash, Outcome::Absent, now);
        }
        assert_eq!(lookups.absent.len(), MAX_ABSENT);
        assert!(lookups.in_progress.is_empty());
    }

    #[test]
    fn a_forgotten_lookup_has_no_effect() {
        let (mut lookups, now) = (Lookups::new(LIMITS), Instant::now());
        let (first, _) = lookups.start("a".into());
        lookups.forget("a", 1);
        let (second, _) = lookups.start("a".into());
        assert!(lookups.finish("a", first, 1, Outcome::Absent, now).is_none());
        assert_eq!(lookups.decided(1, false, now), None);
        assert!(lookups.in_progress("a").is_some());
        assert!(lookups.finish("a", second, 1, Outcome::Found, now).is_some());
        assert!(lookups.in_progress("a").is_none());
    }
}
