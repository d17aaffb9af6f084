//! A server that is gone, silent or read-only: each limit follows its outage policy, and no request waits for long.
//!
//! While the server is unavailable, these tests pause the time of the runtime. A wait then ends exactly at its
//! deadline, on any machine, and `waited` is zero for a request that does not wait.

use std::time::Duration;

use ::redis::AsyncConnectionConfig;
use portcullis::RateLimit;
use portcullis::rate_limit::{Limit, OutagePolicy, RateLimitBuilder, RedisStore, Subject};
use tokio::time::{Instant, advance, pause, resume, sleep};

use crate::support::limited_app::{LimitedApp, LimitedResponse, by_header, cost, hourly};
use crate::support::log_capture::LogCapture;
use crate::support::redis_connection::{BlockingConnection, manager};
use crate::support::redis_server::{Server, closed_port};
use crate::support::test_store::{LONG_DEADLINE, network_store};

/// Long enough for a busy machine while the server is up.
const DEADLINE: Duration = Duration::from_secs(20);
/// Tokio's timers fire up to a millisecond late.
const TIMER_STEP: Duration = Duration::from_millis(1);
/// The longest pause of the circuit breaker.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

fn app(store: &RedisStore, limit: Limit) -> LimitedApp {
    let builder: RateLimitBuilder = RateLimit::builder().limit(limit.cost_of(cost)).key(by_header("x-user"));
    LimitedApp::new(builder.store(store.clone()).build().unwrap())
}

fn closed(units: u32) -> Limit {
    hourly("closed", units).on_outage(OutagePolicy::FailClosed)
}

/// One limit of each outage policy on the same store.
struct AppsByPolicy {
    closed: LimitedApp,
    local: LimitedApp,
    open: LimitedApp,
}

impl AppsByPolicy {
    fn new(store: &RedisStore) -> Self {
        Self {
            closed: app(store, closed(10)),
            local: app(store, hourly("local", 10).on_outage(OutagePolicy::local(0.5))),
            open: app(store, hourly("open", 10).on_outage(OutagePolicy::FailOpen)),
        }
    }

    /// Uses two units of each limit.
    async fn use_two_units(&self) {
        for app in [&self.closed, &self.local, &self.open] {
            assert_eq!(app.statuses("x-user: ann", 2).await, [200, 200]);
        }
    }

    /// Asserts that each limit follows its policy, if the local one has already used these units. Returns the
    /// responses.
    async fn assert_outage(&self, used: usize) -> Vec<LimitedResponse> {
        let mut responses = Vec::new();
        for _ in 0..4 {
            let closed = self.closed.send("x-user: ann").await;
            assert_eq!(closed.outcome(), "reduced", "{closed:?}");
            let open = self.open.send("x-user: ann, x-cost: 9").await;
            assert_eq!(open.outcome(), "ok", "{open:?}");
            responses.extend([closed, open]);
        }
        // Half of the limit of ten is available locally.
        for unit in used..5 {
            let local = self.local.send("x-user: ann").await;
            assert_eq!(local.outcome(), "ok", "unit {unit}");
            responses.push(local);
        }
        for (headers, outcome) in [
            ("x-user: ann", "reduced"),
            ("x-user: ann, x-cost: 5", "reduced"),
            ("x-user: ann, x-cost: 6", "quota"),
            ("x-user: bob", "ok"),
        ] {
            let local = self.local.send(headers).await;
            assert!(
                local.outcome() == outcome || outcome == "quota" && local.status == 429,
                "{headers}: {local:?} instead of {outcome}"
            );
            responses.push(local);
        }
        responses
    }

