//! The SQL store of the example `api_keys`: its query plans, and its rows.

// Formatted as part of the example, which has shorter lines.
#[rustfmt::skip]
#[path = "../../../examples/api_keys/store.rs"]
mod store;

use std::time::{Duration, UNIX_EPOCH};

use portcullis::StoreError;
use portcullis::api_key::{ApiKeyStore, NewApiKey};
use portcullis::{ApiKeyAuth, UserContext};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::api_key::store_contract;

use self::store::{FIND, FIND_BY_OWNER, REVOKE_ALL, SqlKeys};

async fn database() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let database = options.connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(include_str!("../../../examples/api_keys/schema.sql")).execute(&database).await.unwrap();
    database
}

fn keys(store: &SqlKeys) -> ApiKeyAuth {
    ApiKeyAuth::builder().prefix("acme_live").store(store.clone()).build().unwrap()
}

/// The steps by which SQLite runs a statement.
async fn plan(database: &SqlitePool, statement: &str) -> Vec<String> {
    let statement = format!("EXPLAIN QUERY PLAN {statement}");
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(&statement).fetch_all(database).await.unwrap();
    rows.into_iter().map(|(.., step)| step).collect()
}

#[tokio::test]
async fn a_key_is_found_by_one_lookup_in_the_index_of_the_primary_key() {
    let database = database().await;
    let by_id = ["SEARCH api_keys USING INDEX sqlite_autoindex_api_keys_1 (id=?)"];
    assert_eq!(plan(&database, FIND).await, by_id);
}

#[tokio::test]
async fn the_keys_of_an_owner_are_found_and_revoked_by_the_index_of_owners() {
    let database = database().await;
    let by_owner = ["SEARCH api_keys USING INDEX api_keys_by_owner (owner_id=? AND owner_issuer=?)"];
    assert_eq!(plan(&database, FIND_BY_OWNER).await, by_owner);
    assert_eq!(plan(&database, REVOKE_ALL).await, by_owner);
}

#[tokio::test]
async fn it_does_what_the_documentation_of_stores_says() {
    store_contract::check(&SqlKeys(database().await)).await;
}

#[tokio::test]
async fn the_database_has_neither_the_secret_nor_the_text_of_a_key() {
    let store = SqlKeys(database().await);
    let key = keys(&store).create(NewApiKey::for_user(&UserContext::new("ann")).name("ci")).await.unwrap();
    let (record,): (String,) = sqlx::query_as("SELECT record FROM api_keys").fetch_one(&store.0).await.unwrap();
    let (_, after_id) = key.secret().split_once(key.id().as_str()).unwrap();
    assert!(record.contains(key.id().as_str()));
    assert!(!record.contains(&after_id[..32]) && !record.contains(key.secret()));
}

#[tokio::test]
async fn owners_without_an_issuer_are_not_those_of_an_issuer() {
    let store = SqlKeys(database().await);
    let keys = keys(&store);
    let ann = UserContext::new("ann");
    let users = [ann.clone(), ann.clone().with_issuer("https://a.example"), ann.with_issuer("https://b.example")];
    for user in &users {
        keys.create(NewApiKey::for_user(user)).await.unwrap();
    }
    let [without, of_a, _] = &users;
    assert_eq!(keys.revoke_all(without).await.unwrap().len(), 1);
    assert_eq!(keys.revoke_all(of_a).await.unwrap().len(), 1);
    for (user, is_revoked) in users.iter().zip([true, true, false]) {
        let records = keys.list(user).await.unwrap();
        assert_eq!(records.iter().map(|record| record.revoked_at().is_some()).collect::<Vec<_>>(), [is_revoked]);
    }
}

#[tokio::test]
async fn a_slow_writer_does_not_replace_a_revocation_of_all_keys() {
    let store = SqlKeys(database().await);
    let ann = UserContext::new("ann");
    let key = keys(&store).create(NewApiKey::for_user(&ann)).await.unwrap();
    let at = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    // Another change, which read the record before.
    let slow = key.record().clone().into_revoked(at + Duration::from_secs(9));
    assert_eq!(store.revoke_all(None, "ann", at).await.unwrap(), [*key.id()]);
    assert_eq!(store.revoke_all(None, "ann", at).await.unwrap(), []);
    assert!(matches!(store.save(&slow).await, Err(StoreError::Conflict)));
    let stored = store.find(key.id()).await.unwrap().unwrap();
    assert_eq!((stored.revoked_at(), stored.version()), (Some(at), 2));
}

#[tokio::test]
async fn a_closed_database_is_unavailable() {
    let store = SqlKeys(database().await);
    let key = keys(&store).create(NewApiKey::for_user(&UserContext::new("ann"))).await.unwrap();
    store.0.close().await;
    let is_unavailable = |error: StoreError| matches!(error, StoreError::Unavailable { .. });
    assert!(is_unavailable(store.find(key.id()).await.unwrap_err()));
    assert!(is_unavailable(store.find_by_owner(None, "ann").await.unwrap_err()));
    assert!(is_unavailable(store.save(key.record()).await.unwrap_err()));
    assert!(is_unavailable(store.record_usage(&[]).await.unwrap_err()));
    assert!(is_unavailable(store.revoke_all(None, "ann", UNIX_EPOCH).await.unwrap_err()));
}
