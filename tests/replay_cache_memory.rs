//! The memory that a store of consumed values takes, as measured at the allocator.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use allocation_counter::measure;
use portcullis::replay_cache::{MemoryReplays, ReplayCache};

#[test]
#[ignore = "takes half a minute in a debug build: run tests/run"]
fn a_million_consumed_values_take_at_most_48_mib() {
    const VALUES: u32 = 1_000_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let replays = ReplayCache::new(MemoryReplays::new());
    let expires_at = SystemTime::now() + Duration::from_secs(3_600);
    let mut context = Context::from_waker(Waker::noop());
    let mut consume = |number: u32| match pin!(replays.consume(number.to_be_bytes(), expires_at)).poll(&mut context) {
        Poll::Ready(result) => result.ok(),
        Poll::Pending => None,
    };
    let bytes = measure(|| (0..VALUES).for_each(|number| assert_eq!(consume(number), Some(true)))).bytes_current;
    println!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    assert!(bytes <= 48 << 20, "{bytes} bytes");
    assert_eq!(consume(0), Some(false));
    assert_eq!(consume(VALUES), None, "the store is full");
}
