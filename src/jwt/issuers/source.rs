//! `IssuerSource`: a pattern or a function that finds issuers by their `iss` while the app runs.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::gate::{DenialKind, TokenError};
use crate::jwt::hints::{Hint, Hints};
use crate::jwt::issuer::trusted::TrustedIssuer;
use crate::jwt::issuers::compiler::IssuerCompiler;
use crate::jwt::issuers::finder::{Finder, LookupError};
use crate::jwt::issuers::found::{FoundIssuer, FoundIssuers};
use crate::jwt::issuers::lookups::{Lookups, Outcome};
use crate::runtime;

/// A pattern or a function, and the issuers that it found.
///
/// A lookup costs a call of the app's function or a fetch of keys, and anyone can send a token with an invented `iss`:
///
/// - Requests for the same issuer share one lookup, which runs in its own task, so that a canceled request does not
///   cancel the lookup that others wait for.
/// - The number of lookups at the same time is limited. Other requests wait for their turn, in order.
/// - The number of failed lookups is limited, see [`Lookups`].
/// - A request waits for no longer than the timeout, and a request whose issuer is known does not wait.
///
/// # Locking
///
/// The mutex around the lookups is taken only for an unknown issuer, or one that is looked up again. It is never held
/// across an `await`, while the app's function runs, or while a line is logged. A lookup ends and its issuer is added
/// under one lock, so that an eviction comes before both or after both.
#[derive(Debug)]
pub(crate) struct IssuerSource {
    finder: Finder,
    compiler: IssuerCompiler,
    found: FoundIssuers,
    lookups: Mutex<Lookups>,
    permits: Arc<Semaphore>,
    /// For hashes of names, which callers choose.
    hasher: RandomState,
    hints: Hints,
}

/// A lookup to wait for.
#[derive(Debug)]
pub(crate) struct PendingLookup {
    source: Arc<IssuerSource>,
    name: Arc<str>,
}

impl IssuerSource {
    pub(crate) fn new(finder: Finder, compiler: IssuerCompiler, capacity: usize) -> Self {
        let limits = finder.limits();
        Self {
            finder,
            found: FoundIssuers::new(capacity),
            lookups: Mutex::new(Lookups::new(limits)),
            permits: Arc::new(Semaphore::new(limits.concurrent)),
            hasher: RandomState::new(),
            hints: Hints::new(compiler.clock.clone()),
            compiler,
        }
    }

    /// The pattern or the prefix, for the log.
    pub(crate) fn text(&self) -> &str {
        self.finder.text()
    }

    /// Whether this source is responsible for tokens with this `iss`.
    pub(crate) fn matches(&self, iss: &str) -> bool {
        self.finder.matches(iss)
    }

    /// Returns the settings of all issuers of a pattern, with which a token is checked before its issuer is looked up.
    pub(crate) fn prototype(&self) -> Option<&TrustedIssuer> {
        self.finder.prototype()
    }

    /// Returns the issuer of this name, if it has been found.
    pub(crate) fn find(&self, name: &str, now: Instant) -> Option<Arc<FoundIssuer>> {
        self.found.get(name, now)
    }

