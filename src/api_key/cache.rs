//! `KeyCache`: the records of keys in use, and the bounded lookups of others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::api_key::cached_key::{Age, CachedKey, millis};
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::store::StoreError;
use crate::api_key::timed_store::TimedStore;
use crate::api_key::usage_log::UsageLog;
use crate::api_key::users::user_of;
use crate::clock::Clock;
use crate::context::{AppSettings, UserContext};
use crate::error::error_chain;
use crate::lookup::{Generations, InProgress};
use crate::runtime;

/// The records of keys in use. Anyone can send well-formed keys that do not exist, so work and memory are bounded:
///
/// - Requests with one key share a lookup, which runs in its own task, so that a canceled request does not cancel the
///   lookup that others wait for.
/// - At most [`MAX_LOOKUPS`] run at the same time. No request waits for its turn.
/// - Ids that do not exist are remembered for a while, apart from the keys that do.
///
/// # Locking
///
/// A request with a cached key takes the lock of the keys for reading. The lock of the lookups is taken only for other
/// keys, and the lock of the keys inside it. Neither is held across an `await` or while a line is logged.
///
/// # Revocation
///
/// A change of a record [forgets](Self::forget) its id after it was stored. A lookup in progress is then forgotten too:
/// it may have read the old record. Requests that wait for it look the key up again.
#[derive(Debug)]
pub(super) struct KeyCache {
    keys: RwLock<Generations<ApiKeyId, Arc<CachedKey>>>,
    lookups: Mutex<Lookups>,
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

#[derive(Debug)]
struct Lookups {
    in_progress: InProgress<ApiKeyId, Outcome>,
    /// How many run, including those that were forgotten.
    running: usize,
    /// Ids that do not exist, each with the time at which it is forgotten, in milliseconds since the start.
    absent: Generations<ApiKeyId, u64>,
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
        let lookups = Lookups { in_progress: InProgress::new(), running: 0, absent: Generations::new(MAX_ABSENT) };
        Self {
            keys: RwLock::new(Generations::new(settings.capacity)),
            lookups: Mutex::new(lookups),
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
        if self.lookups().is_absent(id, now) { Known::Absent } else { Known::Missing }
    }

    /// Looks up a key, or waits for the lookup in progress.
    pub(super) async fn look_up(self: &Arc<Self>, id: ApiKeyId) -> Outcome {
        for _ in 0..MAX_ATTEMPTS {
            let mut outcome = match self.start(id) {
                Start::Known(outcome) => return outcome,
                Start::Waiting(outcome) => outcome,
            };
            // The sender is dropped without an outcome if the record was changed meanwhile.
            if let Ok(outcome) = outcome.wait_for(Option::is_some).await
                && let Some(outcome) = &*outcome
            {
                return outcome.clone();
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
        let mut lookups = self.lookups();
        lookups.in_progress.forget(id);
        lookups.absent.remove(id);
        self.write_keys().remove(id);
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

    /// Starts a lookup, or joins the one in progress. Another one may have ended since the cache was asked.
    fn start(self: &Arc<Self>, id: ApiKeyId) -> Start {
        let now = self.now();
        let mut lookups = self.lookups();
        if let Some(outcome) = lookups.in_progress.join(&id) {
            return Start::Waiting(outcome);
        }
        if let Some(key) = self.current_key(&id, now) {
            return Start::Known(Ok(Some(key)));
        }
        if lookups.is_absent(&id, now) {
            return Start::Known(Ok(None));
        }
        if lookups.running >= MAX_LOOKUPS {
            return Start::Known(self.stale_key(&id, now));
        }
        let runtime = match runtime::current() {
            Ok(runtime) => runtime,
            Err(fault) => {
                drop(lookups);
                tracing::error!(reason = %fault, "cannot look up an API key");
                return Start::Known(Err(Unavailable));
            }
        };
        let (lookup_id, outcome) = lookups.in_progress.start(id);
        lookups.running += 1;
        // Release the lock before `spawn`: a runtime that is shutting down drops the task at once, and with it the
        // guard, which takes the lock.
        drop(lookups);
        let guard = LookupGuard { cache: Arc::clone(self), id, lookup_id, result: None };
        runtime.spawn(guard.run());
        Start::Waiting(outcome)
    }

    /// Returns a key whose record cannot be read again now, if it may still be used.
    fn stale_key(&self, id: &ApiKeyId, now: u64) -> Outcome {
        let keys = self.read_keys();
        let stale = keys.get(id).filter(|found| found.value.age().extend(now));
        stale.map(|found| Some(Arc::clone(found.value))).ok_or(Unavailable)
    }

    /// Caches the result of a lookup, and notifies the requests that wait.
    fn finish(&self, id: ApiKeyId, lookup_id: u64, result: Result<Option<ApiKeyRecord>, StoreError>) {
        let now = self.now();
        let error = result.as_ref().err().cloned();
        let mut lookups = self.lookups();
        lookups.running = lookups.running.saturating_sub(1);
        // `None` if the record was changed meanwhile, so that the result may be outdated.
        if let Some(sender) = lookups.in_progress.finish(&id, lookup_id) {
            let outcome = match result {
                Ok(Some(record)) => {
                    let user = self.user_of(&record);
                    let age = Age::new(now, self.settings.ttl, self.settings.stale_for);
                    let key = Arc::new(CachedKey::new(record, user, self.usage.counters.of(id), age));
                    self.write_keys().insert(id, Arc::clone(&key));
                    Ok(Some(key))
                }
                Ok(None) => {
                    lookups.absent.insert(id, now.saturating_add(millis(ABSENT_FOR)));
                    self.write_keys().remove(&id);
                    Ok(None)
                }
                Err(_) => self.stale_key(&id, now),
            };
            sender.send_replace(Some(outcome));
        }
        drop(lookups);
        // Log last, after the notification: a tracing subscriber is foreign code, and may panic.
        self.log_change(error.as_ref());
    }

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

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        // A poisoned lock is used as well: each change is complete before anything can panic.
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_keys(&self) -> RwLockReadGuard<'_, Generations<ApiKeyId, Arc<CachedKey>>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_keys(&self) -> RwLockWriteGuard<'_, Generations<ApiKeyId, Arc<CachedKey>>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookups {
    fn is_absent(&self, id: &ApiKeyId, now: u64) -> bool {
        self.absent.get(id).is_some_and(|until| now < *until.value)
    }
}

/// The start of a lookup.
enum Start {
    Known(Outcome),
    Waiting(watch::Receiver<Option<Outcome>>),
}

/// A lookup in progress. However its task ends, even by a panic or with its runtime, dropping it notifies the requests
/// that wait.
struct LookupGuard {
    cache: Arc<KeyCache>,
    id: ApiKeyId,
    lookup_id: u64,
    result: Option<Result<Option<ApiKeyRecord>, StoreError>>,
}

impl LookupGuard {
    async fn run(mut self) {
        self.result = Some(self.cache.store.find(&self.id).await);
    }
}

impl Drop for LookupGuard {
    fn drop(&mut self) {
        let stopped = || Err(StoreError::unavailable("the lookup was stopped"));
        self.cache.finish(self.id, self.lookup_id, self.result.take().unwrap_or_else(stopped));
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
