//! `IntrospectionCache`: the responses about tokens in use, and the bounded calls about others.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::gate::TokenError;
use crate::introspection::endpoint::Endpoint;
use crate::introspection::error::EndpointError;
use crate::introspection::hints::Hints;
use crate::introspection::response::Introspection;
use crate::introspection::token::IntrospectedToken;
use crate::introspection::users::{Received, Users};
use crate::lookup::{CredentialCache, CredentialDigest, CredentialHasher, Generations, SharedLookups, Start};

/// The responses about tokens in use. Anyone can send tokens that do not exist, so work and memory are bounded:
///
/// - Requests with one token share a call, which runs in its own task, so that a canceled request does not cancel the
///   call that others wait for.
/// - At most [`MAX_CALLS`] run at the same time. No request waits for its turn.
/// - Tokens that are not active are remembered for a while, apart from those that are.
///
/// A token is known by a keyed digest. The text is dropped when the call ends.
#[derive(Debug)]
pub(super) struct IntrospectionCache {
    hasher: CredentialHasher,
    /// `None` if caching is switched off.
    active: Option<CredentialCache<[u8; 16], Arc<IntrospectedToken>>>,
    rejected: Mutex<Generations<CredentialDigest, Rejected>>,
    calls: Arc<SharedLookups<CredentialDigest, Outcome>>,
    endpoint: Endpoint,
    users: Users,
    settings: CacheSettings,
    clock: Clock,
    hints: Hints,
    /// Whether the last call failed. Each change is logged once.
    is_down: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CacheSettings {
    /// Zero if caching is switched off.
    pub(super) ttl: Duration,
    pub(super) capacity: usize,
    pub(super) timeout: Duration,
}

/// A token that is not accepted whenever it is sent.
#[derive(Debug)]
struct Rejected {
    error: TokenError,
    until: Instant,
}

/// The outcome of a call.
pub(super) type Outcome = Result<Known, Unavailable>;

/// The server is unavailable, or asked about too many tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unavailable;

/// What is known of a token.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Active(Arc<IntrospectedToken>),
    Rejected(TokenError),
}

impl IntrospectionCache {
    pub(super) fn new(
        hasher: CredentialHasher,
        endpoint: Endpoint,
        users: Users,
        settings: CacheSettings,
        clock: Clock,
    ) -> Self {
        let capacity = NonZeroUsize::new(settings.capacity).filter(|_| !settings.ttl.is_zero());
        Self {
            hasher,
            active: capacity.map(CredentialCache::shared),
            rejected: Mutex::new(Generations::new(MAX_REJECTED)),
            calls: SharedLookups::new(MAX_CALLS),
            endpoint,
            users,
            settings,
            hints: Hints::new(clock.clone()),
            clock,
            is_down: AtomicBool::new(false),
        }
    }

    pub(super) fn digest(&self, token: &[u8]) -> CredentialDigest {
        self.hasher.digest(token)
    }

    /// Returns a cached token that has not expired. `now` is since 1970.
    pub(super) fn get(&self, digest: &CredentialDigest, now: Duration) -> Option<Arc<IntrospectedToken>> {
        let token = self.active.as_ref()?.get(digest.hash(), digest.as_bytes(), self.clock.monotonic())?;
        #[cfg(feature = "shared_signals")]
        if self.users.has_claims_changed(&token) {
            return None;
        }
        (!token.has_expired(now)).then_some(token)
    }

    /// Returns why a token is rejected that was rejected a moment ago.
    pub(super) fn rejected(&self, digest: &CredentialDigest) -> Option<TokenError> {
        let rejected = self.lock_rejected();
        let found = rejected.get(digest).filter(|found| self.clock.monotonic() < found.value.until)?;
        Some(found.value.error.clone())
    }

    /// Asks the server about a token, or waits for the call in progress.
    pub(super) async fn look_up(self: &Arc<Self>, digest: CredentialDigest, token: Zeroizing<String>) -> Outcome {
        let look_up = || {
            let cache = Arc::clone(self);
            async move {
                let result = cache.introspect(&token).await;
                cache.log(&result);
                result
            }
        };
        let cache = Arc::clone(self);
        let record = move |result: Option<Result<Known, EndpointError>>| cache.record(digest, result);
        match self.calls.start(&digest, || self.known(&digest), look_up, record) {
            Start::Known(outcome) => outcome,
            Start::Waiting(call) => call.outcome().await.unwrap_or(Err(Unavailable)),
            Start::TooMany => Err(Unavailable),
            Start::Fault(fault) => {
                tracing::error!(reason = %fault, "cannot ask the authorization server about a token");
                Err(Unavailable)
            }
        }
    }

