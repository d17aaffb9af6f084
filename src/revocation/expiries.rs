//! `Expiries`: when the watched credentials expire, and the one task that wakes their watchers.
//!
//! A timer for each watcher would take over 100 bytes, and would follow tokio's clock. But a credential expires by the
//! wall clock of its layer, which may be set, and which is a fake clock in tests. So one task reads that clock twice a
//! second. It runs while a watched credential may expire.

mod heap;

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::clock::{Clock, wall_micros};
use crate::revocation::expiries::heap::ExpiryHeap;
use crate::revocation::watchers::Watchers;
use crate::runtime;

/// The expiries that are watched by one clock.
pub(super) struct Expiries {
    clock: Clock,
    watchers: Arc<Watchers>,
    pending: Mutex<Pending>,
    /// Notified when there is an earlier expiry than before.
    changed: Notify,
}

#[derive(Default)]
struct Pending {
    /// When each credential expires, in microseconds since 1970, and the slot of its watcher.
    expiries: ExpiryHeap,
    /// Whether a task waits for them.
    is_awaited: bool,
}

impl Expiries {
    pub(super) fn new(clock: Clock, watchers: Arc<Watchers>) -> Self {
        Self { clock, watchers, pending: Mutex::default(), changed: Notify::new() }
    }

    /// Returns the watchers that are woken.
    pub(super) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Whether the wall clock has reached this time.
    #[inline]
    pub(super) fn has_reached(&self, time: SystemTime) -> bool {
        self.clock.has_reached(time)
    }

    /// Wakes the watcher in this slot at this time, in microseconds since 1970. Returns false outside a Tokio runtime
    /// with timers.
    pub(super) fn insert(self: &Arc<Self>, expires_at: u64, slot: u32) -> bool {
        let mut pending = self.lock();
        let is_first = pending.expiries.insert(expires_at, slot);
        let is_awaited = pending.is_awaited;
        drop(pending);
        if !is_awaited {
            return self.start_task();
        }
        if is_first {
            self.changed.notify_one();
        }
        true
    }

    /// Starts the task, unless another thread has. Without a lock, because a tracing subscriber and a panic hook are
    /// foreign code, and a runtime that shuts down drops the task at once.
    #[cold]
    fn start_task(self: &Arc<Self>) -> bool {
        static LOGGED: Once = Once::new();
        let runtime = match runtime::current() {
            Ok(runtime) => runtime,
            Err(fault) => {
                LOGGED.call_once(
                    || tracing::warn!(reason = %fault, "the future of a watched credential is not woken at the expiry"),
                );
                return false;
            }
        };
        let is_awaited = mem::replace(&mut self.lock().is_awaited, true);
        if !is_awaited {
            runtime.spawn(WakeTask { expiries: Arc::clone(self), is_finished: false }.run());
        }
        true
    }

    pub(super) fn remove(&self, slot: u32) {
        self.lock().expiries.remove(slot);
    }

    /// Wakes the watchers of what has expired. Returns when to do so again, or `None` if nothing else expires; then the
    /// next [`insert`](Self::insert) starts another task.
    fn wake_expired(&self) -> Option<Duration> {
        let now = wall_micros(&self.clock);
        let mut expired = Vec::new();
        let mut pending = self.lock();
        let next = loop {
            match pending.expiries.first() {
                Some((expires_at, slot)) if expires_at <= now => {
                    pending.expiries.remove(slot);
                    expired.push(slot);
                }
                next => break next.map(|(expires_at, _)| Duration::from_micros(expires_at - now)),
            }
        };
        pending.is_awaited = next.is_some();
        drop(pending);
        self.watchers.wake_slots(&expired);
        next
    }

    /// Wakes all watchers, so that one of them starts another task.
    fn abandon(&self) {
        let mut pending = self.lock();
        pending.is_awaited = false;
        let slots: Vec<u32> = pending.expiries.slots().collect();
        drop(pending);
        self.watchers.wake_slots(&slots);
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Expiries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expiries").finish_non_exhaustive()
    }
}

/// The task that wakes watchers.
struct WakeTask {
    expiries: Arc<Expiries>,
    is_finished: bool,
}

impl WakeTask {
    async fn run(mut self) {
        while let Some(wait) = self.expiries.wake_expired() {
            // Also ready if an earlier expiry was inserted.
            let _ = timeout(wait.min(MAX_WAIT), self.expiries.changed.notified()).await;
        }
        self.is_finished = true;
    }
}

/// The runtime was shut down. Watchers in another one must not wait for this task.
impl Drop for WakeTask {
    fn drop(&mut self) {
        if !self.is_finished {
            self.expiries.abandon();
        }
    }
}

/// After how long the wall clock is read again: it may be set forward, for example when a machine resumes. A stream
/// must end within a second.
const MAX_WAIT: Duration = Duration::from_millis(500);
