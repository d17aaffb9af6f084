//! `PasswordVerifier`: the app's function that checks passwords, how many checks run at once, and their successes.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::basic::credentials::BasicCredentials;
use crate::context::UserContext;
use crate::lookup::CredentialDigest;
use crate::runtime;

/// An error of the app's function.
pub(super) type VerifyError = Box<dyn Error + Send + Sync>;

type Verify = dyn Fn(BasicCredentials) -> Pin<Box<dyn Future<Output = Result<Option<UserContext>, VerifyError>> + Send>>
    + Send
    + Sync;

/// The app's function, type-erased, so that `BasicAuth` has no type parameter for it.
#[derive(Clone)]
pub(super) struct PasswordVerifier {
    verify: Arc<Verify>,
    running: Arc<AtomicUsize>,
    successes: Arc<Mutex<HashMap<CredentialDigest, Success>>>,
}

struct Success {
    user: UserContext,
    verified_at: Instant,
}

/// Permits one check to run, until it is dropped.
pub(super) struct Permit(Arc<AtomicUsize>);

impl PasswordVerifier {
    pub(super) fn new<F, Fut, E>(verify: F) -> Self
    where
        F: Fn(BasicCredentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<UserContext>, E>> + Send + 'static,
        E: Into<VerifyError>,
    {
        let verify = move |credentials| {
            let checked = verify(credentials);
            Box::pin(async move { checked.await.map_err(Into::into) }) as Pin<Box<_>>
        };
        Self { verify: Arc::new(verify), running: Arc::default(), successes: Arc::default() }
    }

    /// Returns a permit; `None` if as many checks as allowed are running.
    pub(super) fn permit(&self) -> Option<Permit> {
        let more = |running| (running < MAX_CHECKS).then_some(running + 1);
        let previous = self.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        previous.is_ok().then(|| Permit(Arc::clone(&self.running)))
    }

    /// Calls the function, with a timeout. The permit is returned if the client disconnects too.
    pub(super) async fn verify(
        &self,
        credentials: BasicCredentials,
        permit: Permit,
    ) -> Result<Option<UserContext>, VerifyError> {
        // Tokio's timer panics without a runtime that has timers, and a request must not panic.
        runtime::current().map_err(|fault| fault.to_string())?;
        let checked = tokio::time::timeout(TIMEOUT, (self.verify)(credentials)).await;
        drop(permit);
        checked.unwrap_or_else(|_| Err(format!("the check of a password took longer than {TIMEOUT:?}").into()))
    }

    /// Returns the user of a name and a password that were verified a short time ago.
    pub(super) fn cached(&self, digest: &CredentialDigest, now: Instant) -> Option<UserContext> {
        let successes = self.successes();
        successes.get(digest).filter(|success| success.is_valid(now)).map(|success| success.user.clone())
    }

    /// Caches a success. If the cache is full, the oldest one is evicted.
    pub(super) fn cache(&self, digest: CredentialDigest, user: UserContext, now: Instant) {
        let mut successes = self.successes();
        if successes.len() >= MAX_SUCCESSES {
            successes.retain(|_, success| success.is_valid(now));
        }
        if successes.len() >= MAX_SUCCESSES {
            // Some thousand instructions, after a check of a password that took millions.
            let oldest = successes.iter().min_by_key(|(_, success)| success.verified_at).map(|(digest, _)| *digest);
            oldest.and_then(|digest| successes.remove(&digest));
        }
        successes.insert(digest, Success { user, verified_at: now });
    }

    fn successes(&self) -> MutexGuard<'_, HashMap<CredentialDigest, Success>> {
        self.successes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Success {
    fn is_valid(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.verified_at) < CACHED_FOR
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordVerifier").finish_non_exhaustive()
    }
}

/// A check with Argon2 takes one core and some 20 MB. A flood must not take all of them.
const MAX_CHECKS: usize = 4;
/// Longer than any sensible check takes.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A changed password is accepted for this long.
const CACHED_FOR: Duration = Duration::from_secs(60);
/// Some hundred kilobytes.
const MAX_SUCCESSES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::CredentialHasher;

    fn digest(number: usize) -> CredentialDigest {
        CredentialHasher::with_key(&[0; 16]).digest(&number.to_be_bytes())
    }

    fn verifier() -> PasswordVerifier {
        PasswordVerifier::new(async |_| Ok::<_, VerifyError>(None))
    }

    #[test]
    fn a_success_is_cached_for_60_seconds() {
        let verifier = verifier();
        let start = Instant::now();
        verifier.cache(digest(1), UserContext::new("ann"), start);
        let is_cached = |seconds| verifier.cached(&digest(1), start + Duration::from_millis(seconds)).is_some();
        assert!(is_cached(0) && is_cached(59_999) && !is_cached(60_000));
        assert!(verifier.cached(&digest(2), start).is_none());
    }

    #[test]
    fn a_full_cache_evicts_what_expired_and_else_the_oldest_success() {
        let verifier = verifier();
        let start = Instant::now();
        for number in 0..=MAX_SUCCESSES {
            let now = start + Duration::from_micros(number as u64);
            verifier.cache(digest(number), UserContext::new("ann"), now);
        }
        assert_eq!(verifier.successes().len(), MAX_SUCCESSES);
        assert!(verifier.cached(&digest(0), start).is_none() && verifier.cached(&digest(1), start).is_some());
        verifier.cache(digest(7_000), UserContext::new("bob"), start + 2 * CACHED_FOR);
        assert_eq!(verifier.successes().len(), 1);
    }

    #[test]
    fn a_permit_is_returned_when_it_is_dropped() {
        let verifier = verifier();
        let permits: Vec<_> = std::iter::from_fn(|| verifier.permit()).collect();
        assert_eq!(permits.len(), MAX_CHECKS);
        drop(permits);
        assert!(verifier.permit().is_some());
    }
}
