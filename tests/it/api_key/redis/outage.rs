//! A server that is slow, killed, restarted, emptied, or of the wrong kind.

use std::time::Duration;

use portcullis::api_key::{ApiKeyStore, RedisKeys};

use super::{Node, cause, is_unavailable, store};
use crate::api_key::store_contract::{at, id, record};
use crate::api_key::unknown_key;
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::{Server, closed_port};

/// Calls the store until the circuit breaker lets a call through that succeeds.
async fn wait_until_available(store: &impl ApiKeyStore) {
    let start = std::time::Instant::now();
    while store.find(&id("none")).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the store stays unavailable");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn cached_keys_are_accepted_while_the_server_is_down_and_unknown_keys_get_503() {
    let server = Server::start();
    let node = Node::new(store(&server));
    let (key, uncached) = (node.create().await, node.create().await);
    assert_eq!(node.status(key.secret()).await, 200);
    let log = LogCapture::start();
    server.kill();
    // The cache, and then `stale_for`, each second of which tries again.
    for seconds in [0, 10, 60, 239] {
        node.clock.advance(Duration::from_secs(seconds));
        assert_eq!(node.status(key.secret()).await, 200, "after {seconds} s more");
        assert_eq!(node.status(uncached.secret()).await, 503);
        assert_eq!(node.status(&unknown_key(1)).await, 503);
    }
    node.clock.advance(Duration::from_secs(1));
    assert_eq!(node.status(key.secret()).await, 503);
    assert_eq!((log.count("cannot read API keys"), log.count("the circuit breaker is open, and")), (1, 1));
    let other_warnings = log.count(" WARN ") - log.count("cannot record the usage of API keys");
    assert_eq!((log.count("check that the server is running"), other_warnings), (2, 2), "{}", log.text());
    assert!(node.keys.create(portcullis::api_key::NewApiKey::for_user(&crate::api_key::ann())).await.is_err());

    // The server has lost its data, so its keys are unknown.
    server.restart();
    wait_until_available(&store(&server)).await;
    while node.status(key.secret()).await != 401 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(node.status(uncached.secret()).await, 401);
    assert!(log.count("API keys can be read again") == 1 && log.count("the Redis server responds again") == 1);
    let new = node.create().await;
    assert_eq!(node.status(new.secret()).await, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn server_that_does_not_respond_costs_three_deadlines_and_then_no_wait() {
    let server = Server::start();
    let store = store(&server).deadline(Duration::from_millis(100));
    wait_until_available(&store).await;
    // Kept over the pause: the record is there afterwards.
    super::store(&server).save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    server.pause();
    let is_open = |cause: &String| cause.starts_with("the circuit breaker is open");
    let mut causes = Vec::new();
    while !causes.last().is_some_and(is_open) {
        assert!(causes.len() < 100, "{causes:?}");
        causes.push(cause(store.find(&id("a")).await));
    }
    // After a pause of the test, the breaker lets a further call try the server.
    assert!(causes.len() > 3 && causes.iter().rev().skip(1).all(|cause| cause.starts_with("no ")), "{causes:?}");
    assert!(
        causes.iter().any(|cause| cause.starts_with("no response within 100ms; check that the host")),
        "{causes:?}"
    );
    // A millisecond is the least.
    let least = cause(store.clone().deadline(Duration::ZERO).find(&id("a")).await);
    assert!(least.contains("within 1ms"), "{least}");
    server.resume();
    let connections = || -> u32 {
        let info = server.command(&["INFO", "stats"]);
        info.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap().trim().parse().unwrap()
    };
    // Each call of the test opens one too.
    let (before, calls) = (connections(), 1);
    let start = std::time::Instant::now();
    while !store.find(&id("a")).await.is_ok_and(|record| record.is_some()) {
        assert!(start.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(connections() - before > calls, "the connection that did not respond is replaced");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn connection_that_was_closed_is_replaced_without_an_error_for_reads() {
    let server = Server::start();
    let node = Node::new(store(&server));
    let keys = [node.create().await, node.create().await, node.create().await];
    for key in &keys {
        assert!(server.command(&["CLIENT", "KILL", "TYPE", "normal"]).parse::<u32>().unwrap() >= 1);
        assert_eq!(node.status(key.secret()).await, 200);
    }
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_eq!(node.keys.list(&crate::api_key::ann()).await.unwrap().len(), 3);
    // A change reads first.
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert!(node.keys.revoke(keys[0].id()).await.unwrap());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn keys_are_unknown_after_flushall() {
    let server = Server::start();
    let node = Node::new(store(&server));
    let key = node.create().await;
    assert_eq!(node.status(key.secret()).await, 200);
    assert_eq!(server.command(&["FLUSHALL"]), "OK");
    assert_eq!(node.status(key.secret()).await, 200, "cached");
    node.clock.advance(Duration::from_secs(10));
    assert_eq!(node.status(key.secret()).await, 401);
    // The usage of the lost key is dropped, and brings nothing back.
    node.keys.flush().await.unwrap();
    assert_eq!(server.command(&["DBSIZE"]), "0");
    assert!(!node.keys.revoke(key.id()).await.unwrap());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn server_that_may_evict_records_is_rejected_with_a_warning() {
    let server = Server::start();
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        assert_eq!(server.command(&["CONFIG", "SET", "maxmemory-policy", policy]), "OK");
        let store = store(&server);
        let log = LogCapture::start();
        for _ in 0..3 {
            let cause = cause(store.save(&record("a", (None, "ann"), 1, "")).await);
            assert!(cause.contains(policy) && cause.contains("set the server's maxmemory-policy"), "{cause}");
        }
        assert!(log.count(" WARN ") == 1 && log.count(policy) >= 1, "{}", log.text());
        assert_eq!(server.command(&["DBSIZE"]), "0");
        assert_eq!(server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]), "OK");
        wait_until_available(&store).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn replica_reads_but_does_not_save_and_the_log_says_why() {
    let primary = Server::start();
    store(&primary).save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    let replica = Server::replica_of(&primary);
    let store = store(&replica);
    assert!(store.find(&id("a")).await.unwrap().is_some());
    let cause = cause(store.save(&record("a", (None, "ann"), 2, "")).await);
    assert!(cause.contains("connect to a primary"), "{cause}");
    assert!(store.find(&id("a")).await.unwrap().is_some());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn server_without_memory_rejects_changes_and_still_finds_keys() {
    let server = Server::start();
    let store = store(&server);
    store.save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    let cause = cause(store.save(&record("a", (None, "ann"), 2, "")).await);
    assert!(cause.contains("maxmemory"), "{cause}");
    assert_eq!(store.find(&id("a")).await.unwrap().unwrap().version(), 1);
}

#[tokio::test]
async fn store_whose_server_does_not_run_is_created_and_unavailable() {
    let store = RedisKeys::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap();
    assert!(is_unavailable(&store.find(&id("a")).await));
    assert!(is_unavailable(&store.find_by_owner(None, "ann").await));
    assert!(is_unavailable(&store.save(&record("a", (None, "ann"), 1, "")).await));
    assert!(is_unavailable(&store.revoke_all(None, "ann", at(1)).await));
    assert!(store.record_usage(&[]).await.is_ok(), "nothing to write");
}

#[test]
fn call_without_a_runtime_is_an_error_and_does_not_panic() {
    let store = RedisKeys::connect("redis://127.0.0.1:1/").unwrap();
    let (a, record) = (id("a"), record("a", (None, "ann"), 1, ""));
    let find = futures_util::FutureExt::now_or_never(store.find(&a)).unwrap();
    assert!(cause(find).contains("Tokio runtime"));
    let save = futures_util::FutureExt::now_or_never(store.save(&record)).unwrap();
    assert!(cause(save).contains("Tokio runtime"));
}
