//! Redis users: the documented permissions are sufficient and necessary, and the log names what is missing.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, OutagePolicy, RateLimitBuilder, RedisStore, Subject};
use portcullis::{Quota, RateLimit};

use crate::support::limited_app::by_header;
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Server;
use crate::support::redis_user::{self, set_user, url_of_user};
use crate::support::test_store::{ALGORITHMS, LONG_DEADLINE};

fn documented_rules() -> Vec<String> {
    redis_user::documented_rules("rate_limit/redis/mod.rs")
}

fn store(server: &Server, database: &str) -> RedisStore {
    RedisStore::connect(&url_of_user(server, database)).unwrap().deadline(LONG_DEADLINE)
}

/// A limit whose record in Redis is changed in place, because each charge expires at the same time.
fn single_limit(store: RedisStore) -> RateLimit {
    let quota = Quota::per_hour(9).unwrap().algorithm(Algorithm::FixedWindow);
    let limit = Limit::new("single", quota).on_outage(OutagePolicy::FailClosed);
    RateLimit::builder().limit(limit).key(by_header("x-user")).store(store).build().unwrap()
}

/// One limit of each algorithm, all of which block.
fn limit(store: RedisStore) -> RateLimit {
    let limits = ALGORITHMS.map(|algorithm| {
        let quota = Quota::per_hour(2).unwrap().algorithm(algorithm);
        let limit = Limit::new(format!("{algorithm:?}"), quota).on_outage(OutagePolicy::FailClosed);
        limit.block_for(Duration::from_secs(60))
    });
    let builder = limits.into_iter().fold(RateLimit::builder(), RateLimitBuilder::add_limit);
    builder.key(by_header("x-user")).store(store).build().unwrap()
}

/// Uses every operation of the script. Returns the statuses of the checks, 0 for a failed administrative call.
async fn use_all_operations(store: RedisStore) -> Vec<u16> {
    let single = single_limit(store.clone().prefix("portcullis:single"));
    let limit = limit(store);
    let ann = Subject::custom("ann");
    let mut statuses = Vec::new();
    for limit in [&limit, &limit, &limit, &limit, &single, &single] {
        statuses.push(limit.check(&ann, 1).await.map_or_else(|denial| denial.status().as_u16(), |_| 200));
    }
    let administrative = [
        limit.peek(&ann).await.is_ok(),
        limit.unblock(&ann).await.is_ok(),
        limit.refund(&ann, 1).await.is_ok(),
        limit.reset(&ann).await.is_ok(),
    ];
    statuses.extend(administrative.map(|is_ok| if is_ok { 200 } else { 0 }));
    statuses
}

const EXPECTED: [u16; 10] = [200, 200, 429, 429, 200, 200, 200, 200, 200, 200];

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_documented_permissions_suffice() {
    let server = Server::start();
    let mut rules = documented_rules();
    set_user(&server, &rules);
    assert_eq!(use_all_operations(store(&server, "0")).await, EXPECTED);
    rules.push("+select".to_owned());
    set_user(&server, &rules);
    assert_eq!(use_all_operations(store(&server, "1")).await, EXPECTED);
    assert_eq!(server.command(&["ACL", "LOG"]), "", "no command was denied");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_documented_permission_is_needed_and_a_missing_one_is_logged() {
    let server = Server::start();
    let rules = documented_rules();
    let permissions = rules.iter().filter(|rule| rule.starts_with(['+', '~']));
    let permissions: Vec<_> = permissions.collect();
    assert_eq!(permissions.len(), 8, "{permissions:?}");
    for missing in permissions {
        let fewer: Vec<_> = rules.iter().filter(|rule| *rule != missing).cloned().collect();
        set_user(&server, &fewer);
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        let log = LogCapture::start();
        assert_ne!(use_all_operations(store(&server, "0")).await, EXPECTED, "without {missing}");
        // The server does not always name the command that the script called.
        assert!(log.count("permissions") + log.count("can't run this command") > 0, "{missing}: {}", log.text());
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_log_names_the_remedy_for_missing_permissions_and_wrong_credentials() {
    let server = Server::start();
    let permissions = "give the user the permissions";
    let credentials = "check the user name and the password";
    for (rules, database, remedy) in [
        (vec!["reset", "on", ">password"], "0", permissions),
        (vec!["reset", "on", ">password", "~other:*", "+@all"], "0", permissions),
        (vec!["reset", "on", ">password", "~*", "+@all", "-time"], "0", permissions),
        (vec!["reset", "on", ">password", "~*", "+@all", "-select"], "1", permissions),
        (vec!["reset", "on", ">another", "~*", "+@all"], "0", credentials),
        (vec!["reset", "off", ">password", "~*", "+@all"], "0", credentials),
    ] {
        set_user(&server, &rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>());
        assert_logs(store(&server, database), remedy, &format!("{rules:?}")).await;
    }
    assert_eq!(server.command(&["CONFIG", "SET", "requirepass", "secret"]), "OK");
    let without_password = RedisStore::connect(&server.url()).unwrap().deadline(LONG_DEADLINE);
    assert_logs(without_password, credentials, "no password").await;
}

async fn assert_logs(store: RedisStore, remedy: &str, case: &str) {
    let log = LogCapture::start();
    let limit = limit(store);
    for _ in 0..4 {
        let denial = limit.check(&Subject::custom("ann"), 1).await.unwrap_err();
        assert_eq!(denial.status(), 503, "{case}");
    }
    assert!(log.count(remedy) == 1 && log.count(" WARN ") == 1, "{case}: {}", log.text());
}
