//! Outages of the server: what was read is used until it is stale, and no revocation is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use portcullis::Revocations;
use portcullis::clock::{Clock, TimeSource};
use portcullis::revocation::{Revocation, RevokeError};
use portcullis::testing::FakeClock;
use tokio::time::timeout;

use crate::revocation_stream::support::{
    ISSUER, KEY, TIMEOUT, add_entries, builder, in_seconds, len, node, ready, revoke, status, statuses, wait_until,
    wait_until_revoked, wait_until_stored,
};
use crate::support::log_capture::{LogCapture, lines_about_stream};
use crate::support::redis_server::Server;

const STALE_FOR: Duration = Duration::from_secs(300);

/// Revokes a token, and returns the text of the failure.
async fn failure(node: &Revocations, token: &str) -> String {
    let result = timeout(TIMEOUT, node.revoke_by(Revocation::token(ISSUER, token))).await.unwrap();
    let Err(RevokeError::NotStored { cause, .. }) = result else { panic!("{result:?}") };
    cause.to_string()
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_connection_that_is_cut_between_two_revocations_loses_neither() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    for round in 0..10 {
        let tokens = [format!("a-{round}"), format!("b-{round}")];
        revoke(&first, &tokens[0]).await;
        let killed = server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert!(killed.parse::<u32>().unwrap() >= 2, "{killed}");
        revoke(&first, &tokens[1]).await;
        for token in &tokens {
            wait_until_revoked(&second, token).await;
        }
    }
    assert!(first.is_ready() && second.is_ready());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_node_without_news_uses_what_it_has_until_it_is_stale_and_logs_each_change_once() {
    let _log = LogCapture::start();
    let key = "stale";
    let server = Server::start();
    let clock = FakeClock::new();
    let node = ready(builder(&server.url()).stream_key(key).stale_for(STALE_FOR).clock(clock.clock())).await;
    revoke(&node, "t").await;
    server.kill();
    let lines = |text: &str| lines_about_stream(key).iter().filter(|line| line.contains(text)).count();
    wait_until("the outage is logged", || lines("cannot be read") == 1).await;
    clock.advance(STALE_FOR - Duration::from_millis(1));
    // A few more attempts.
    let attempts = || lines("could not be read");
    let before = attempts();
    wait_until("the node tries again", || attempts() > before + 3).await;
    assert_eq!(statuses(&node, ["t", "another"]), [401, 200]);
    clock.advance(Duration::from_millis(1));
    wait_until("the node is stale", || status(&node, "another") == 503).await;
    assert_eq!(status(&node, "t"), 503);
    assert!(!node.is_ready());
    let before = attempts();
    wait_until("the node tries again", || attempts() > before + 3).await;
    server.restart();
    timeout(TIMEOUT, node.wait_until_ready()).await.unwrap();
    assert_eq!(statuses(&node, ["t", "another"]), [401, 200]);
    let counts = ["cannot be read", "requests with a credential get 503\n", "is read again"].map(lines);
    assert_eq!(counts, [1, 1, 1], "{:#?}", lines_about_stream(key));
}

/// A clock that can be made to go on by ten minutes whenever it is read.
struct FastClock {
    start: Instant,
    is_fast: Arc<AtomicBool>,
    minutes: AtomicU64,
}

impl TimeSource for FastClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        let added = if self.is_fast.load(Ordering::SeqCst) { 10 } else { 0 };
        let minutes = self.minutes.fetch_add(added, Ordering::SeqCst);
        self.start + Duration::from_secs(60 * minutes)
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_node_that_does_not_reach_the_end_of_the_stream_becomes_stale() {
    let _log = LogCapture::start();
    let key = "long";
    let server = Server::start();
    let is_fast = Arc::new(AtomicBool::new(false));
    let clock = FastClock { start: Instant::now(), is_fast: Arc::clone(&is_fast), minutes: AtomicU64::new(0) };
    let node = ready(builder(&server.url()).stream_key(key).clock(Clock::from_source(clock))).await;
    // More than a node reads at a time, and all at once.
    add_entries(&server, None, 20_000, in_seconds(86_400));
    is_fast.store(true, Ordering::SeqCst);
    assert_eq!(server.command(&["RENAME", KEY, key]), "OK");
    let is_logged = || lines_about_stream(key).iter().any(|line| line.contains("(`stale_for`)"));
    wait_until("the node is stale", is_logged).await;
    timeout(TIMEOUT, node.wait_until_ready()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn with_fail_open_a_stale_node_admits_requests_and_still_rejects_what_it_knows() {
    let _log = LogCapture::start();
    let key = "open";
    let server = Server::start();
    let clock = FakeClock::new();
    let node = ready(builder(&server.url()).stream_key(key).fail_open().clock(clock.clock())).await;
    revoke(&node, "t").await;
    server.kill();
    clock.advance(STALE_FOR);
    let is_logged = || lines_about_stream(key).iter().any(|line| line.contains("`fail_open` is set"));
    wait_until("the node is stale", is_logged).await;
    assert_eq!(statuses(&node, ["t", "another"]), [401, 200]);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_revocation_in_an_outage_applies_at_once_and_is_stored_when_the_outage_ends() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    for (round, is_killed) in [(0, false), (1, true)] {
        let token = format!("t-{round}");
        if is_killed {
            server.kill()
        } else {
            server.pause()
        }
        let revocation = first.revoke_by(Revocation::token(ISSUER, &token));
        assert_eq!(status(&first, &token), 401, "before the result is known");
        let error = timeout(TIMEOUT, revocation).await.unwrap().unwrap_err();
        assert!(matches!(error, RevokeError::NotStored { .. }), "{error:?}");
        assert_eq!(status(&second, &token), 200);
        if is_killed {
            server.restart()
        } else {
            server.resume()
        }
        wait_until_revoked(&second, &token).await;
        assert_eq!(status(&first, &token), 401);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn more_revocations_than_can_wait_for_the_server_are_all_stored_when_the_outage_ends() {
    let server = Server::start();
    let node = node(&server.url()).await;
    server.pause();
    // 65,536 can wait, and the writer tries to write some more.
    const COUNT: usize = 70_000;
    for n in 0..COUNT {
        drop(node.revoke_by(Revocation::token(ISSUER, &format!("t-{n}"))));
    }
    failure(&node, "last").await;
    server.resume();
    wait_until_stored(&server, &["t-0", "t-69999", "last"].map(str::to_owned)).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_out_of_memory_rejects_revocations_until_it_has_memory() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    revoke(&first, "t0").await;
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    let text = failure(&first, "t1").await;
    assert!(text.contains("OOM"), "{text}");
    assert_eq!([status(&first, "t1"), status(&second, "t1")], [401, 200]);
    assert!(first.is_ready() && second.is_ready(), "the stream can still be read");
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    wait_until_revoked(&second, "t1").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_cannot_write_to_its_disk_rejects_revocations_until_it_can() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    // A snapshot fails if its file is a folder. Writes are then rejected.
    let folder = server.command(&["CONFIG", "GET", "dir"]).split_off("dir\n".len());
    std::fs::create_dir(format!("{folder}/dump.rdb")).unwrap();
    assert_eq!(server.command(&["CONFIG", "SET", "save", "3600 1"]), "OK");
    let is_failing = || server.command(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err");
    wait_until("a snapshot fails", || {
        server.command(&["BGSAVE"]);
        is_failing()
    })
    .await;
    let text = failure(&first, "t").await;
    assert!(text.contains("MISCONF"), "{text}");
    assert_eq!([status(&first, "t"), status(&second, "t")], [401, 200]);
    assert!(first.is_ready() && second.is_ready(), "the stream can still be read");
    assert_eq!(server.command(&["CONFIG", "SET", "save", ""]), "OK");
    wait_until_revoked(&second, "t").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_key_of_another_type_is_an_outage_until_it_is_removed() {
    let server = Server::start();
    assert_eq!(server.command(&["SET", KEY, "1"]), "OK");
    let node = builder(&server.url()).build().unwrap();
    let text = failure(&node, "t").await;
    assert!(text.contains("WRONGTYPE"), "{text}");
    assert!(!node.is_ready());
    assert_eq!(server.command(&["DEL", KEY]), "1");
    timeout(TIMEOUT, node.wait_until_ready()).await.unwrap();
    wait_until("the revocation is stored", || len(&server) == 1).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_silent_server_is_an_outage_and_used_again_when_it_responds() {
    let _log = LogCapture::start();
    let key = "silent";
    let server = Server::start();
    let node = ready(builder(&server.url()).stream_key(key)).await;
    server.pause();
    let is_logged = |text: &str| lines_about_stream(key).iter().any(|line| line.contains(text));
    wait_until("the outage is logged", || is_logged("cannot be read")).await;
    assert_eq!(status(&node, "t"), 200);
    server.resume();
    wait_until("the stream is read", || is_logged("is read again")).await;
    revoke(&node, "t").await;
}
