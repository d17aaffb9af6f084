//! `RemoteKeys`: the keys that an issuer publishes, fetched once for all requests and refreshed in the background.

pub(crate) mod discovery;
pub(crate) mod fetch;
mod published_keys;
mod schedule;
pub(crate) mod search;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::http_client::client::SharedHttpClient;
use crate::jwt::keys::jwk::KeyFilter;
use crate::jwt::keys::jwks::{KeySet, SkippedKey};
use crate::jwt::remote::discovery::{JwksLocation, locate};
use crate::jwt::remote::fetch::{FetchError, get_document};
use crate::jwt::remote::published_keys::{PublishedKeys, refresh_interval};
use crate::jwt::remote::schedule::{FIRST_BACK_OFF, FetchSchedule, jitter};
use crate::jwt::remote::search::{KeySearch, PendingFetch};
use crate::runtime;

/// The keys that an issuer publishes.
///
/// Requests read the published keys without a lock. The [schedule](FetchSchedule) decides when to fetch, and an issuer
/// has at most one fetch at a time:
///
/// - Keys older than their refresh interval are refreshed in the background, and stay in use for `max_stale_keys` more.
/// - A token with an unknown `kid` waits for a fetch, which starts at most every 30 seconds (cool-down). A `kid` that
///   the issuer does not have is remembered for a minute.
/// - After a failed fetch, the next one waits for a second, and twice as long after each further failure (back-off).
///
/// No timer runs: a refresh starts with the first request after it is due. So an idle app sends nothing, and a layer
/// needs no task that must be stopped.
///
/// # Locking
///
/// The mutex around the schedule is taken only if a fetch may start or has ended, never for a request whose key is
/// known and current. It is never held during a fetch, across an `await`, or while a line is logged. Publishing keys,
/// ending the fetch and notifying the waiting requests happen under one lock, so a request that takes it sees all or
/// none.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    issuer: Arc<str>,
    pub(crate) location: JwksLocation,
    pub(crate) filter: KeyFilter,
    client: SharedHttpClient,
    clock: Clock,
    max_stale_keys: Duration,
    /// The timeout for metadata and keys together, which is how long a request may wait for them.
    fetch_timeout: Duration,
    published: ArcSwapOption<PublishedKeys>,
    /// The `critical_subject_members` of a transmitter's configuration.
    #[cfg(feature = "shared_signals")]
    critical_members: ArcSwapOption<Arc<[String]>>,
    /// The number of sets published so far, also of sets with the same text as before.
    fetched_sets: AtomicU64,
    schedule: Mutex<FetchSchedule>,
    /// A watch channel, because it has any number of receivers and keeps only whether something was sent.
    fetch_finished: watch::Sender<()>,
    /// For hashes of `kid`s, which callers choose, and as a source of randomness for jitter.
    hasher: RandomState,
}

impl RemoteKeys {
    pub(crate) fn new(
        issuer: Arc<str>,
        location: JwksLocation,
        filter: KeyFilter,
        client: SharedHttpClient,
        clock: Clock,
        max_stale_keys: Duration,
        fetch_timeout: Duration,
    ) -> Self {
        Self {
            issuer,
            location,
            filter,
            client,
            clock,
            // Added to an instant, a longer time might overflow, and then mean no time at all.
            max_stale_keys: max_stale_keys.min(LONGEST_STALE),
            fetch_timeout,
            published: ArcSwapOption::empty(),
            #[cfg(feature = "shared_signals")]
            critical_members: ArcSwapOption::empty(),
            fetched_sets: AtomicU64::new(0),
            schedule: Mutex::default(),
            fetch_finished: watch::Sender::new(()),
            hasher: RandomState::new(),
        }
    }

    /// Calls `read` with the current keys and their generation. Returns `None` if there are none, or they have expired.
    ///
    /// If the keys are due for a refresh, this starts one in the background.
    pub(crate) fn with_keys<T>(self: &Arc<Self>, read: impl FnOnce(&KeySet, u64) -> T) -> Option<T> {
        // `load` usually counts no reference, so requests on many processors do not contend for a counter.
        let published = self.published.load();
        let published = published.as_ref()?;
        let now = self.clock.monotonic();
        if now >= published.refresh_at {
            // This starts the fetch for expired keys too; the caller then finds it in progress and waits for it.
            self.refresh(now);
            if now >= published.expires_at {
                return None;
            }
        }
        Some(read(&published.keys, published.generation))
    }

