//! `PublishedKeys`: a fetched key set, and how long it is used.

use std::time::{Duration, Instant};

use crate::jwt::keys::jwks::KeySet;

/// A fetched key set, and how long it is used.
#[derive(Debug)]
pub(super) struct PublishedKeys {
    pub(super) keys: KeySet,
    /// The document that was parsed, to recognize an unchanged one.
    pub(super) document: String,
    /// How many times the document has changed. All key sets of a generation verify the same tokens.
    ///
    /// A cached token is accepted only while its generation is current. If this number counted fetches, every refresh
    /// would empty the verified-token cache.
    pub(super) generation: u64,
    /// From this time on, a request starts a refresh in the background.
    pub(super) refresh_at: Instant,
    /// From this time on, the keys are not used, and requests wait for others.
    pub(super) expires_at: Instant,
}

impl PublishedKeys {
    /// Returns the generation of a fetched document, given the keys that it replaces.
    ///
    /// The texts are compared, not the parsed keys: a set in another order counts as changed, which costs one signature
    /// check for each cached token and is never wrong.
    pub(super) fn next_generation(previous: Option<&Self>, document: &str) -> u64 {
        match previous {
            None => 0,
            Some(previous) if previous.document == document => previous.generation,
            Some(previous) => previous.generation + 1,
        }
    }
}

/// Returns how long keys are used before a refresh: the issuer's `max-age` (RFC 9111 §5.2.2.1) within bounds, or the
/// default.
pub(super) fn refresh_interval(max_age: Option<u64>, jitter: f64) -> Duration {
    let interval = match max_age {
        Some(seconds) => Duration::from_secs(seconds).clamp(MIN_REFRESH_INTERVAL, MAX_REFRESH_INTERVAL),
        None => REFRESH_INTERVAL,
    };
    interval.mul_f64(jitter)
}

// A withdrawn key is noticed this soon. jose, a popular library, has the same default.
const REFRESH_INTERVAL: Duration = Duration::from_secs(600);

// Issuers send `no-store` or `max-age=0` without expecting a fetch for each request.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

// A `max-age` of a year must not keep a withdrawn key in use for a year.
const MAX_REFRESH_INTERVAL: Duration = Duration::from_secs(24 * 3600);
