//! `Health`: whether the revocations of other processes are known, and what the log says about it.

// not read -> current -> stale -> current
// and in each of them: full until entries expire

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::revocation::shared::Unavailable;
use crate::store::failure::{ConnectedBy, Failure};
use crate::store::setting_names::SettingNames;

/// How the public API names the settings of the stream.
pub(in crate::revocation) const NAMES: SettingNames = SettingNames {
    documentation: "RevocationsBuilder::redis_stream",
    url: "redis_stream",
    client: "redis_stream_from",
    deadline: None,
    cluster_remedy: "the stream is read from the node that has its key, so check the state of the cluster (CLUSTER INFO)",
};

/// Why the stream cannot be read or written, and what the operator can do.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) message: Cow<'static, str>,
    pub(super) remedy: Cow<'static, str>,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let remedy = failure.kind.remedy(ConnectedBy::Store, &NAMES);
        Self { message: failure.message.into(), remedy }
    }
}

#[derive(Debug)]
pub(super) struct Health {
    stale_for: Duration,
    fails_open: bool,
    /// When the end of the stream was last reached; before the first time, when the handle was created.
    last_read: Instant,
    has_read: bool,
    is_stale: bool,
    is_full: bool,
    /// The failures in a row.
    failures: u32,
}

impl Health {
    pub(super) fn new(stale_for: Duration, fails_open: bool, now: Instant) -> Self {
        Self { stale_for, fails_open, last_read: now, has_read: false, is_stale: false, is_full: false, failures: 0 }
    }

    /// Returns each reason for which the table may not be used, and whether it applies.
    pub(super) fn reasons(&self) -> [(Unavailable, bool); 3] {
        [
            (Unavailable::Unread, !self.has_read),
            (Unavailable::Stale, self.is_stale && !self.fails_open),
            (Unavailable::Full, self.is_full),
        ]
    }

    /// Records that the end of the stream was reached.
    pub(super) fn record_read(&mut self, now: Instant) {
        if self.is_stale || self.failures >= LOGGED_FAILURE {
            tracing::info!("the stream of revocations is read again");
        }
        self.last_read = now;
        self.has_read = true;
        self.is_stale = false;
        self.failures = 0;
    }

    /// Records a failed attempt to read.
    pub(super) fn record_failure(&mut self, problem: &Problem, now: Instant) {
        let Problem { message: error, remedy } = problem;
        self.failures = self.failures.saturating_add(1);
        if self.failures == LOGGED_FAILURE {
            let effect = self.effect_of_outage();
            tracing::warn!(%error, "the stream of revocations cannot be read: {effect}; {remedy}");
        } else {
            tracing::debug!(%error, "the stream of revocations could not be read");
        }
        self.check_age(now);
    }

    /// Compares the age of the last read with the limit.
    pub(super) fn check_age(&mut self, now: Instant) {
        let is_stale = now.saturating_duration_since(self.last_read) >= self.stale_for;
        if self.is_stale || !is_stale || !self.has_read {
            return;
        }
        self.is_stale = true;
        let stale_for = self.stale_for;
        if self.fails_open {
            tracing::warn!(
                "the stream of revocations could not be read for {stale_for:?} (`stale_for`): requests are still \
                 admitted, without a check of what other processes revoke, because `fail_open` is set"
            );
        } else {
            tracing::warn!(
                "the stream of revocations could not be read for {stale_for:?} (`stale_for`): requests with a \
                 credential get 503"
            );
        }
    }

    /// Records that an entry did not fit into the table, which logs once a minute that it is full. Returns whether that
    /// is a change.
    pub(super) fn record_full(&mut self) -> bool {
        let was_full = std::mem::replace(&mut self.is_full, true);
        if !was_full {
            tracing::warn!(
                "an entry of the stream does not fit into the table of revocations: requests with a credential get 503 \
                 until entries expire; set a higher max_entries"
            );
        }
        !was_full
    }

    /// Records that an entry did fit. Returns whether that is a change.
    pub(super) fn record_room(&mut self) -> bool {
        let was_full = std::mem::take(&mut self.is_full);
        if was_full {
            tracing::info!("the table of revocations has room again");
        }
        was_full
    }

    fn effect_of_outage(&self) -> String {
        let stale_for = self.stale_for;
        match (self.has_read, self.fails_open) {
            (false, _) => "requests with a credential get 503 until it was read once".to_owned(),
            (true, false) => {
                format!(
                    "revocations of other processes are not seen, and requests with a credential get 503 after \
                     {stale_for:?}"
                )
            }
            (true, true) => "revocations of other processes are not seen".to_owned(),
        }
    }
}

/// Which failure in a row is logged. The first may be a connection that was cut, which the next attempt replaces.
const LOGGED_FAILURE: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const STALE_FOR: Duration = Duration::from_secs(300);

    fn is_available(health: &Health) -> bool {
        health.reasons().iter().all(|(_, is_given)| !is_given)
    }

    fn failure() -> Problem {
        Failure::unexpected_response().into()
    }

    #[test]
    fn nothing_is_available_before_the_first_complete_read_even_with_fail_open() {
        let start = Instant::now();
        for fails_open in [false, true] {
            let mut health = Health::new(STALE_FOR, fails_open, start);
            health.record_failure(&failure(), start + 2 * STALE_FOR);
            assert!(!is_available(&health));
            health.record_read(start + 2 * STALE_FOR);
            assert!(is_available(&health));
        }
    }

    #[test]
    fn what_was_read_is_used_until_it_is_stale_and_longer_with_fail_open() {
        let start = Instant::now();
        let just_before = start + STALE_FOR - Duration::from_millis(1);
        for fails_open in [false, true] {
            let mut health = Health::new(STALE_FOR, fails_open, start);
            health.record_read(start);
            health.record_failure(&failure(), just_before);
            assert!(is_available(&health));
            health.record_failure(&failure(), start + STALE_FOR);
            assert_eq!(is_available(&health), fails_open);
            health.record_read(start + STALE_FOR);
            assert!(is_available(&health));
        }
    }

    #[test]
    fn nothing_is_available_while_an_entry_does_not_fit() {
        let start = Instant::now();
        let mut health = Health::new(STALE_FOR, true, start);
        health.record_read(start);
        assert!(health.record_full());
        assert!(!is_available(&health));
        assert!(health.record_room());
        assert!(is_available(&health));
    }
}
