//! What is stored, and values in Redis that are no records.

use portcullis::StoreError;
use portcullis::api_key::{ApiKeyStore, ApiKeyUsage};

use super::{Node, cause, record_key, store};
use crate::api_key::ann;
use crate::api_key::store_contract::{at, id, record};
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Server;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn hash_has_the_documented_fields_and_no_secret() {
    let server = Server::start();
    let node = Node::new(store(&server));
    let key = node.create().await;
    assert_eq!(node.status(key.secret()).await, 200);
    node.keys.flush().await.unwrap();
    let name = format!("portcullis:api_keys:{}", key.id());
    let field = |field: &str| server.command(&["HGET", &name, field]);
    assert_eq!(field("version"), "1");
    assert_eq!(field("record"), key.record().to_json());
    assert_eq!((field("usage_count"), field("last_used_at")), ("1".to_owned(), "1800000000".to_owned()));
    assert_eq!(server.command(&["HLEN", &name]), "4");
    let owners = server.command(&["KEYS", "*:owner:*"]);
    assert_eq!(server.command(&["SMEMBERS", &owners]), key.id().to_string());
    let (_, after_id) = key.secret().split_once(key.id().as_str()).unwrap();
    assert!(!server.command(&["HGETALL", &name]).contains(&after_id[..32]));
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn value_that_is_no_record_is_an_unknown_key_with_one_line_in_the_log() {
    let server = Server::start();
    let store = store(&server);
    let good = record("x", (None, "ann"), 1, "").to_json();
    let other_id = record("y", (None, "ann"), 1, "").to_json();
    let long_ago = r#"{"id":"00000000000x","version":1}"#;
    let hash = |fields: &[&str]| {
        [&["HSET", &*record_key("x")], fields].concat().iter().map(|word| (*word).to_owned()).collect()
    };
    let values: [Vec<String>; 8] = [
        vec!["SET".to_owned(), record_key("x"), good.clone()],
        vec!["SADD".to_owned(), record_key("x"), good.clone()],
        hash(&["version", "1"]),
        hash(&["record", &good]),
        hash(&["version", "1", "record", "garbage"]),
        hash(&["version", "1", "record", long_ago]),
        hash(&["version", "2", "record", &good]),
        hash(&["version", "1", "record", &other_id]),
    ];
    for value in values {
        let words: Vec<_> = value.iter().map(String::as_str).collect();
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        store.save(&record("x", (None, "ann"), 1, "")).await.unwrap();
        store.save(&record("z", (None, "ann"), 1, "")).await.unwrap();
        assert_eq!(server.command(&["DEL", &record_key("x")]), "1");
        server.command(&words);
        let log = LogCapture::start();
        assert!(store.find(&id("x")).await.unwrap().is_none(), "{words:?}");
        assert_eq!(log.count(" WARN "), 1, "{words:?}: {}", log.text());
        assert!(log.count("00000000000x") == 1 && !log.text().contains("5a5a"), "{}", log.text());
        let records = store.find_by_owner(None, "ann").await.unwrap();
        assert_eq!(records.iter().map(|record| *record.id()).collect::<Vec<_>>(), [id("z")], "{words:?}");
        // The usage of the other key is counted, and nothing is changed that is no record.
        let usage = [ApiKeyUsage::new(id("x"), 1, at(1)), ApiKeyUsage::new(id("z"), 1, at(1))];
        store.record_usage(&usage).await.unwrap();
        assert_eq!(store.find(&id("z")).await.unwrap().unwrap().usage_count(), 1, "{words:?}");
        assert_eq!(store.revoke_all(None, "ann", at(1)).await.unwrap(), [id("z")]);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn record_does_not_replace_a_key_of_another_type() {
    let server = Server::start();
    let store = store(&server);
    assert_eq!(server.command(&["SET", &record_key("x"), "1"]), "OK");
    let result = store.save(&record("x", (None, "ann"), 1, "")).await;
    assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
    assert_eq!(server.command(&["GET", &record_key("x")]), "1");
    assert!(store.find_by_owner(None, "ann").await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn owner_whose_keys_cannot_be_listed_is_an_error_and_not_an_empty_list() {
    let server = Server::start();
    let node = Node::new(store(&server));
    node.create().await;
    let index = server.command(&["KEYS", "*:owner:*"]);
    assert_eq!(server.command(&["SET", &index, "1"]), "OK");
    assert!(node.keys.revoke_all(&ann()).await.is_err());
    let store = store(&server);
    let record = record("x", (Some("https://id.example.com"), "ann"), 1, "");
    for cause in [
        cause(store.find_by_owner(Some("https://id.example.com"), "ann").await),
        cause(store.revoke_all(Some("https://id.example.com"), "ann", at(1)).await),
        cause(store.save(&record).await),
    ] {
        assert!(cause.contains("is not a set"), "{cause}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn usage_that_is_no_number_counts_as_none() {
    let server = Server::start();
    let store = store(&server);
    store.save(&record("x", (None, "ann"), 1, "")).await.unwrap();
    for (count, last_used_at, expected) in [
        ("many", "once", (3, 9)),
        ("", "", (3, 9)),
        ("-1", "-1", (2, 9)),
        ("1e400", "5", (1 << 53, 9)),
        ("9007199254740992", "99999999999", (1 << 53, 99_999_999_999)),
    ] {
        let fields = ["HSET", &record_key("x"), "usage_count", count, "last_used_at", last_used_at];
        assert_eq!(server.command(&fields), if count == "many" { "2" } else { "0" });
        assert!(store.find(&id("x")).await.unwrap().is_some(), "{count}");
        store.record_usage(&[ApiKeyUsage::new(id("x"), 3, at(9))]).await.unwrap();
        let found = store.find(&id("x")).await.unwrap().unwrap();
        assert_eq!((found.usage_count(), found.last_used_at()), (expected.0, Some(at(expected.1))), "{count}");
    }
    store.record_usage(&[ApiKeyUsage::new(id("x"), u64::MAX, at(u64::from(u32::MAX)))]).await.unwrap();
    assert_eq!(store.find(&id("x")).await.unwrap().unwrap().usage_count(), 1 << 53);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn index_with_ids_of_others_or_garbage_lists_only_keys_of_the_owner() {
    let server = Server::start();
    let store = store(&server);
    store.save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    let index = server.command(&["KEYS", "*:owner:*"]);
    store.save(&record("b", (None, "bob"), 1, "")).await.unwrap();
    let added = server.command(&["SADD", &index, id("b").as_str(), "garbage", "00000000000-", "\u{e4}"]);
    assert_eq!(added, "4");
    let records = store.find_by_owner(None, "ann").await.unwrap();
    assert_eq!(records.iter().map(|record| *record.id()).collect::<Vec<_>>(), [id("a")]);
    assert_eq!(store.revoke_all(None, "ann", at(1)).await.unwrap(), [id("a")]);
    assert!(store.find(&id("b")).await.unwrap().unwrap().revoked_at().is_none());
}
