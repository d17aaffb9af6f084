//! `Quota`: so many units in a window, and how they are counted.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::error::{ConfigError, ConfigIssue, IssueKind};
use crate::rate_limit::algorithm::WindowParams;

/// So many units in a window of time. Neither is ever zero.
///
/// ```
/// use std::time::Duration;
/// use portcullis::Quota;
///
/// let quota = Quota::per_hour(100)?;
/// assert_eq!(quota.units().get(), 100);
/// assert_eq!(quota.window(), Duration::from_secs(3600));
/// assert!(Quota::per_minute(0).is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Quota {
    units: NonZeroU32,
    window: Duration,
    algorithm: Option<Algorithm>,
}

/// How the units of a window are counted.
///
/// | algorithm | at most, in any time as long as the window | bytes a subject in memory |
/// |---|---|---|
/// | `Exact` | the limit | 58 up to a limit of 8, 90 up to 16, 538 up to 128 |
/// | `Sliding` | the limit | 44 up to a limit of 65,535, 74 above it |
/// | `TokenBucket` | twice the limit, less one | 34 |
/// | `Fixed` | twice the limit | 26 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// The time of every unit is kept, and each comes back a window after it was used: for 128 units at most.
    SlidingLog,
    /// Windows aligned to the calendar: a minute, an hour or a day of UTC. All units come back when a new one begins, so
    /// the end of one and the start of the next may together admit twice the limit.
    FixedWindow,
    /// Twelve sub-windows and the running one are counted, the oldest counted whole: units come back up to a twelfth of
    /// the window late, never early.
    SlidingWindow,
    /// Units flow back evenly, one each `window / limit`. Whoever was idle may use the whole limit at once, and beside it
    /// what flows back meanwhile.
    TokenBucket,
}

impl Quota {
    /// So many units in any second.
    ///
    /// # Errors
    ///
    /// Where `units` is zero.
    pub fn per_second(units: u32) -> Result<Self, ConfigError> {
        Self::per(units, Duration::from_secs(1))
    }

    /// So many units in any minute.
    ///
    /// # Errors
    ///
    /// Where `units` is zero.
    pub fn per_minute(units: u32) -> Result<Self, ConfigError> {
        Self::per(units, Duration::from_secs(60))
    }

    /// So many units in any hour.
    ///
    /// # Errors
    ///
    /// Where `units` is zero.
    pub fn per_hour(units: u32) -> Result<Self, ConfigError> {
        Self::per(units, Duration::from_secs(3600))
    }

    /// So many units in any 24 hours.
    ///
    /// # Errors
    ///
    /// Where `units` is zero.
    pub fn per_day(units: u32) -> Result<Self, ConfigError> {
        Self::per(units, Duration::from_secs(86_400))
    }

    /// So many units in any window of this length.
    ///
    /// # Errors
    ///
    /// Where `units` is zero, or the window is not a whole number of milliseconds from one to 366 days.
    pub fn per(units: u32, window: Duration) -> Result<Self, ConfigError> {
        let Some(units) = NonZeroU32::new(units) else {
            let problem = ConfigIssue::new(
                "quota",
                IssueKind::Invalid,
                "zero units would admit nothing",
                "give one unit at least; to close a route, leave it out of the router",
            );
            return Err(problem.into());
        };
        if window.is_zero() || window > LONGEST || !window.subsec_nanos().is_multiple_of(1_000_000) {
            let problem = ConfigIssue::new(
                "quota",
                IssueKind::Invalid,
                "the window is not a whole number of milliseconds from one to 366 days",
                "give another window",
            );
            return Err(problem.with_value(format!("{window:?}")).into());
        }
        Ok(Self { units, window, algorithm: None })
    }

    /// Counts by this algorithm. Unless set, `Exact` up to 128 units, and `Sliding` above that and by tier.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// The units of a window: the limit.
    #[must_use]
    pub fn units(&self) -> NonZeroU32 {
        self.units
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// The algorithm that was asked for.
    pub(super) fn chosen_algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    pub(super) fn params(&self, algorithm: Algorithm) -> WindowParams {
        WindowParams::new(algorithm, self.units.get(), micros(self.window))
    }
}

/// Whole microseconds; the end of time for what has too many.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The most units of a log.
pub(super) const MOST_EXACT: u32 = 128;
pub(super) const LONGEST: Duration = Duration::from_secs(366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_says_what_it_is_in_units_and_window() {
        let seconds = |quota: Result<Quota, ConfigError>| {
            let quota = quota.unwrap();
            (quota.units().get(), quota.window().as_secs())
        };
        assert_eq!(seconds(Quota::per_second(1)), (1, 1));
        assert_eq!(seconds(Quota::per_minute(2)), (2, 60));
        assert_eq!(seconds(Quota::per_hour(3)), (3, 3600));
        assert_eq!(seconds(Quota::per_day(u32::MAX)), (u32::MAX, 86_400));
        assert_eq!(seconds(Quota::per(5, LONGEST)), (5, 366 * 86_400));
    }

    #[test]
    fn nothing_can_be_zero_and_no_window_is_too_fine_or_too_long() {
        assert!(Quota::per_second(0).is_err());
        let second = Duration::from_secs(1);
        for window in [Duration::ZERO, Duration::from_micros(1500), LONGEST + second, Duration::MAX] {
            let error = Quota::per(1, window).unwrap_err();
            assert_eq!(error.issues()[0].setting(), "quota", "{window:?}");
            assert!(error.issues()[0].value().is_some());
        }
        assert!(Quota::per(1, Duration::from_millis(1)).is_ok());
    }
}
