//! A connection that is open but no longer works: the store replaces its own connection.
//!
//! Each test has real servers behind a balancer, which sends new connections elsewhere and keeps the open ones.

use std::time::Duration;

use portcullis::RateLimit;
use portcullis::rate_limit::{OutagePolicy, RedisStore};
use tokio::time::{advance, pause, resume, sleep};

use crate::support::balancer::Balancer;
use crate::support::limited_app::{LimitedApp, by_header, hourly};
use crate::support::log_capture::LogCapture;
use crate::support::redis_connection::manager;
use crate::support::redis_server::{Server, closed_port, wait_until};
use crate::support::test_store::LONG_DEADLINE;

fn app(store: RedisStore) -> LimitedApp {
    let limit = hourly("limit", 100).on_outage(OutagePolicy::FailClosed);
    LimitedApp::new(RateLimit::builder().limit(limit).key(by_header("x-user")).store(store).build().unwrap())
}

fn app_behind(balancer: &Balancer) -> LimitedApp {
    app(RedisStore::connect(&balancer.url()).unwrap().deadline(LONG_DEADLINE))
}

async fn status(app: &LimitedApp) -> u16 {
    app.send("x-user: ann").await.status
}

/// Lets the circuit breaker try again, however long it has been open.
async fn end_pause() {
    pause();
    advance(Duration::from_secs(5)).await;
    resume();
}

/// The server replies to a write with this error, on a new connection.
fn rejects_writes_with(server: &Server, code: &str) -> bool {
    server.command(&["EVAL", "return redis.call('SET', KEYS[1], '1')", "1", "probe"]).contains(code)
}

/// Makes the server a replica of another one. Its connections stay open.
fn demote(server: &Server, primary: &Server) {
    assert_eq!(server.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]), "OK");
    wait_until("the server is a replica", || rejects_writes_with(server, "READONLY"));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_primary_that_became_a_replica_is_abandoned_after_one_failed_request() {
    let old = Server::start();
    let new = Server::replica_of(&old);
    let balancer = Balancer::start(old.port());
    let app = app_behind(&balancer);
    assert_eq!(status(&app).await, 200);
    new.promote();
    demote(&old, &new);
    balancer.switch_to(new.port());
    assert_eq!(status(&app).await, 503, "this connection leads to the replica");
    assert_eq!(status(&app).await, 200);
    assert_eq!(balancer.connections(), 2);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_address_that_moves_during_the_outage_is_followed_by_the_next_attempt() {
    let old = Server::start();
    let new = Server::replica_of(&old);
    let balancer = Balancer::start(old.port());
    let log = LogCapture::start();
    let app = app_behind(&balancer);
    assert_eq!(status(&app).await, 200);
    new.promote();
    demote(&old, &new);
    for _ in 0..8 {
        assert_eq!(status(&app).await, 503);
        end_pause().await;
    }
    balancer.switch_to(new.port());
    assert_eq!(status(&app).await, 200);
    assert_eq!([log.count(" WARN "), log.count(" INFO ")], [1, 1], "{}", log.text());
    assert!(log.text().contains("connect to a primary"), "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_replica_that_lost_its_primary_is_abandoned() {
    let primary = Server::start();
    let replica = Server::replica_of(&primary);
    assert_eq!(replica.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]), "OK");
    primary.kill();
    wait_until("the replica has lost its primary", || rejects_writes_with(&replica, "MASTERDOWN"));
    assert_is_abandoned(&replica, "lost").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_keeps_loading_is_abandoned() {
    let primary = Server::start();
    assert_eq!(primary.command(&["DEBUG", "POPULATE", "10000", "key", "1000"]), "OK");
    let loading = Server::start();
    // Each key takes 20 ms.
    for [name, value] in [["key-load-delay", "20000"], ["loading-process-events-interval-bytes", "1024"]] {
        assert_eq!(loading.command(&["CONFIG", "SET", name, value]), "OK");
    }
    assert_eq!(loading.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]), "OK");
    wait_until("the server is loading", || rejects_writes_with(&loading, "LOADING"));
    assert_is_abandoned(&loading, "loaded its data").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cluster_node_without_slots_is_abandoned() {
    let node = Server::cluster_node();
    assert!(rejects_writes_with(&node, "CLUSTERDOWN"));
    assert_is_abandoned(&node, "RedisStore::cluster").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_without_enough_replicas_is_abandoned() {
    let alone = Server::start();
    assert_eq!(alone.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]), "OK");
    assert!(rejects_writes_with(&alone, "NOREPLICAS"));
    assert_is_abandoned(&alone, "too few replicas").await;
}

