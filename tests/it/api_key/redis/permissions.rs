//! Redis users: the documented permissions are sufficient and necessary, and the log names what is missing.

use std::time::{Duration, SystemTime};

use portcullis::StoreError;
use portcullis::api_key::{ApiKeyStore, ApiKeyUsage, RedisKeys};

use super::{cause, record_key};
use crate::api_key::store_contract::{at, id, record};
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Server;
use crate::support::redis_user::{self, set_user, url_of_user};
use crate::support::test_store::LONG_DEADLINE;

fn documented_rules() -> Vec<String> {
    redis_user::documented_rules("api_key/redis/mod.rs")
}

fn store(server: &Server, database: &str) -> RedisKeys {
    RedisKeys::connect(&url_of_user(server, database)).unwrap().deadline(LONG_DEADLINE)
}

/// Uses everything that a store does, on an empty server.
async fn use_all(server: &Server, store: RedisKeys) -> Result<(), StoreError> {
    let store = store.retention(Duration::from_secs(86_400));
    for name in ["a", "b"] {
        store.save(&record(name, (None, "ann"), 1, "")).await?;
    }
    store.record_usage(&[ApiKeyUsage::new(id("a"), 1, at(1))]).await?;
    store.revoke_all(None, "ann", SystemTime::now()).await?;
    // The record of a key is lost, so that its id is removed from the index.
    server.command(&["DEL", &record_key("b")]);
    store.find_by_owner(None, "ann").await?;
    let indexed = server.command(&["SCARD", &server.command(&["KEYS", "*:owner:*"])]);
    if indexed == "1" { Ok(()) } else { Err(StoreError::unavailable("NOPERM: the index has the id of a lost record")) }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_documented_permissions_suffice() {
    let server = Server::start();
    let mut rules = documented_rules();
    for (database, more) in [("0", None), ("0", Some("+config|get")), ("0", Some("+info")), ("1", Some("+select"))] {
        rules.extend(more.map(str::to_owned));
        set_user(&server, &rules);
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        let result = use_all(&server, store(&server, database)).await;
        // The checks of the test are made in database 0.
        assert!(result.is_ok() || database == "1" && cause(result).contains("lost record"), "{database} {more:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_documented_permission_is_needed_and_a_missing_one_is_named() {
    let server = Server::start();
    let rules = documented_rules();
    let permissions: Vec<_> = rules.iter().filter(|rule| rule.starts_with(['+', '~'])).collect();
    assert_eq!(permissions.len(), 10, "{permissions:?}");
    for missing in permissions {
        let fewer: Vec<_> = rules.iter().filter(|rule| *rule != missing).cloned().collect();
        set_user(&server, &fewer);
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        let cause = cause(use_all(&server, store(&server, "0")).await);
        let is_named = cause.contains("the permissions that the documentation of RedisKeys lists");
        assert!(is_named || missing == "+srem" && cause.contains("lost record"), "without {missing}: {cause}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn process_that_only_checks_keys_needs_fewer_permissions() {
    let server = Server::start();
    let all = RedisKeys::connect(&server.url()).unwrap().deadline(LONG_DEADLINE);
    all.save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    let rules = ["reset", "on", ">password", "~portcullis:api_keys:*", "+hmget", "+eval", "+evalsha", "+hset"];
    set_user(&server, &rules.map(str::to_owned));
    let store = store(&server, "0");
    store.record_usage(&[ApiKeyUsage::new(id("a"), 1, at(1))]).await.unwrap();
    assert_eq!(store.find(&id("a")).await.unwrap().unwrap().usage_count(), 1);
    for cause in
        [cause(store.save(&record("b", (None, "ann"), 1, "")).await), cause(store.find_by_owner(None, "ann").await)]
    {
        assert!(cause.contains("permissions that the documentation"), "{cause}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn wrong_password_is_logged_once_without_it() {
    let server = Server::start();
    set_user(&server, &documented_rules());
    let url = url_of_user(&server, "0").replace("password", "hunter2");
    let store = RedisKeys::connect(&url).unwrap().deadline(LONG_DEADLINE);
    let log = LogCapture::start();
    let mut causes = String::new();
    for _ in 0..4 {
        causes += &cause(store.find(&id("a")).await);
    }
    assert!(causes.contains("check the user name and the password"), "{causes}");
    assert_eq!((log.count(" WARN "), log.count("check the user name and the password")), (1, 1), "{}", log.text());
    assert!(!causes.contains("hunter2") && !log.text().contains("hunter2"));
}
