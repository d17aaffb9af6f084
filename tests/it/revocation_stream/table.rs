//! A table that is too small for the stream.

use std::time::Duration;

use portcullis::testing::FakeClock;
use tokio::time::timeout;

use crate::revocation_stream::support::{
    TIMEOUT, add_entries, builder, in_seconds, ready, revoke, status, statuses, wait_until, wait_until_revoked,
};
use crate::support::log_capture::{LogCapture, lines_about_stream};
use crate::support::redis_server::Server;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_entry_that_does_not_fit_makes_requests_get_503_until_there_is_room() {
    let _log = LogCapture::start();
    let key = "full";
    let server = Server::start();
    let clock = FakeClock::new();
    let with_key = || builder(&server.url()).stream_key(key);
    let large = ready(with_key()).await;
    let small = ready(with_key().max_entries(2).clock(clock.clock())).await;
    for token in ["t1", "t2", "t3"] {
        revoke(&large, token).await;
    }
    wait_until("an entry does not fit", || status(&small, "another") == 503).await;
    assert_eq!(statuses(&small, ["t1", "t3"]), [503, 503], "no entry is dropped");
    assert!(!small.is_ready());
    let lines = |text: &str| lines_about_stream(key).iter().filter(|line| line.contains(text)).count();
    wait_until("the change is logged", || lines("does not fit") == 1).await;
    for minute in 1..=2 {
        clock.advance(Duration::from_secs(61));
        wait_until("the state is logged once a minute", || lines("table of revocations is full") == minute).await;
    }
    // What was revoked has expired.
    clock.advance(Duration::from_secs(86_400 * 2));
    timeout(TIMEOUT, small.wait_until_ready()).await.unwrap();
    assert_eq!(status(&small, "another"), 200);
    assert_eq!(lines("has room again"), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_stream_that_does_not_fit_at_the_start_keeps_the_node_from_being_ready() {
    let _log = LogCapture::start();
    let key = "full-at-start";
    let server = Server::start();
    let with_key = || builder(&server.url()).stream_key(key);
    let large = ready(with_key()).await;
    for token in ["t1", "t2", "t3"] {
        revoke(&large, token).await;
    }
    let clock = FakeClock::new();
    let small = with_key().max_entries(2).clock(clock.clock()).build().unwrap();
    let lines = |text: &str| lines_about_stream(key).iter().filter(|line| line.contains(text)).count();
    wait_until("the entry does not fit", || lines("does not fit") == 1).await;
    clock.advance(Duration::from_secs(61));
    wait_until("the node tries again", || lines("table of revocations is full") == 1).await;
    assert!(!small.is_ready());
    assert_eq!(status(&small, "t1"), 503);
    // The node that is not full goes on.
    revoke(&large, "t4").await;
    wait_until_revoked(&ready(with_key()).await, "t4").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn entries_that_have_expired_take_no_room() {
    let server = Server::start();
    add_entries(&server, None, 2, in_seconds(3_600));
    add_entries(&server, None, 1, in_seconds(-10));
    let node = ready(builder(&server.url()).max_entries(2)).await;
    assert_eq!(status(&node, "t"), 200);
}
