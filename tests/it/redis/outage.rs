//! A server that is gone, silent or read-only: each limit goes by its policy, and nobody waits.

use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use portcullis::rate_limit::{Limit, OutagePolicy, RateLimitBuilder, RedisStore, Subject};
use portcullis::{Quota, RateLimit};

use super::limited_app::{Limited, Told, cost, named};
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::{Server, closed_port};

/// The deadline of 50 ms, and what a busy machine may be late.
const AT_MOST: Duration = Duration::from_millis(50 + 150);

fn limited(store: &RedisStore, limit: Limit) -> Limited {
    let builder: RateLimitBuilder = RateLimit::builder().limit(limit.cost_of(cost)).key(named("x-user"));
    Limited::new(builder.store(store.clone()).build().unwrap())
}

fn limit(name: &'static str, units: u32) -> Limit {
    Limit::new(name, Quota::per_hour(units).unwrap())
}

/// Where the server answers with an error, and the deadline is not the point.
fn unhurried(store: RedisStore) -> RedisStore {
    store.deadline(Duration::from_secs(5))
}

/// A limit of each policy, on one store.
struct Policies {
    closed: Limited,
    local: Limited,
    open: Limited,
}

impl Policies {
    fn on(store: &RedisStore) -> Self {
        Self {
            closed: limited(store, limit("closed", 10).on_outage(OutagePolicy::FailClosed)),
            local: limited(store, limit("local", 10).on_outage(OutagePolicy::Local(0.5))),
            open: limited(store, limit("open", 10).on_outage(OutagePolicy::FailOpen)),
        }
    }

    /// Each has used two units.
    async fn warm(&self) {
        self.recover().await;
        for app in [&self.closed, &self.local, &self.open] {
            assert_eq!(app.statuses("x-user: ann", 2).await, [200, 200]);
        }
    }

    /// What holds in an outage in which the local limit has used so many units before.
    async fn judge(&self, used: usize) -> Vec<Duration> {
        let mut told: Vec<Told> = Vec::new();
        for _ in 0..4 {
            let closed = self.closed.ask("x-user: ann").await;
            assert_eq!(closed.word(), "reduced", "{closed:?}");
            let open = self.open.ask("x-user: ann, x-cost: 9").await;
            assert_eq!(open.word(), "ok", "{open:?}");
            told.extend([closed, open]);
        }
        for index in used..5 {
            told.push(self.local.ask("x-user: ann").await);
            assert_eq!(told.last().unwrap().word(), "ok", "unit {index}");
        }
        for (fields, word) in [
            ("x-user: ann", "reduced"),
            ("x-user: ann, x-cost: 5", "reduced"),
            ("x-user: ann, x-cost: 6", "quota"),
            ("x-user: bob", "ok"),
        ] {
            told.push(self.local.ask(fields).await);
            let told = told.last().unwrap();
            assert!(told.word() == word || word == "quota" && told.status == 429, "{fields}: {told:?}");
        }
        told.iter().map(|told| told.time).collect()
    }