/// Asserts that the store does not stay with this server, which rejects writes, and that the log names the remedy.
async fn assert_is_abandoned(server: &Server, remedy: &str) {
    let working = Server::start();
    let balancer = Balancer::start(server.port());
    let log = LogCapture::start();
    let app = app_behind(&balancer);
    for _ in 0..4 {
        assert_eq!(status(&app).await, 503);
    }
    assert!(log.count(remedy) == 1 && log.count(" WARN ") == 1, "{}", log.text());
    balancer.switch_to(working.port());
    end_pause().await;
    assert_eq!(status(&app).await, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_silent_server_is_abandoned_when_the_circuit_breaker_opens() {
    let silent = Server::start();
    let working = Server::start();
    let balancer = Balancer::start(silent.port());
    let app = app_behind(&balancer);
    assert_eq!(status(&app).await, 200);
    silent.pause();
    // With the time paused, each deadline expires as soon as all tasks wait.
    pause();
    for _ in 0..3 {
        assert_eq!(balancer.connections(), 1, "one late response may have other causes");
        assert_eq!(status(&app).await, 503);
    }
    // The call may end a moment after the request.
    sleep(Duration::from_millis(5)).await;
    balancer.switch_to(working.port());
    resume();
    end_pause().await;
    assert_eq!((status(&app).await, balancer.connections()), (200, 2));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_connection_that_was_cut_is_replaced_by_the_next_request() {
    let server = Server::start();
    let balancer = Balancer::start(server.port());
    let app = app_behind(&balancer);
    assert_eq!(status(&app).await, 200);
    balancer.cut();
    assert_eq!(status(&app).await, 503);
    assert_eq!((status(&app).await, balancer.connections()), (200, 2));
    assert_eq!(app.statuses("x-user: ann", 20).await, [200; 20]);
    assert_eq!(balancer.connections(), 2, "a connection that works is kept");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_handshake_that_takes_longer_than_the_deadline_is_not_started_again() {
    let server = Server::start();
    let balancer = Balancer::start(server.port());
    // The choice of a database waits for the server.
    let store = RedisStore::connect(&format!("{}1", balancer.url())).unwrap();
    let app = app(store.deadline(Duration::from_millis(500)));
    server.pause();
    pause();
    assert_eq!(app.statuses("x-user: ann", 3).await, [503; 3]);
    server.resume();
    resume();
    wait_until_served(&app).await;
    assert_eq!(balancer.connections(), 1);
}

async fn wait_until_served(app: &LimitedApp) {
    let start = std::time::Instant::now();
    while status(app).await != 200 {
        assert!(start.elapsed() < LONG_DEADLINE, "the server is not used again");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn only_the_deadline_limits_the_wait_for_a_response_and_for_a_connection() {
    let server = Server::start();
    server.pause();
    pause();
    for url in [server.url(), format!("{}1", server.url())] {
        let deadline = Duration::from_secs(20);
        let response = app(RedisStore::connect(&url).unwrap().deadline(deadline)).send("x-user: ann").await;
        assert!(response.status == 503 && response.waited >= deadline, "{response:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_multiplexed_connection_of_the_app_is_lost_forever_and_the_log_names_the_reason() {
    let server = Server::start();
    let client = ::redis::Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let log = LogCapture::start();
    let app = app(RedisStore::new(connection).deadline(LONG_DEADLINE));
    assert_eq!(status(&app).await, 200);
    server.restart();
    for _ in 0..4 {
        assert_eq!(status(&app).await, 503);
    }
    assert_eq!(log.count("MultiplexedConnection, it never reconnects"), 1, "{}", log.text());
    end_pause().await;
    assert_eq!(status(&app).await, 503);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_connection_manager_of_the_app_stays_with_a_replica_and_the_log_names_the_remedy() {
    let old = Server::start();
    let new = Server::replica_of(&old);
    let balancer = Balancer::start(old.port());
    let log = LogCapture::start();
    let app = app(RedisStore::new(manager(&balancer.url())).deadline(LONG_DEADLINE));
    assert_eq!(status(&app).await, 200);
    new.promote();
    demote(&old, &new);
    balancer.switch_to(new.port());
    for _ in 0..4 {
        assert_eq!(status(&app).await, 503);
        end_pause().await;
    }
    assert!(
        log.count("RedisStore::connect and RedisStore::from_client") == 1 && log.count(" WARN ") == 1,
        "{}",
        log.text()
    );
}

#[tokio::test]
async fn the_log_names_a_remedy_for_a_server_that_cannot_be_reached() {
    // A label of a host name has at most 63 characters (RFC 1035, section 2.3.4), so no name server is asked.
    let no_host = format!("redis://{}.example/", "a".repeat(64));
    let refusing = format!("redis://127.0.0.1:{}/", closed_port());
    for (url, remedy) in [(refusing, "check that the server is running"), (no_host, "check the host name")] {
        let log = LogCapture::start();
        let app = app(RedisStore::connect(&url).unwrap().deadline(LONG_DEADLINE));
        assert_eq!(app.statuses("x-user: ann", 4).await, [503; 4]);
        assert!(log.count(remedy) == 1 && log.count(" WARN ") == 1, "{}", log.text());
    }
}
