//! The SQL store of the example `sessions`: its query plans, and its rows.

use std::time::Duration;

use futures_util::future::join_all;
use portcullis::StoreError;
use portcullis::session::{SessionLimit, SessionStore, SessionUse};
use portcullis::testing::FakeClock;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};

use super::sessions::example::store::{
    COUNT, DELETE_EXPIRED, DELETE_LEAST_USED, FIND, FIND_BY_OWNER, REMOVE, REMOVE_ALL, REPLACE, SqlSessions, TOUCH,
};
use crate::session::store_contract::{self, digest, id, later, record, renewal};

async fn database() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    with_tables(options.connect("sqlite::memory:").await.unwrap()).await
}

async fn with_tables(database: SqlitePool) -> SqlitePool {
    sqlx::raw_sql(include_str!("../../../examples/sessions/schema.sql")).execute(&database).await.unwrap();
    database
}

/// The steps by which SQLite runs a statement.
async fn plan(database: &SqlitePool, statement: &str) -> Vec<String> {
    let statement = format!("EXPLAIN QUERY PLAN {statement}");
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(&statement).fetch_all(database).await.unwrap();
    // Whether the index has all columns that are read does not matter.
    rows.into_iter().map(|(.., step)| step.replace("COVERING ", "")).collect()
}

async fn count(store: &SqlSessions) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM sessions").fetch_one(&store.0).await.unwrap()
}

#[tokio::test]
async fn it_does_what_the_documentation_of_stores_says() {
    store_contract::check(&SqlSessions(database().await), &FakeClock::new()).await;
}

#[tokio::test]
async fn it_does_so_with_several_connections() {
    let folder = std::env::temp_dir().join(format!("portcullis-sessions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let options = SqliteConnectOptions::new().filename(folder.join("db")).create_if_missing(true);
    let options = options.synchronous(SqliteSynchronous::Off);
    let database = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.unwrap();
    let store = SqlSessions(with_tables(database).await);
    store_contract::check(&store, &FakeClock::new()).await;
    store.0.close().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_session_is_found_and_changed_by_the_primary_key() {
    let database = database().await;
    for statement in [FIND, TOUCH, REPLACE] {
        let by_digest = ["SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (digest=?)"];
        assert_eq!(plan(&database, statement).await, by_digest, "{statement}");
    }
}

#[tokio::test]
async fn the_sessions_of_an_owner_are_found_and_removed_by_the_owner_index() {
    let database = database().await;
    let by_owner = "SEARCH sessions USING INDEX sessions_by_owner (owner_id=? AND owner_issuer=?)";
    let by_id = "SEARCH sessions USING INDEX sessions_by_owner (owner_id=? AND owner_issuer=? AND id=?)";
    for (statement, step) in [(FIND_BY_OWNER, by_owner), (COUNT, by_owner), (REMOVE_ALL, by_owner), (REMOVE, by_id)] {
        assert_eq!(plan(&database, statement).await, [step], "{statement}");
    }
    let steps = plan(&database, DELETE_LEAST_USED).await;
    let searches: Vec<_> = steps.iter().filter(|step| step.contains("sessions")).collect();
    assert_eq!(searches, [by_id, by_owner]);
}

#[tokio::test]
async fn expired_sessions_are_found_by_the_kept_until_index() {
    let steps = plan(&database().await, DELETE_EXPIRED).await;
    let by_end = "SEARCH sessions USING INDEX sessions_by_end (kept_until<?)";
    assert!(steps.iter().any(|step| step == by_end), "{steps:?}");
    assert!(steps.iter().all(|step| !step.contains("SCAN sessions")), "{steps:?}");
}

#[tokio::test]
async fn a_login_deletes_at_most_100_expired_rows() {
    let (store, clock) = (SqlSessions(database().await), FakeClock::new());
    for number in 0..150 {
        store.create(&record(&format!("old{number}"), (None, "ann"), &clock), None).await.unwrap();
    }
    clock.advance(Duration::from_secs(3_599));
    store.create(&record("new1", (None, "bob"), &clock), None).await.unwrap();
    assert_eq!(count(&store).await, 151, "they are valid for an hour");
    clock.advance(Duration::from_secs(1));
    for (name, left) in [("new2", 52), ("new3", 3), ("new4", 4)] {
        store.create(&record(name, (None, "bob"), &clock), None).await.unwrap();
        assert_eq!(count(&store).await, left, "{name}");
    }
}

#[tokio::test]
async fn a_replaced_row_is_deleted_after_its_grace_period() {
    let (store, clock) = (SqlSessions(database().await), FakeClock::new());
    let session = record("one", (None, "ann"), &clock);
    store.create(&session, None).await.unwrap();
    let (old, renewed) = renewal(&session, "two", &clock);
    store.renew(&old, &renewed).await.unwrap();
    clock.advance(Duration::from_secs(11));
    store.create(&record("other", (None, "bob"), &clock), None).await.unwrap();
    assert!(store.find(&digest("one")).await.unwrap().is_none());
    assert!(store.find(&digest("two")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_rejected_login_stores_nothing() {
    let (store, clock) = (SqlSessions(database().await), FakeClock::new());
    let limit = Some(SessionLimit::new(1).rejecting());
    let records: Vec<_> = (0..9).map(|number| record(&format!("{number}"), (None, "ann"), &clock)).collect();
    join_all(records.iter().map(|record| store.create(record, limit))).await;
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn an_unreadable_record_is_not_listed_but_removed_with_the_others() {
    let (store, clock) = (SqlSessions(database().await), FakeClock::new());
    for name in ["one", "two"] {
        store.create(&record(name, (None, "ann"), &clock), None).await.unwrap();
    }
    let damage = sqlx::query("UPDATE sessions SET record = '{}' WHERE id = ?").bind(id("one").to_string());
    damage.execute(&store.0).await.unwrap();
    assert!(matches!(store.find(&digest("one")).await, Err(StoreError::Unreadable)));
    assert_eq!(store.find_by_owner(None, "ann").await.unwrap().len(), 1);
    assert_eq!(store.remove_all(None, "ann", None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_closed_database_is_unavailable() {
    let (store, clock) = (SqlSessions(database().await), FakeClock::new());
    let session = record("one", (None, "ann"), &clock);
    let (old, renewed) = renewal(&session, "two", &clock);
    store.0.close().await;
    let is_unavailable = |error: StoreError| matches!(error, StoreError::Unavailable { .. });
    assert!(is_unavailable(store.find(session.digest()).await.unwrap_err()));
    assert!(is_unavailable(store.create(&session, None).await.unwrap_err()));
    assert!(is_unavailable(store.renew(&old, &renewed).await.unwrap_err()));
    let session_use = SessionUse::new(*session.digest(), later(&clock, 1));
    assert!(is_unavailable(store.touch(&[session_use]).await.unwrap_err()));
    assert!(is_unavailable(store.remove(None, "ann", session.id()).await.unwrap_err()));
    assert!(is_unavailable(store.find_by_owner(None, "ann").await.unwrap_err()));
    assert!(is_unavailable(store.remove_all(None, "ann", None).await.unwrap_err()));
}