    fn known(&self, digest: &CredentialDigest) -> Option<Outcome> {
        let active = self.get(digest, self.clock.since_epoch()).map(Known::Active);
        active.or_else(|| self.rejected(digest).map(Known::Rejected)).map(Ok)
    }

    /// Asks the server about a token, with a timeout.
    async fn introspect(&self, token: &str) -> Result<Known, EndpointError> {
        // Taken before the call: the token may have been revoked right after the server looked it up.
        let asked_at = self.clock.monotonic();
        #[cfg(feature = "shared_signals")]
        let asked_at_by_wall = self.clock.since_epoch();
        let response = tokio::time::timeout(self.settings.timeout, self.endpoint.introspect(token)).await;
        let active = match response.unwrap_or(Err(EndpointError::TimedOut))? {
            Introspection::Inactive => return Ok(Known::Rejected(TokenError::Inactive)),
            Introspection::Active(active) => active,
        };
        let now = self.clock.since_epoch();
        let fresh_until = asked_at + self.fresh_for(active.expires_at, now);
        let received = Received {
            now,
            #[cfg(feature = "shared_signals")]
            asked_at: asked_at_by_wall,
            received_at: asked_at,
            fresh_until,
        };
        Ok(match self.users.read(token, &active, received) {
            Ok(token) => Known::Active(Arc::new(token)),
            Err(error) => Known::Rejected(error),
        })
    }

    /// Returns for how long a response is used. `now` is since 1970.
    fn fresh_for(&self, expires_at: Option<Duration>, now: Duration) -> Duration {
        match expires_at {
            Some(time) => self.settings.ttl.min(time.saturating_sub(now)),
            None => self.settings.ttl.min(MAX_TTL_WITHOUT_EXP),
        }
    }

    /// Caches the result of a call. It is `None` if the call was stopped.
    fn record(&self, digest: CredentialDigest, result: Option<Result<Known, EndpointError>>) -> Outcome {
        let Some(Ok(known)) = result else { return Err(Unavailable) };
        match (&known, &self.active) {
            (Known::Active(token), Some(active)) if self.clock.monotonic() < token.fresh_until => {
                active.insert(digest.hash(), digest.as_bytes(), |_| *digest.as_bytes(), Arc::clone(token));
            }
            (Known::Rejected(error), Some(_)) => {
                let rejected = Rejected { error: error.clone(), until: self.clock.monotonic() + REJECTED_FOR };
                self.lock_rejected().insert(digest, rejected);
            }
            _ => {}
        }
        Ok(known)
    }

    /// Logs the result of a call. It holds no lock, because a tracing subscriber is foreign code.
    fn log(&self, result: &Result<Known, EndpointError>) {
        self.log_change(result.as_ref().err());
        match result {
            Ok(Known::Active(token)) if !token.has_audience => self.hints.log(&TokenError::Audience),
            Ok(Known::Rejected(error)) => self.hints.log(error),
            Ok(Known::Active(_)) | Err(_) => {}
        }
    }

    fn log_change(&self, error: Option<&EndpointError>) {
        // Read first, so that calls on many processors rarely contend for it.
        if self.is_down.load(Ordering::Relaxed) == error.is_some() {
            return;
        }
        match (self.is_down.swap(error.is_some(), Ordering::Relaxed), error) {
            (false, Some(cause)) if cause.is_configuration() => {
                tracing::error!(%cause, "cannot introspect tokens");
            }
            (false, Some(cause)) => tracing::warn!(%cause, "cannot introspect tokens"),
            (true, None) => tracing::info!("tokens can be introspected again"),
            _ => {}
        }
    }

    fn lock_rejected(&self) -> MutexGuard<'_, Generations<CredentialDigest, Rejected>> {
        // A poisoned lock is used as well: each change is complete before anything can panic.
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More calls than a healthy server has in progress for one process.
const MAX_CALLS: usize = 64;

/// A token that became active meanwhile is rejected for this long, if someone has sent it before.
const REJECTED_FOR: Duration = Duration::from_secs(5);

/// Some 600 kB.
const MAX_REJECTED: usize = 10_000;

/// Nothing says when such a token ends, so the server is asked often.
const MAX_TTL_WITHOUT_EXP: Duration = Duration::from_secs(30);