    /// Whether there are keys that have not expired.
    pub(crate) fn is_ready(&self) -> bool {
        let now = self.clock.monotonic();
        self.published.load().as_ref().is_some_and(|published| now < published.expires_at)
    }

    /// Returns the members of a subject that a receiver must understand, by the last configuration that was fetched.
    #[cfg(feature = "shared_signals")]
    pub(crate) fn critical_members(&self) -> Arc<[String]> {
        self.critical_members.load().as_deref().cloned().unwrap_or_default()
    }

    /// Returns how many key sets have been fetched so far. Read it before the keys, for [`search`](Self::search).
    pub(crate) fn fetched_sets(&self) -> u64 {
        self.fetched_sets.load(Ordering::Acquire)
    }

    /// Searches for a missing key: joins the fetch in progress, or starts one if that is allowed now.
    ///
    /// `kid` is `None` if there are no keys at all, or the token has no `kid`. `checked_sets` is the number of
    /// [`fetched_sets`](Self::fetched_sets) before the keys were read.
    ///
    /// Anyone can send tokens with invented `kid`s. However many arrive, they start at most one fetch in 30 seconds,
    /// and none during a back-off.
    pub(crate) fn search(self: &Arc<Self>, kid: Option<&str>, checked_sets: u64) -> KeySearch {
        let now = self.clock.monotonic();
        let mut schedule = self.schedule();
        // Subscribe under the lock. A fetch sends its notification under the lock, too, so the next notification is
        // that of the fetch that `schedule` describes.
        let mut finished = self.fetch_finished.subscribe();
        if schedule.is_fetching(now) {
            return KeySearch::Fetching(self.pending(finished, true));
        }
        // With keys, the token is probably at fault, and the fetch for it must be rationed. Without keys, every token
        // needs the fetch, and only the back-off delays it.
        if self.is_ready() {
            if self.fetched_sets() != checked_sets {
                // A set arrived after the keys were read: do not wait, read the keys again.
                finished.mark_changed();
                return KeySearch::Fetching(self.pending(finished, true));
            }
            // The same unknown `kid` again, for example from a client with a token of another environment. It must not
            // start a fetch after each cool-down, which would delay the fetch for a key that exists.
            if kid.is_some_and(|kid| schedule.is_absent(self.hasher.hash_one(kid), now)) {
                return KeySearch::Absent;
            }
            if let Some(retry_after) = schedule.cool_down(now) {
                // If the last fetch succeeded, the token is at fault. If it failed, the issuer may have the key.
                let has_failed = schedule.failures > 0;
                return if has_failed { KeySearch::Unavailable { retry_after } } else { KeySearch::Absent };
            }
        }
        if let Some(retry_after) = schedule.back_off(now) {
            return KeySearch::Unavailable { retry_after };
        }
        if self.is_ready() {
            // The cool-down begins with the attempt, so that a flood of unknown `kid`s causes one fetch per period even
            // if the fetch fails.
            schedule.next_kid_fetch_at = now.checked_add(COOL_DOWN);
        }
        self.start_fetch(schedule);
        KeySearch::Fetching(self.pending(finished, false))
    }

    fn pending(&self, finished: watch::Receiver<()>, started_earlier: bool) -> PendingFetch {
        PendingFetch { finished, started_earlier, lost_after: self.lost_after() }
    }

    /// Returns the time after which a fetch counts as lost. By then, the timeout has ended every fetch whose runtime
    /// still runs.
    fn lost_after(&self) -> Duration {
        self.fetch_timeout.saturating_add(LOST_MARGIN)
    }

    /// Records that a finished fetch did not bring the key.
    ///
    /// Returns when to try again if the fetch failed, and `None` if the issuer has no such key. Only then is the `kid`
    /// recorded as absent: an outage does not prove that a key does not exist.
    pub(crate) fn record_not_found(&self, kid: Option<&str>) -> Option<Duration> {
        let now = self.clock.monotonic();
        let mut schedule = self.schedule();
        let has_failed = schedule.failures > 0 || !self.is_ready();
        if has_failed {
            return Some(schedule.back_off(now).unwrap_or(FIRST_BACK_OFF));
        }
        if let (Some(kid), Some(until)) = (kid, now.checked_add(ABSENT_FOR)) {
            schedule.record_absent(self.hasher.hash_one(kid), until, now);
        }
        None
    }

