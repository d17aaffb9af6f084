//! `SharedLookups`: lookups that run once for each key, and not too many at the same time.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::lookup::in_progress::InProgress;
use crate::runtime::{self, RuntimeFault};

/// The lookups in progress, each in a task of its own, so that a canceled request does not cancel the lookup that
/// others wait for.
///
/// # Locking
///
/// The lock is held while a caller of [`start`](Self::start) reads what is known, and while the result of a lookup is
/// recorded or what is known is forgotten. So a request either joins a lookup or finds its result.
pub(crate) struct SharedLookups<K, T> {
    state: Mutex<State<K, T>>,
    max_running: usize,
}

struct State<K, T> {
    in_progress: InProgress<K, T>,
    running: usize,
}

/// What a request that needs a lookup gets.
pub(crate) enum Start<T> {
    /// Another lookup ended since the request asked.
    Known(T),
    /// The lookup is in progress.
    Waiting(Waiting<T>),
    /// As many lookups as allowed are running. No request waits for its turn.
    TooMany,
    /// No task can be started.
    Fault(RuntimeFault),
}

/// The wait for the outcome of a lookup.
pub(crate) struct Waiting<T>(watch::Receiver<Option<T>>);

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> SharedLookups<K, T> {
    /// Creates the lookups, of which at most this number run at the same time.
    pub(crate) fn new(max_running: usize) -> Arc<Self> {
        let state = State { in_progress: InProgress::new(), running: 0 };
        Arc::new(Self { state: Mutex::new(state), max_running })
    }

    /// Starts a lookup, or joins the one in progress.
    ///
    /// `known` returns what is known without a lookup. `record` turns the result of the lookup into its outcome, and
    /// stores it where `known` finds it. It gets `None` if the lookup did not end: its runtime shut down, or it
    /// panicked.
    pub(crate) fn start<F: Future<Output: Send> + Send + 'static>(
        self: &Arc<Self>,
        key: &K,
        known: impl FnOnce() -> Option<T>,
        look_up: impl FnOnce() -> F,
        record: impl FnOnce(Option<F::Output>) -> T + Send + 'static,
    ) -> Start<T> {
        let mut state = self.lock();
        if let Some(outcome) = state.in_progress.join(key) {
            return Start::Waiting(Waiting(outcome));
        }
        if let Some(outcome) = known() {
            return Start::Known(outcome);
        }
        if state.running >= self.max_running {
            return Start::TooMany;
        }
        let runtime = match runtime::current() {
            Ok(runtime) => runtime,
            Err(fault) => return Start::Fault(fault),
        };
        let (id, outcome) = state.in_progress.start(key.clone());
        state.running += 1;
        // Release the lock before `spawn`: a runtime that is shutting down drops the task at once, and with it the
        // guard, which takes the lock.
        drop(state);
        let lookup =
            RunningLookup { lookups: Arc::clone(self), key: key.clone(), id, record: Some(record), result: None };
        runtime.spawn(lookup.run(look_up()));
        Start::Waiting(Waiting(outcome))
    }

    /// Forgets the lookup of this key, because what it reads may be outdated: its result is not recorded, and the
    /// requests that wait get no outcome. `forget_known` forgets what is known of the key.
    #[cfg(any(feature = "api_key", feature = "session", test))]
    pub(crate) fn forget(&self, key: &K, forget_known: impl FnOnce()) {
        let mut state = self.lock();
        state.in_progress.forget(key);
        forget_known();
    }

    /// Records the outcome, and notifies the requests that wait, unless the lookup was forgotten.
    fn finish(&self, key: &K, id: u64, outcome: impl FnOnce() -> T) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        if let Some(sender) = state.in_progress.finish(key, id) {
            sender.send_replace(Some(outcome()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, T>> {
        // A poisoned lock is used as well: each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Waiting<T> {
    /// Returns the outcome of the lookup; `None` if it was forgotten.
    pub(crate) async fn outcome(mut self) -> Option<T> {
        let outcome = self.0.wait_for(Option::is_some).await;
        outcome.ok()?.clone()
    }
}

/// A lookup in progress. However its task ends, even by a panic or with its runtime, dropping it notifies the requests
/// that wait.
struct RunningLookup<
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
    R: FnOnce(Option<O>) -> T,
    O,
> {
    lookups: Arc<SharedLookups<K, T>>,
    key: K,
    id: u64,
    record: Option<R>,
    result: Option<O>,
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static, R: FnOnce(Option<O>) -> T, O>
    RunningLookup<K, T, R, O>
{
    async fn run(mut self, look_up: impl Future<Output = O>) {
        self.result = Some(look_up.await);
    }
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static, R: FnOnce(Option<O>) -> T, O> Drop
    for RunningLookup<K, T, R, O>
{
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            let result = self.result.take();
            self.lookups.finish(&self.key, self.id, || record(result));
        }
    }
}

impl<K, T> fmt::Debug for SharedLookups<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLookups").field("max_running", &self.max_running).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    type Lookups = Arc<SharedLookups<u8, Option<u8>>>;

    /// Starts a lookup whose result is that of the channel.
    fn start(lookups: &Lookups, key: u8) -> (oneshot::Sender<u8>, Start<Option<u8>>) {
        let (sender, receiver) = oneshot::channel();
        (sender, lookups.start(&key, || None, || async { receiver.await.expect("a result") }, |result| result))
    }

    async fn outcome(started: Start<Option<u8>>) -> Option<Option<u8>> {
        match started {
            Start::Waiting(lookup) => lookup.outcome().await,
            Start::Known(_) | Start::TooMany | Start::Fault(_) => None,
        }
    }

    #[tokio::test]
    async fn requests_for_one_key_share_a_lookup() {
        let lookups = SharedLookups::new(2);
        let (first, one) = start(&lookups, 1);
        let (unused, joined) = start(&lookups, 1);
        first.send(7).unwrap();
        assert_eq!((outcome(one).await, outcome(joined).await), (Some(Some(7)), Some(Some(7))));
        assert!(unused.is_closed(), "the second lookup did not start");
        // It has ended, so another one starts.
        let (again, two) = start(&lookups, 1);
        again.send(8).unwrap();
        assert_eq!(outcome(two).await, Some(Some(8)));
    }

    #[tokio::test]
    async fn more_lookups_than_allowed_do_not_start_until_one_ends() {
        let lookups = SharedLookups::new(2);
        let [(first, one), (_second, _two)] = [1, 2].map(|key| start(&lookups, key));
        assert!(matches!(start(&lookups, 3).1, Start::TooMany));
        assert!(matches!(start(&lookups, 2).1, Start::Waiting(_)), "a running one can be joined");
        first.send(7).unwrap();
        outcome(one).await;
        assert!(matches!(start(&lookups, 3).1, Start::Waiting(_)));
    }

    #[tokio::test]
    async fn what_is_known_by_now_needs_no_lookup() {
        let lookups: Lookups = SharedLookups::new(0);
        let started = lookups.start(&1, || Some(Some(7)), || async { 0 }, |result| result);
        assert!(matches!(started, Start::Known(Some(7))));
    }

    #[tokio::test]
    async fn a_forgotten_lookup_is_not_recorded_and_has_no_outcome() {
        let lookups: Lookups = SharedLookups::new(2);
        let recorded = Arc::new(AtomicUsize::new(0));
        let (release, receiver) = oneshot::channel();
        let count = Arc::clone(&recorded);
        let record = move |result| {
            count.fetch_add(1, Ordering::Relaxed);
            result
        };
        let forgotten = lookups.start(&1, || None, || async { receiver.await.expect("a result") }, record);
        let mut is_known = true;
        lookups.forget(&1, || is_known = false);
        assert!(!is_known);
        assert_eq!(outcome(forgotten).await, None, "before it ends");
        // The next lookup is another one. It is not ended by the first, which still counts as running.
        let (second, started) = start(&lookups, 1);
        assert!(matches!(start(&lookups, 2).1, Start::TooMany));
        release.send(7).unwrap();
        while matches!(start(&lookups, 2).1, Start::TooMany) {
            tokio::task::yield_now().await;
        }
        second.send(8).unwrap();
        assert_eq!(outcome(started).await, Some(Some(8)));
        assert_eq!(recorded.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn lookup_that_panics_ends_without_a_result() {
        let lookups: Lookups = SharedLookups::new(1);
        for _ in 0..2 {
            let (sender, started) = start(&lookups, 1);
            // The task panics, because there will be no result.
            drop(sender);
            assert_eq!(outcome(started).await, Some(None));
        }
    }

    #[test]
    fn a_runtime_that_shuts_down_ends_its_lookups_and_without_one_none_starts() {
        let lookups: Lookups = SharedLookups::new(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let recorded = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&recorded);
        let record = move |result| {
            count.fetch_add(1, Ordering::Relaxed);
            result
        };
        let started = runtime.block_on(async { lookups.start(&1, || None, std::future::pending, record) });
        assert!(matches!(started, Start::Waiting(_)));
        drop(runtime);
        assert_eq!(recorded.load(Ordering::Relaxed), 1);
        assert!(matches!(start(&lookups, 1).1, Start::Fault(_)));
    }
}