    /// Until the server is asked again.
    async fn recover(&self) -> Duration {
        let start = Instant::now();
        while self.closed.ask("x-user: ann, x-cost: 0").await.status != 200 {
            assert!(start.elapsed() < Duration::from_secs(8), "the server is not asked again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    }
}

/// No wait is longer than the deadline, and but for a few that find out, nobody waits at all.
fn assert_nobody_waits(times: &[Duration]) {
    let longest = times.iter().max().unwrap();
    assert!(*longest < AT_MOST, "{longest:?}");
    let slow = times.iter().filter(|time| **time > Duration::from_millis(40)).count();
    assert!(slow <= 5, "{slow} of {} waited: {times:?}", times.len());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_killed_server_costs_nobody_more_than_the_deadline_and_is_asked_again_once_it_is_back() {
    let server = Server::start();
    let log = LogCapture::start();
    let policies = Policies::on(&RedisStore::connect(&server.url()).unwrap());
    policies.warm().await;
    server.kill();
    assert_nobody_waits(&policies.judge(2).await);
    server.restart();
    policies.recover().await;
    assert_eq!(policies.local.used("ann").await, [0], "it started anew, and is asked");
    assert_eq!(policies.closed.ask("x-user: ann").await.status, 200);
    let counts = [log.count(" WARN "), log.count(" INFO ")];
    assert_eq!(counts, [1, 1], "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_paused_server_costs_nobody_more_than_the_deadline_and_counts_on_once_it_is_resumed() {
    let server = Server::start();
    let log = LogCapture::start();
    let policies = Policies::on(&RedisStore::connect(&server.url()).unwrap());
    policies.warm().await;
    server.pause();
    assert_nobody_waits(&policies.judge(2).await);
    server.resume();
    policies.recover().await;
    let used = policies.closed.used("ann").await[0];
    assert!((2..=5).contains(&used), "{used}: what was used before, and at most the three that found out");
    let counts = [log.count(" WARN "), log.count(" INFO ")];
    assert_eq!(counts, [1, 1], "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_refuses_from_the_start_costs_nobody_more_than_the_deadline() {
    let policies = Policies::on(&RedisStore::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap());
    assert_nobody_waits(&policies.judge(0).await);
    assert!(policies.local.limit.peek(&Subject::custom("ann")).await.is_err());
    assert!(policies.local.limit.reset(&Subject::custom("ann")).await.is_err());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn requests_in_the_air_when_the_server_dies_go_by_the_policy_within_the_deadline() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).unwrap();
    let app = limited(&store, limit("open", 100_000).on_outage(OutagePolicy::FailOpen));
    assert_eq!(app.ask("x-user: ann").await.status, 200);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let app = limited(&store, limit("open", 100_000).on_outage(OutagePolicy::FailOpen));
        tasks.push(tokio::spawn(async move {
            let (start, mut longest) = (Instant::now(), Duration::ZERO);
            while start.elapsed() < Duration::from_millis(400) {
                let told = app.ask("x-user: ann").await;
                assert_eq!(told.status, 200, "{told:?}");
                longest = longest.max(told.time);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            longest
        }));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill();
    for task in tasks {
        let longest = task.await.unwrap();
        assert!(longest < AT_MOST, "{longest:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn only_failures_count_in_an_outage_too() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).unwrap();
    let app = limited(&store, limit("login", 4).only_failures().on_outage(OutagePolicy::Local(0.5)));
    let default = limited(&store, limit("guard", 4).only_failures());
    assert_eq!(app.statuses("x-user: ann", 6).await, [200; 6]);
    server.kill();
    assert_eq!(app.statuses("x-user: ann", 6).await, [200; 6]);
    assert_eq!(app.statuses("x-user: ann, x-status: 401", 3).await, [401, 401, 503]);
    let told = default.ask("x-user: ann").await;
    assert_eq!(told.word(), "reduced", "a log-in is closed unless said otherwise: {told:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_share_that_is_used_up_starts_no_block() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).unwrap();
    let guard = limit("guard", 4).block_for(Duration::from_secs(60)).on_outage(OutagePolicy::Local(0.5));
    let app = limited(&store, guard);
    server.kill();
    assert_eq!(app.statuses("x-user: ann", 2).await, [200, 200]);
    for _ in 0..3 {
        let told = app.ask("x-user: ann").await;
        assert_eq!(told.word(), "reduced", "an outage is never 429: {told:?}");
    }
    assert_eq!(app.ask("x-user: ann, x-cost: 4").await.status, 429);
    assert_eq!(app.ask("x-user: ann").await.word(), "block", "above the whole limit");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_replica_is_an_outage_until_it_is_promoted() {
    let primary = Server::start();
    let first = limited(
        &unhurried(RedisStore::connect(&primary.url()).unwrap()),
        limit("closed", 3).on_outage(OutagePolicy::FailClosed),
    );
    assert_eq!(first.ask("x-user: ann").await.status, 200);
    let replica = Server::replica_of(&primary);
    let client = ::redis::Client::open(replica.url()).unwrap();
    let connection: MultiplexedConnection = client.get_multiplexed_async_connection().await.unwrap();
    let manager = client.get_connection_manager().await.unwrap();
    for store in [RedisStore::new(connection.clone()), RedisStore::new(manager)].map(unhurried) {
        let app = limited(&store, limit("closed", 3).on_outage(OutagePolicy::FailClosed));
        for _ in 0..5 {
            let told = app.ask("x-user: ann").await;
            assert_eq!(told.word(), "reduced", "{told:?}");
        }
    }
    primary.kill();
    replica.promote();
    let app = limited(&unhurried(RedisStore::new(connection)), limit("closed", 3).on_outage(OutagePolicy::FailClosed));
    assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429], "what was used on the primary stays used");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_without_memory_is_an_outage_until_it_has_some() {
    let server = Server::start();
    let store = unhurried(RedisStore::connect(&server.url()).unwrap());
    let app = limited(&store, limit("closed", 3).on_outage(OutagePolicy::FailClosed));
    assert_eq!(app.ask("x-user: ann").await.status, 200);
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    for _ in 0..5 {
        let told = app.ask("x-user: ann").await;
        assert_eq!(told.word(), "reduced", "{told:?}");
    }
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    let start = Instant::now();
    while app.ask("x-user: ann, x-cost: 0").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(6));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429], "nothing was charged meanwhile");
}
