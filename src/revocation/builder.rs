//! `RevocationsBuilder`: the settings of a `Revocations`.

#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::revocation::handle::Revocations;
#[cfg(feature = "redis")]
use crate::revocation::redis::settings::{StreamBuilder, cannot_start};
use crate::revocation::shared::Shared;

impl Revocations {
    /// Returns a builder with the default settings.
    pub fn builder() -> RevocationsBuilder {
        RevocationsBuilder::default()
    }
}

/// Configures a [`Revocations`].
///
/// ```
/// use std::time::Duration;
/// use portcullis::Revocations;
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let revocations = Revocations::builder()
///     .max_token_lifetime(Duration::from_secs(3600))
///     .build()?;
/// assert!(revocations.is_ready());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RevocationsBuilder {
    max_token_lifetime: Duration,
    max_entries: usize,
    clock: Clock,
    #[cfg(feature = "redis")]
    stream: StreamBuilder,
}

impl Default for RevocationsBuilder {
    fn default() -> Self {
        Self {
            max_token_lifetime: MAX_TOKEN_LIFETIME,
            max_entries: MAX_ENTRIES,
            clock: Clock::system(),
            #[cfg(feature = "redis")]
            stream: StreamBuilder::default(),
        }
    }
}

impl RevocationsBuilder {
    /// Sets the longest time for which a token may be valid (default 24 hours).
    ///
    /// A revocation of a user, a client, an issuer or a session is stored for this time, because all credentials that
    /// it includes have expired then. So layers with the handle reject a token that is valid for longer, from `iat`
    /// (without it, from now) to `exp`, with 401. It is at least one second and at most 3,660 days.
    ///
    /// When a token without `iat` was issued is not known, so one with a longer lifetime is accepted near its end, and
    /// a revocation of its user may have been forgotten by then. If the issuer omits `iat`, set at least the longest
    /// lifetime of its tokens.
    ///
    /// ```
    /// # use portcullis::Revocations;
    /// use std::time::Duration;
    ///
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// assert!(Revocations::builder().max_token_lifetime(week).build().is_ok());
    /// ```
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_token_lifetime = lifetime;
        self
    }

    /// Sets the most entries (default 1,000,000, at most 100,000,000).
    ///
    /// An entry takes at most 48 bytes; memory is allocated when it is needed. Revoking the same thing twice uses one
    /// entry, and [`revoke_others`](Revocations::revoke_others) uses two. Above this number, a revocation fails with
    /// [`RevokeError::Full`](crate::revocation::RevokeError::Full): no entry is removed before it has expired. From 80
    /// % on, a warning is logged once a minute.
    ///
    /// ```
    /// # use portcullis::{Revocations, revocation::{Revocation, RevokeError}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let revocations = Revocations::builder().max_entries(1).build()?;
    /// revocations.revoke_by(Revocation::api_key("key-1")).await?;
    /// let second = revocations.revoke_by(Revocation::api_key("key-2")).await;
    /// assert!(matches!(second, Err(RevokeError::Full)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets the clock (default: the system's). Tests set a fake one.
    ///
    /// ```
    /// # use portcullis::Revocations;
    /// use portcullis::testing::FakeClock;
    ///
    /// let fake = FakeClock::new();
    /// assert!(Revocations::builder().clock(fake.clock()).build().is_ok());
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and creates the handle.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a setting is out of bounds, or if the system cannot start the thread of a stream.
    pub fn build(self) -> Result<Revocations, ConfigError> {
        let mut issues = ConfigIssues::default();
        let lifetime = self.max_token_lifetime;
        if lifetime < MIN_LIFETIME || lifetime > LONGEST_LIFETIME {
            let reason = "is less than a second or more than 3660 days";
            let remedy = "set the longest time from `iat` to `exp` of the tokens that you accept";
            let issue = ConfigIssue::new("max_token_lifetime", IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(format!("{lifetime:?}")));
        }
        if self.max_entries == 0 || self.max_entries > LARGEST_MAX_ENTRIES {
            let reason = "is not between 1 and 100000000";
            let remedy = "set the most revocations that can be made within max_token_lifetime";
            let issue = ConfigIssue::new("max_entries", IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(self.max_entries.to_string()));
        }
        #[cfg(feature = "redis")]
        let stream = self.stream.validate(&mut issues);
        let shared = issues.into_result(|| Shared::new(lifetime, self.max_entries, self.clock.clone()))?;
        #[cfg(feature = "redis")]
        if let Some(stream) = stream {
            return Ok(Revocations(stream.start(shared, self.clock).map_err(cannot_start)?));
        }
        Ok(Revocations(Arc::new(shared)))
    }
}

// Access tokens are valid for minutes to a day. Revocations that last longer take more memory.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);

const MIN_LIFETIME: Duration = Duration::from_secs(1);

// Ten years: tokens of machines. Times of entries are in 32 bits, until the year 2106.
const LONGEST_LIFETIME: Duration = Duration::from_secs(3660 * 24 * 3600);

// Takes at most 48 MB. At ten logouts a second, a day has fewer.
const MAX_ENTRIES: usize = 1_000_000;

// Takes at most 5 GB.
const LARGEST_MAX_ENTRIES: usize = 100_000_000;
