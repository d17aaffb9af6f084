//! `RedisReplays` with real servers.

use portcullis::replay_cache::RedisReplays;

use super::*;
use crate::support::redis_server::Server;
use crate::support::redis_user::{self, set_user, url_of_user};
use crate::support::store_error::{cause, is_unavailable};
use crate::support::test_store::LONG_DEADLINE;

fn store(server: &Server) -> RedisReplays {
    RedisReplays::connect(&server.url()).unwrap().deadline(LONG_DEADLINE)
}

fn later() -> SystemTime {
    SystemTime::now() + MINUTE
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn redis_replays_do_what_the_documentation_of_stores_says() {
    let server = Server::start();
    check(store(&server)).await;
    // Under another prefix nothing is consumed.
    check(store(&server).prefix("other")).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_value_is_consumed_once_by_all_processes_in_one_round_trip() {
    let server = Server::start();
    let [first, second] = [ReplayCache::new(store(&server)), ReplayCache::new(store(&server))];
    assert!(first.consume("warm up", later()).await.unwrap() && second.consume("warm up 2", later()).await.unwrap());
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
    assert!(first.consume("a", later()).await.unwrap() && !second.consume("a", later()).await.unwrap());
    assert!(first.advance("a", 1, later()).await.unwrap() && !second.advance("a", 1, later()).await.unwrap());
    let calls = server.calls().into_iter().filter(|(command, _)| command.starts_with("eval"));
    // Four calls; the server does not know the second script yet.
    assert_eq!(calls.map(|(_, calls)| calls).sum::<u64>(), 5);
    // Neither the value nor the counter is stored.
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 4, "{keys}");
    assert!(keys.lines().all(|key| key.trim_start_matches("portcullis:replays:").len() == 32), "{keys}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn redis_removes_an_entry_a_minute_after_the_expiry() {
    let server = Server::start();
    let replays = ReplayCache::new(store(&server));
    assert!(replays.consume("a", later()).await.unwrap());
    let key = server.command(&["KEYS", "*"]);
    let left: u64 = server.command(&["PTTL", &key]).parse().unwrap();
    assert!((110_000..=120_000).contains(&left), "{left}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn while_the_server_is_down_calls_fail_and_consume_nothing() {
    let server = Server::start();
    let replays = ReplayCache::new(store(&server));
    assert!(replays.consume("a", later()).await.unwrap());
    server.kill();
    for _ in 0..5 {
        assert!(is_unavailable(&replays.consume("b", later()).await));
        assert!(is_unavailable(&replays.advance("b", 1, later()).await));
    }
    server.restart();
    let start = std::time::Instant::now();
    loop {
        match replays.consume("b", later()).await {
            Ok(is_first) => break assert!(is_first),
            Err(_) => assert!(start.elapsed() < MINUTE),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_value_of_another_type_is_an_error_and_not_a_first_use() {
    let server = Server::start();
    let replays = ReplayCache::new(store(&server));
    assert!(replays.consume("a", later()).await.unwrap());
    let key = server.command(&["KEYS", "*"]);
    server.command(&["DEL", &key]);
    server.command(&["LPUSH", &key, "x"]);
    assert!(is_unavailable(&replays.consume("a", later()).await));
}

fn documented_rules() -> Vec<String> {
    redis_user::documented_rules("replay_cache/redis/mod.rs")
}

async fn use_all(server: &Server, database: &str) -> Result<bool, StoreError> {
    let store = RedisReplays::connect(&url_of_user(server, database)).unwrap().deadline(LONG_DEADLINE);
    let replays = ReplayCache::new(store);
    assert!(replays.consume("a", later()).await?);
    replays.advance("a", 1, later()).await
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_documented_permissions_suffice() {
    for (database, more) in [("0", None), ("0", Some("+config|get")), ("0", Some("+info")), ("1", Some("+select"))] {
        let server = Server::start();
        let rules: Vec<_> = documented_rules().into_iter().chain(more.map(str::to_owned)).collect();
        set_user(&server, &rules);
        let result = use_all(&server, database).await;
        assert!(matches!(result, Ok(true)), "{database} {more:?}: {}", cause(result));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_documented_permission_is_needed() {
    let server = Server::start();
    let rules = documented_rules();
    for left_out in rules.iter().filter(|rule| rule.starts_with('+') || rule.starts_with('~')) {
        server.command(&["FLUSHALL"]);
        let others: Vec<_> = rules.iter().filter(|rule| *rule != left_out).cloned().collect();
        set_user(&server, &others);
        assert!(is_unavailable(&use_all(&server, "0").await), "{left_out}");
    }
}
