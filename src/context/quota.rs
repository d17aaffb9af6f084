//! `Quota`: a number of units per window, and the algorithm that counts them.

mod algorithm;
#[cfg(feature = "serde")]
mod serialization;
mod text;

use std::num::NonZeroU32;
use std::time::Duration;

pub use algorithm::Algorithm;

use crate::error::{ConfigError, ConfigIssue, IssueKind};

/// A number of units per window of time. Neither is ever zero.
///
/// A request costs one unit, unless [`Limit::cost`](crate::rate_limit::Limit::cost) says otherwise. How units become
/// available again depends on the [`Algorithm`]. The default lets no caller exceed the quota in any period that is as
/// long as the window, wherever the period begins.
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
///
/// # Quotas as text
///
/// A quota can be parsed from text, for example from an environment variable or a configuration file:
///
/// ```
/// use std::time::Duration;
/// use portcullis::Quota;
///
/// let quota: Quota = "5/15min".parse()?;
/// assert_eq!(quota, Quota::per(5, Duration::from_secs(900))?);
///
/// let error = "100/week".parse::<Quota>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "Quota::from_str \"100/week\": unknown unit of time \"week\"; \
///      use ms, s, min, h or d, for example 100/h or 5/15min"
/// );
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// The grammar, in ABNF (RFC 5234) with case-sensitive strings:
///
/// ```text
/// quota       = units "/" window [ " " algorithm ]
/// units       = 1*DIGIT         ; 1 to 4294967295
/// window      = [ count ] unit  ; count defaults to 1
/// count       = 1*DIGIT         ; up to 366 days
/// unit        = millisecond / second / minute / hour / day
/// millisecond = "ms" / "millisecond" / "milliseconds"
/// second      = "s" / "sec" / "second" / "seconds"
/// minute      = "min" / "m" / "minute" / "minutes"
/// hour        = "h" / "hour" / "hours"
/// day         = "d" / "day" / "days"  ; 24 hours
/// algorithm   = "sliding_log" / "sliding_window"
///             / "token_bucket" / "fixed_window"
/// ```
///
/// `Display` writes the canonical text, which parses to an equal quota: the first name of each unit, the largest unit
/// of which the window is a multiple, no count of 1, and the algorithm only if it was set.
///
/// ```
/// use portcullis::{Quota, rate_limit::Algorithm};
///
/// let quota = Quota::per_hour(100)?;
/// assert_eq!(quota.to_string(), "100/h");
/// assert_eq!("100/60minutes".parse::<Quota>()?, quota);
///
/// let bucket = quota.algorithm(Algorithm::TokenBucket);
/// assert_eq!(bucket.to_string(), "100/h token_bucket");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// With the feature `serde`, a quota is deserialized from this text, and other settings from the text or the list that
/// their constructors take. The same checks apply.
///
/// ```
/// use portcullis::{OriginSet, Quota, Tiers, TrustedProxies};
///
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     origins: OriginSet,
///     proxies: TrustedProxies,
///     quota: Quota,
///     tiers: Tiers,
/// }
///
/// let json = r#"{
///     "origins": ["https://app.example.com"],
///     "proxies": ["10.0.0.0/8"],
///     "quota": "100/h",
///     "tiers": ["basic", "professional"]
/// }"#;
/// let settings: Settings = serde_json::from_str(json)?;
/// assert_eq!(settings.quota, Quota::per_hour(100).unwrap());
///
/// let error = serde_json::from_str::<Quota>(r#""0/h""#).unwrap_err();
/// assert!(error.to_string().contains("a quota of zero units"));
/// # let _ = (settings.origins, settings.proxies, settings.tiers);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Quota {
    units: NonZeroU32,
    window: Duration,
    algorithm: Option<Algorithm>,
}

impl Quota {
    /// Allows this many units per second.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if `units` is zero.
    pub fn per_second(units: u32) -> Result<Self, ConfigError> {
        Self::new("Quota::per_second", units, Duration::from_secs(1))
    }

    /// Allows this many units per minute.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if `units` is zero.
    pub fn per_minute(units: u32) -> Result<Self, ConfigError> {
        Self::new("Quota::per_minute", units, Duration::from_secs(60))
    }

    /// Allows this many units per hour.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if `units` is zero.
    pub fn per_hour(units: u32) -> Result<Self, ConfigError> {
        Self::new("Quota::per_hour", units, Duration::from_secs(3600))
    }

    /// Allows this many units per 24 hours.
    ///
    /// With [`Algorithm::FixedWindow`], the day is a calendar day in UTC. Otherwise it is any period of 24 hours.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if `units` is zero.
    pub fn per_day(units: u32) -> Result<Self, ConfigError> {
        Self::new("Quota::per_day", units, Duration::from_secs(86_400))
    }

