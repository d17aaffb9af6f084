//! A server that is far away, or fails for a while: who is charged for an answer that comes too late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::rate_limit::{Algorithm, Attempt, Key, Limit, OutagePolicy, RateLimitBuilder, RedisStore, Subject};
use portcullis::{Extractor, Quota, RateLimit, Tiers};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::support::log_capture::LogCapture;
use crate::support::redis_server::{Server, closed_port};

/// A connection on which every command takes that long each way; what was sent arrives, whether or not anybody waits.
#[derive(Clone)]
struct Far {
    near: MultiplexedConnection,
    way: Duration,
}

impl Far {
    async fn to(server: &Server, millis: u64) -> Self {
        let client = redis::Client::open(server.url()).unwrap();
        Self { near: client.get_multiplexed_async_connection().await.unwrap(), way: Duration::from_millis(millis) }
    }
}

impl ConnectionLike for Far {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            tokio::time::sleep(self.way).await;
            let (command, mut near) = (command.clone(), self.near.clone());
            let answer = tokio::spawn(async move { near.req_packed_command(&command).await }).await.unwrap();
            tokio::time::sleep(self.way).await;
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.near.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        0
    }
}

fn per_hour(name: &'static str, units: u32) -> Limit {
    Limit::new(name, Quota::per_hour(units).unwrap())
}

fn by_name(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(Key::custom(|_| None))
}

async fn status(limit: &RateLimit, subject: &'static str) -> u16 {
    limit.check(&Subject::custom(subject), 1).await.map_or_else(|denial| denial.status().as_u16(), |_| 200)
}

async fn used(limit: &RateLimit, subject: &'static str) -> u32 {
    limit.peek(&Subject::custom(subject)).await.unwrap()[0].used()
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_answer_that_comes_too_late_charges_nobody() {
    let server = Server::start();
    let guard = per_hour("login", 5).on_outage(OutagePolicy::FailClosed);
    let near = by_name(guard.clone()).store(RedisStore::new(Far::to(&server, 0).await.near)).build().unwrap();
    let far = by_name(guard).store(RedisStore::new(Far::to(&server, 30).await)).build().unwrap();
    for _ in 0..8 {
        assert_eq!(status(&far, "ann").await, 503);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(used(&near, "ann").await, 0);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn after_a_flood_that_the_server_could_not_follow_an_honest_user_is_served_at_once() {
    let server = Server::start();
    let limit = per_hour("api", 100_000).on_outage(OutagePolicy::FailClosed);
    let store = RedisStore::new(Far::to(&server, 20).await).deadline(Duration::from_millis(100));
    let limit = Arc::new(by_name(limit).store(store).build().unwrap());
    while status(&limit, "warm").await != 200 {}
    for _ in 0..50 {
        for _ in 0..160 {
            let limit = Arc::clone(&limit);
            tokio::spawn(async move { status(&limit, "flood").await });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let end = Instant::now();
    while status(&limit, "honest").await != 200 {
        assert!(end.elapsed() < Duration::from_secs(2), "still in an outage");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_bucket_by_tier_over_a_long_window_limits() {
    let server = Server::start();
    let tiers = Tiers::ascending(["free", "enterprise"]).unwrap();
    let month = Duration::from_secs(30 * 86_400);
    let quota = |units| Quota::per(units, month).unwrap().algorithm(Algorithm::TokenBucket);
    let quotas = [(tiers.get("free").unwrap(), quota(10)), (tiers.get("enterprise").unwrap(), quota(100_000))];
    let limit = by_name(Limit::by_tier("month", quotas)).store(RedisStore::connect(&server.url()).unwrap()).build();
    let limit = limit.unwrap();
    let mut admitted = 0;
    for _ in 0..30 {
        admitted += usize::from(status(&limit, "ann").await == 200);
    }
    assert_eq!(admitted, 10);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_numbers_of_one_subject_do_not_spoil_the_answers_to_others() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).unwrap().deadline(Duration::from_secs(2));
    let of = |units| {
        let quota = Quota::per_day(units).unwrap().algorithm(Algorithm::TokenBucket);
        by_name(Limit::new("bytes", quota).on_outage(OutagePolicy::FailClosed)).store(store.clone()).build().unwrap()
    };
    let (upload, trial) = (of(4_000_000_000), of(10));
    assert!(upload.check(&Subject::custom("mallory"), 3_000_000_000).await.is_ok());
    for _ in 0..4 {
        assert_eq!(tokio::join!(status(&trial, "mallory"), status(&trial, "ann")), (429, 200));
    }
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_runtime_that_nobody_drives_does_not_hold_up_the_others() {
    let server = Server::start();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let store = RedisStore::new(second.block_on(Far::to(&server, 30))).deadline(Duration::from_millis(200));
    let limit = by_name(per_hour("api", 50).on_outage(OutagePolicy::FailClosed)).store(store).build().unwrap();
    let given_up =
        first.block_on(async { tokio::time::timeout(Duration::from_millis(10), status(&limit, "ann")).await });
    assert!(given_up.is_err());
    let last = (0..10).map(|_| second.block_on(status(&limit, "bob"))).last();
    assert_eq!(last, Some(200));
}

#[tokio::test]
async fn layers_of_one_store_share_what_is_given_out_in_an_outage() {
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap();
    let of = || by_name(per_hour("api", 10).on_outage(OutagePolicy::Local(0.5))).store(store.clone()).build().unwrap();
    let mut admitted = 0;
    for limit in [of(), of()] {
        for _ in 0..10 {
            admitted += usize::from(status(&limit, "ann").await == 200);
        }
    }
    assert_eq!(admitted, 5);
}

#[tokio::test]
async fn an_open_limit_lets_a_handler_run_that_has_a_say() {
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap();
    let limit = per_hour("login", 5).only_failures().on_outage(OutagePolicy::FailOpen);
    let limit = RateLimit::builder().limit(limit).key(Key::global()).store(store).build().unwrap();
    let handler = |Extractor(attempt): Extractor<Attempt>| async move { attempt.succeeded() };
    let app = axum::Router::new().route("/", axum::routing::get(handler)).layer(limit);
    assert_eq!(crate::support::response::TestResponse::get(&app, "/", &[]).await.status, 200);
}

#[tokio::test]
async fn the_log_says_why_a_server_cannot_be_reached() {
    let log = LogCapture::start();
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap();
    let limit = by_name(per_hour("api", 10).on_outage(OutagePolicy::FailClosed)).store(store).build().unwrap();
    for _ in 0..5 {
        assert_eq!(status(&limit, "ann").await, 503);
    }
    assert_eq!(log.count("is given up for a while"), 1, "{}", log.text());
    assert!(log.text().contains("refused"), "{}", log.text());
}
