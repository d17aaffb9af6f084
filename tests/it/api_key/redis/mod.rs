//! `RedisKeys` with real servers.

mod cluster;
mod outage;
mod permissions;
mod processes;
mod retention;
mod stored_values;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures_util::future::join_all;
use portcullis::StoreError;
use portcullis::api_key::{ApiKey, ApiKeyStore, ApiKeyUsage, NewApiKey, RedisKeys};
use portcullis::testing::FakeClock;
use portcullis::{ApiKeyAuth, UserContext};

use crate::api_key::store_contract::{at, check, id, record};
use crate::api_key::{ann, fake_clock};
use crate::support::redis_server::Server;
use crate::support::response::TestResponse;
use crate::support::store_error::{cause, is_unavailable};
use crate::support::test_store::LONG_DEADLINE;

fn store(server: &Server) -> RedisKeys {
    RedisKeys::connect(&server.url()).unwrap().deadline(LONG_DEADLINE)
}

/// A process whose route needs a key.
struct Node {
    keys: ApiKeyAuth,
    app: Router,
    clock: FakeClock,
}

impl Node {
    fn new(store: RedisKeys) -> Self {
        let clock = fake_clock();
        let keys = ApiKeyAuth::builder().prefix("acme_live").store(store).store_timeout(LONG_DEADLINE);
        let keys = keys.clock(clock.clock()).build().unwrap();
        let handler = async |user: UserContext| user.id().to_owned();
        let app = Router::new().route("/", get(handler)).layer(keys.clone());
        Self { keys, app, clock }
    }

    /// Creates a key of `ann`.
    async fn create(&self) -> ApiKey {
        self.keys.create(NewApiKey::for_user(&ann()).name("ci").scopes(["read"])).await.unwrap()
    }

    /// The status of a request with this key.
    async fn status(&self, text: &str) -> u16 {
        let headers = [("authorization", &*format!("ApiKey {text}"))];
        TestResponse::get(&self.app, "/", &headers).await.status.as_u16()
    }
}

fn record_key(name: &str) -> String {
    format!("portcullis:api_keys:{}", id(name))
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn redis_keys_do_what_the_documentation_of_stores_says() {
    let server = Server::start();
    check(&store(&server)).await;
    // Under another prefix there is nothing.
    check(&store(&server).prefix("shop")).await;
    assert!(!server.command(&["KEYS", "*"]).lines().any(|key| key.contains("ann")), "keys show no names");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: run tests/run"]
async fn of_50_writers_on_two_connections_exactly_one_wins_each_version() {
    let server = Server::start();
    let stores = [store(&server), store(&server)];
    for version in 1..=20 {
        let writers = (0..50).map(|writer| {
            let store = stores[writer % 2].clone();
            tokio::spawn(async move { store.save(&record("race", (None, "ann"), version, &format!("{writer}"))).await })
        });
        let results: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = (0..50).filter(|writer| results[*writer].is_ok()).collect();
        let conflicts = results.iter().filter(|result| matches!(result, Err(StoreError::Conflict))).count();
        assert_eq!((winners.len(), conflicts), (1, 49), "version {version}");
        for store in &stores {
            assert_eq!(store.find(&id("race")).await.unwrap().unwrap().name(), winners[0].to_string());
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn find_is_one_round_trip_and_a_cached_key_is_none() {
    let server = Server::start();
    let store = store(&server);
    store.save(&record("a", (None, "ann"), 1, "")).await.unwrap();
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
    for name in ["a", "b"].into_iter().cycle().take(100) {
        assert_eq!(store.find(&id(name)).await.unwrap().is_some(), name == "a");
    }
    assert_eq!(server.calls(), [("hmget".to_owned(), 100)]);

    let node = Node::new(store);
    let key = node.create().await;
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
    for _ in 0..100 {
        assert_eq!(node.status(key.secret()).await, 200);
    }
    assert_eq!(server.calls(), [("hmget".to_owned(), 1)]);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn usage_of_many_keys_takes_one_call_for_each_128() {
    let server = Server::start();
    let store = store(&server);
    let names: Vec<_> = (0..300).map(|number| format!("u{number}")).collect();
    for name in &names {
        store.save(&record(name, (None, "ann"), 1, "")).await.unwrap();
    }
    let usage: Vec<_> = names.iter().enumerate().map(|(n, name)| ApiKeyUsage::new(id(name), n as u64, at(9))).collect();
    // The script is loaded by the first call.
    store.record_usage(&usage[..1]).await.unwrap();
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
    store.record_usage(&usage).await.unwrap();
    let scripts: Vec<_> = server.calls().into_iter().filter(|(name, _)| name.starts_with("eval")).collect();
    assert_eq!(scripts, [("evalsha".to_owned(), 3)]);
    let records = store.find_by_owner(None, "ann").await.unwrap();
    assert_eq!(records.len(), 300);
    assert!(records.is_sorted_by_key(|record| *record.id()), "of those created in the same second");
    for (n, name) in names.iter().enumerate() {
        let record = records.iter().find(|record| *record.id() == id(name)).unwrap();
        assert_eq!((record.usage_count(), record.last_used_at()), (n as u64, Some(at(9))));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn revoked_key_is_rejected_by_other_processes_after_the_cache_ttl_and_stays_revoked() {
    let server = Server::start();
    let [first, second] = [Node::new(store(&server)), Node::new(store(&server))];
    let [key, other] = [first.create().await, second.create().await];
    assert_eq!([first.status(key.secret()).await, second.status(key.secret()).await], [200, 200]);
    // "Log out everywhere".
    let mut revoked = first.keys.revoke_all(&ann()).await.unwrap();
    revoked.sort();
    let mut ids = [*key.id(), *other.id()];
    ids.sort();
    assert_eq!(revoked, ids);
    assert_eq!(first.status(key.secret()).await, 401);
    second.clock.advance(Duration::from_secs(10));
    assert_eq!([second.status(key.secret()).await, second.status(other.secret()).await], [401, 401]);
    let mut slow = key.record().clone();
    slow = slow.with_usage(1, None);
    assert!(matches!(store(&server).save(&slow).await, Err(StoreError::Conflict)));
    assert!(second.keys.rotate(key.id(), portcullis::api_key::Grace::none()).await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn script_that_the_server_has_forgotten_is_sent_again() {
    let server = Server::start();
    let store = store(&server);
    for version in 1..=3 {
        assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        store.save(&record("a", (None, "ann"), version, "")).await.unwrap();
        assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        store.record_usage(&[ApiKeyUsage::new(id("a"), 1, at(1))]).await.unwrap();
    }
    assert_eq!(store.find(&id("a")).await.unwrap().unwrap().usage_count(), 3);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_client_with_the_newer_protocol_is_supported() {
    let server = Server::start();
    let client = ::redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    check(&RedisKeys::from_client(client).deadline(LONG_DEADLINE)).await;
}

#[test]
fn no_password_is_shown_and_a_bad_url_is_an_error_of_connect() {
    let store = RedisKeys::connect("redis://ann:hunter2@127.0.0.1:1/").unwrap();
    assert_eq!(format!("{store:?}"), r#"RedisKeys { prefix: "portcullis:api_keys", .. }"#);
    for url in ["redis.example.com", "rediss://ann:hunter2@127.0.0.1/#insecure"] {
        let error = RedisKeys::connect(url).unwrap_err();
        assert_eq!(error.issues().first().unwrap().setting(), "RedisKeys::connect");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
