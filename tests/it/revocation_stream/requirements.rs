//! What the stream requires of the server, and what it takes there; and entries that a node does not know.

use tokio::time::timeout;

use crate::revocation_stream::support::{
    KEY, TIMEOUT, add_entries, builder, in_seconds, len, node, ready, revoke, status, statuses, wait_until,
    wait_until_revoked,
};
use crate::support::log_capture::{LogCapture, lines_about_stream};
use crate::support::redis_server::Server;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_may_evict_the_stream_is_rejected_with_a_warning() {
    let _log = LogCapture::start();
    let server = Server::start();
    for (index, policy) in ["allkeys-lru", "allkeys-lfu", "allkeys-random"].into_iter().enumerate() {
        let key = format!("evicting-{index}");
        assert_eq!(server.command(&["CONFIG", "SET", "maxmemory-policy", policy]), "OK");
        let node = builder(&server.url()).stream_key(&key).build().unwrap();
        let is_logged = || lines_about_stream(&key).iter().any(|line| line.contains(policy) && line.contains(" WARN "));
        wait_until("the policy is logged", is_logged).await;
        assert!(!node.is_ready());
        assert_eq!(status(&node, "t"), 503);
        assert_eq!(server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]), "OK");
        timeout(TIMEOUT, node.wait_until_ready()).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn malformed_and_unknown_entries_are_skipped_with_one_line_and_later_ones_apply() {
    let _log = LogCapture::start();
    let server = Server::start();
    let key = "skipped";
    let add = |field: &str, value: &str| {
        let id = server.command(&["XADD", key, "*", field, value]);
        assert!(id.contains('-'), "{id}");
    };
    let node = ready(builder(&server.url()).stream_key(key)).await;
    let warnings = || lines_about_stream(key).iter().filter(|line| line.contains("skipped entries")).count();
    let malformed = [("r", ""), ("r", "garbage"), ("r", "\u{1}\u{1}short"), ("x", "y")];
    let unknown = [("r", "\u{1}\u{7}kind"), ("r", "\u{2}\u{1}version")];
    for (index, (field, value)) in malformed.into_iter().chain(unknown).enumerate() {
        add(field, value);
        wait_until("the entry is skipped", || warnings() == index + 1).await;
        let token = format!("t{index}");
        revoke(&node, &token).await;
        assert_eq!(status(&node, &token), 401);
    }
    // At the start of a node they make one line together.
    let second = ready(builder(&server.url()).stream_key(key)).await;
    assert_eq!(statuses(&second, ["t0", "t3", "t5", "another"]), [401, 401, 401, 200]);
    assert_eq!(warnings(), 7);
    assert!(node.is_ready());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_entry_takes_at_most_160_bytes_in_redis() {
    let server = Server::start();
    const COUNT: usize = 50_000;
    add_entries(&server, None, COUNT, in_seconds(86_400));
    let bytes: usize = server.command(&["MEMORY", "USAGE", KEY, "SAMPLES", "0"]).parse().unwrap();
    assert!(bytes / COUNT <= 160, "{bytes} bytes of {COUNT} entries");
    // One entry of a node is as large.
    let node = node(&server.url()).await;
    revoke(&node, "t").await;
    assert_eq!(len(&server), COUNT + 1);
    let last = server.command(&["XREVRANGE", KEY, "+", "-", "COUNT", "1"]);
    assert!(last.len() < 120, "{last:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_client_with_the_newer_protocol_is_supported() {
    let server = Server::start();
    let client = ::redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let first = ready(portcullis::Revocations::builder().redis_stream_from(client)).await;
    let second = node(&server.url()).await;
    revoke(&second, "t1").await;
    wait_until_revoked(&first, "t1").await;
    revoke(&first, "t2").await;
    wait_until_revoked(&second, "t2").await;
    assert_eq!(server.command(&["FLUSHALL"]), "OK");
    wait_until("the stream is written back", || len(&server) >= 2).await;
}
