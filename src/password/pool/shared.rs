//! `Shared`: the state of a pool that calls and threads share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::Block;

use crate::clock::Clock;
use crate::password::pool::queue::{JobId, Priority};
use crate::password::pool::settings::{JobSize, Overload, PoolSettings};
use crate::password::pool::state::{Job, ReadyJob, State};
#[cfg(feature = "metrics")]
use crate::security_event::metrics;

pub(super) struct Shared {
    state: Mutex<State>,
    has_ready: Condvar,
    pub(super) clock: Clock,
}

/// Where a job is after it was submitted.
pub(super) enum Submitted {
    /// A thread takes it next.
    Ready,
    Waiting(JobId),
}

impl Shared {
    pub(super) fn new(settings: PoolSettings, clock: Clock) -> Self {
        Self { state: Mutex::new(State::new(settings)), has_ready: Condvar::new(), clock }
    }

    /// Locks the state. No code that could panic runs while it is locked, so it is always consistent.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a job if it can start or wait. Only then is it created, so a rejection allocates nothing.
    pub(super) fn submit(
        &self,
        priority: Priority,
        size: JobSize,
        run: impl FnOnce() -> Box<dyn FnOnce(&mut [Block]) + Send>,
    ) -> Result<Submitted, Overload> {
        let mut state = self.lock();
        let permits = state.permits_of(size);
        let can_start = state.can_start(permits);
        if !can_start && state.waiting.is_full() {
            state.count_rejection();
            return Err(Overload { retry_after: state.retry_after() });
        }
        let job = Job { run: run(), permits, blocks: size.blocks };
        if !can_start {
            let id = state.waiting.push(priority, job);
            record_waiting(state);
            return Ok(Submitted::Waiting(id));
        }
        state.make_ready(job);
        Ok(Submitted::Ready)
    }

    /// Removes a job from the queue. Returns whether it waited there.
    pub(super) fn remove(&self, job: JobId) -> bool {
        let mut state = self.lock();
        let removed = state.waiting.remove(job);
        record_waiting(state);
        removed.is_some()
    }

    /// Makes jobs ready that wait, if there are permits, and wakes idle threads. Returns how many threads must be
    /// started besides. They count as idle at once, so that two calls do not start them twice.
    pub(super) fn distribute(&self) -> usize {
        let mut state = self.lock();
        state.start_waiting();
        let ready = state.ready.len();
        let missing = ready.saturating_sub(state.idle_threads);
        state.idle_threads += missing;
        record_waiting(state);
        (0..ready).for_each(|_| self.has_ready.notify_one());
        missing
    }

    /// Waits for the next job; `None` if there was none for some time, or the pool is closed.
    pub(super) fn next_job(&self, idle_timeout: Duration) -> Option<ReadyJob> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.take_ready() {
                state.idle_threads = state.idle_threads.saturating_sub(1);
                return Some(job);
            }
            if state.is_closed {
                break;
            }
            let waited = self.has_ready.wait_timeout(state, idle_timeout);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.ready.is_empty() {
                break;
            }
        }
        state.idle_threads = state.idle_threads.saturating_sub(1);
        let memory = state.release_idle_memory();
        drop(state);
        drop(memory);
        None
    }

    pub(super) fn overload(&self) -> Overload {
        Overload { retry_after: self.lock().retry_after() }
    }

    pub(super) fn count_rejection(&self) {
        self.lock().count_rejection();
    }

    /// Lets idle threads end.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.has_ready.notify_all();
    }
}

/// Unlocks the state, and records how many jobs wait.
fn record_waiting(state: MutexGuard<'_, State>) {
    #[cfg(feature = "metrics")]
    let waiting = state.waiting.len();
    drop(state);
    #[cfg(feature = "metrics")]
    metrics::record_waiting_hashes(waiting);
}
