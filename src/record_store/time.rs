//! Times of records: whole seconds since 1970, as databases and tokens store them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Rounds down. A time before 1970 is 1970.
pub(crate) fn of_system_time(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the time; the latest that the system knows if it is later.
pub(crate) fn to_system_time(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH + LATEST)
}

/// The end of a period that starts now, rounded up: the period is never shorter than it was set.
pub(crate) fn after(now: Duration, period: Duration) -> u64 {
    let end = now.saturating_add(period);
    end.as_secs().saturating_add(u64::from(end.subsec_nanos() > 0))
}

/// The end of the year 9999, which every database can store.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_never_shorter_than_it_was_set() {
        let second = Duration::from_secs(1);
        assert_eq!(after(Duration::from_millis(1_500), second), 3);
        assert_eq!(after(Duration::from_secs(2), second), 3);
        assert_eq!(after(Duration::MAX, second), u64::MAX);
        assert_eq!(to_system_time(u64::MAX), UNIX_EPOCH + LATEST);
        assert_eq!(of_system_time(UNIX_EPOCH - second), 0);
    }
}
