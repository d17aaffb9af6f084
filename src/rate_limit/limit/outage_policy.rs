//! `OutagePolicy`: what a limit does while its store is unavailable.

/// What a limit does while its store is unavailable.
///
/// A `RedisStore` is unavailable if the server does not respond before the store's deadline, and while its circuit
/// breaker is open after several such failures. A [`MemoryStore`](crate::rate_limit::MemoryStore) is always available.
///
/// | policy | suits | risk during an outage |
/// |---|---|---|
/// | `FailClosed` | logins, paid upstream APIs | these requests fail |
/// | `Local` | most APIs | a caller may get more or less than the limit |
/// | `FailOpen` | limits for fairness only | no limit |
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutagePolicy {
    /// Rejects requests with 503 and `Retry-After`.
    FailClosed,
    /// Counts in this process alone, against a share of the limit; see [`local`](Self::local).
    ///
    /// With four instances of the app, a share of 0.25 keeps the total at the limit. Requests that this process counted
    /// before the outage are included. Above the share, requests are rejected with 503, above the whole limit with 429.
    /// Headers report what remains of the share.
    #[non_exhaustive]
    Local {
        /// The share of the limit, above 0 and up to 1.
        share: f64,
    },
    /// Admits all requests without counting them.
    FailOpen,
}

impl OutagePolicy {
    /// Returns [`Local`](Self::Local) with this share of the limit, above 0 and up to 1.
    ///
    /// [`RateLimitBuilder::build`](crate::rate_limit::RateLimitBuilder::build) reports a share that is out of range.
    #[must_use]
    pub fn local(share: f64) -> Self {
        Self::Local { share }
    }

    /// Returns the default: an API stays available, and a limit against guessed passwords stays strict.
    #[cfg(feature = "redis")]
    pub(in crate::rate_limit) fn default_for(protects_accounts: bool) -> Self {
        if protects_accounts { Self::FailClosed } else { Self::local(DEFAULT_SHARE) }
    }
}

/// With two instances of the app, they admit the limit together.
#[cfg(feature = "redis")]
const DEFAULT_SHARE: f64 = 0.5;
