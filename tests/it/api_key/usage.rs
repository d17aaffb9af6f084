//! Usage: counted for each key, written in batches, and never awaited by a request.

use super::*;
use crate::support::log_capture::LogCapture;

/// The counts of the batches that were written, by the order of these keys.
fn batches(store: &TestStore, keys: &[&ApiKey]) -> Vec<Vec<u64>> {
    let batches = store.0.batches.lock().unwrap();
    let count = |batch: &Vec<ApiKeyUsage>, key: &ApiKey| {
        batch.iter().find(|usage| usage.id() == key.id()).map_or(0, ApiKeyUsage::count)
    };
    batches.iter().map(|batch| keys.iter().map(|key| count(batch, key)).collect()).collect()
}

async fn run_background_tasks() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn usage_is_written_at_most_once_a_minute_with_every_key_used_since() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.create().await, fixture.create().await);
    let keys = [&a, &b];
    for _ in 0..3 {
        fixture.status(a.secret()).await;
    }
    fixture.status(b.secret()).await;
    run_background_tasks().await;
    assert_eq!(batches(&fixture.store, &keys), Vec::<Vec<u64>>::new());
    fixture.clock.advance(MINUTE);
    for _ in 0..5 {
        fixture.status(a.secret()).await;
    }
    run_background_tasks().await;
    let written = batches(&fixture.store, &keys);
    // The request that is due starts the task, which takes the usage when it runs.
    assert!(written.len() == 1 && (4..=8).contains(&written[0][0]) && written[0][1] == 1, "{written:?}");
    fixture.clock.advance(MINUTE - Duration::from_millis(1));
    fixture.status(b.secret()).await;
    run_background_tasks().await;
    assert_eq!(batches(&fixture.store, &keys).len(), 1);
    fixture.keys.flush().await.unwrap();

    let record = fixture.keys.find(a.id()).await.unwrap().unwrap();
    assert_eq!((record.usage_count(), record.last_used_at()), (8, Some(fixture.now_in_seconds(MINUTE))));
    assert_eq!(fixture.keys.find(b.id()).await.unwrap().unwrap().usage_count(), 2);
}

impl Fixture {
    /// The start of the clock, and this time.
    fn now_in_seconds(&self, later: Duration) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000) + later
    }
}

#[tokio::test]
async fn failed_write_is_part_of_the_next_one() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(60 * MINUTE));
    let key = fixture.create().await;
    for _ in 0..7 {
        fixture.status(key.secret()).await;
    }
    fixture.store.set_down(true);
    let logs = LogCapture::start();
    assert!(fixture.keys.flush().await.is_err());
    fixture.clock.advance(MINUTE);
    assert_eq!(fixture.status(key.secret()).await, 200);
    run_background_tasks().await;
    assert_eq!(logs.count("cannot record the usage of API keys"), 1);
    fixture.store.set_down(false);
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.keys.flush().await.unwrap();
    assert_eq!(batches(&fixture.store, &[&key]), [[9]]);
    fixture.keys.flush().await.unwrap();
    assert_eq!(batches(&fixture.store, &[&key]).len(), 1, "an empty batch is not written");
}

#[tokio::test]
async fn rejected_request_is_no_usage() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    fixture.status(&with_wrong_secret(&key)).await;
    fixture.status(&unknown_key(1)).await;
    let elsewhere = fixture.keys.create(NewApiKey::for_user(&ann()).networks(["192.0.2.1"])).await.unwrap();
    assert_eq!(fixture.status(elsewhere.secret()).await, 403);
    fixture.keys.flush().await.unwrap();
    assert!(fixture.store.0.batches.lock().unwrap().is_empty());
}

#[tokio::test]
async fn usage_of_keys_that_are_not_cached_anymore_is_kept() {
    let fixture = Fixture::with(|builder| builder.cache_capacity(2));
    let mut keys = Vec::new();
    for _ in 0..20 {
        keys.push(fixture.create().await);
    }
    for key in &keys {
        assert_eq!(fixture.status(key.secret()).await, 200);
    }
    fixture.keys.flush().await.unwrap();
    assert_eq!(batches(&fixture.store, &keys.iter().collect::<Vec<_>>()), [[1; 20]]);
}

#[tokio::test]
async fn concurrent_requests_are_all_counted() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (app, text) = (fixture.app.clone(), key.secret().to_owned());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..250 {
                        let response = tower::ServiceExt::oneshot(app.clone(), request(&text)).await.unwrap();
                        assert_eq!(response.status(), 200);
                    }
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    fixture.keys.flush().await.unwrap();
    assert_eq!(batches(&fixture.store, &[&key]), [[1_000]]);
}
