//! `KeyCache`: the records of keys in use, and the bounded lookups of others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::api_key::cached_key::CachedKey;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::timed_store::TimedStore;
use crate::api_key::usage_log::UsageLog;
use crate::api_key::users::user_of;
use crate::clock::Clock;
use crate::context::{AppSettings, UserContext};
use crate::error::error_chain;
use crate::lookup::{Age, Generations, SharedLookups, Start, millis};
use crate::record_store::StoreError;

/// The records of keys in use. Anyone can send well-formed keys that do not exist, so work and memory are bounded:
///
/// - Requests with one key share a lookup, which runs in its own task, so that a canceled request does not cancel the
///   lookup that others wait for.
/// - At most [`MAX_LOOKUPS`] run at the same time. No request waits for its turn. Lookups of cached keys, whose records
///   must be read again, have as many of their own. Otherwise, a flood of unknown keys would keep such a record in use,
///   even if the key was revoked meanwhile.
/// - Ids that do not exist are remembered for a while, apart from the keys that do.
///
/// # Locking
///
/// A request with a cached key takes the lock of the keys for reading. The lock of the lookups is taken only for other
/// keys, and the locks of the keys and of the absent ids inside it. None is held across an `await` or while a line is
/// logged.
///
/// # Revocation
///
/// A change of a record [forgets](Self::forget) its id after it was stored. A lookup in progress is then forgotten too:
/// it may have read the old record. Requests that wait for it look the key up again.
#[derive(Debug)]
pub(super) struct KeyCache {
    keys: RwLock<Generations<ApiKeyId, Arc<CachedKey>>>,
    /// Ids that do not exist, each with the time at which it is forgotten, in milliseconds since the start.
    absent: Mutex<Generations<ApiKeyId, u64>>,
    lookups: Arc<SharedLookups<ApiKeyId, Outcome>>,
    /// Of cached keys whose records must be read again.
    cached_lookups: Arc<SharedLookups<ApiKeyId, Outcome>>,
    app: AppSettings,
    usage: Arc<UsageLog>,
    store: TimedStore,
    settings: CacheSettings,
    clock: Clock,
    start: Instant,
    /// Whether the last lookup failed. Each change is logged once.
    is_down: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CacheSettings {
    pub(super) ttl: Duration,
    pub(super) stale_for: Duration,
    pub(super) capacity: usize,
}

/// The result of a lookup: the key, `None` if there is none of this id.
pub(super) type Outcome = Result<Option<Arc<CachedKey>>, Unavailable>;

/// The store failed, or too many lookups run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unavailable;

/// What is known of a key without the store.
#[derive(Debug)]
pub(super) enum Known {
    Key(Arc<CachedKey>),
    Absent,
    /// It must be looked up.
    Missing,
}

impl KeyCache {
    pub(super) fn new(
        app: AppSettings,
        usage: Arc<UsageLog>,
        store: TimedStore,
        settings: CacheSettings,
        clock: Clock,
    ) -> Self {
        Self {
            keys: RwLock::new(Generations::new(settings.capacity)),
            absent: Mutex::new(Generations::new(MAX_ABSENT)),
            lookups: SharedLookups::new(MAX_LOOKUPS),
            cached_lookups: SharedLookups::new(MAX_LOOKUPS),
            app,
            usage,
            store,
            settings,
            start: clock.monotonic(),
            clock,
            is_down: AtomicBool::new(false),
        }
    }

    /// Returns what is known of a key without the store.
    pub(super) fn get(&self, id: &ApiKeyId) -> Known {
        let now = self.now();
        if let Some(key) = self.current_key(id, now) {
            return Known::Key(key);
        }
        if self.is_absent(id, now) { Known::Absent } else { Known::Missing }
    }

    /// Expires the record of a key, but at most once a second. Returns whether it did.
    pub(super) fn expire(&self, key: &CachedKey) -> bool {
        key.age().expire(self.now())
    }

    /// Looks up a key, or waits for the lookup in progress.
    pub(super) async fn look_up(self: &Arc<Self>, id: ApiKeyId) -> Outcome {
        for _ in 0..MAX_ATTEMPTS {
            match self.start(id) {
                Start::Known(outcome) => return outcome,
                // Without an outcome, the record was changed meanwhile.
                Start::Waiting(lookup) => {
                    if let Some(outcome) = lookup.outcome().await {
                        return outcome;
                    }
                }
                Start::TooMany => return self.stale_key(&id),
                Start::Fault(fault) => {
                    tracing::error!(reason = %fault, "cannot look up an API key");
                    return Err(Unavailable);
                }
            }
        }
        Err(Unavailable)
    }

    /// Returns the user that requests with the key of this record have.
    pub(super) fn user_of(&self, record: &ApiKeyRecord) -> UserContext {
        user_of(record, &self.app)
    }

