//! `CircuitBreakers`: stop calls to a server, or to a part of a cluster, that does not respond.

// Without a breaker, each request would wait for the whole deadline during an outage, and a server that is overloaded
// would receive as many calls as before. With it, requests follow their outage policy at once, and one call from time
// to time finds out whether the server is back.
//
// closed -> open after three failures in a row -> one call -> closed if it succeeds, else open for twice as long

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::hash_slot::HashSlot;

/// The circuit breaker of a server. In a cluster nodes fail one by one, so there is one for each range of hash slots.
///
/// Which node has a slot is not known here, and changes. But nodes usually have contiguous ranges of slots, so a range
/// of a 64th of all slots is on one node or, at a border, on two.
pub(crate) struct CircuitBreakers {
    breakers: Box<[CircuitBreaker]>,
    /// How many of them are open.
    open: AtomicUsize,
}

impl CircuitBreakers {
    pub(crate) fn new(is_cluster: bool) -> Self {
        let count = if is_cluster { SLOT_RANGES } else { 1 };
        Self { breakers: (0..count).map(|_| CircuitBreaker::default()).collect(), open: AtomicUsize::new(0) }
    }

    /// Returns the breaker for a hash slot. A server that is not part of a cluster has one for all slots.
    fn breaker_of(&self, slot: HashSlot) -> Option<&CircuitBreaker> {
        self.breakers.get(slot.range(self.breakers.len()))
    }

    /// Whether a call about keys in this slot may be made now. If the breaker is open, true makes the caller the one to try.
    pub(crate) fn allows_call(&self, slot: HashSlot, now: Instant) -> bool {
        self.breaker_of(slot).is_none_or(|breaker| breaker.allows_call(now))
    }

    /// Returns the time until the next call about keys in this slot; zero if the breaker is closed.
    pub(crate) fn retry_after(&self, slot: HashSlot, now: Instant) -> Duration {
        self.breaker_of(slot).map_or(Duration::ZERO, |breaker| breaker.retry_after(now))
    }

    /// Records a successful call. Returns whether it closed the last breaker that was open.
    pub(crate) fn record_success(&self, slot: HashSlot) -> bool {
        let has_closed = self.breaker_of(slot).is_some_and(CircuitBreaker::record_success);
        has_closed && self.open.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Records a failed call. Returns whether it opened a breaker while none was open.
    pub(crate) fn record_failure(&self, slot: HashSlot, now: Instant) -> bool {
        let has_opened = self.breaker_of(slot).is_some_and(|breaker| breaker.record_failure(now));
        has_opened && self.open.fetch_add(1, Ordering::Relaxed) == 0
    }
}

/// Opens after consecutive failures. While it is open, it allows one call from time to time, to see whether the server
/// is back.
#[derive(Debug, Default)]
struct CircuitBreaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Consecutive failures.
    failures: u32,
    /// When the next call may be tried; `None` if the breaker is closed.
    open_until: Option<Instant>,
}

impl CircuitBreaker {
    /// Whether a call may be made now; see [`CircuitBreakers::allows_call`].
    fn allows_call(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                // This caller tries. If it never reports a result, another one tries after the same time.
                state.open_until = Some(now + FIRST_OPEN);
                true
            }
        }
    }

    /// Returns the time until the next call; zero if the breaker is closed.
    fn retry_after(&self, now: Instant) -> Duration {
        self.state().open_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Closes the breaker. Returns whether it was open.
    fn record_success(&self) -> bool {
        std::mem::take(&mut *self.state()).open_until.is_some()
    }

    /// Returns whether this failure opened the breaker.
    fn record_failure(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures < MAX_FAILURES {
            return false;
        }
        // In a cluster, calls that were sent before the breaker opened fail too, and lengthen the time.
        let doublings = (state.failures - MAX_FAILURES).min(8);
        let was_closed = state.open_until.is_none();
        state.open_until = Some(now + (FIRST_OPEN * (1 << doublings)).min(LONGEST_OPEN));
        was_closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The consecutive failures that open a breaker: one or two may be a lost connection.
const MAX_FAILURES: u32 = 3;
/// How long a breaker is open at first. Each further failure doubles it.
const FIRST_OPEN: Duration = Duration::from_millis(250);
/// The longest that a server is not called after it is back.
const LONGEST_OPEN: Duration = Duration::from_secs(5);
/// More ranges than most clusters have nodes.
const SLOT_RANGES: usize = 64;

#[cfg(test)]
mod tests;