    /// Fetches the first keys of an issuer that is not in use yet, for a caller that waits and reports the error.
    ///
    /// # Errors
    ///
    /// Returns [`FetchError`] if the fetch fails. Nothing is logged or recorded then.
    pub(crate) async fn fetch_first(&self) -> Result<(), FetchError> {
        let fetched = tokio::time::timeout(self.fetch_timeout, self.fetch(None)).await;
        let fetched = fetched.unwrap_or(Err(FetchError::TimedOut))?;
        self.finish_fetch(self.schedule(), Ok(fetched));
        Ok(())
    }

    /// Starts a fetch in the background, unless one is in progress or the last one failed a moment ago.
    fn refresh(self: &Arc<Self>, now: Instant) {
        let schedule = self.schedule();
        if !schedule.is_fetching(now) && schedule.back_off(now).is_none() {
            self.start_fetch(schedule);
        }
    }

    /// Starts a fetch in its own task, so that a canceled request does not cancel the fetch that others wait for.
    ///
    /// It takes over the lock under which the caller decided, so that no other request starts a second fetch before
    /// `lost_at` is set.
    fn start_fetch(self: &Arc<Self>, mut schedule: MutexGuard<'_, FetchSchedule>) {
        let now = self.clock.monotonic();
        // Without a runtime that has timers, a fetch fails like any other: the request is 503, and the app recovers
        // once requests run on one.
        let runtime = match runtime::current() {
            Ok(runtime) => runtime,
            Err(fault) => {
                schedule.record_failure(now, jitter(&self.hasher));
                self.fetch_finished.send_replace(());
                drop(schedule);
                tracing::error!(issuer = %self.issuer, reason = %fault, "cannot fetch the issuer's keys");
                return;
            }
        };
        let lost_at = now.checked_add(self.lost_after());
        schedule.lost_at = lost_at;
        // The metadata is read again once a day. An issuer that has moved its keys may still serve old ones at the old
        // URL, or lose that domain to someone else.
        let is_uri_current = schedule.jwks_uri_expires_at.is_some_and(|at| now < at);
        let known_uri = schedule.jwks_uri.clone().filter(|_| is_uri_current);
        if known_uri.is_none() {
            // Counted from the attempt. A failure forgets the URL anyway.
            schedule.jwks_uri_expires_at = now.checked_add(METADATA_AGE);
        }
        // Release the lock before `spawn`: a runtime that is shutting down drops the task at once, and with it the
        // guard, which takes the lock.
        drop(schedule);
        let guard = FetchGuard { remote: Arc::clone(self), lost_at, outcome: Err(FetchError::Stopped) };
        runtime.spawn(async move {
            let mut guard = guard;
            let remote = Arc::clone(&guard.remote);
            let outcome = tokio::time::timeout(remote.fetch_timeout, remote.fetch(known_uri)).await;
            guard.outcome = outcome.unwrap_or(Err(FetchError::TimedOut));
        });
    }

    /// Fetches the key set, after the metadata if the URL of the keys is unknown.
    ///
    /// # Errors
    ///
    /// Returns [`FetchError`] if a request fails, or if the set has no usable key: an issuer that publishes an empty
    /// set by mistake must not lock out everyone, so the current keys stay in use.
    async fn fetch(&self, known_uri: Option<String>) -> Result<FetchedKeys, FetchError> {
        let located = locate(&self.client, &self.location, &self.issuer, known_uri, self.fetch_timeout).await?;
        // Before the keys: the tokens that they verify need it.
        #[cfg(feature = "shared_signals")]
        if let Some(names) = located.critical_members {
            self.critical_members.store(Some(Arc::new(names)));
        }
        let document = get_document(&self.client, &located.jwks_uri).await?;
        let parsed = KeySet::parse(&document.text, &self.filter).ok_or(FetchError::Malformed)?;
        if parsed.keys.is_empty() {
            return Err(FetchError::NoKey(parsed.skipped.first().map(|skipped| skipped.error)));
        }
        Ok(FetchedKeys {
            uri: located.jwks_uri,
            keys: parsed.keys,
            document: document.text,
            skipped: parsed.skipped,
            max_age: document.max_age,
        })
    }

