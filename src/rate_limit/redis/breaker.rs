//! `Breaker`: whether the server is worth asking.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Opens after failures in a row, and lets one call through from time to time to see whether the server is back.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Whether to ask now. Where it is open, whoever is told yes is the one to try.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + FIRST);
                true
            }
        }
    }

    /// When the next try may be made, where it is open.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        self.state().closed_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// A call was answered: true where the server had been given up.
    pub(super) fn succeeded(&self) -> bool {
        std::mem::take(&mut *self.state()).closed_until.is_some()
    }

    /// A call failed: true where the server is given up by it.
    pub(super) fn failed(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures < ENOUGH {
            return false;
        }
        let doublings = (state.failures - ENOUGH).min(8);
        let is_first = state.closed_until.is_none();
        state.closed_until = Some(now + (FIRST * (1 << doublings)).min(LONGEST));
        is_first
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ENOUGH: u32 = 3;
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);
