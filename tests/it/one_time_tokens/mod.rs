//! One-time tokens: what a client can do with them, and what it cannot.

mod cost;
mod elsewhere;
mod forged;
mod redeemed;
mod sent_codes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::gate::Denial;
use portcullis::one_time_tokens::{OneTimeToken, OneTimeTokens, Purpose};
use portcullis::replay_cache::{MemoryReplays, ReplayCache, ReplayDigest, ReplayStore};
use portcullis::testing::FakeClock;
use portcullis::{KeyRing, StoreError};

const SECOND: Duration = Duration::from_secs(1);
const STATE: [u8; 8] = 41_u64.to_be_bytes();
const RESET: Purpose = Purpose::PASSWORD_RESET;

fn secret(number: u8) -> Vec<u8> {
    (0..32).map(|index| index ^ number).collect()
}

fn ring(number: u8) -> KeyRing {
    KeyRing::new(secret(number)).unwrap()
}

/// A store in memory that counts its calls, and is unavailable if the test says so.
#[derive(Clone)]
struct CountedStore {
    replays: MemoryReplays,
    calls: Arc<AtomicUsize>,
    is_down: Arc<std::sync::atomic::AtomicBool>,
}

impl CountedStore {
    fn new(capacity: usize, clock: &FakeClock) -> Self {
        let replays = MemoryReplays::with_capacity(capacity).with_clock(clock.clock());
        Self { replays, calls: Arc::default(), is_down: Arc::default() }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl ReplayStore for CountedStore {
    async fn consume(&self, digest: &ReplayDigest, keep_for: Duration) -> Result<bool, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("connection refused"));
        }
        self.replays.consume(digest, keep_for).await
    }

    async fn advance(&self, digest: &ReplayDigest, step: u64, keep_for: Duration) -> Result<bool, StoreError> {
        self.replays.advance(digest, step, keep_for).await
    }
}

/// An app that issues tokens.
struct App {
    tokens: OneTimeTokens,
    store: CountedStore,
    clock: FakeClock,
}

impl App {
    fn new() -> Self {
        Self::with(&ring(1), 1_000)
    }

    fn with(keys: &KeyRing, capacity: usize) -> Self {
        let clock = FakeClock::new();
        let store = CountedStore::new(capacity, &clock);
        Self::on(keys, store, clock)
    }

    fn on(keys: &KeyRing, store: CountedStore, clock: FakeClock) -> Self {
        let replays = ReplayCache::with_clock(store.clone(), clock.clock());
        Self { tokens: OneTimeTokens::with_clock(keys, &replays, clock.clock()), store, clock }
    }

    fn issue(&self, purpose: &Purpose) -> OneTimeToken {
        self.tokens.issue(purpose, "ann", STATE).unwrap()
    }

    /// Verifies and redeems a token, as a handler does.
    async fn redeem(&self, token: &str) -> Result<(), Denial> {
        self.tokens.verify(&RESET, token)?.redeem(STATE).await
    }
}

fn outcome(result: Result<(), Denial>) -> (u16, &'static str) {
    result.map_or_else(|denial| (denial.status().as_u16(), denial.code()), |()| (200, "redeemed"))
}

const REDEEMED: (u16, &str) = (200, "redeemed");
const INVALID: (u16, &str) = (400, "one_time_token_invalid");
const UNAVAILABLE: (u16, &str) = (503, "replay_cache_unavailable");
const MISUSE: (u16, &str) = (500, "server_misconfigured");
