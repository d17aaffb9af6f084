//! Redis users: the documented permissions are sufficient and necessary, and the log names what is missing.

use super::*;
use crate::support::redis_user::{self, set_user, url_of_user};

fn documented_rules() -> Vec<String> {
    redis_user::documented_rules("session/redis/mod.rs")
}

fn store(server: &Server, database: &str) -> RedisSessions {
    RedisSessions::connect(&url_of_user(server, database)).unwrap().deadline(LONG_DEADLINE)
}

/// Uses everything that a store does, on an empty server.
async fn use_all(server: &Server, store: RedisSessions) -> Result<(), StoreError> {
    let clock = FakeClock::new();
    let limit = Some(SessionLimit::new(1));
    store.find(&digest("none")).await?;
    let first = record("a", (None, "ann"), &clock);
    store.create(&first, limit).await?;
    store.create(&record("b", (None, "ann"), &clock), limit).await?;
    let (old, renewed) = renewal(&record("b", (None, "ann"), &clock), "c", &clock);
    store.renew(&old, &renewed).await?;
    store.find(renewed.digest()).await?;
    store.touch(&[SessionUse::new(digest("c"), later(&clock, 1))]).await?;
    store.find_by_owner(None, "ann").await?;
    store.remove(None, "ann", renewed.id()).await?;
    store.remove_all(None, "ann", None).await?;
    assert_eq!(server.command(&["DBSIZE"]), "0");
    Ok(())
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_documented_permissions_suffice() {
    let server = Server::start();
    let mut rules = documented_rules();
    for (database, more) in [("0", None), ("0", Some("+config|get")), ("0", Some("+info")), ("1", Some("+select"))] {
        rules.extend(more.map(str::to_owned));
        set_user(&server, &rules);
        let result = use_all(&server, store(&server, database)).await;
        assert!(result.is_ok(), "{database} {more:?}: {}", cause(result));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_documented_permission_is_needed_and_a_missing_one_is_named() {
    let server = Server::start();
    let rules = documented_rules();
    let permissions: Vec<_> = rules.iter().filter(|rule| rule.starts_with(['+', '~'])).collect();
    assert_eq!(permissions.len(), 13, "{permissions:?}");
    for missing in permissions {
        let fewer: Vec<_> = rules.iter().filter(|rule| *rule != missing).cloned().collect();
        set_user(&server, &fewer);
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        let result = use_all(&server, store(&server, "0")).await;
        assert!(is_unavailable(&result), "without {missing}");
        let cause = cause(result);
        assert!(cause.contains("the permissions that the documentation of RedisSessions lists"), "{missing}: {cause}");
    }
}