    /// Lets the circuit breaker try again and waits until the server is in use.
    async fn recover(&self) {
        advance(LONGEST_PAUSE).await;
        resume();
        let start = Instant::now();
        while self.closed.send("x-user: ann, x-cost: 0").await.status != 200 {
            assert!(start.elapsed() < LONG_DEADLINE, "the server is not in use again");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Asserts that no request waits longer than the deadline, and that only the requests that open the circuit breaker
/// wait.
fn assert_waits_are_short(responses: &[LimitedResponse], deadline: Duration) {
    let waits: Vec<_> = responses.iter().map(|response| response.waited).collect();
    assert!(waits.iter().all(|wait| *wait <= deadline + TIMER_STEP), "{waits:?}");
    assert!(waits.iter().filter(|wait| !wait.is_zero()).count() <= 3, "{waits:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_killed_server_delays_requests_by_at_most_the_deadline_and_is_used_again_after_its_restart() {
    let server = Server::start();
    let log = LogCapture::start();
    let apps = AppsByPolicy::new(&RedisStore::connect(&server.url()).unwrap().deadline(DEADLINE));
    apps.use_two_units().await;
    server.kill();
    pause();
    assert_waits_are_short(&apps.assert_outage(2).await, DEADLINE);
    server.restart();
    apps.recover().await;
    assert_eq!(apps.local.used("ann").await, [0], "the restarted server is empty");
    assert_eq!(apps.closed.send("x-user: ann").await.status, 200);
    let recovered = log.count("INFO portcullis::store::outage");
    assert_eq!([log.count(" WARN "), recovered], [1, 1], "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_silent_server_delays_requests_by_at_most_the_deadline_and_keeps_its_counts() {
    let server = Server::start();
    let log = LogCapture::start();
    let apps = AppsByPolicy::new(&RedisStore::connect(&server.url()).unwrap().deadline(DEADLINE));
    apps.use_two_units().await;
    server.pause();
    pause();
    assert_waits_are_short(&apps.assert_outage(2).await, DEADLINE);
    server.resume();
    apps.recover().await;
    let used = apps.closed.used("ann").await[0];
    assert!((2..=5).contains(&used), "{used}: two units from before, and at most three that arrived late");
    let recovered = log.count("INFO portcullis::store::outage");
    assert_eq!([log.count(" WARN "), recovered], [1, 1], "{}", log.text());
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn a_silent_server_delays_requests_by_50_milliseconds_by_default() {
    let server = Server::start();
    server.pause();
    let app = app(&RedisStore::connect(&server.url()).unwrap(), closed(10));
    let response = app.send("x-user: ann").await;
    assert_eq!(response.outcome(), "reduced", "{response:?}");
    let default = Duration::from_millis(50);
    assert!((default..=default + TIMER_STEP).contains(&response.waited), "{response:?}");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_was_never_up_delays_requests_by_at_most_the_deadline() {
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap();
    let apps = AppsByPolicy::new(&store.deadline(DEADLINE));
    assert_waits_are_short(&apps.assert_outage(0).await, DEADLINE);
    assert!(apps.local.limit.peek(&Subject::custom("ann")).await.is_err());
    assert!(apps.local.limit.reset(&Subject::custom("ann")).await.is_err());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn requests_in_progress_when_the_server_dies_follow_the_policy_within_the_deadline() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).unwrap().deadline(DEADLINE);
    let open_app = || app(&store, hourly("open", 100_000).on_outage(OutagePolicy::FailOpen));
    assert_eq!(open_app().send("x-user: ann").await.status, 200);
    server.pause();
    let mut requests = Vec::new();
    for _ in 0..8 {
        let app = open_app();
        requests.push(tokio::spawn(async move { app.send("x-user: ann").await }));
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(requests.iter().all(|request| !request.is_finished()), "a paused server replied");
    server.kill();
    pause();
    for request in requests {
        let response = request.await.unwrap();
        assert_eq!(response.status, 200, "{response:?}");
        assert!(response.waited <= DEADLINE + TIMER_STEP, "{response:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn only_failures_count_in_an_outage_too() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).unwrap().deadline(DEADLINE);
    let login = hourly("login", 4).only_failures();
    let local = app(&store, login.on_outage(OutagePolicy::local(0.5)));
    let default = app(&store, hourly("guard", 4).only_failures());
    assert_eq!(local.statuses("x-user: ann", 6).await, [200; 6]);
    server.kill();
    pause();
    assert_eq!(local.statuses("x-user: ann", 6).await, [200; 6]);
    assert_eq!(local.statuses("x-user: ann, x-status: 401", 3).await, [401, 401, 503]);
    let response = default.send("x-user: ann").await;
    assert_eq!(response.outcome(), "reduced", "a limit of failures fails closed by default: {response:?}");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn exceeding_only_the_local_share_starts_no_block() {
    let server = Server::start();
    let guard = hourly("guard", 4).block_for(Duration::from_secs(60)).on_outage(OutagePolicy::local(0.5));
    let app = app(&network_store(&server), guard);
    server.kill();
    assert_eq!(app.statuses("x-user: ann", 2).await, [200, 200]);
    for _ in 0..3 {
        let response = app.send("x-user: ann").await;
        assert_eq!(response.outcome(), "reduced", "an outage is never 429: {response:?}");
    }
    assert_eq!(app.send("x-user: ann, x-cost: 4").await.status, 429);
    assert_eq!(app.send("x-user: ann").await.outcome(), "block", "the whole limit was exceeded");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_replica_counts_as_an_outage_until_it_is_promoted() {
    let primary = Server::start();
    assert_eq!(app(&network_store(&primary), closed(3)).send("x-user: ann").await.status, 200);
    let replica = Server::replica_of(&primary);
    let client = ::redis::Client::open(replica.url()).unwrap();
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
    let stores = [RedisStore::new(connection.clone()), RedisStore::new(manager(&replica.url()))];
    for store in stores {
        let app = app(&store.deadline(LONG_DEADLINE), closed(3));
        for _ in 0..5 {
            let response = app.send("x-user: ann").await;
            assert_eq!(response.outcome(), "reduced", "{response:?}");
        }
    }
    primary.kill();
    replica.promote();
    let app = app(&RedisStore::new(connection).deadline(LONG_DEADLINE), closed(3));
    assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429], "one unit was used on the primary");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_out_of_memory_counts_as_an_outage_until_it_has_memory() {
    let server = Server::start();
    let app = app(&RedisStore::new(BlockingConnection::new(&server)), closed(3));
    assert_eq!(app.send("x-user: ann").await.status, 200);
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    for _ in 0..5 {
        let response = app.send("x-user: ann").await;
        assert_eq!(response.outcome(), "reduced", "{response:?}");
    }
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    advance(LONGEST_PAUSE).await;
    assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429], "nothing was charged in the outage");
}
