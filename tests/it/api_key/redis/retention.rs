//! How long records are kept, and what heals an index.

use std::time::{Duration, SystemTime};

use portcullis::api_key::ApiKeyStore;

use super::{record_key, store};
use crate::api_key::store_contract::{id, record};
use crate::support::redis_server::Server;

const DAY: Duration = Duration::from_secs(86_400);

fn ttl(server: &Server, name: &str) -> i64 {
    server.command(&["TTL", &record_key(name)]).parse().unwrap()
}

fn index(server: &Server) -> String {
    let keys = server.command(&["KEYS", "portcullis:api_keys:owner:*"]);
    assert_eq!(keys.lines().count(), 1, "{keys}");
    keys
}

fn indexed(server: &Server) -> usize {
    server.command(&["SCARD", &index(server)]).parse().unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn revoked_records_are_kept_unless_a_retention_is_set() {
    let server = Server::start();
    let now = SystemTime::now();
    let (kept, expiring) = (store(&server), store(&server).retention(7 * DAY));
    for (name, store) in [("a", &kept), ("b", &expiring)] {
        let created = record(name, (None, "ann"), 1, "");
        store.save(&created).await.unwrap();
        assert_eq!(ttl(&server, name), -1, "a key that does not end");
        store.save(&created.into_revoked(now - DAY)).await.unwrap();
    }
    assert_eq!(ttl(&server, "a"), -1);
    // Six days remain.
    let remaining = ttl(&server, "b");
    assert!((1..=6 * 86_400).contains(&remaining) && remaining > 5 * 86_400, "{remaining}");

    server.age_keys(7 * DAY);
    assert!(expiring.find(&id("b")).await.unwrap().is_none());
    assert_eq!(indexed(&server), 2);
    let records = expiring.find_by_owner(None, "ann").await.unwrap();
    assert_eq!(records.iter().map(|record| *record.id()).collect::<Vec<_>>(), [id("a")]);
    assert_eq!(indexed(&server), 1, "an id without a record is removed from the index");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn record_of_a_key_that_expires_is_kept_for_the_retention_after_that() {
    let server = Server::start();
    let expires_at = (SystemTime::now() + 9 * DAY).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let json = record("a", (None, "ann"), 1, "").to_json();
    let json = json.replacen('{', &format!("{{\"expires_at\":{expires_at},"), 1);
    let expiring = portcullis::api_key::ApiKeyRecord::from_json(&json).unwrap();
    // Less than a day is a day.
    store(&server).retention(Duration::ZERO).save(&expiring).await.unwrap();
    let remaining = ttl(&server, "a");
    assert!((9 * 86_400..=10 * 86_400).contains(&remaining), "{remaining}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn change_of_a_record_restores_its_id_in_an_index_that_was_lost() {
    let server = Server::start();
    let store = store(&server);
    store.save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    let index = index(&server);
    assert_eq!(server.command(&["DEL", &index]), "1");
    assert!(store.find_by_owner(None, "ann").await.unwrap().is_empty());
    assert!(store.find(&id("a")).await.unwrap().is_some());
    store.save(&record("a", (None, "ann"), 2, "")).await.unwrap();
    assert_eq!(store.find_by_owner(None, "ann").await.unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn record_with_its_part_of_the_index_takes_at_most_800_bytes() {
    let server = Server::start();
    const COUNT: usize = 2_000;
    let memory = || -> usize {
        let info = server.command(&["INFO", "memory"]);
        info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
    };
    let store = store(&server);
    store.save(&record("first", (None, "ann"), 1, "")).await.unwrap();
    let before = memory();
    for number in 0..COUNT {
        let owner = format!("user-{:08}", number / 4);
        let name = "build server of the team";
        let record = record(&format!("k{number}"), (Some("https://id.example.com"), &owner), 1, name);
        store.save(&record).await.unwrap();
    }
    let bytes = (memory() - before) / COUNT;
    assert!(bytes <= 800, "{bytes} bytes");
}