    /// Forgets what is known of a key, and the lookup in progress, after its record was changed.
    pub(super) fn forget(&self, id: &ApiKeyId) {
        let forget = || {
            self.lock_absent().remove(id);
            self.write_keys().remove(id);
        };
        self.lookups.forget(id, || self.cached_lookups.forget(id, forget));
    }

    /// Returns the key if it need not be read again.
    fn current_key(&self, id: &ApiKeyId, now: u64) -> Option<Arc<CachedKey>> {
        let (key, is_old) = {
            let keys = self.read_keys();
            let found = keys.get(id).filter(|found| found.value.age().is_current(now))?;
            (Arc::clone(found.value), found.is_old)
        };
        if is_old {
            self.write_keys().renew(*id);
        }
        Some(key)
    }

    fn is_absent(&self, id: &ApiKeyId, now: u64) -> bool {
        self.lock_absent().get(id).is_some_and(|until| now < *until.value)
    }

    /// Starts a lookup, or joins the one in progress.
    fn start(self: &Arc<Self>, id: ApiKeyId) -> Start<Outcome> {
        let look_up = || {
            let cache = Arc::clone(self);
            async move {
                let result = cache.store.find(&id).await;
                cache.log_change(result.as_ref().err());
                result
            }
        };
        let cache = Arc::clone(self);
        let is_cached = self.read_keys().get(&id).is_some();
        let lookups = if is_cached { &self.cached_lookups } else { &self.lookups };
        lookups.start(&id, || self.known(&id), look_up, move |result| cache.record(id, result))
    }

    /// Another lookup may have ended since the cache was asked.
    fn known(&self, id: &ApiKeyId) -> Option<Outcome> {
        let now = self.now();
        let key = self.current_key(id, now).map(Some);
        key.or_else(|| self.is_absent(id, now).then_some(None)).map(Ok)
    }

    /// Returns a key whose record cannot be read again now, if it may still be used.
    fn stale_key(&self, id: &ApiKeyId) -> Outcome {
        let now = self.now();
        let keys = self.read_keys();
        let stale = keys.get(id).filter(|found| found.value.age().extend(now));
        stale.map(|found| Some(Arc::clone(found.value))).ok_or(Unavailable)
    }

    /// Caches the result of a lookup. It is `None` if the lookup was stopped.
    fn record(&self, id: ApiKeyId, result: Option<Result<Option<ApiKeyRecord>, StoreError>>) -> Outcome {
        let now = self.now();
        match result {
            Some(Ok(Some(record))) => {
                let user = self.user_of(&record);
                let age = Age::new(now, self.settings.ttl, self.settings.stale_for);
                let key = Arc::new(CachedKey::new(record, user, self.usage.counters.of(id), age));
                self.write_keys().insert(id, Arc::clone(&key));
                Ok(Some(key))
            }
            Some(Ok(None)) => {
                self.lock_absent().insert(id, now.saturating_add(millis(ABSENT_FOR)));
                self.write_keys().remove(&id);
                Ok(None)
            }
            Some(Err(_)) | None => self.stale_key(&id),
        }
    }

    /// Logs whether the store can be read, if that has changed. It holds no lock, because a tracing subscriber is
    /// foreign code.
    fn log_change(&self, error: Option<&StoreError>) {
        // Read first, so that lookups on many processors rarely contend for it.
        if self.is_down.load(Ordering::Relaxed) == error.is_some() {
            return;
        }
        match (self.is_down.swap(error.is_some(), Ordering::Relaxed), error) {
            (false, Some(error)) => {
                let cause = error_chain(error);
                tracing::warn!(cause, "cannot read API keys; cached ones are accepted for a while");
            }
            (true, None) => tracing::info!("API keys can be read again"),
            _ => {}
        }
    }

    /// Returns the milliseconds since the start.
    fn now(&self) -> u64 {
        millis(self.clock.monotonic().saturating_duration_since(self.start))
    }

    fn lock_absent(&self) -> MutexGuard<'_, Generations<ApiKeyId, u64>> {
        // A poisoned lock is used as well: each change is complete before anything can panic.
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_keys(&self) -> RwLockReadGuard<'_, Generations<ApiKeyId, Arc<CachedKey>>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_keys(&self) -> RwLockWriteGuard<'_, Generations<ApiKeyId, Arc<CachedKey>>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool of connections to a database is smaller, and a healthy database has far fewer lookups in progress.
const MAX_LOOKUPS: usize = 64;

/// A new key that another process created is accepted at most this late, if someone has sent it before.
const ABSENT_FOR: Duration = Duration::from_secs(10);

/// Some 800 kB.
const MAX_ABSENT: usize = 10_000;

/// A key that is changed again and again while it is looked up is rejected with 503.
const MAX_ATTEMPTS: usize = 3;
