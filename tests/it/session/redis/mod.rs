//! `RedisSessions` with real servers.

mod cluster;
mod outage;
mod permissions;
mod stored_values;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use portcullis::session::{RedisSessions, SessionRecord};

use super::store_contract::{check, digest, later, record, renewal};
use super::*;
use crate::support::redis_server::Server;
use crate::support::store_error::{cause, is_unavailable};
use crate::support::test_store::LONG_DEADLINE;

fn store(server: &Server) -> RedisSessions {
    RedisSessions::connect(&server.url()).unwrap().deadline(LONG_DEADLINE)
}

/// An app with sessions in Redis.
pub(super) struct Node {
    pub(super) sessions: SessionAuth,
    pub(super) app: Router,
    pub(super) clock: FakeClock,
    pub(super) handled: Arc<AtomicUsize>,
}

impl Node {
    fn new(server: &Server) -> Self {
        Self::with(server, fake_clock(), |builder| builder)
    }

    pub(super) fn with(
        server: &Server,
        clock: FakeClock,
        change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder,
    ) -> Self {
        let builder = SessionAuth::builder().store(store(server));
        let builder = builder.store_timeout(LONG_DEADLINE).clock(clock.clock());
        let sessions = change(builder).build().unwrap();
        let handled = Arc::default();
        let app = new_app(&sessions, &handled);
        Self { sessions, app, clock, handled }
    }

    pub(super) async fn log_in(&self) -> Browser {
        let mut browser = Browser::default();
        let response = browser.post(&self.app, "/login?user=ann").await;
        assert_eq!(response.status, 200, "{}", response.body);
        browser
    }
}

fn record_key(name: &str) -> String {
    format!("{{portcullis:sessions}}:{}", digest(name).to_hex())
}

/// The key of the only owner.
fn owner_key(server: &Server) -> String {
    server.command(&["KEYS", "*:owner:*"])
}

