//! Entries that have expired are removed from the stream, and no others.

use std::time::Duration;

use portcullis::testing::FakeClock;

use crate::revocation_stream::support::{
    KEY, add_entries, builder, calls, in_seconds, len, node, ready, revoke, status, wait_until, wait_until_revoked,
};
use crate::support::redis_server::Server;

/// Waits until the nodes have trimmed the stream this many times.
async fn wait_until_trimmed(server: &Server, times: u64) {
    let before = calls(server, &["xtrim"]);
    wait_until("the nodes have trimmed", || calls(server, &["xtrim"]) > before + times).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn what_has_expired_is_removed() {
    let server = Server::start();
    add_entries(&server, Some(in_seconds(-90_000)), 1_000, in_seconds(-3_600));
    let node = node(&server.url()).await;
    assert_eq!(status(&node, "t"), 200);
    revoke(&node, "t").await;
    wait_until("the entries are removed", || len(&server) < 300).await;
    assert_eq!(status(&self::node(&server.url()).await, "t"), 401, "what has not expired is still there");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_node_whose_clock_is_ahead_removes_nothing_that_others_need() {
    let server = Server::start();
    let first = node(&server.url()).await;
    add_entries(&server, None, 1_000, in_seconds(3_600));
    revoke(&first, "t1").await;
    let ahead = FakeClock::new();
    ahead.advance(Duration::from_secs(86_400 * 365));
    let wrong = ready(builder(&server.url()).clock(ahead.clock())).await;
    revoke(&first, "t2").await;
    wait_until_trimmed(&server, 6).await;
    assert_eq!(len(&server), 1_002);
    let fresh = node(&server.url()).await;
    assert_eq!([status(&fresh, "t1"), status(&fresh, "t2")], [401, 401]);
    drop(wrong);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn entries_of_a_newer_version_are_kept_for_nodes_that_know_them() {
    let server = Server::start();
    let id = format!("{}000-1", in_seconds(-90_000));
    assert_eq!(server.command(&["XADD", KEY, &id, "r", "\u{2}\u{1}version"]), id);
    add_entries(&server, Some(in_seconds(-80_000)), 500, in_seconds(-3_600));
    let node = node(&server.url()).await;
    revoke(&node, "t").await;
    wait_until_revoked(&self::node(&server.url()).await, "t").await;
    wait_until_trimmed(&server, 3).await;
    assert_eq!(len(&server), 502);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn entries_of_longer_lifetimes_keep_the_entries_after_them() {
    let server = Server::start();
    // The oldest entry is valid for longer than those after it.
    add_entries(&server, Some(in_seconds(-90_000)), 1, in_seconds(86_400));
    add_entries(&server, Some(in_seconds(-80_000)), 500, in_seconds(-3_600));
    let first = node(&server.url()).await;
    revoke(&first, "t").await;
    wait_until_revoked(&node(&server.url()).await, "t").await;
    wait_until_trimmed(&server, 3).await;
    assert_eq!(len(&server), 502);
}
