//! Lookups: shared, bounded, and cached, also while the store is down.

use std::collections::BTreeMap;
use std::future::Future;

use axum::http::StatusCode;
use futures_util::future::join_all;
use tower::ServiceExt;

use super::*;
use crate::support::log_capture::LogCapture;

/// The number of responses with each status, of requests that are sent at the same time.
fn send_all(app: &Router, texts: impl IntoIterator<Item = String>) -> impl Future<Output = BTreeMap<u16, usize>> {
    let send = |text: String| tokio::spawn(app.clone().oneshot(request(&text)));
    let responses: Vec<_> = texts.into_iter().map(send).collect();
    async move {
        let mut statuses = BTreeMap::new();
        for response in join_all(responses).await {
            *statuses.entry(response.unwrap().unwrap().status().as_u16()).or_default() += 1;
        }
        statuses
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_uncached_key_cause_one_find() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let permits = fixture.store.hold();
    let responses = send_all(&fixture.app, (0..1_000).map(|_| key.secret().to_owned()));
    fixture.store.wait_for_finds(1).await;
    tokio::task::yield_now().await;
    permits.add_permits(1_000);
    assert_eq!(responses.await, BTreeMap::from([(200, 1_000)]));
    assert_eq!((fixture.store.finds(), fixture.handled()), (1, 1_000));
}

#[tokio::test]
async fn at_most_64_finds_run_at_once_and_the_rest_gets_503() {
    let fixture = Fixture::new();
    let permits = fixture.store.hold();
    let responses = send_all(&fixture.app, (0..1_000).map(unknown_key));
    fixture.store.wait_for_finds(64).await;
    tokio::task::yield_now().await;
    permits.add_permits(1_000);
    assert_eq!(responses.await, BTreeMap::from([(401, 64), (503, 936)]));
    assert_eq!((fixture.store.0.most_running.load(SeqCst), fixture.store.finds(), fixture.handled()), (64, 64, 0));
    fixture.store.release();
    assert_eq!(fixture.status(&unknown_key(1_001)).await, 401);
}

#[tokio::test]
async fn flood_of_unknown_keys_does_not_keep_a_revoked_key_valid() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(10 * SECOND));
    let other = Fixture::of(fixture.store.clone(), fixture.clock.clone(), |builder| builder);
    let (key, revoked) = (fixture.create().await, fixture.create().await);
    assert_eq!([fixture.status(key.secret()).await, fixture.status(revoked.secret()).await], [200, 200]);
    assert!(other.keys.revoke(revoked.id()).await.unwrap());
    let finds = fixture.store.finds();
    let permits = fixture.store.hold();
    let flood = send_all(&fixture.app, (0..64).map(unknown_key));
    fixture.store.wait_for_finds(finds + 64).await;

    fixture.clock.advance(10 * SECOND);
    let responses = send_all(&fixture.app, [key.secret().to_owned(), revoked.secret().to_owned()]);
    // The records are read again, while all 64 lookups of unknown keys run.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    permits.add_permits(1_000);
    assert_eq!(responses.await, BTreeMap::from([(200, 1), (401, 1)]));
    assert_eq!(flood.await, BTreeMap::from([(401, 64)]));
}

#[tokio::test]
async fn id_that_does_not_exist_is_remembered_for_ten_seconds() {
    let fixture = Fixture::new();
    let text = unknown_key(1);
    for _ in 0..3 {
        assert_eq!(fixture.status(&text).await, 401);
    }
    fixture.clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(fixture.status(&text).await, 401);
    assert_eq!(fixture.store.finds(), 1);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.status(&text).await, 401);
    assert_eq!(fixture.store.finds(), 2);
}

#[tokio::test]
async fn flood_of_unknown_keys_evicts_no_valid_key() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(MINUTE).cache_capacity(8));
    let keys = [fixture.create().await, fixture.create().await, fixture.create().await];
    for key in &keys {
        assert_eq!(fixture.status(key.secret()).await, 200);
    }
    for number in 0..11_000 {
        assert_eq!(fixture.status(&unknown_key(number)).await, 401);
    }
    assert_eq!(fixture.store.finds(), 11_003);
    for key in &keys {
        assert_eq!(fixture.status(key.secret()).await, 200);
    }
    assert_eq!(fixture.store.finds(), 11_003);
}

#[tokio::test]
async fn cached_key_costs_no_call_of_the_store_until_the_ttl_ends() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(MINUTE));
    let key = fixture.create().await;
    for _ in 0..100 {
        assert_eq!(fixture.status(key.secret()).await, 200);
    }
    fixture.clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(fixture.status(key.secret()).await, 200);
    assert_eq!(fixture.store.finds(), 1);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.status(key.secret()).await, 200);
    assert_eq!(fixture.store.finds(), 2);

    let without = Fixture::with(|builder| builder.cache_ttl(Duration::ZERO));
    let key = without.create().await;
    for _ in 0..3 {
        assert_eq!(without.status(key.secret()).await, 200);
    }
    assert_eq!(without.store.finds(), 3);
}

