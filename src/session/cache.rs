//! `SessionCache`: the records of sessions in use, and the bounded lookups of others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::context::{AppSettings, UserContext};
use crate::error::error_chain;
use crate::lookup::{Age, Generations, SharedLookups, Start, millis};
use crate::record_store::StoreError;
use crate::session::cached_session::CachedSession;
use crate::session::record::SessionRecord;
use crate::session::secret::SessionDigest;
use crate::session::timed_store::TimedStore;
use crate::session::usage::SessionUsage;
use crate::session::users::user_of;

/// The records of sessions in use. Anyone can send invented cookies, so work and memory are bounded:
///
/// - Requests with the same cookie share a lookup.
/// - At most [`MAX_LOOKUPS`] run at the same time, and no request waits for its turn. Cached sessions whose records
///   must be read again have a limit of their own. Otherwise, a flood of invented cookies could keep a session valid
///   that another process has ended.
/// - Unknown cookies are not cached.
#[derive(Debug)]
pub(super) struct SessionCache {
    sessions: RwLock<Generations<SessionDigest, Arc<CachedSession>>>,
    lookups: Arc<SharedLookups<SessionDigest, Outcome>>,
    /// For cached sessions whose records must be read again.
    cached_lookups: Arc<SharedLookups<SessionDigest, Outcome>>,
    app_settings: AppSettings,
    store: TimedStore,
    settings: CacheSettings,
    clock: Clock,
    start: Instant,
    /// Whether the last lookup failed. Each change is logged once.
    is_down: AtomicBool,
    has_logged_unreadable: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CacheSettings {
    pub(super) ttl: Duration,
    pub(super) stale_for: Duration,
    pub(super) capacity: usize,
}

/// The result of a lookup; `None` if there is no session.
pub(super) type Outcome = Result<Option<Arc<CachedSession>>, Unavailable>;

/// The store failed, or too many lookups are running.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unavailable;

impl SessionCache {
    pub(super) fn new(app_settings: AppSettings, store: TimedStore, settings: CacheSettings, clock: Clock) -> Self {
        Self {
            sessions: RwLock::new(Generations::new(settings.capacity)),
            lookups: SharedLookups::new(MAX_LOOKUPS),
            cached_lookups: SharedLookups::new(MAX_LOOKUPS),
            app_settings,
            store,
            settings,
            start: clock.monotonic(),
            clock,
            is_down: AtomicBool::new(false),
            has_logged_unreadable: AtomicBool::new(false),
        }
    }

    /// Returns the session of a digest if its record need not be read again.
    pub(super) fn get(&self, digest: &SessionDigest) -> Option<Arc<CachedSession>> {
        let now = self.now();
        let (session, is_old) = {
            let sessions = self.read();
            let found = sessions.get(digest).filter(|found| found.value.age.is_current(now))?;
            (Arc::clone(found.value), found.is_old)
        };
        if is_old {
            self.write().renew(*digest);
        }
        Some(session)
    }

    /// Whether the record was read just now, so that it need not be read again.
    pub(super) fn is_fresh(&self, session: &CachedSession) -> bool {
        self.now().saturating_sub(session.read_at) <= FRESH_FOR
    }

    /// Returns the longest time for which a record is used after it was read.
    pub(super) fn longest_use(&self) -> Duration {
        self.settings.ttl.saturating_add(self.settings.stale_for)
    }

    /// Reads the record of a session, or waits for the lookup in progress.
    pub(super) async fn look_up(self: &Arc<Self>, digest: SessionDigest) -> Outcome {
        for _ in 0..MAX_ATTEMPTS {
            match self.start(digest) {
                Start::Known(outcome) => return outcome,
                Start::Waiting(lookup) => {
                    // There is no outcome if the session was changed during the lookup.
                    if let Some(outcome) = lookup.outcome().await {
                        return outcome;
                    }
                }
                Start::TooMany => return self.stale(&digest),
                Start::Fault(fault) => {
                    tracing::error!(reason = %fault, "cannot look up a session");
                    return Err(Unavailable);
                }
            }
        }
        Err(Unavailable)
    }