/// The number of round trips since the last call.
fn round_trips(server: &Server) -> u64 {
    let calls = server.calls().into_iter().filter(|(command, _)| command.starts_with("eval"));
    let calls = calls.map(|(_, calls)| calls).sum();
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
    calls
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn redis_sessions_do_what_the_documentation_of_stores_says() {
    let server = Server::start();
    let clock = FakeClock::new();
    check(&store(&server), &clock).await;
    // Under another prefix there is nothing.
    let clock = FakeClock::new();
    check(&store(&server).prefix("shop"), &clock).await;
    assert!(!server.command(&["KEYS", "*"]).lines().any(|key| key.contains("ann")), "keys show no names");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_client_with_the_newer_protocol_is_supported() {
    let server = Server::start();
    let client = ::redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let clock = FakeClock::new();
    check(&RedisSessions::from_client(client).deadline(LONG_DEADLINE), &clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: run tests/run"]
async fn fifty_logins_in_two_processes_leave_five_sessions() {
    let server = Server::start();
    let nodes = [(); 2].map(|()| Arc::new(Node::with(&server, fake_clock(), |builder| builder.max_sessions(5))));
    let log_ins = (0..50).map(|login| {
        let node = Arc::clone(&nodes[login % 2]);
        tokio::spawn(async move {
            let mut browser = Browser::default();
            // 503 if another login has ended the session before its own response.
            browser.post(&node.app, "/login?user=ann").await;
            browser
        })
    });
    let browsers: Vec<_> = join_all(log_ins).await.into_iter().map(Result::unwrap).collect();
    // A process that has cached nothing.
    let other = Node::new(&server);
    let mut valid = 0;
    for mut browser in browsers {
        valid += usize::from(browser.me(&other.app).await == 200);
    }
    assert_eq!((valid, other.sessions.list(None, "ann").await.unwrap().len()), (5, 5));
    assert_eq!(server.command(&["ZCARD", &owner_key(&server)]), "5");
    assert_eq!(server.command(&["DBSIZE"]), "6");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_method_is_one_round_trip() {
    let server = Server::start();
    let (store, clock) = (store(&server), FakeClock::new());
    let first = record("a", (None, "ann"), &clock);
    let (old, renewed) = renewal(&first, "b", &clock);
    // The server knows the scripts from then on.
    for _ in 0..2 {
        round_trips(&server);
        store.create(&first, None).await.unwrap();
        assert!(store.find(first.digest()).await.unwrap().is_some());
        assert!(store.find(&digest("none")).await.unwrap().is_none());
        store.renew(&old, &renewed).await.unwrap();
        store.touch(&[SessionUse::new(digest("b"), later(&clock, 1))]).await.unwrap();
        assert_eq!(store.find_by_owner(None, "ann").await.unwrap().len(), 1);
        assert!(store.remove(None, "ann", first.id()).await.unwrap());
        assert!(store.remove_all(None, "ann", None).await.unwrap().is_empty());
    }
    assert_eq!(round_trips(&server), 8);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cached_session_costs_no_round_trip_and_its_use_one_a_minute() {
    let server = Server::start();
    let node = Node::with(&server, fake_clock(), |builder| builder.cache_ttl(MINUTE));
    let mut browser = node.log_in().await;
    round_trips(&server);
    for _ in 0..100 {
        assert_eq!(browser.me(&node.app).await, 200);
    }
    assert!(server.calls().is_empty(), "{:?}", server.calls());
    // The record is read again, and the use is stored.
    node.clock.advance(MINUTE);
    for _ in 0..100 {
        assert_eq!(browser.me(&node.app).await, 200);
    }
    node.sessions.flush().await.unwrap();
    let mut calls = 0;
    while calls < 2 {
        tokio::task::yield_now().await;
        calls += round_trips(&server);
    }
    // The script of each is sent once.
    assert!(calls <= 4, "{calls}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn lists_and_batches_of_many_sessions_take_several_round_trips() {
    let server = Server::start();
    let (store, clock) = (store(&server), FakeClock::new());
    let names: Vec<_> = (0..600).map(|number| format!("many{number:03}")).collect();
    for name in &names {
        store.create(&record(name, (None, "ann"), &clock), None).await.unwrap();
    }
    let uses: Vec<_> = names.iter().map(|name| SessionUse::new(digest(name), later(&clock, 9))).collect();
    store.touch(&uses[..1]).await.unwrap();
    assert_eq!(store.find_by_owner(None, "bob").await.unwrap().len(), 0);
    assert_eq!(store.remove_all(None, "bob", None).await.unwrap().len(), 0);
    round_trips(&server);
    store.touch(&uses).await.unwrap();
    assert_eq!(round_trips(&server), 5);
    let found = store.find_by_owner(None, "ann").await.unwrap();
    assert_eq!((found.len(), round_trips(&server)), (600, 3));
    let ids: BTreeSet<_> = found.iter().map(|record| *record.id()).collect();
    assert!(ids.len() == 600 && found.is_sorted_by_key(|record| *record.id()));
    assert!(found.iter().all(|record| record.last_used_at() == later(&clock, 9)));
    let kept = *found[300].id();
    assert_eq!(store.remove_all(None, "ann", Some(&kept)).await.unwrap().len(), 599);
    assert_eq!(round_trips(&server), 3);
    assert_eq!(store.find_by_owner(None, "ann").await.unwrap().len(), 1);
    assert_eq!(server.command(&["DBSIZE"]), "2");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    let server = Server::start();
    let node = Node::new(&server);
    for _ in 0..3 {
        assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
        let mut browser = node.log_in().await;
        assert_eq!(browser.post(&node.app, "/renew").await.status, 200);
        assert_eq!(browser.me(&node.app).await, 200);
    }
    assert_eq!(node.sessions.list(None, "ann").await.unwrap().len(), 3);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_session_takes_at_most_1400_bytes() {
    const COUNT: usize = 2_000;
    let server = Server::start();
    let memory = || -> usize {
        let info = server.command(&["INFO", "memory"]);
        info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
    };
    let (store, clock) = (store(&server), FakeClock::new());
    let create = async |number: usize| {
        let json = record(&format!("s{number}"), (None, "ann"), &clock).to_json();
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["user"] = serde_json::json!({
            "id": format!("user-{:08}", number / 2), "issuer": "https://id.example.com", "email": "ann@example.com",
            "name": "Ann Example", "roles": ["editor"], "amr": ["pwd"], "auth_time": 1_800_000_000,
        });
        json["address"] = "203.0.113.7".into();
        json["user_agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into();
        store.create(&SessionRecord::from_json(&json.to_string()).unwrap(), None).await.unwrap();
    };
    create(COUNT).await;
    let before = memory();
    for number in 0..COUNT {
        create(number).await;
    }
    let bytes = (memory() - before) / COUNT;
    assert!(bytes <= 1_400, "{bytes} bytes");
    println!("{bytes} bytes a session");
}

#[test]
fn no_password_is_shown_and_a_bad_url_is_an_error_of_connect() {
    let store = RedisSessions::connect("redis://ann:hunter2@127.0.0.1:1/").unwrap();
    assert_eq!(format!("{store:?}"), r#"RedisSessions { prefix: "portcullis:sessions", .. }"#);
    for url in ["redis.example.com", "rediss://ann:hunter2@127.0.0.1/#insecure"] {
        let error = RedisSessions::connect(url).unwrap_err();
        assert_eq!(error.issues().first().unwrap().setting(), "RedisSessions::connect");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
