//! `CircuitBreakers`: whether the server, or a part of the cluster, is worth asking.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::rate_limit::redis::protocol::tag;

/// One of a server; of a cluster one for each of so many ranges of slots, as its nodes fail one by one.
pub(super) struct CircuitBreakers {
    breakers: Box<[Breaker]>,
    open: AtomicUsize,
}

impl CircuitBreakers {
    pub(super) fn new(is_cluster: bool) -> Self {
        let count = if is_cluster { RANGES } else { 1 };
        Self { breakers: (0..count).map(|_| Breaker::default()).collect(), open: AtomicUsize::new(0) }
    }

    fn of(&self, digest: u128) -> Option<&Breaker> {
        match &*self.breakers {
            [one] => Some(one),
            all => all.get(slot(digest) * all.len() / SLOTS),
        }
    }

    /// Whether to charge about this subject now.
    pub(super) fn admits(&self, digest: u128, now: Instant) -> bool {
        self.of(digest).is_into_result(|breaker| breaker.admits(now))
    }

    /// When the next try about this subject may be made, where it is given up.
    pub(super) fn rest(&self, digest: u128, now: Instant) -> Duration {
        self.of(digest).map_or(Duration::ZERO, |breaker| breaker.rest(now))
    }

    /// A call was answered: true where nothing is given up any more by it.
    pub(super) fn succeeded(&self, digest: u128) -> bool {
        self.of(digest).is_some_and(Breaker::succeeded) && self.open.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// A call failed: true where something is given up by it, and nothing was.
    pub(super) fn failed(&self, digest: u128, now: Instant) -> bool {
        self.of(digest).is_some_and(|breaker| breaker.failed(now)) && self.open.fetch_add(1, Ordering::Relaxed) == 0
    }
}

/// The slot of a subject's key: the CRC-16/XMODEM of its hash tag (Redis Cluster specification, "Key distribution model").
fn slot(digest: u128) -> usize {
    let shifted = |crc: u16| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
    let tag = tag(digest);
    let crc = tag.bytes().fold(0_u16, |crc, byte| (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| shifted(crc)));
    usize::from(crc) % SLOTS
}

/// Opens after failures in a row, and lets one call through from time to time to see whether the server is back.
#[derive(Debug, Default)]
struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether to charge now. Where it is open, whoever is told yes is the one to try.
    fn admits(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + FIRST);
                true
            }
        }
    }

    /// When the next try may be made, where it is open.
    fn rest(&self, now: Instant) -> Duration {
        self.state().open_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// A call was answered: true where the server had been given up.
    fn succeeded(&self) -> bool {
        std::mem::take(&mut *self.state()).open_until.is_some()
    }

    /// A call failed: true where the server is given up by it.
    fn failed(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures < ENOUGH {
            return false;
        }
        let doublings = (state.failures - ENOUGH).min(8);
        let is_first = state.open_until.is_none();
        state.open_until = Some(now + (FIRST * (1 << doublings)).min(LONGEST));
        is_first
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ENOUGH: u32 = 3;
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);
const SLOTS: usize = 16_384;
const RANGES: usize = 64;

#[cfg(test)]
mod tests;
