//! What is stored and for how long, and values in Redis that are no records.

use super::*;
use crate::support::log_capture::LogCapture;

/// The bytes of all keys and values.
fn dump(server: &Server) -> Vec<u8> {
    let mut bytes = Vec::new();
    let keys = server.command(&["KEYS", "*"]);
    for key in keys.lines() {
        bytes.extend(key.bytes());
        let connection = ::redis::Client::open(server.url()).unwrap().get_connection();
        let dumped: Vec<u8> = ::redis::cmd("DUMP").arg(key).query(&mut connection.unwrap()).unwrap();
        bytes.extend(dumped);
        let kind = server.command(&["TYPE", key]);
        let words: &[&str] = if kind == "hash" { &["HGETALL", key] } else { &["ZRANGE", key, "0", "-1", "WITHSCORES"] };
        bytes.extend(server.command(words).bytes());
    }
    bytes
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_server_never_gets_the_value_of_a_cookie() {
    let server = Server::start();
    let node = Node::new(&server);
    let mut browser = node.log_in().await;
    let first = browser.value().to_owned();
    assert_eq!(browser.post(&node.app, "/renew").await.status, 200);
    let second = browser.value().to_owned();
    assert_eq!(browser.me(&node.app).await, 200);
    let bytes = dump(&server);
    let contains = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(contains("last_used_at") && contains("nonce"), "what is stored is scanned");
    for secret in [first, second] {
        assert!(!contains(&secret) && !contains(&secret[..16]));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_keys_have_the_documented_values_and_are_removed_at_the_end_of_the_session() {
    let server = Server::start();
    let (store, clock) = (store(&server), FakeClock::new());
    let first = record("a", (None, "ann"), &clock);
    store.create(&first, None).await.unwrap();
    let field = |name: &str, field: &str| server.command(&["HGET", &record_key(name), field]);
    assert_eq!(field("a", "id"), first.id().to_string());
    assert_eq!(field("a", "record"), first.to_json());
    let owner = owner_key(&server);
    assert_eq!(format!("{{portcullis:sessions}}:owner:{}", field("a", "owner")), owner);
    let now = clock.clock().since_epoch().as_secs();
    assert_eq!(field("a", "last_used_at"), now.to_string());
    assert_eq!(server.command(&["HLEN", &record_key("a")]), "4");
    assert_eq!(server.command(&["ZSCORE", &owner, &digest("a").to_hex()]), (now + 3_600).to_string());
    let ttl = |key: &str| server.command(&["TTL", key]).parse::<i64>().unwrap();
    assert!((3_590..=3_600).contains(&ttl(&record_key("a"))) && ttl(&owner) >= ttl(&record_key("a")));

    let (old, renewed) = renewal(&first, "b", &clock);
    store.renew(&old, &renewed).await.unwrap();
    assert_eq!((field("a", "replaced"), field("b", "replaced")), ("1".to_owned(), "(nil)".to_owned()));
    assert!((1..=11).contains(&ttl(&record_key("a"))) && ttl(&record_key("b")) > 3_500 && ttl(&owner) > 3_500);
    // Time passes for the server.
    server.age_keys(11 * SECOND);
    assert_eq!(server.command(&["EXISTS", &record_key("a")]), "0");
    assert!(store.find(&digest("b")).await.unwrap().is_some());
    server.age_keys(HOUR);
    assert_eq!(server.command(&["DBSIZE"]), "0");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_set_of_an_owner_shrinks_when_records_end() {
    let server = Server::start();
    let clock = FakeClock::new();
    let store = store(&server);
    for number in 0..250 {
        store.create(&record(&format!("a{number}"), (None, "ann"), &clock), None).await.unwrap();
    }
    let owner = owner_key(&server);
    clock.advance(HOUR);
    store.create(&record("b", (None, "ann"), &clock), None).await.unwrap();
    // A hundred at a time, so that no call takes long.
    assert_eq!(server.command(&["ZCARD", &owner]), "151");
    for name in ["c", "d"] {
        store.create(&record(name, (None, "ann"), &clock), None).await.unwrap();
    }
    assert_eq!((server.command(&["ZCARD", &owner]), server.command(&["DBSIZE"])), ("3".to_owned(), "4".to_owned()));
    // A record that the server has lost does not count.
    assert_eq!(server.command(&["DEL", &record_key("c")]), "1");
    assert_eq!(store.find_by_owner(None, "ann").await.unwrap().len(), 2);
    let limit = Some(SessionLimit::new(3).rejecting());
    let created = store.create(&record("e", (None, "ann"), &clock), limit).await.unwrap();
    assert!(matches!(created, Created::Stored { .. }));
    assert_eq!(server.command(&["ZCARD", &owner]), "3");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_session_that_is_not_in_the_set_of_its_owner_is_invalid() {
    let server = Server::start();
    let node = Node::new(&server);
    let mut browser = node.log_in().await;
    assert_eq!(server.command(&["DEL", &owner_key(&server)]), "1");
    assert!(node.sessions.list(None, "ann").await.unwrap().is_empty());
    node.clock.advance(10 * SECOND);
    assert_eq!(browser.me(&node.app).await, 401);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_unreadable_value_is_an_unknown_session_and_logged_once() {
    let server = Server::start();
    let node = Node::new(&server);
    let mut browser = node.log_in().await;
    let key = server.command(&["KEYS", "*"]).lines().find(|key| !key.contains("owner")).unwrap().to_owned();
    let good = server.command(&["HGET", &key, "record"]);
    let owner = server.command(&["HGET", &key, "owner"]);
    let other = record("other", (None, "ann"), &node.clock).to_json();
    let values: [Vec<&str>; 8] = [
        vec!["SET", &key, &good],
        vec!["SADD", &key, &good],
        vec!["HSET", &key, "record", &good],
        vec!["HSET", &key, "owner", &owner],
        vec!["HSET", &key, "owner", &owner, "record", "garbage"],
        vec!["HSET", &key, "owner", &owner, "record", r#"{"version":1}"#],
        vec!["HSET", &key, "owner", &owner, "record", &other],
        vec!["HSET", &key, "owner", &owner, "record", "\u{ff}"],
    ];
    for value in values {
        // Another process, which has neither cached the record nor logged a line.
        let node = Node::with(&server, node.clock.clone(), |builder| builder);
        assert_eq!(server.command(&["DEL", &key]), "1");
        server.command(&value);
        let log = LogCapture::start();
        for _ in 0..3 {
            let mut browser = browser.clone();
            assert_eq!(browser.me(&node.app).await, 401, "{value:?}");
        }
        assert_eq!(log.count(" WARN "), 1, "{value:?}: {}", log.text());
        assert!(!log.text().contains("garbage") && !log.text().contains(browser.value()));
        // No circuit breaker opens, and others can log in.
        let bob = Browser::default().post(&node.app, "/login?user=bob").await;
        assert_eq!(bob.status, 200, "{value:?}");
        // Uses of others are stored.
        let uses = [digest("none"), digest("none2")].map(|digest| SessionUse::new(digest, later(&node.clock, 1)));
        store(&server).touch(&uses).await.unwrap();
    }
    assert_eq!(server.command(&["DEL", &key]), "1");
    assert_eq!(server.command(&["HSET", &key, "owner", &owner, "record", &good]), "2");
    let node = Node::with(&server, node.clock.clone(), |builder| builder);
    assert_eq!(browser.me(&node.app).await, 200, "the session itself, without its last use");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn sessions_that_cannot_be_listed_are_an_error_and_not_an_empty_list() {
    let server = Server::start();
    let (store, clock) = (store(&server), FakeClock::new());
    let stored = record("a", (None, "ann"), &clock);
    store.create(&stored, None).await.unwrap();
    let owner = owner_key(&server);
    server.command(&["DEL", &owner]);
    assert_eq!(server.command(&["SET", &owner, "1"]), "OK");
    // No circuit breaker opens.
    for _ in 0..3 {
        for cause in [
            cause(store.find_by_owner(None, "ann").await),
            cause(store.remove(None, "ann", stored.id()).await),
            cause(store.remove_all(None, "ann", None).await),
            cause(store.create(&record("b", (None, "ann"), &clock), None).await),
        ] {
            assert!(cause.contains("another type"), "{cause}");
        }
    }
    assert!(matches!(store.find(stored.digest()).await, Err(StoreError::Unreadable)));
}
