//! A server that is slow, killed, restarted, emptied, or of the wrong kind.

use super::*;
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::closed_port;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn cached_sessions_are_accepted_while_the_server_is_down_and_logins_get_503() {
    let server = Server::start();
    let node = Node::new(&server);
    let (mut browser, mut logging_out) = (node.log_in().await, node.log_in().await);
    let log = LogCapture::start();
    server.kill();
    // The cache for 10 s, and then `stale_for`.
    for seconds in [0, 10, 59] {
        node.clock.advance(seconds * SECOND);
        assert_eq!(browser.me(&node.app).await, 200, "after {seconds} s more");
        let response = Browser::default().post(&node.app, "/login?user=ann").await;
        assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(invented(1).me(&node.app).await, 503);
    }
    // The cookie is cleared, and this process rejects it.
    let logged_in = logging_out.clone();
    assert_eq!(logging_out.post(&node.app, "/logout").await.status, 503);
    assert_eq!(logging_out.cookie, None);
    assert_ne!(logged_in.clone().me(&node.app).await, 200);
    node.clock.advance(SECOND);
    assert_eq!(browser.me(&node.app).await, 503);
    assert_eq!((log.count("cannot read sessions"), log.count("the circuit breaker is open, and")), (1, 1));
    // The server has lost its data.
    server.restart();
    let start = std::time::Instant::now();
    while browser.clone().me(&node.app).await != 401 {
        assert!(start.elapsed() < MINUTE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(log.count("the Redis server responds again"), 1);
    let mut browser = node.log_in().await;
    assert_eq!(browser.me(&node.app).await, 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn no_session_outlives_its_timeouts_while_the_server_is_down() {
    for (idle, absolute) in [(MINUTE, HOUR), (90 * SECOND, 90 * SECOND)] {
        let server = Server::start();
        let node = Node::with(&server, fake_clock(), |builder| {
            builder.idle_timeout(idle).absolute_timeout(absolute).stale_for(HOUR)
        });
        let mut browser = node.log_in().await;
        server.kill();
        node.clock.advance(MINUTE - SECOND);
        assert_eq!(browser.me(&node.app).await, 200);
        node.clock.advance(if idle == absolute { 31 * SECOND } else { MINUTE });
        // It is not known whether another process has extended it.
        let expected = if idle == absolute { 401 } else { 503 };
        assert_eq!((browser.me(&node.app).await, node.handled.load(SeqCst)), (expected, 1));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn repeatable_calls_succeed_after_the_connection_was_closed() {
    let server = Server::start();
    let node = Node::new(&server);
    let mut browser = node.log_in().await;
    for _ in 0..3 {
        assert!(server.command(&["CLIENT", "KILL", "TYPE", "normal"]).parse::<u32>().unwrap() >= 1);
        node.clock.advance(10 * SECOND);
        assert_eq!(browser.me(&node.app).await, 200);
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        let old = browser.value().to_owned();
        assert_eq!(browser.post(&node.app, "/renew").await.status, 200);
        assert_ne!(browser.value(), old);
    }
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    node.clock.advance(MINUTE);
    assert_eq!(browser.me(&node.app).await, 200);
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    node.sessions.flush().await.unwrap();
    assert_eq!(node.sessions.list(None, "ann").await.unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn sessions_are_unknown_after_flushall_and_their_uses_bring_nothing_back() {
    let server = Server::start();
    let node = Node::new(&server);
    let mut browser = node.log_in().await;
    node.clock.advance(2 * SECOND);
    assert_eq!(server.command(&["FLUSHALL"]), "OK");
    assert_eq!(browser.me(&node.app).await, 200, "cached");
    assert_eq!(browser.clone().post(&node.app, "/renew").await.status, 401);
    node.clock.advance(10 * SECOND);
    assert_eq!(browser.me(&node.app).await, 401);
    node.sessions.flush().await.unwrap();
    assert_eq!(server.command(&["DBSIZE"]), "0");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_may_evict_sessions_is_rejected_with_a_warning() {
    let server = Server::start();
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]), "OK");
    let (store, clock) = (store(&server), FakeClock::new());
    let log = LogCapture::start();
    for _ in 0..3 {
        let cause = cause(store.create(&record("a", (None, "ann"), &clock), None).await);
        assert!(cause.contains("allkeys-lru") && cause.contains("set the server's maxmemory-policy"), "{cause}");
    }
    assert_eq!(log.count(" WARN "), 1, "{}", log.text());
    assert_eq!(server.command(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn a_store_whose_server_does_not_run_is_created_and_unavailable() {
    let store = RedisSessions::connect(&format!("redis://127.0.0.1:{}/", closed_port())).unwrap();
    let clock = FakeClock::new();
    let stored = record("a", (None, "ann"), &clock);
    let (old, renewed) = renewal(&stored, "b", &clock);
    assert!(is_unavailable(&store.find(stored.digest()).await));
    assert!(is_unavailable(&store.create(&stored, None).await));
    assert!(is_unavailable(&store.renew(&old, &renewed).await));
    assert!(is_unavailable(&store.remove(None, "ann", stored.id()).await));
    assert!(is_unavailable(&store.find_by_owner(None, "ann").await));
    assert!(is_unavailable(&store.remove_all(None, "ann", None).await));
    assert!(is_unavailable(&store.touch(&[SessionUse::new(digest("a"), later(&clock, 1))]).await));
    assert!(store.touch(&[]).await.is_ok(), "nothing to write");
}

#[test]
fn a_call_without_a_runtime_is_an_error_and_does_not_panic() {
    let store = RedisSessions::connect("redis://127.0.0.1:1/").unwrap();
    let find = futures_util::FutureExt::now_or_never(store.find(&digest("a"))).unwrap();
    assert!(cause(find).contains("Tokio runtime"));
}