    /// Publishes the keys or records the failure, and notifies the requests that wait. A failure keeps the current
    /// keys.
    ///
    /// It takes over the lock under which the caller saw that this fetch is the current one, so that no other fetch
    /// starts before `lost_at` is cleared.
    fn finish_fetch(&self, mut schedule: MutexGuard<'_, FetchSchedule>, outcome: Result<FetchedKeys, FetchError>) {
        let now = self.clock.monotonic();
        let jitter = jitter(&self.hasher);
        let result = match outcome {
            Ok(fetched) => Ok(self.publish(fetched, &mut schedule, now, jitter)),
            Err(error) => Err((error, schedule.record_failure(now, jitter))),
        };
        schedule.lost_at = None;
        // Notify under the lock, so that no request that waits for a later fetch receives this notification.
        self.fetch_finished.send_replace(());
        drop(schedule);
        // Log last, after the notification: a tracing subscriber is foreign code, and may panic.
        match result {
            Ok((new_skipped, refresh_in)) => {
                SkippedKey::log_all(&new_skipped, &self.issuer);
                tracing::debug!(issuer = %self.issuer, ?refresh_in, "fetched the issuer's keys");
            }
            Err((error, retry_in)) => self.log_failure(&error, retry_in),
        }
    }

    /// Publishes fetched keys. Returns the skipped keys to log, and the time until the next refresh.
    fn publish(
        &self,
        fetched: FetchedKeys,
        schedule: &mut FetchSchedule,
        now: Instant,
        jitter: f64,
    ) -> (Vec<SkippedKey>, Duration) {
        let FetchedKeys { uri, keys, document, skipped, max_age } = fetched;
        let new_skipped = if schedule.skipped == skipped { Vec::new() } else { skipped.clone() };
        schedule.record_success(uri, skipped);
        let refresh_in = refresh_interval(max_age, jitter);
        // Instants do not overflow in practice. If they did, the keys would be refreshed at once.
        let refresh_at = now.checked_add(refresh_in).unwrap_or(now);
        let expires_at = refresh_at.checked_add(self.max_stale_keys).unwrap_or(refresh_at);
        // No other fetch can publish in between: the caller holds the lock of the schedule.
        let generation = PublishedKeys::next_generation(self.published.load().as_deref(), &document);
        let published = PublishedKeys { keys, document, generation, refresh_at, expires_at };
        self.published.store(Some(Arc::new(published)));
        // After the keys: a request that reads the new number also reads the new keys.
        self.fetched_sets.fetch_add(1, Ordering::Release);
        (new_skipped, refresh_in)
    }

    fn log_failure(&self, error: &FetchError, retry_in: Duration) {
        let consequence =
            if self.is_ready() { "the current keys stay in use" } else { "requests are rejected with 503" };
        tracing::warn!(issuer = %self.issuer, reason = %error, ?retry_in, "cannot fetch the issuer's keys; {consequence}");
    }

    /// Locks the schedule. A poisoned lock is used as well: nothing that can panic runs between related changes, and
    /// one panic must not stop all fetches forever.
    fn schedule(&self) -> MutexGuard<'_, FetchSchedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct FetchedKeys {
    uri: String,
    keys: KeySet,
    document: String,
    skipped: Vec<SkippedKey>,
    max_age: Option<u64>,
}

/// A fetch in progress. However its task ends, even by a panic or with its runtime, dropping it notifies the requests
/// that wait.
struct FetchGuard {
    remote: Arc<RemoteKeys>,
    /// Identifies the fetch: if the schedule has another value, this fetch counted as lost and its outcome is ignored.
    lost_at: Option<Instant>,
    outcome: Result<FetchedKeys, FetchError>,
}

impl Drop for FetchGuard {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Err(FetchError::Stopped));
        let schedule = self.remote.schedule();
        if schedule.lost_at == self.lost_at {
            self.remote.finish_fetch(schedule, outcome);
        }
    }
}

// Longer than anyone needs, and far from the overflow of an instant.
const LONGEST_STALE: Duration = Duration::from_secs(366 * 24 * 3600);

const METADATA_AGE: Duration = Duration::from_secs(24 * 3600);

// A key that is rotated during a flood of unknown `kid`s is accepted at most this late. jose has the same default.
const COOL_DOWN: Duration = Duration::from_secs(30);

// Twice the cool-down, so that one wrong token that is sent repeatedly does not use up every fetch.
const ABSENT_FOR: Duration = Duration::from_secs(60);

// More than the time between the end of the timeout and the next turn of the task.
const LOST_MARGIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
