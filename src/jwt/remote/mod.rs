//! `RemoteKeys`: the keys of an issuer that publishes them, kept fresh without a request ever waiting for a known key.

pub(crate) mod discovery;
pub(crate) mod fetch;
#[cfg(feature = "fetch")]
pub(crate) mod reqwest;
mod schedule;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::keys::jwks::{KeySet, SkippedKey};
use crate::jwt::remote::discovery::{JwksLocation, jwks_uri};
use crate::jwt::remote::fetch::{FetchError, HttpClient};
use crate::jwt::remote::schedule::{FIRST_RETRY, FetchSchedule};

/// An issuer's published keys.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    issuer: Arc<str>,
    location: JwksLocation,
    allowed: Vec<Algorithm>,
    client: HttpClient,
    clock: Clock,
    max_stale_keys: Duration,
    published: ArcSwapOption<Published>,
    /// How many sets were published here so far.
    sets: AtomicU64,
    control: Mutex<FetchSchedule>,
    answered: watch::Sender<()>,
    hasher: RandomState,
}

/// A set of keys, and until when it is good.
#[derive(Debug)]
struct Published {
    keys: KeySet,
    /// The document that they were read from.
    text: String,
    /// How many times the document had changed: what one generation verified, each of the same number would.
    generation: u64,
    refresh_at: Instant,
    expires_at: Instant,
}

/// What can be said of a key that is not at hand.
#[derive(Debug)]
pub(crate) enum KeySearch {
    /// The issuer has no such key.
    Absent,
    /// A fetch is under way that may bring it.
    Fetching(PendingFetch),
    /// The issuer cannot be asked before this time has passed.
    Unavailable(Duration),
}

/// A fetch to wait for.
#[derive(Debug)]
pub(crate) struct PendingFetch {
    answer: watch::Receiver<()>,
    /// Whether it was under way before it was asked for: it may have been answered before a key was published.
    pub(crate) is_earlier: bool,
}

impl PendingFetch {
    /// Waits for the answer, and no longer than until the fetch counts as lost. The sender lives as long as the policy.
    pub(crate) async fn answered(&mut self) {
        let answer = self.answer.changed();
        if Handle::try_current().is_ok() {
            let _ = tokio::time::timeout(LOST_AFTER, answer).await;
        } else {
            // Outside of a runtime no fetch was started here, and the answer has come.
            let _ = answer.await;
        }
    }
}

impl RemoteKeys {
    pub(crate) fn new(
        issuer: Arc<str>,
        location: JwksLocation,
        allowed: Vec<Algorithm>,
        client: HttpClient,
        clock: Clock,
        max_stale_keys: Duration,
    ) -> Self {
        Self {
            issuer,
            location,
            allowed,
            client,
            clock,
            // A sum that overflowed would mean the opposite of what was asked for.
            max_stale_keys: max_stale_keys.min(MAX_SERVE_STALE),
            published: ArcSwapOption::empty(),
            sets: AtomicU64::new(0),
            control: Mutex::default(),
            answered: watch::Sender::new(()),
            hasher: RandomState::new(),
        }
    }

    /// Gives the keys at hand and the number of their generation to `look`; `None` where there are none. Keys past their age are
    /// used all the same, and refreshed behind the request.
    pub(crate) fn with_keys<T>(self: &Arc<Self>, look: impl FnOnce(&KeySet, u64) -> T) -> Option<T> {
        let published = self.published.load();
        let published = published.as_ref()?;
        let now = self.clock.monotonic();
        if now >= published.refresh_at {
            self.refresh(now);
            if now >= published.expires_at {
                return None;
            }
        }
        Some(look(&published.keys, published.generation))
    }

    /// Whether keys are at hand.
    pub(crate) fn is_ready(&self) -> bool {
        let now = self.clock.monotonic();
        self.published.load().as_ref().is_some_and(|published| now < published.expires_at)
    }

    /// How many sets there were so far, to be read before a look at the keys: see [`search`](Self::search).
    pub(crate) fn sets(&self) -> u64 {
        self.sets.load(Ordering::Acquire)
    }

