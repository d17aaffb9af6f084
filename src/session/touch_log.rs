//! `TouchLog`: stores the last uses of sessions in batches, in the background.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::error::error_chain;
use crate::record_store::StoreError;
use crate::runtime;
use crate::session::secret::SessionDigest;
use crate::session::store::SessionUse;
use crate::session::timed_store::TimedStore;
use crate::session::usage::{Due, SessionUsage};

/// Stores the uses of sessions: the first at once, and later ones a minute after the last that was stored.
///
/// So another process that reads a record knows each use that is more than a minute old. A task writes as long as a use
/// is waiting.
#[derive(Debug)]
pub(super) struct TouchLog {
    queue: Mutex<Queue>,
    /// Wakes the task if a use is due before the next one that it knows.
    is_due: Notify,
    store: TimedStore,
    clock: Clock,
    /// Whether the last write failed. Each change is logged once.
    is_down: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    /// By the time when they are due, in whole seconds since 1970.
    waiting: BTreeMap<(u64, SessionDigest), Arc<SessionUsage>>,
    is_running: bool,
}

impl TouchLog {
    pub(super) fn new(store: TimedStore, clock: Clock) -> Self {
        let queue = Mutex::new(Queue::default());
        Self { queue, is_due: Notify::new(), store, clock, is_down: AtomicBool::new(false) }
    }

    /// Records a use of a session. `now` is in whole seconds since 1970.
    pub(super) fn record(self: &Arc<Self>, usage: &Arc<SessionUsage>, now: u64) {
        match usage.record(now) {
            Some(Due::At(due_at)) => self.add(due_at, usage),
            Some(Due::Overdue) => self.is_due.notify_one(),
            None => {}
        }
    }

    /// Stores all uses now.
    ///
    /// # Errors
    ///
    /// Returns the error of the store. The uses are then part of the next write.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        self.take(u64::MAX).write().await
    }

    fn add(self: &Arc<Self>, due_at: u64, usage: &Arc<SessionUsage>) {
        let mut queue = self.lock();
        queue.waiting.insert((due_at, usage.digest()), Arc::clone(usage));
        if queue.is_running {
            drop(queue);
            self.is_due.notify_one();
            return;
        }
        match runtime::current() {
            Ok(runtime) => {
                queue.is_running = true;
                // Release the lock before `spawn`: a runtime that is shutting down drops the task at once.
                drop(queue);
                runtime.spawn(Running(Arc::clone(self)).run());
            }
            // The next request tries again.
            Err(fault) => {
                drop(queue);
                tracing::error!(reason = %fault, "cannot store the use of sessions");
            }
        }
    }

    /// Takes the uses that are due by this time.
    fn take(&self, now: u64) -> Batch<'_> {
        let mut queue = self.lock();
        let later = match now.checked_add(1) {
            Some(next) => queue.waiting.split_off(&(next, SessionDigest::from_bytes([0; 32]))),
            None => BTreeMap::new(),
        };
        let due = std::mem::replace(&mut queue.waiting, later);
        drop(queue);
        let usages: Vec<_> = due.into_values().collect();
        let uses = usages.iter().map(|usage| SessionUse { digest: usage.digest(), at: usage.take() }).collect();
        Batch { log: self, usages, uses, is_written: false }
    }

    /// Returns how long to wait for the next use. If it is `None`, the task ends.
    fn wait(&self, now: u64) -> Option<Duration> {
        let mut queue = self.lock();
        let next = queue.waiting.keys().next().map(|(due_at, _)| due_at.saturating_sub(now).min(MAX_WAIT));
        queue.is_running = next.is_some();
        next.map(Duration::from_secs)
    }

    fn now(&self) -> u64 {
        self.clock.since_epoch().as_secs()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Ignore poisoning: each change is complete before anything can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_change(&self, error: Option<&StoreError>) {
        match (self.is_down.swap(error.is_some(), Ordering::Relaxed), error) {
            (false, Some(error)) => {
                let cause = error_chain(error);
                tracing::warn!(cause, "cannot store the use of sessions; trying again");
            }
            (true, None) => tracing::info!("the use of sessions can be stored again"),
            _ => {}
        }
    }
}

/// The task that writes. However it ends, even with its runtime, another one can start.
struct Running(Arc<TouchLog>);

impl Running {
    async fn run(self) {
        let Self(log) = &self;
        while let Some(wait) = log.wait(log.now()) {
            // Ends early if a use is due before. Tests with a fake clock rely on that.
            let _ = tokio::time::timeout(wait, log.is_due.notified()).await;
            let result = log.take(log.now()).write().await;
            log.log_change(result.as_ref().err());
            if result.is_err() {
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If the queue is not empty, the next use starts a task.
        self.0.lock().is_running = false;
    }
}

/// Uses that are being stored. Those that could not be stored wait again.
struct Batch<'a> {
    log: &'a TouchLog,
    usages: Vec<Arc<SessionUsage>>,
    uses: Vec<SessionUse>,
    is_written: bool,
}

impl Batch<'_> {
    async fn write(mut self) -> Result<(), StoreError> {
        if !self.uses.is_empty() {
            self.log.store.touch(&self.uses).await?;
        }
        self.is_written = true;
        Ok(())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.is_written {
            return;
        }
        let now = self.log.now();
        let mut queue = self.log.lock();
        for usage in self.usages.drain(..).filter(|usage| usage.restore()) {
            queue.waiting.insert((now, usage.digest()), usage);
        }
    }
}

/// In seconds.
const MAX_WAIT: u64 = 60;

/// Limits the attempts while the store fails.
const BACKOFF: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::memory::MemorySessions;

    #[tokio::test]
    async fn a_use_is_stored_when_it_is_due_and_waits_again_if_that_fails() {
        let store = TimedStore::new(Arc::new(MemorySessions::new()), Duration::from_secs(1));
        let log = TouchLog::new(store, Clock::system());
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(log.wait(1_000), None);
        let digest = SessionDigest::from_bytes([1; 32]);
        let usage = Arc::new(SessionUsage::new(digest, 1_000));
        assert_eq!(usage.record(1_010), Some(Due::At(1_060)));
        log.lock().waiting.insert((1_060, digest), usage);

        // A clock that is set back does not make it wait for longer.
        for (now, expected) in [(0, 60), (1_000, 60), (1_010, 50), (1_060, 0), (2_000, 0)] {
            assert_eq!(log.wait(now), seconds(expected), "{now}");
        }
        assert!(log.take(1_059).uses.is_empty());
        let batch = log.take(1_060);
        assert_eq!(batch.uses.iter().map(|session_use| session_use.at).collect::<Vec<_>>(), [1_010]);
        assert_eq!(log.wait(1_060), None, "it is being stored");
        drop(batch);
        assert!(log.wait(u64::MAX).is_some(), "it was not stored");
        log.flush().await.unwrap();
        assert_eq!(log.wait(u64::MAX), None);
    }
}
