//! How often the server is asked, and what it is asked to write.

use std::time::Duration;

use portcullis::rate_limit::{Limit, OutagePolicy, RateLimitBuilder, Subject};
use portcullis::{Quota, RateLimit, Tiers};

use super::limited_app::{Limited, cost, named};
use super::test_store::{ALGORITHMS, patient};
use crate::support::redis_server::Server;

/// How often the server was given this command since the counts were reset.
fn calls(server: &Server, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn forget_calls(server: &Server) {
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
}

fn limit(name: &'static str, units: u32) -> Limit {
    Limit::new(name, Quota::per_hour(units).unwrap()).cost_of(cost)
}

fn on(server: &Server, builder: RateLimitBuilder) -> Limited {
    Limited::new(builder.key(named("x-user")).store(patient(server)).build().unwrap())
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_decision_is_one_trip_however_many_the_limits_and_one_more_where_the_script_is_not_known() {
    let server = Server::start();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let limits = names.iter().enumerate().map(|(index, name)| {
        let limit = limit(name, 100);
        if index % 2 == 0 { limit } else { limit.key(named("x-ip")) }
    });
    let app = on(&server, limits.fold(RateLimit::builder(), RateLimitBuilder::add_limit));
    assert_eq!(app.ask("x-user: ann, x-ip: i").await.status, 200);
    for known in [true, false] {
        if !known {
            assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        }
        forget_calls(&server);
        assert_eq!(app.statuses("x-user: ann, x-ip: i", 5).await, [200; 5]);
        let counts = ["evalsha", "eval", "script|load"].map(|command| calls(&server, command));
        assert_eq!(counts, [5, u64::from(!known), 0]);
    }
    assert_eq!(app.used("ann").await, [11, 0, 11, 0, 11, 0, 11, 0].map(|used: u32| used));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn what_is_known_to_be_refused_is_not_asked_until_it_would_be_let_through() {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        let quota = Quota::per(2, Duration::from_millis(400)).unwrap().algorithm(algorithm);
        let app = on(&server, RateLimit::builder().limit(Limit::new("limit", quota)));
        let mut denied = app.ask("x-user: ann").await;
        // With time enough to be asked again: a calendar window may end a moment after its denial.
        while denied.wait.is_none_or(|wait| wait < Duration::from_millis(120)) {
            tokio::time::sleep(denied.wait.unwrap_or_default()).await;
            denied = app.ask("x-user: ann").await;
        }
        forget_calls(&server);
        assert_eq!(app.statuses("x-user: ann", 20).await, [429; 20], "{algorithm:?}");
        assert_eq!(calls(&server, "evalsha"), 0, "{algorithm:?}");
        assert_eq!(app.ask("x-user: bob").await.status, 200);
        tokio::time::sleep(denied.wait.unwrap()).await;
        assert_eq!(app.ask("x-user: ann").await.status, 200, "{algorithm:?}");
        assert_eq!(calls(&server, "evalsha"), 2, "{algorithm:?}");
        assert_eq!(app.limit.reset(&Subject::custom("bob")).await, Ok(()));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_known_refusal_refuses_nobody_else_and_nothing_less_and_nothing_that_was_lifted() {
    let server = Server::start();
    let tiers = Tiers::ascending(["low", "high"]).unwrap();
    let [low, high] = ["low", "high"].map(|name| tiers.get(name).unwrap());
    let quota = |units| Quota::per_hour(units).unwrap();
    let limit = Limit::by_tier("limit", [(low.clone(), quota(3)), (high.clone(), quota(5))]).cost_of(cost);
    let builder = RateLimit::builder().limit(limit).key(named("x-user")).store(patient(&server));
    let app = Limited::tiered(builder.build().unwrap(), &[low, high]);
    let ann = Subject::custom("ann");
    for (fields, status) in [
        ("x-user: ann, x-tier: low, x-cost: 2", 200),
        ("x-user: ann, x-tier: low, x-cost: 2", 429),
        ("x-user: bob, x-tier: low, x-cost: 2", 200),
        ("x-user: ann, x-tier: low, x-cost: 1", 200),
        ("x-user: ann, x-tier: low, x-cost: 1", 429),
        ("x-user: ann, x-tier: low, x-cost: 0", 200),
        ("x-user: ann, x-tier: high, x-cost: 1", 200),
    ] {
        assert_eq!(app.ask(fields).await.status, status, "{fields}");
    }
    let ask = "x-user: ann, x-tier: low";
    assert_eq!(app.ask(ask).await.status, 429);
    app.limit.refund(&ann, 2).await.unwrap();
    assert_eq!(app.statuses(ask, 2).await, [200, 429]);
    app.limit.reset(&ann).await.unwrap();
    assert_eq!(app.ask(ask).await.status, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_known_block_is_not_asked_and_ends_when_it_is_lifted() {
    let server = Server::start();
    let guard = limit("guard", 2).block_for(Duration::from_secs(600));
    let app = on(&server, RateLimit::builder().limit(guard));
    assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429]);
    forget_calls(&server);
    for fields in ["x-user: ann", "x-user: ann, x-cost: 2"] {
        assert_eq!(app.ask(fields).await.word(), "block");
    }
    assert_eq!(calls(&server, "evalsha"), 0);
    app.limit.unblock(&Subject::custom("ann")).await.unwrap();
    app.limit.refund(&Subject::custom("ann"), 1).await.unwrap();
    assert_eq!(app.ask("x-user: ann").await.status, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_known_refusal_of_one_limit_does_not_hide_that_another_refuses_for_longer() {
    let server = Server::start();
    let short = Limit::new("short", Quota::per_second(2).unwrap()).key(named("x-ip"));
    let long = limit("long", 1);
    let app = on(&server, RateLimit::builder().add_limit(short).add_limit(long));
    assert_eq!(app.statuses("x-user: ann, x-ip: i", 1).await, [200]);
    assert_eq!(app.ask("x-user: bob, x-ip: i").await.status, 200);
    assert_eq!(app.ask("x-user: cat, x-ip: i").await.seconds, Some(1));
    let told = app.ask("x-user: ann, x-ip: i").await;
    assert!(told.seconds > Some(3000), "{told:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn nothing_is_written_on_a_denial_and_everything_written_expires() {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        // A limiter of its own each time, which knows of no denial.
        let app = || {
            let quota = Quota::per(2, Duration::from_secs(600)).unwrap().algorithm(algorithm);
            let other = limit("other", 50).key(named("x-ip"));
            on(&server, RateLimit::builder().add_limit(Limit::new("limit", quota)).add_limit(other))
        };
        let fields = format!("x-user: {algorithm:?}, x-ip: {algorithm:?} too");
        assert_eq!(app().statuses(&fields, 2).await, [200, 200]);
        let dump = || {
            let keys = server.command(&["KEYS", "*"]);
            let mut keys: Vec<_> = keys.lines().map(|key| (key.to_owned(), server.command(&["DUMP", key]))).collect();
            keys.sort();
            keys
        };
        let before = dump();
        forget_calls(&server);
        assert_eq!(app().ask(&fields).await.status, 429);
        assert_eq!(app().ask("x-user: new, x-ip: new, x-cost: 51").await.status, 429, "{algorithm:?}");
        let counts = ["set", "setrange", "del", "evalsha"].map(|name| calls(&server, name));
        assert_eq!(counts, [0, 0, 0, 2], "{algorithm:?}");
        assert!(before == dump(), "{algorithm:?}");
    }
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 8);
    for key in keys.lines() {
        let rest: i64 = server.command(&["PTTL", key]).parse().unwrap();
        assert!((1..=3_600_000 * 14 / 12).contains(&rest), "{key}: {rest}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn requests_that_come_at_once_are_decided_in_few_calls_and_one_after_the_other() {
    let server = Server::start();
    let app = std::sync::Arc::new(on(&server, RateLimit::builder().limit(limit("limit", 40))));
    forget_calls(&server);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let app = std::sync::Arc::clone(&app);
            tokio::spawn(async move { app.ask("x-user: ann").await.status })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += usize::from(task.await.unwrap() == 200);
    }
    assert_eq!((admitted, app.used("ann").await), (40, vec![40]));
    let asked = calls(&server, "evalsha");
    assert!(asked <= 8, "{asked} calls for 64 decisions and a look");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn requests_of_many_limiters_that_come_at_once_are_all_decided() {
    let server = Server::start();
    let store = patient(&server);
    let tasks: Vec<_> = (0..128)
        .map(|task| {
            let quota = Quota::per_hour(1).unwrap();
            let limits =
                (0..8).map(|index| Limit::new(format!("{task} {index}"), quota).on_outage(OutagePolicy::FailClosed));
            let builder = limits.fold(RateLimit::builder(), RateLimitBuilder::add_limit);
            let app = Limited::new(builder.key(named("x-user")).store(store.clone()).build().unwrap());
            tokio::spawn(async move { app.ask(&format!("x-user: {task}")).await.status })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn keys_and_values_tell_nothing_of_who_is_counted() {
    const SECRET: &str = "hunter2-api-key";
    let server = Server::start();
    let keyed =
        limit("keyed", 9).key(portcullis::rate_limit::Key::api_key(axum::http::HeaderName::from_static("x-key")));
    let app = on(&server, RateLimit::builder().add_limit(keyed).add_limit(limit("named", 9)));
    assert_eq!(app.ask(&format!("x-user: ann, x-key: {SECRET}")).await.status, 200);
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
