//! The number of calls to the server, and the keys and values that it stores.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use portcullis::rate_limit::{Key, Limit, OutagePolicy, RateLimitBuilder, Subject};
use portcullis::{Quota, RateLimit, Tiers};

use crate::support::limited_app::{LimitedApp, by_header, cost};
use crate::support::redis_server::Server;
use crate::support::test_store::{ALGORITHMS, TestStore, network_store};

/// Returns how often the server executed this command since `reset_call_counts`.
fn call_count(server: &Server, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]);
    let prefix = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&prefix));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn reset_call_counts(server: &Server) {
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
}

fn hourly(name: &'static str, units: u32) -> Limit {
    Limit::new(name, Quota::per_hour(units).unwrap()).cost_of(cost)
}

/// An app over the network, by the clock of the server.
fn network_app(server: &Server, builder: RateLimitBuilder) -> LimitedApp {
    LimitedApp::new(builder.key(by_header("x-user")).store(network_store(server)).build().unwrap())
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_decision_takes_one_call_for_all_limits_and_a_second_to_load_the_script() {
    let server = Server::start();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let limits = names.iter().enumerate().map(|(index, name)| {
        let limit = hourly(name, 100);
        if index % 2 == 0 { limit } else { limit.key(by_header("x-ip")) }
    });
    let app = network_app(&server, limits.fold(RateLimit::builder(), RateLimitBuilder::add_limit));
    assert_eq!(app.send("x-user: ann, x-ip: i").await.status, 200);
    for is_loaded in [true, false] {
        if !is_loaded {
            assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        }
        reset_call_counts(&server);
        assert_eq!(app.statuses("x-user: ann, x-ip: i", 5).await, [200; 5]);
        let counts = ["evalsha", "eval", "script|load"].map(|command| call_count(&server, command));
        assert_eq!(counts, [5, u64::from(!is_loaded), 0]);
    }
    assert_eq!(app.used("ann").await, [11, 0, 11, 0, 11, 0, 11, 0]);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cached_denial_needs_no_call_until_the_request_would_be_admitted() {
    for algorithm in ALGORITHMS {
        let server = Server::start();
        let store = TestStore::redis(&server);
        let quota = Quota::per(2, Duration::from_secs(400)).unwrap().algorithm(algorithm);
        let app = LimitedApp::new(store.build(RateLimit::builder().quota(quota).key(by_header("x-user"))));
        assert_eq!(app.statuses("x-user: ann", 2).await, [200, 200], "{algorithm:?}");
        let denied = app.send("x-user: ann").await;
        assert_eq!(denied.status, 429, "{algorithm:?}");
        reset_call_counts(&server);
        assert_eq!(app.statuses("x-user: ann", 20).await, [429; 20], "{algorithm:?}");
        assert_eq!(call_count(&server, "evalsha"), 0, "{algorithm:?}");
        assert_eq!(app.send("x-user: bob").await.status, 200, "{algorithm:?}");
        store.advance(Duration::from_secs(denied.retry_after.unwrap()));
        assert_eq!(app.send("x-user: ann").await.status, 200, "{algorithm:?}");
        assert_eq!(call_count(&server, "evalsha"), 2, "{algorithm:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cached_denial_rejects_no_other_subject_no_smaller_cost_and_nothing_after_a_refund() {
    let server = Server::start();
    let tiers = Tiers::ascending(["low", "high"]).unwrap();
    let [low, high] = ["low", "high"].map(|name| tiers.get(name).unwrap());
    let quota = |units| Quota::per_hour(units).unwrap();
    let limit = Limit::by_tier("limit", [(low.clone(), quota(3)), (high.clone(), quota(5))]).cost_of(cost);
    let builder = RateLimit::builder().limit(limit).key(by_header("x-user"));
    let app = LimitedApp::with_tiers(TestStore::redis(&server).build(builder), &[low, high]);
    let ann = Subject::custom("ann");
    for (headers, status) in [
        ("x-user: ann, x-tier: low, x-cost: 2", 200),
        ("x-user: ann, x-tier: low, x-cost: 2", 429),
        ("x-user: bob, x-tier: low, x-cost: 2", 200),
        ("x-user: ann, x-tier: low, x-cost: 1", 200),
        ("x-user: ann, x-tier: low, x-cost: 1", 429),
        ("x-user: ann, x-tier: low, x-cost: 0", 200),
        ("x-user: ann, x-tier: high, x-cost: 1", 200),
    ] {
        assert_eq!(app.send(headers).await.status, status, "{headers}");
    }
    let headers = "x-user: ann, x-tier: low";
    assert_eq!(app.send(headers).await.status, 429);
    app.limit.refund(&ann, 2).await.unwrap();
    assert_eq!(app.statuses(headers, 2).await, [200, 429]);
    app.limit.reset(&ann).await.unwrap();
    assert_eq!(app.send(headers).await.status, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cached_block_needs_no_call_and_ends_when_it_is_lifted() {
    let server = Server::start();
    let guard = hourly("guard", 2).block_for(Duration::from_secs(600));
    let app =
        LimitedApp::new(TestStore::redis(&server).build(RateLimit::builder().limit(guard).key(by_header("x-user"))));
    assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429]);
    reset_call_counts(&server);
    for headers in ["x-user: ann", "x-user: ann, x-cost: 2"] {
        assert_eq!(app.send(headers).await.outcome(), "block");
    }
    assert_eq!(call_count(&server, "evalsha"), 0);
    app.limit.unblock(&Subject::custom("ann")).await.unwrap();
    app.limit.refund(&Subject::custom("ann"), 1).await.unwrap();
    assert_eq!(app.send("x-user: ann").await.status, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cached_denial_of_one_limit_does_not_hide_a_longer_wait_of_another() {
    let server = Server::start();
    let short = Limit::new("short", Quota::per_minute(2).unwrap()).key(by_header("x-ip"));
    let builder = RateLimit::builder().add_limit(short).add_limit(hourly("long", 1)).key(by_header("x-user"));
    let app = LimitedApp::new(TestStore::redis(&server).build(builder));
    assert_eq!(app.send("x-user: ann, x-ip: i").await.status, 200);
    assert_eq!(app.send("x-user: bob, x-ip: i").await.status, 200);
    assert_eq!(app.send("x-user: cat, x-ip: i").await.retry_after, Some(60));
    assert_eq!(app.send("x-user: ann, x-ip: i").await.retry_after, Some(3600));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_denial_writes_nothing_and_every_key_expires() {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        // A new store each time, so that no denial is cached.
        let fresh_app = || {
            let quota = Quota::per(2, Duration::from_secs(600)).unwrap().algorithm(algorithm);
            let other = hourly("other", 50).key(by_header("x-ip"));
            let builder = RateLimit::builder().add_limit(Limit::new("limit", quota)).add_limit(other);
            LimitedApp::new(TestStore::redis(&server).build(builder.key(by_header("x-user"))))
        };
        let headers = format!("x-user: {algorithm:?}, x-ip: {algorithm:?} too");
        assert_eq!(fresh_app().statuses(&headers, 2).await, [200, 200]);
        let dump = || {
            let keys = server.command(&["KEYS", "*"]);
            let mut keys: Vec<_> = keys.lines().map(|key| (key.to_owned(), server.command(&["DUMP", key]))).collect();
            keys.sort();
            keys
        };
        let before = dump();
        reset_call_counts(&server);
        assert_eq!(fresh_app().send(&headers).await.status, 429);
        assert_eq!(fresh_app().send("x-user: new, x-ip: new, x-cost: 51").await.status, 429, "{algorithm:?}");
        // A new store sends the hash of the script first, and then its code.
        let counts = ["set", "setrange", "del", "evalsha", "eval"].map(|name| call_count(&server, name));
        assert_eq!(counts, [0, 0, 0, 2, 2], "{algorithm:?}");
        assert!(before == dump(), "{algorithm:?}");
    }
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 8);
    for key in keys.lines() {
        let expires_in: i64 = server.command(&["PTTL", key]).parse().unwrap();
        assert!((1..=3_600_000 * 14 / 12).contains(&expires_in), "{key}: {expires_in} ms");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn concurrent_requests_are_decided_in_few_calls_and_in_order() {
    let server = Server::start();
    let app = Arc::new(network_app(&server, RateLimit::builder().limit(hourly("limit", 40))));
    reset_call_counts(&server);
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let app = Arc::clone(&app);
        tasks.push(tokio::spawn(async move { app.send("x-user: ann").await.status }));
    }
    let mut admitted = 0;
    for task in tasks {
        admitted += usize::from(task.await.unwrap() == 200);
    }
    assert_eq!((admitted, app.used("ann").await), (40, vec![40]));
    let calls = call_count(&server, "evalsha");
    assert!(calls <= 8, "{calls} calls for 64 decisions and a peek");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn concurrent_requests_of_many_layers_are_all_decided() {
    let server = Server::start();
    let store = network_store(&server);
    let mut tasks = Vec::new();
    for task in 0..128 {
        let limits = (0..8).map(|index| {
            let limit = Limit::new(format!("{task} {index}"), Quota::per_hour(1).unwrap());
            limit.on_outage(OutagePolicy::FailClosed)
        });
        let builder = limits.fold(RateLimit::builder(), RateLimitBuilder::add_limit);
        let app = LimitedApp::new(builder.key(by_header("x-user")).store(store.clone()).build().unwrap());
        tasks.push(tokio::spawn(async move { app.send(&format!("x-user: {task}")).await.status }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn stored_keys_and_values_reveal_no_subject() {
    const SECRET: &str = "hunter2-api-key";
    let server = Server::start();
    let by_api_key = hourly("keyed", 9).key(Key::api_key(HeaderName::from_static("x-key")));
    let app = network_app(&server, RateLimit::builder().add_limit(by_api_key).add_limit(hourly("named", 9)));
    assert_eq!(app.send(&format!("x-user: ann, x-key: {SECRET}")).await.status, 200);
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 2);
    for key in keys.lines() {
        let digest = key.strip_prefix("portcullis:{").and_then(|key| key.strip_suffix('}')).expect(key);
        assert!(digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
        let value = server.command(&["GET", key]);
        assert!(!value.contains("ann") && !value.contains("hunter2"), "{value:?}");
    }
    assert!(!server.command(&["SCRIPT", "EXISTS", "x"]).contains(SECRET));
}