    /// Looks for a key that is not at hand: starts a fetch where one may start, or joins the one under way.
    ///
    /// `kid` is the one not found; `None` where no keys are at hand at all, or the token names none. `seen` is
    /// how many sets there were before the look that did not find it.
    pub(crate) fn search(self: &Arc<Self>, kid: Option<&str>, seen: u64) -> KeySearch {
        let now = self.clock.monotonic();
        let mut control = self.control();
        // Under the lock, which a fetch that ends holds until it has told: this answer is that of the fetch seen here.
        let mut answer = self.answered.subscribe();
        if control.is_fetching(now) {
            return KeySearch::Fetching(PendingFetch { answer, is_earlier: true });
        }
        if self.is_ready() {
            if self.sets() != seen {
                // It may have arrived since the look.
                answer.mark_changed();
                return KeySearch::Fetching(PendingFetch { answer, is_earlier: true });
            }
            if kid.is_some_and(|kid| control.is_absent(self.hasher.hash_one(kid), now)) {
                return KeySearch::Absent;
            }
            let wait = control.next_search.and_then(|at| at.checked_duration_since(now)).unwrap_or_default();
            if !wait.is_zero() {
                // After an answer without the key it is the token's fault, after none nobody can tell.
                return if control.failures == 0 { KeySearch::Absent } else { KeySearch::Unavailable(wait) };
            }
        }
        if let Some(wait) = control.unavailable(now) {
            return KeySearch::Unavailable(wait);
        }
        if self.is_ready() {
            // Counted on the attempt: a flood of unknown kids costs one fetch per period, however it ends.
            control.next_search = now.checked_add(SEARCH_PERIOD);
        }
        self.start(control);
        KeySearch::Fetching(PendingFetch { answer, is_earlier: false })
    }

    /// Notes that the fetch just waited for did not bring the key: the time after which to try again where it failed,
    /// `None` where the issuer has no such key.
    pub(crate) fn not_found(&self, kid: Option<&str>) -> Option<Duration> {
        let now = self.clock.monotonic();
        let mut control = self.control();
        let has_failed = control.failures > 0 || !self.is_ready();
        let wait = has_failed.then(|| control.unavailable(now).unwrap_or(FIRST_RETRY));
        if let (None, Some(kid), Some(until)) = (wait, kid, now.checked_add(ABSENT_FOR)) {
            control.note_absent(self.hasher.hash_one(kid), until, now);
        }
        wait
    }

    /// Starts a fetch that nobody waits for, unless one is under way or the last one failed a moment ago.
    pub(crate) fn refresh(self: &Arc<Self>, now: Instant) {
        let control = self.control();
        if !control.is_fetching(now) && control.unavailable(now).is_none() {
            self.start(control);
        }
    }

    /// Fetches in a task of its own: a request that is given up does not take the others' fetch with it.
    fn start(self: &Arc<Self>, mut control: MutexGuard<'_, FetchSchedule>) {
        let Ok(runtime) = Handle::try_current() else {
            control.fail(self.clock.monotonic(), jitter(&self.hasher));
            self.answered.send_replace(());
            drop(control);
            tracing::error!(issuer = %self.issuer, "keys cannot be fetched outside of a tokio runtime");
            return;
        };
        let now = self.clock.monotonic();
        let lost_at = now.checked_add(LOST_AFTER);
        control.lost_at = lost_at;
        // An issuer that has moved its keys may leave the old place, still answering, to whoever has its domain then.
        let told_uri = control.jwks_uri.clone().filter(|_| control.told_until.is_some_and(|until| now < until));
        if told_uri.is_none() {
            control.told_until = now.checked_add(METADATA_AGE);
        }
        // A runtime that is shutting down drops the task at once, and with it the guard, which takes the lock.
        drop(control);
        let fetch = FetchGuard { remote: Arc::clone(self), lost_at, outcome: Err(FetchError::Stopped) };
        runtime.spawn(async move {
            let mut fetch = fetch;
            let remote = Arc::clone(&fetch.remote);
            let outcome = tokio::time::timeout(TOTAL_TIMEOUT, remote.fetch(told_uri)).await;
            fetch.outcome = outcome.unwrap_or(Err(FetchError::TimedOut));
        });
    }

    async fn fetch(&self, told_uri: Option<String>) -> Result<FetchedKeys, FetchError> {
        let uri = match (&self.location, told_uri) {
            (JwksLocation::Url(url), _) => url.clone(),
            (JwksLocation::Metadata, Some(uri)) => uri,
            (JwksLocation::Metadata, None) => jwks_uri(&self.client, &self.issuer).await?,
        };
        let document = self.client.document(&uri).await?;
        let parsed = KeySet::parse(&document.text, &self.allowed).ok_or(FetchError::Malformed)?;
        if parsed.keys.is_empty() {
            return Err(FetchError::NoKey(parsed.skipped.first().map(|skipped| skipped.fault)));
        }
        Ok(FetchedKeys {
            uri,
            keys: parsed.keys,
            text: document.text,
            skipped: parsed.skipped,
            max_age: document.max_age,
        })
    }