    /// Looks up a known issuer again, in the background.
    pub(crate) fn refresh(self: &Arc<Self>, name: &Arc<str>) {
        // Only if no request waits for its turn.
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            // If this does not start a lookup, a later request does.
            let _ = self.start(name, permit);
        }
    }

    /// Returns the lookup to wait for.
    ///
    /// # Errors
    ///
    /// Returns the outcome if it is known without a lookup.
    pub(crate) fn look_up(self: &Arc<Self>, name: &Arc<str>) -> Result<PendingLookup, Outcome> {
        let lookups = self.lookups();
        let decided = match lookups.in_progress(name) {
            Some(_) => None,
            None => {
                let is_known = self.found.get_expired(name).is_some();
                lookups.decided(self.hasher.hash_one(&**name), is_known, self.compiler.clock.monotonic())
            }
        };
        drop(lookups);
        match decided {
            Some(outcome) => Err(outcome),
            None => Ok(PendingLookup { source: Arc::clone(self), name: Arc::clone(name) }),
        }
    }

    /// Waits for the turn of this lookup and for its end.
    async fn wait_for(self: &Arc<Self>, name: &Arc<str>) -> Outcome {
        let joined = self.lookups().in_progress(name);
        let mut outcome = match joined {
            Some(outcome) => outcome,
            None => {
                // Not an error: the semaphore is never closed.
                let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return UNAVAILABLE };
                match self.start(name, permit) {
                    Ok(outcome) => outcome,
                    Err(decided) => return decided,
                }
            }
        };
        // The sender is dropped without an outcome if the issuer was evicted meanwhile.
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| *outcome);
        outcome.ok().flatten().unwrap_or(Outcome::Absent)
    }

    /// Starts a lookup, or joins the one in progress. Other lookups may have ended while this one waited for its turn.
    fn start(
        self: &Arc<Self>,
        name: &Arc<str>,
        permit: OwnedSemaphorePermit,
    ) -> Result<watch::Receiver<Option<Outcome>>, Outcome> {
        let now = self.compiler.clock.monotonic();
        let hash = self.hasher.hash_one(&**name);
        let mut lookups = self.lookups();
        if let Some(outcome) = lookups.in_progress(name) {
            return Ok(outcome);
        }
        if self.found.get(name, now).is_some_and(|found| !found.is_due(now)) {
            return Err(Outcome::Found);
        }
        if let Some(outcome) = lookups.decided(hash, self.found.get_expired(name).is_some(), now) {
            return Err(outcome);
        }
        let runtime = match runtime::current() {
            Ok(runtime) => runtime,
            Err(fault) => {
                drop(lookups);
                tracing::error!(issuers = self.text(), reason = %fault, "cannot look up an issuer");
                return Err(UNAVAILABLE);
            }
        };
        let (id, outcome) = lookups.start(Arc::clone(name));
        // Release the lock before `spawn`: a runtime that is shutting down drops the task at once, and with it the
        // guard, which takes the lock.
        drop(lookups);
        let result = Err(LookupError::Stopped);
        let guard = LookupGuard { source: Arc::clone(self), name: Arc::clone(name), id, result, _permit: permit };
        runtime.spawn(guard.run());
        Ok(outcome)
    }

    /// Adds or removes the issuer, and notifies the requests that wait.
    fn finish(&self, guard: &mut LookupGuard) {
        let now = self.compiler.clock.monotonic();
        let result = std::mem::replace(&mut guard.result, Err(LookupError::Stopped));
        let outcome = match &result {
            Ok(Some(_)) => Outcome::Found,
            // A database that ignores case finds a tenant for each spelling of its name, of which only one is right.
            Ok(None) | Err(LookupError::OtherName) => Outcome::Absent,
            Err(_) => UNAVAILABLE,
        };
        let mut lookups = self.lookups();
        let hash = self.hasher.hash_one(&*guard.name);
        // `None` if the issuer was evicted meanwhile, so that the result is outdated.
        let Some(sender) = lookups.finish(&guard.name, guard.id, hash, outcome, now) else { return };
        let error = match result {
            Ok(Some(issuer)) => {
                self.found.insert(FoundIssuer::new(*issuer, now, self.finder.max_age()));
                None
            }
            Ok(None) => {
                self.found.remove(&guard.name);
                None
            }
            Err(error) => {
                if outcome == Outcome::Absent {
                    self.found.remove(&guard.name);
                }
                Some(error)
            }
        };
        sender.send_replace(Some(outcome));
        drop(lookups);
        // Log last, after the notification: a tracing subscriber is foreign code, and may panic.
        if let Some(error) = error {
            self.log_failure(&error, &guard.name);
        }
    }

    /// Removes an issuer with its keys, and forgets what is known about it. Returns whether it had been found.
    pub(crate) fn evict(&self, name: &str) -> bool {
        let mut lookups = self.lookups();
        lookups.forget(name, self.hasher.hash_one(name));
        self.found.remove(name)
    }

    /// Logs that there is no issuer of a token, without its name: the token may be anyone's.
    pub(crate) fn log_absent(&self) {
        let Some(suppressed) = self.hints.admit(Hint::Issuer) else { return };
        let kind = DenialKind::InvalidToken(TokenError::Issuer).code();
        let issuers = self.text();
        tracing::warn!(
            kind,
            issuers,
            suppressed,
            "a token was rejected; its `iss` matches, but there is no such issuer, or too many lookups have failed"
        );
    }

    fn log_failure(&self, error: &LookupError, name: &str) {
        let Some(suppressed) = self.hints.admit(Hint::Key) else { return };
        // An error of a client may contain the URL, and with it the name, which an unverified token has.
        let reason = error.to_string().replace(name, self.text());
        let status = if matches!(error, LookupError::OtherName) { 401 } else { 503 };
        let issuers = self.text();
        tracing::warn!(issuers, reason, status, suppressed, "cannot look up an issuer, so its tokens are rejected");
    }

    /// Locks the lookups. A poisoned lock is used as well, like that of [`RemoteKeys`](crate::jwt::remote::RemoteKeys).
    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingLookup {
    /// Waits until the lookup ends, at most for the timeout.
    pub(crate) async fn wait(self) -> Outcome {
        // Tokio's timer panics without a runtime that has timers, and a request must not panic.
        if let Err(fault) = runtime::current() {
            tracing::error!(issuers = self.source.text(), reason = %fault, "cannot look up an issuer");
            return UNAVAILABLE;
        }
        let lookup = self.source.wait_for(&self.name);
        tokio::time::timeout(self.source.compiler.fetch_timeout, lookup).await.unwrap_or(UNAVAILABLE)
    }
}

/// A lookup in progress. However its task ends, even by a panic or with its runtime, dropping it notifies the requests
/// that wait.
struct LookupGuard {
    source: Arc<IssuerSource>,
    name: Arc<str>,
    id: u64,
    result: Result<Option<Box<TrustedIssuer>>, LookupError>,
    _permit: OwnedSemaphorePermit,
}

impl LookupGuard {
    /// Runs the lookup.
    async fn run(mut self) {
        let IssuerSource { finder, compiler, found, .. } = &*self.source;
        // With the keys of the issuer, if it is looked up again. After an eviction, it has none.
        let known = found.get_expired(&self.name);
        let lookup = finder.find(&self.name, compiler, known.as_deref().map(|found| &found.issuer));
        let result = tokio::time::timeout(compiler.fetch_timeout, lookup).await;
        self.result = result.unwrap_or(Err(LookupError::TimedOut));
    }
}

impl Drop for LookupGuard {
    fn drop(&mut self) {
        let source = Arc::clone(&self.source);
        source.finish(self);
    }
}

// The next request may try again, if the limit of failed lookups permits.
const UNAVAILABLE: Outcome = Outcome::Unavailable { retry_after: Duration::from_secs(1) };
