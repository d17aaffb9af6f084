//! `ReplayCache` in memory and in Redis.

mod redis;

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use portcullis::StoreError;
use portcullis::replay_cache::{MemoryReplays, ReplayCache, ReplayStore};

const MINUTE: Duration = Duration::from_secs(60);

/// Checks what the documentation of `ReplayStore` says. The store must be empty.
async fn check(store: impl ReplayStore) {
    let replays = ReplayCache::new(store);
    let later = SystemTime::now() + MINUTE;
    let consume = async |value: &str| replays.consume(value, later).await.unwrap();
    assert!(consume("a").await && !consume("a").await && consume("b").await && consume("").await);
    let advance = async |counter: &str, step: u64| replays.advance(counter, step, later).await.unwrap();
    assert!(advance("a", 0).await && !advance("a", 0).await && advance("a", 1).await && !advance("a", 0).await);
    // Greater than a float or a signed number has exactly.
    for step in [1 << 53, (1 << 53) + 1, u64::MAX - 1, u64::MAX] {
        assert!(advance("a", step).await, "{step}");
        assert!(!advance("a", step).await && !advance("a", step - 1).await, "{step}");
    }
    assert!(advance("b", 9).await && advance("b", 10).await && !advance("b", 9).await);
    let at_once = join_all((0..64).map(|_| replays.consume("c", later))).await;
    assert_eq!(at_once.into_iter().filter(|result| *result.as_ref().unwrap()).count(), 1);
    let at_once = join_all((0..64).map(|step| replays.advance("c", step % 8, later))).await;
    let accepted: Vec<_> = at_once.into_iter().enumerate().filter(|(_, result)| *result.as_ref().unwrap()).collect();
    let steps: HashSet<_> = accepted.iter().map(|(index, _)| index % 8).collect();
    assert_eq!(steps.len(), accepted.len(), "no step is accepted twice");
    assert!(!advance("c", 7).await && advance("c", 8).await);
}

#[tokio::test]
async fn the_store_in_memory_does_what_the_documentation_of_stores_says() {
    check(MemoryReplays::new()).await;
}
