//! How long entries are kept, by clocks that step.

use std::sync::Mutex;
use std::time::Instant;

use super::*;
use crate::clock::TimeSource;
use crate::replay_cache::memory::MemoryReplays;

const SECOND: Duration = Duration::from_secs(1);

/// A wall clock that the test sets.
struct Wall(Mutex<u64>);

impl TimeSource for Arc<Wall> {
    fn wall(&self) -> SystemTime {
        at(*self.0.lock().unwrap())
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// Records how long entries are to be kept.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<u64>>>);

impl ReplayStore for Recorder {
    async fn consume(&self, _: &ReplayDigest, keep_for: Duration) -> Result<bool, StoreError> {
        self.0.lock().unwrap().push(keep_for.as_secs());
        Ok(true)
    }

    async fn advance(&self, digest: &ReplayDigest, _: u64, keep_for: Duration) -> Result<bool, StoreError> {
        ReplayStore::consume(self, digest, keep_for).await
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn wall() -> (Arc<Wall>, Clock) {
    let wall = Arc::new(Wall(Mutex::new(1_000)));
    (Arc::clone(&wall), Clock::from_source(wall))
}

fn set(wall: &Wall, seconds: u64) {
    *wall.0.lock().unwrap() = seconds;
}

#[tokio::test]
async fn a_value_is_consumed_once() {
    let (_, clock) = wall();
    let replays = ReplayCache::with_clock(MemoryReplays::new(), clock);
    assert!(replays.consume("a", at(1_010)).await.unwrap());
    assert!(!replays.clone().consume("a", at(1_020)).await.unwrap());
    assert!(replays.consume("b", at(1_010)).await.unwrap());
    // A counter of the same name is another value.
    assert!(replays.advance("a", 1, at(1_010)).await.unwrap() && !replays.advance("a", 1, at(1_010)).await.unwrap());
}

#[tokio::test]
async fn an_expired_value_is_not_accepted() {
    let (wall, clock) = wall();
    let recorder = Recorder::default();
    let replays = ReplayCache::with_clock(recorder.clone(), clock);
    for time in [0, 999, 1_000] {
        assert!(!replays.consume("a", at(time)).await.unwrap(), "{time}");
        assert!(!replays.advance("a", 1, at(time)).await.unwrap(), "{time}");
    }
    assert!(!replays.consume("a", UNIX_EPOCH - SECOND).await.unwrap());
    set(&wall, 1_001);
    assert!(!replays.consume("a", at(1_001)).await.unwrap());
    assert!(recorder.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_entry_is_kept_for_a_minute_after_its_expiry_and_for_at_most_400_days() {
    let (_, clock) = wall();
    let recorder = Recorder::default();
    let replays = ReplayCache::with_clock(recorder.clone(), clock);
    for time in [1_001, 1_600] {
        assert!(replays.consume("a", at(time)).await.unwrap());
        assert!(replays.advance("a", 1, at(time)).await.unwrap());
    }
    assert!(replays.consume("a", at(1 << 40)).await.unwrap());
    assert_eq!(*recorder.0.lock().unwrap(), [61, 61, 660, 660, 400 * 86_400]);
}

#[tokio::test]
async fn if_the_clock_steps_back_a_consumed_value_stays_consumed_until_its_end_by_the_later_clock() {
    let (wall, clock) = wall();
    let recorder = Recorder::default();
    let replays = ReplayCache::with_clock(MemoryReplays::new(), clock.clone());
    let recorded = ReplayCache::with_clock(recorder.clone(), clock);
    assert!(replays.consume("a", at(1_010)).await.unwrap());
    // It has expired by the later clock, and its entry may be gone.
    set(&wall, 1_010);
    assert!(!replays.consume("a", at(1_010)).await.unwrap());
    assert!(recorded.consume("b", at(1_060)).await.unwrap());
    set(&wall, 900);
    assert!(!replays.consume("a", at(1_010)).await.unwrap());
    assert!(!replays.consume("c", at(1_010)).await.unwrap(), "the later clock decides about other values too");
    // A value that expires later is kept until then by the earlier clock.
    assert!(recorded.consume("b", at(1_060)).await.unwrap());
    assert_eq!(*recorder.0.lock().unwrap(), [110, 220]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_respond_fails_after_five_seconds() {
    struct Silent;
    impl ReplayStore for Silent {
        async fn consume(&self, _: &ReplayDigest, _: Duration) -> Result<bool, StoreError> {
            std::future::pending().await
        }

        async fn advance(&self, _: &ReplayDigest, _: u64, _: Duration) -> Result<bool, StoreError> {
            std::future::pending().await
        }
    }
    let start = tokio::time::Instant::now();
    let replays = ReplayCache::new(Silent);
    let later = SystemTime::now() + SECOND;
    assert!(matches!(replays.consume("a", later).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(replays.advance("a", 1, later).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(start.elapsed(), 10 * SECOND);
}