    fn start(self: &Arc<Self>, digest: SessionDigest) -> Start<Outcome> {
        let look_up = || {
            let cache = Arc::clone(self);
            async move {
                let result = cache.store.find(&digest).await;
                // Hold no lock: a tracing subscriber is foreign code.
                cache.log(result.as_ref().err());
                result
            }
        };
        let cache = Arc::clone(self);
        let record = move |result| cache.finish(&digest, result);
        // Another lookup may have ended since the cache was asked.
        let known = || self.get(&digest).filter(|session| self.is_fresh(session)).map(|session| Ok(Some(session)));
        let is_cached = self.read().get(&digest).is_some();
        let lookups = if is_cached { &self.cached_lookups } else { &self.lookups };
        lookups.start(&digest, known, look_up, record)
    }

    /// Caches a record that was just read or stored, and returns its session.
    pub(super) fn insert(&self, record: SessionRecord) -> Arc<CachedSession> {
        let user = user_of(&record, &self.app_settings);
        let digest = record.digest;
        let read_at = self.now();
        let age = Age::new(read_at, self.settings.ttl, self.settings.stale_for);
        let mut sessions = self.write();
        let usage = match sessions.get(&digest) {
            // What this process knows of the last use, which the store may not know yet.
            Some(known) => Arc::clone(&known.value.usage),
            None => Arc::new(SessionUsage::new(digest, record.last_used_at)),
        };
        usage.merge_stored(record.last_used_at);
        let session = Arc::new(CachedSession::new(record, user, usage, age, read_at));
        sessions.insert(digest, Arc::clone(&session));
        session
    }

    /// Returns the user of requests with this session.
    pub(super) fn user_of(&self, record: &SessionRecord) -> UserContext {
        user_of(record, &self.app_settings)
    }

    /// Forgets a session and its lookup in progress, after its record was changed.
    pub(super) fn forget(&self, digest: &SessionDigest) {
        let forget = || self.write().remove(digest);
        self.lookups.forget(digest, || self.cached_lookups.forget(digest, forget));
    }

    /// Caches the result of a lookup, which is `None` if the lookup was stopped.
    fn finish(&self, digest: &SessionDigest, result: Option<Result<Option<SessionRecord>, StoreError>>) -> Outcome {
        match result {
            Some(Ok(Some(record))) => Ok(Some(self.insert(record))),
            Some(Ok(None) | Err(StoreError::Unreadable)) => {
                self.write().remove(digest);
                Ok(None)
            }
            Some(Err(_)) | None => self.stale(digest),
        }
    }

    /// Returns a session whose record cannot be read again now, if it may still be used.
    fn stale(&self, digest: &SessionDigest) -> Outcome {
        let now = self.now();
        let sessions = self.read();
        let stale = sessions.get(digest).filter(|found| found.value.age.extend(now));
        stale.map(|found| Some(Arc::clone(found.value))).ok_or(Unavailable)
    }

    fn log(&self, error: Option<&StoreError>) {
        if let Some(StoreError::Unreadable) = error {
            if !self.has_logged_unreadable.swap(true, Ordering::Relaxed) {
                tracing::warn!("the stored record of a session cannot be read; its user must log in again");
            }
            return;
        }
        // Read first, so that lookups on many processors rarely contend for it.
        if self.is_down.load(Ordering::Relaxed) == error.is_some() {
            return;
        }
        match (self.is_down.swap(error.is_some(), Ordering::Relaxed), error) {
            (false, Some(error)) => {
                let cause = error_chain(error);
                tracing::warn!(cause, "cannot read sessions; cached ones are accepted for a while");
            }
            (true, None) => tracing::info!("sessions can be read again"),
            _ => {}
        }
    }

    /// Returns the milliseconds since the start.
    fn now(&self) -> u64 {
        millis(self.clock.monotonic().saturating_duration_since(self.start))
    }

    fn read(&self) -> RwLockReadGuard<'_, Generations<SessionDigest, Arc<CachedSession>>> {
        // Ignore poisoning: each change is complete before anything can panic.
        self.sessions.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Generations<SessionDigest, Arc<CachedSession>>> {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More than the usual size of a connection pool, and than a healthy database needs.
const MAX_LOOKUPS: usize = 64;

/// If a session changes during each of these lookups, the request is rejected with 503.
const MAX_ATTEMPTS: usize = 3;

/// In milliseconds: a record that was read within this time is current.
const FRESH_FOR: u64 = 1_000;
