//! `Timeouts`: the idle and the absolute timeout of a session.

use std::time::Duration;

use crate::session::record::SessionRecord;

/// How long a session is valid. Both limits are always on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// Since the last request.
    pub(super) idle: Duration,
    /// Since the login.
    pub(super) absolute: Duration,
}

/// An authentication assurance level, and the longest timeouts that it allows (NIST SP 800-63B-4 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssuranceLevel {
    /// AAL1: 30 days. The standard requires no idle timeout.
    Aal1,
    /// AAL2: 24 hours, and an idle timeout of one hour.
    Aal2,
    /// AAL3: 12 hours, and an idle timeout of 15 minutes.
    Aal3,
}

impl AssuranceLevel {
    pub(super) fn timeouts(self) -> Timeouts {
        let (idle, absolute) = match self {
            Self::Aal1 => (30 * DAY, 30 * DAY),
            Self::Aal2 => (HOUR, DAY),
            Self::Aal3 => (15 * MINUTE, 12 * HOUR),
        };
        Timeouts { idle, absolute }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { idle: 30 * MINUTE, absolute: 12 * HOUR }
    }
}

impl Timeouts {
    /// Whether a session has ended. All times are in whole seconds since 1970, so it ends at most a second early.
    pub(super) fn has_ended(self, expires_at: u64, last_used_at: u64, now: u64) -> bool {
        now >= expires_at || now >= last_used_at.saturating_add(self.idle.as_secs())
    }

    /// Whether the session of a stored record has ended.
    pub(super) fn has_ended_record(self, record: &SessionRecord, now: u64) -> bool {
        record.replacement.is_some() || self.has_ended(record.expires_at, record.last_used_at, now)
    }

    /// Returns when a session that begins now ends at the latest.
    pub(super) fn expires_at(self, now: u64) -> u64 {
        now.saturating_add(self.absolute.as_secs())
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::Replacement;
    use crate::session::record::tests::record;

    #[test]
    fn a_session_ends_after_the_idle_timeout_and_at_its_expiry_whatever_the_use() {
        let timeouts = Timeouts::default();
        let login = 1_000_000;
        let expires_at = timeouts.expires_at(login);
        assert_eq!(expires_at, login + 12 * 3_600);
        for (last_used_at, now, has_ended) in [
            (login, login, false),
            (login, login + 1_799, false),
            (login, login + 1_800, true),
            (login + 1_000, login + 1_800, false),
            (expires_at - 1, expires_at - 1, false),
            (expires_at - 1, expires_at, true),
            // A clock that was set back.
            (login + 1_000, login, false),
            (u64::MAX, login, false),
        ] {
            assert_eq!(timeouts.has_ended(expires_at, last_used_at, now), has_ended, "{last_used_at} {now}");
        }
    }

    #[test]
    fn a_replaced_record_is_no_session() {
        let timeouts = Timeouts::default();
        let current = record(1, "ann");
        let last_used_at = current.last_used_at;
        assert!(!timeouts.has_ended_record(&current, last_used_at));
        assert!(!timeouts.has_ended_record(&current, last_used_at + 1_799));
        assert!(timeouts.has_ended_record(&current, last_used_at + 1_800));
        assert!(
            timeouts.has_ended_record(&SessionRecord { expires_at: last_used_at, ..current.clone() }, last_used_at)
        );
        let replacement = Some(Replacement { nonce: [0; 16], valid_until: u64::MAX });
        assert!(timeouts.has_ended_record(&SessionRecord { replacement, ..current }, last_used_at));
    }

    #[test]
    fn the_levels_have_the_timeouts_of_nist_sp_800_63b() {
        let hours = |level: AssuranceLevel| {
            let Timeouts { idle, absolute } = level.timeouts();
            (idle.as_secs() as f64 / 3_600.0, absolute.as_secs() / 3_600)
        };
        assert_eq!(hours(AssuranceLevel::Aal1), (720.0, 720));
        assert_eq!(hours(AssuranceLevel::Aal2), (1.0, 24));
        assert_eq!(hours(AssuranceLevel::Aal3), (0.25, 12));
    }
}