    /// Allows this many units per window.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if `units` is zero, or if the window is not a whole number of milliseconds from one
    /// millisecond to 366 days.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::Quota;
    ///
    /// let quarter = Quota::per(250, Duration::from_secs(900))?;
    /// assert_eq!(quarter.window(), Duration::from_secs(900));
    /// assert!(Quota::per(1, Duration::from_micros(1_500)).is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn per(units: u32, window: Duration) -> Result<Self, ConfigError> {
        Self::new("Quota::per", units, window)
    }

    fn new(constructor: &'static str, units: u32, window: Duration) -> Result<Self, ConfigError> {
        Ok(Self::checked(constructor, units, window)?)
    }

    /// Creates a quota for this constructor, which the issue names.
    fn checked(constructor: &'static str, units: u32, window: Duration) -> Result<Self, ConfigIssue> {
        let Some(units) = NonZeroU32::new(units) else {
            let reason = "a quota of zero units rejects every request";
            let remedy = "set at least one unit; to close a route, remove it from the router";
            return Err(ConfigIssue::new(constructor, IssueKind::Invalid, reason, remedy));
        };
        let is_in_milliseconds = window.subsec_nanos().is_multiple_of(1_000_000);
        if window.is_zero() || window > MAX_WINDOW || !is_in_milliseconds {
            let reason = "the window is not a whole number of milliseconds from one millisecond to 366 days";
            let issue = ConfigIssue::new(constructor, IssueKind::Invalid, reason, "set another window");
            return Err(issue.with_value(format!("{window:?}")));
        }
        Ok(Self { units, window, algorithm: None })
    }

    /// Sets the algorithm (default: [`SlidingLog`](Algorithm::SlidingLog) up to 128 units,
    /// [`SlidingWindow`](Algorithm::SlidingWindow) for more units, and for quotas by tier or by credential).
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::{Quota, RateLimit, testing::FakeClock};
    /// use portcullis::rate_limit::{Algorithm, Key, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let quota = Quota::per_minute(60)?.algorithm(Algorithm::TokenBucket);
    /// # let clock = FakeClock::new();
    /// # let builder = RateLimit::builder().quota(quota).key(Key::user());
    /// # let limit = builder.clock(clock.clock()).build()?;
    /// # let ann = Subject::user(None, "ann");
    ///
    /// // A burst may use the whole quota. Then a unit is refilled every second.
    /// limit.check(&ann, 60).await?;
    /// assert!(limit.check(&ann, 1).await.is_err());
    /// clock.advance(Duration::from_millis(2_001));
    /// limit.check(&ann, 2).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "rate_limit")]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Returns the number of units per window.
    #[must_use]
    pub fn units(&self) -> NonZeroU32 {
        self.units
    }

    /// Returns the length of the window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Returns these units in the longest window.
    #[cfg(feature = "login_protection")]
    pub(crate) fn of_longest_window(units: NonZeroU32) -> Self {
        Self { units, window: MAX_WINDOW, algorithm: None }
    }

    /// Returns the algorithm that was set; `None` for the default, which depends on the whole limit.
    #[cfg(feature = "rate_limit")]
    pub(crate) fn configured_algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }
}

/// Returns the whole microseconds of a duration; `u64::MAX` if there are more.
#[cfg(feature = "rate_limit")]
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The longest window and the longest block: a leap year. Microseconds of it fit into every number that counters use.
pub(crate) const MAX_WINDOW: Duration = Duration::from_secs(366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructors_set_units_and_window() {
        let seconds = |quota: Result<Quota, ConfigError>| {
            let quota = quota.unwrap();
            (quota.units().get(), quota.window().as_secs())
        };
        assert_eq!(seconds(Quota::per_second(1)), (1, 1));
        assert_eq!(seconds(Quota::per_minute(2)), (2, 60));
        assert_eq!(seconds(Quota::per_hour(3)), (3, 3600));
        assert_eq!(seconds(Quota::per_day(u32::MAX)), (u32::MAX, 86_400));
        assert_eq!(seconds(Quota::per(5, MAX_WINDOW)), (5, 366 * 86_400));
    }

    #[test]
    fn the_algorithm_is_the_one_that_was_set_last() {
        let quota = Quota::per_minute(5).unwrap();
        assert_eq!(quota.configured_algorithm(), None);
        let quota = quota.algorithm(Algorithm::SlidingWindow).algorithm(Algorithm::FixedWindow);
        assert_eq!(quota.configured_algorithm(), Some(Algorithm::FixedWindow));
    }

    #[test]
    fn zero_units_and_windows_out_of_range_are_rejected() {
        assert!(Quota::per_second(0).is_err());
        let second = Duration::from_secs(1);
        for window in [Duration::ZERO, Duration::from_micros(1500), MAX_WINDOW + second, Duration::MAX] {
            let error = Quota::per(1, window).unwrap_err();
            assert_eq!(error.issues()[0].setting(), "Quota::per", "{window:?}");
            assert!(error.issues()[0].value().is_some());
        }
        assert!(Quota::per(1, Duration::from_millis(1)).is_ok());
    }
}
