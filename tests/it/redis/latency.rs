//! A distant or overloaded server: charges whose reply is late, and which callers wait.
//!
//! The time of these tests is paused: only the latency of the connection and the pauses of the tests take time.

use std::sync::Arc;
use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Attempt, Key, Limit, OutagePolicy, RateLimitBuilder, RedisStore, Subject};
use portcullis::{Extractor, Quota, RateLimit, Tiers};
use tokio::time::{Instant, sleep, timeout};

use crate::support::limited_app::hourly;
use crate::support::log_capture::LogCapture;
use crate::support::redis_connection::BlockingConnection;
use crate::support::redis_server::{Server, closed_port};
use crate::support::response::TestResponse;
use crate::support::test_store::{LONG_DEADLINE, network_store};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A builder for `RateLimit::check`, which names the subject itself.
fn unkeyed(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(Key::custom(|_| None))
}

/// A store on a connection with this latency each way.
fn distant_store(server: &Server, latency: Duration) -> RedisStore {
    RedisStore::new(BlockingConnection::new(server).with_latency(latency))
}

fn unreachable_store() -> RedisStore {
    RedisStore::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap()
}

async fn status(limit: &RateLimit, subject: &'static str) -> u16 {
    limit.check(&Subject::custom(subject), 1).await.map_or_else(|denial| denial.status().as_u16(), |_| 200)
}

async fn used(limit: &RateLimit, subject: &'static str) -> u32 {
    limit.peek(&Subject::custom(subject)).await.unwrap()[0].used()
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn the_charge_of_a_late_reply_is_refunded() {
    let server = Server::start();
    let login = hourly("login", 5).on_outage(OutagePolicy::FailClosed);
    let near = unkeyed(login.clone()).store(distant_store(&server, Duration::ZERO)).build().unwrap();
    let far = unkeyed(login).store(distant_store(&server, ms(30)).deadline(ms(50))).build().unwrap();
    assert_eq!(status(&near, "bob").await, 200, "loads the script");
    assert_eq!(status(&far, "ann").await, 503);
    assert_eq!(used(&near, "ann").await, 1, "the command has arrived");
    for _ in 0..7 {
        sleep(ms(300)).await;
        assert_eq!(status(&far, "ann").await, 503);
    }
    sleep(ms(300)).await;
    assert_eq!(used(&near, "ann").await, 0);
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn other_users_are_served_soon_after_a_flood_that_overloaded_the_server() {
    let server = Server::start();
    let limit = hourly("api", 100_000).on_outage(OutagePolicy::FailClosed);
    let store = distant_store(&server, ms(20)).deadline(ms(100));
    let limit = Arc::new(unkeyed(limit).store(store).build().unwrap());
    assert_eq!(status(&limit, "first").await, 200);
    for _ in 0..50 {
        for _ in 0..160 {
            let limit = Arc::clone(&limit);
            tokio::spawn(async move { status(&limit, "flood").await });
        }
        sleep(ms(20)).await;
    }
    let end_of_flood = Instant::now();
    while status(&limit, "other").await != 200 {
        assert!(end_of_flood.elapsed() < Duration::from_secs(2), "still an outage");
        sleep(ms(1)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_token_bucket_by_tier_limits_over_a_long_window() {
    let server = Server::start();
    let tiers = Tiers::ascending(["free", "enterprise"]).unwrap();
    let month = Duration::from_secs(30 * 86_400);
    let quota = |units| Quota::per(units, month).unwrap().algorithm(Algorithm::TokenBucket);
    let quotas = [(tiers.get("free").unwrap(), quota(10)), (tiers.get("enterprise").unwrap(), quota(100_000))];
    let limit = unkeyed(Limit::by_tier("month", quotas)).store(network_store(&server)).build().unwrap();
    let mut admitted = 0;
    for _ in 0..30 {
        admitted += usize::from(status(&limit, "ann").await == 200);
    }
    assert_eq!(admitted, 10);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn large_counts_of_one_subject_do_not_affect_other_subjects_of_the_batch() {
    let server = Server::start();
    // Each has a store of its own, as in two versions of an app: one store rejects another quota under the same name.
    let limit_of = |units| {
        let quota = Quota::per_day(units).unwrap().algorithm(Algorithm::TokenBucket);
        let limit = Limit::new("bytes", quota).on_outage(OutagePolicy::FailClosed);
        unkeyed(limit).store(network_store(&server)).build().unwrap()
    };
    let large = limit_of(4_000_000_000);
    let small = limit_of(10);
    assert!(large.check(&Subject::custom("mallory"), 3_000_000_000).await.is_ok());
    for _ in 0..4 {
        assert_eq!(tokio::join!(status(&small, "mallory"), status(&small, "ann")), (429, 200));
    }
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_runtime_that_stops_running_does_not_block_the_others() {
    let server = Server::start();
    let paused_runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let abandoned = paused_runtime();
    let running = paused_runtime();
    let store = distant_store(&server, ms(30)).deadline(ms(200));
    let limit = unkeyed(hourly("api", 50).on_outage(OutagePolicy::FailClosed)).store(store).build().unwrap();
    let result = abandoned.block_on(async { timeout(ms(10), status(&limit, "ann")).await });
    assert!(result.is_err(), "the reply takes 60 milliseconds");
    let statuses: Vec<_> = (0..10).map(|_| running.block_on(status(&limit, "bob"))).collect();
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn layers_of_one_store_share_the_local_quota_of_an_outage() {
    let store = unreachable_store();
    let mut admitted = 0;
    let layers = [(); 2].map(|()| {
        let limit = hourly("api", 10).on_outage(OutagePolicy::local(0.5));
        unkeyed(limit).store(store.clone()).build().unwrap()
    });
    for limit in &layers {
        for _ in 0..10 {
            admitted += usize::from(status(limit, "ann").await == 200);
        }
    }
    assert_eq!(admitted, 5);
}

#[tokio::test]
async fn a_second_quota_under_a_name_is_reported_for_a_store_and_not_for_another_prefix_of_its_server() {
    let store = unreachable_store();
    let build = |units, store: &RedisStore| unkeyed(hourly("api", units)).store(store.clone()).build();
    let _layer = build(10, &store).unwrap();
    assert!(build(10, &store).is_ok());
    let error = build(20, &store).unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].limit()), ("store", Some("api")));
    assert!(build(20, &store.prefix("other")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_fails_open_calls_a_handler_that_extracts_the_attempt() {
    let limit = hourly("login", 5).only_failures().on_outage(OutagePolicy::FailOpen);
    let limit = RateLimit::builder().limit(limit).key(Key::global()).store(unreachable_store()).build().unwrap();
    let handler = |Extractor(attempt): Extractor<Attempt>| async move { attempt.succeeded() };
    let app = axum::Router::new().route("/", axum::routing::get(handler)).layer(limit);
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 200);
}

#[tokio::test]
async fn the_log_reports_once_why_the_server_is_unreachable() {
    let log = LogCapture::start();
    let store = unreachable_store().deadline(LONG_DEADLINE);
    let limit = unkeyed(hourly("api", 10).on_outage(OutagePolicy::FailClosed)).store(store).build().unwrap();
    for _ in 0..5 {
        assert_eq!(status(&limit, "ann").await, 503);
    }
    assert_eq!(log.count("the circuit breaker is open"), 1, "{}", log.text());
    assert!(log.text().contains("refused"), "{}", log.text());
}
