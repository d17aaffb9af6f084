//! Expiry, capacity and concurrency of the store.

use super::*;
use crate::clock::TimeSource;
use crate::replay_cache::digest::Kind;
use std::time::SystemTime;

const SECOND: Duration = Duration::from_secs(1);

/// A monotonic clock that the test advances.
struct Hands {
    start: Instant,
    passed: Mutex<Duration>,
}

impl TimeSource for Arc<Hands> {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn monotonic(&self) -> Instant {
        self.start + *self.passed.lock().unwrap()
    }
}

fn store(capacity: usize) -> (MemoryReplays, impl Fn(Duration)) {
    let hands = Arc::new(Hands { start: Instant::now(), passed: Mutex::default() });
    let store = MemoryReplays::with_capacity(capacity).with_clock(Clock::from_source(Arc::clone(&hands)));
    (store, move |time| *hands.passed.lock().unwrap() += time)
}

fn digest(number: usize) -> ReplayDigest {
    ReplayDigest::of(Kind::Consumed, &number.to_be_bytes())
}

/// A store in memory never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the store waits"),
    }
}

fn consume(store: &MemoryReplays, number: usize, seconds: u32) -> bool {
    now(store.consume(&digest(number), seconds * SECOND)).unwrap()
}

fn len(store: &MemoryReplays) -> usize {
    store.0.len.load(Ordering::Relaxed)
}

#[test]
fn an_entry_is_kept_for_its_time_and_not_forgotten_before() {
    let (store, pass) = store(1_000);
    assert!(consume(&store, 1, 10));
    for _ in 0..10 {
        assert!(!consume(&store, 1, 100), "a repetition extends nothing");
        pass(SECOND);
    }
    assert!(!consume(&store, 1, 10), "rounded up");
    pass(SECOND);
    assert!(consume(&store, 1, 10));
    assert_eq!(len(&store), 1);
}

#[test]
fn a_full_store_fails_and_evicts_nothing() {
    let (store, pass) = store(100);
    for number in 0..100 {
        assert!(consume(&store, number, 60));
    }
    let error = now(store.consume(&digest(100), SECOND)).unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the replay cache in memory is full; create it with a larger capacity"
    );
    assert!(now(store.advance(&digest(100), 1, SECOND)).is_err());
    for number in 0..100 {
        assert!(!consume(&store, number, 60), "{number}");
    }
    // What has expired makes room, in whatever shard it is.
    pass(62 * SECOND);
    for number in 100..200 {
        assert!(consume(&store, number, 60), "{number}");
    }
    assert_eq!((len(&store), format!("{store:?}")), (100, "MemoryReplays { values: 100, .. }".to_owned()));
}

#[test]
fn expired_entries_are_removed_while_the_store_is_used() {
    let (store, pass) = store(1_000_000);
    for number in 0..100_000 {
        assert!(consume(&store, number, 1));
        if number % 1_000 == 0 {
            pass(3 * SECOND);
        }
    }
    // Of 1,000 at once, each shard has about 16, and is freed at 64.
    assert!(len(&store) < 64 * 65, "{}", len(&store));
}

#[test]
fn a_step_must_be_greater_than_the_last_one_while_that_is_kept() {
    let (store, pass) = store(10);
    let advance = |step| now(store.advance(&digest(1), step, 10 * SECOND)).unwrap();
    assert!(advance(5));
    assert!(![0, 4, 5].map(advance).contains(&true));
    assert!(advance(6) && advance(u64::MAX) && !advance(u64::MAX));
    pass(11 * SECOND);
    assert!(advance(0) && !advance(0) && advance(1));
    assert_eq!(len(&store), 1);
    // Separate from what is consumed.
    assert!(consume(&store, 1, 10) && !consume(&store, 1, 10));
}

#[test]
fn of_64_threads_one_consumes_a_value() {
    let (store, _) = store(100);
    let consumed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(|| consume(&store, 7, 10))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|is_first| *is_first).count()
    });
    assert_eq!(consumed, 1);
}

#[test]
fn clones_share_the_values_and_a_capacity_of_zero_is_one() {
    let (store, _) = store(0);
    let clone = store.clone();
    assert!(consume(&clone, 1, 10) && !consume(&store, 1, 10));
    assert!(now(store.consume(&digest(2), SECOND)).is_err());
}