#[tokio::test]
async fn key_in_use_stays_cached_while_others_come_and_go() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(MINUTE).cache_capacity(4));
    let used = fixture.create().await;
    assert_eq!(fixture.status(used.secret()).await, 200);
    for others in 1..=8 {
        let other = fixture.create().await;
        assert_eq!([fixture.status(other.secret()).await, fixture.status(used.secret()).await], [200, 200]);
        assert_eq!(fixture.store.finds(), 1 + others);
    }
}

#[tokio::test]
async fn key_that_needs_another_read_is_accepted_while_64_reads_are_running() {
    let fixture = Fixture::new();
    let mut keys = Vec::new();
    for _ in 0..65 {
        let key = fixture.create().await.secret().to_owned();
        assert_eq!(fixture.status(&key).await, 200);
        keys.push(key);
    }
    fixture.clock.advance(10 * SECOND);
    let permits = fixture.store.hold();
    let key = keys.pop().unwrap();
    let responses = send_all(&fixture.app, keys);
    fixture.store.wait_for_finds(65 + 64).await;
    assert_eq!((fixture.status(&key).await, fixture.store.finds()), (200, 65 + 64));
    fixture.clock.advance(5 * MINUTE);
    assert_eq!(fixture.status(&key).await, 503);
    permits.add_permits(64);
    assert_eq!(responses.await, BTreeMap::from([(200, 64)]));
}

#[tokio::test]
async fn key_that_the_store_no_longer_has_is_not_accepted_while_the_store_is_down() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.store.set_empty(true);
    fixture.clock.advance(10 * SECOND);
    assert_eq!(fixture.status(key.secret()).await, 401);
    fixture.store.set_down(true);
    fixture.clock.advance(10 * SECOND);
    assert_eq!(fixture.status(key.secret()).await, 503);
}

#[tokio::test]
async fn change_of_a_key_ends_the_time_for_which_it_is_unknown() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    fixture.store.set_empty(true);
    assert_eq!(fixture.status(key.secret()).await, 401);
    fixture.store.set_empty(false);
    assert_eq!(fixture.status(key.secret()).await, 401);
    let change = portcullis::api_key::ApiKeyChange::for_user(&ann()).name("renamed");
    assert!(fixture.keys.update(key.id(), change).await.unwrap().is_some());
    assert_eq!(fixture.status(key.secret()).await, 200);
}

#[tokio::test]
async fn cached_key_is_accepted_for_stale_for_while_the_store_is_down() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let other = fixture.create().await;
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.store.set_down(true);
    let logs = LogCapture::start();
    // Ten seconds of the cache, and five minutes.
    fixture.clock.advance(10 * SECOND);
    let finds = fixture.store.finds();
    for _ in 0..10 {
        assert_eq!(fixture.status(key.secret()).await, 200);
    }
    assert_eq!(fixture.store.finds(), finds + 1, "one attempt a second");
    assert_eq!(logs.count("cannot read API keys"), 1);
    let unknown = fixture.send_key(other.secret()).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(unknown.headers["retry-after"], "1");
    assert_eq!(unknown.denial.unwrap().code(), "api_key_store_unavailable");
    assert_eq!(unknown.headers["cache-control"], "no-store");

    fixture.clock.advance(5 * MINUTE - SECOND);
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.status(key.secret()).await, 503);
    assert_eq!(fixture.status(&with_wrong_secret(&key)).await, 503);
    fixture.store.set_down(false);
    assert_eq!(fixture.status(key.secret()).await, 200);
    assert_eq!((logs.count("cannot read API keys"), logs.count("API keys can be read again")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn store_that_hangs_is_503_after_the_timeout() {
    let fixture = Fixture::with(|builder| builder.store_timeout(3 * SECOND));
    let _permits = fixture.store.hold();
    let start = tokio::time::Instant::now();
    assert_eq!(fixture.status(&unknown_key(1)).await, 503);
    assert_eq!(start.elapsed(), 3 * SECOND);
}

#[tokio::test]
async fn canceled_request_does_not_cancel_the_lookup_of_others() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let permits = fixture.store.hold();
    let first = tokio::spawn(fixture.app.clone().oneshot(request(key.secret())));
    fixture.store.wait_for_finds(1).await;
    let second = tokio::spawn(fixture.app.clone().oneshot(request(key.secret())));
    tokio::task::yield_now().await;
    first.abort();
    permits.add_permits(1);
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(fixture.store.finds(), 1);
}

#[test]
fn request_without_a_runtime_or_timers_is_503_and_does_not_panic() {
    let fixture = Fixture::new();
    let logs = LogCapture::start();
    let text = unknown_key(1);
    let send = || futures_util::FutureExt::now_or_never(fixture.app.clone().oneshot(request(&text)));
    assert_eq!(send().unwrap().unwrap().status(), 503);
    let without_timers = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(without_timers.block_on(fixture.app.clone().oneshot(request(&text))).unwrap().status(), 503);
    assert_eq!(logs.count("cannot look up an API key"), 2);
}