    fn finish(&self, outcome: Result<FetchedKeys, FetchError>) {
        let now = self.clock.monotonic();
        let jitter = jitter(&self.hasher);
        let mut control = self.control();
        let ended = match outcome {
            Ok(fetched) => {
                let news = if control.skipped == fetched.skipped { Vec::new() } else { fetched.skipped.clone() };
                control.succeed(fetched.uri, fetched.skipped);
                let age = soft_age(fetched.max_age, jitter);
                // No clock in use reaches the end of its range; if it did, the keys would be refreshed at once.
                let refresh_at = now.checked_add(age).unwrap_or(now);
                let expires_at = refresh_at.checked_add(self.max_stale_keys).unwrap_or(refresh_at);
                let generation = self.published.load().as_ref().map_or(0, |before| {
                    if before.text == fetched.text { before.generation } else { before.generation + 1 }
                });
                let FetchedKeys { keys, text, .. } = fetched;
                self.published.store(Some(Arc::new(Published { keys, text, generation, refresh_at, expires_at })));
                // After the set: who reads the new count finds the new set.
                self.sets.fetch_add(1, Ordering::Release);
                Ok((news, age))
            }
            Err(fault) => Err((fault, control.fail(now, jitter))),
        };
        control.lost_at = None;
        // Still under the lock, so that nobody who looks for a later fetch takes this answer for that one's.
        self.answered.send_replace(());
        drop(control);
        // Last: a subscriber is not ours, and if it panicked, those who wait would wait forever.
        match ended {
            Ok((news, age)) => {
                news.iter().for_each(|skipped| skipped.log(&self.issuer));
                tracing::debug!(issuer = %self.issuer, refresh_in = ?age, "the issuer's keys were fetched");
            }
            Err((fault, wait)) => {
                let consequence =
                    if self.is_ready() { "those at hand stay in use" } else { "requests are answered 503" };
                tracing::warn!(
                    issuer = %self.issuer,
                    reason = %fault,
                    retry_in = ?wait,
                    "the issuer's keys could not be fetched; {consequence}"
                );
            }
        }
    }

    /// A poisoned lock holds whole data: nothing that can panic runs while it is held.
    fn control(&self) -> MutexGuard<'_, FetchSchedule> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct FetchedKeys {
    uri: String,
    keys: KeySet,
    text: String,
    skipped: Vec<SkippedKey>,
    max_age: Option<u64>,
}

/// A fetch under way. However it ends, by a panic of the client or the runtime's end too, those who wait are told.
struct FetchGuard {
    remote: Arc<RemoteKeys>,
    /// The mark it set: where another stands by now, this one was given up, and is not heard any more.
    lost_at: Option<Instant>,
    outcome: Result<FetchedKeys, FetchError>,
}

impl Drop for FetchGuard {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Err(FetchError::Stopped));
        let is_heard = self.remote.control().lost_at == self.lost_at;
        if is_heard {
            self.remote.finish(outcome);
        }
    }
}

/// How long keys are used without a look at the issuer's: what it says, within bounds, or the default.
fn soft_age(max_age: Option<u64>, jitter: f64) -> Duration {
    let age = max_age.map_or(SOFT_AGE, |seconds| Duration::from_secs(seconds).clamp(MIN_SOFT_AGE, MAX_SOFT_AGE));
    age.mul_f64(jitter)
}

/// 0.9 to 1.1, so that many instances do not ask at the same moment. A hash under a random key is as good as a die.
fn jitter(hasher: &RandomState) -> f64 {
    let die = u32::try_from(hasher.hash_one(Instant::now()) % 2001).unwrap_or_default();
    0.9 + f64::from(die) / 10_000.0
}

// jose's default, too; on an app in use, a key's withdrawal is known that soon.
const SOFT_AGE: Duration = Duration::from_secs(600);
const MIN_SOFT_AGE: Duration = Duration::from_secs(60);
const MAX_SOFT_AGE: Duration = Duration::from_secs(24 * 3600);
// As long as anybody could mean; what is added to an instant stays within its range.
const MAX_SERVE_STALE: Duration = Duration::from_secs(366 * 24 * 3600);
const METADATA_AGE: Duration = Duration::from_secs(24 * 3600);
const SEARCH_PERIOD: Duration = Duration::from_secs(30);
const ABSENT_FOR: Duration = Duration::from_secs(60);
// Metadata and keys together: how long a request may wait for them.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
// By then its own time-out has ended it, if anybody drives its runtime.
const LOST_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
