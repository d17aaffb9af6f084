//! A stream that was lost is noticed, and written back by the nodes that hold its entries.

use portcullis::Revocations;

use crate::revocation_stream::support::{
    KEY, add_entries, builder, calls, in_seconds, len, node, ready, rejected_calls, revoke, status, wait_until,
    wait_until_revoked, wait_until_stored,
};
use crate::support::balancer::Balancer;
use crate::support::log_capture::{LogCapture, lines_about_stream};
use crate::support::redis_server::Server;

async fn revoke_all<const N: usize>(node: &Revocations, tokens: [&str; N]) {
    for token in tokens {
        revoke(node, token).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_flushed_stream_is_written_back_and_followed_from_its_start() {
    let _log = LogCapture::start();
    let key = "flushed";
    let server = Server::start();
    let [first, second] =
        [ready(builder(&server.url()).stream_key(key)).await, ready(builder(&server.url()).stream_key(key)).await];
    revoke_all(&first, ["t1", "t2", "t3"]).await;
    wait_until_revoked(&second, "t3").await;
    assert_eq!(server.command(&["FLUSHALL"]), "OK");
    let is_complete = || server.command(&["XLEN", key]).parse::<usize>().unwrap() >= 3;
    wait_until("the stream is complete again", is_complete).await;
    for token in ["t1", "t2", "t3"] {
        assert_eq!([status(&first, token), status(&second, token)], [401, 401]);
    }
    assert!(first.is_ready() && second.is_ready());
    revoke(&first, "t4").await;
    wait_until_revoked(&second, "t4").await;
    let third = ready(builder(&server.url()).stream_key(key)).await;
    assert_eq!(["t1", "t2", "t3", "t4"].map(|token| status(&third, token)), [401; 4]);
    let before = calls(&server, &["xread"]);
    wait_until("all nodes have read again", || calls(&server, &["xread"]) > before + 6).await;
    let lines = |text: &str| lines_about_stream(key).iter().filter(|line| line.contains(text)).count();
    assert_eq!(["has lost entries", "is complete again"].map(lines), [2, 2], "each node logs it once");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_loss_is_noticed_although_new_entries_have_higher_ids() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    for round in 0..5 {
        let [old, new] = [format!("old-{round}"), format!("new-{round}")];
        revoke(&first, &old).await;
        wait_until_revoked(&second, &old).await;
        // At once, so that the next read of a node returns the new entry.
        assert_eq!(server.command(&["DEL", KEY]), "1");
        revoke(&first, &new).await;
        wait_until_stored(&server, &[old, new]).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn several_nodes_write_a_lost_stream_back_about_once() {
    let server = Server::start();
    const COUNT: usize = 20_000;
    add_entries(&server, None, COUNT, in_seconds(86_400));
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(node(&server.url()).await);
    }
    assert_eq!(server.command(&["FLUSHALL"]), "OK");
    wait_until("the stream is complete again", || len(&server) >= COUNT).await;
    // All nodes have ended their part once they have read what is written now.
    revoke(&nodes[0], "t").await;
    for node in &nodes {
        wait_until_revoked(node, "t").await;
    }
    let written = len(&server);
    assert!(written < 2 * COUNT, "{written}");
    let fresh = ready(builder(&server.url()).max_entries(COUNT + 1)).await;
    assert_eq!(status(&fresh, "t"), 401);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_lost_stream_is_written_back_completely_although_connections_are_cut() {
    let server = Server::start();
    const COUNT: usize = 20_000;
    add_entries(&server, None, COUNT, in_seconds(86_400));
    let node = node(&server.url()).await;
    assert_eq!(server.command(&["DEL", KEY]), "1");
    let mut last = 0;
    wait_until("the stream is complete again", || {
        let stored = len(&server);
        if std::mem::replace(&mut last, stored) < stored {
            server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        stored >= COUNT
    })
    .await;
    assert!(node.is_ready());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_restarts_empty_gets_everything_back() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    revoke_all(&first, ["t1", "t2"]).await;
    wait_until_revoked(&second, "t2").await;
    drop(first);
    server.restart();
    wait_until_stored(&server, &["t1".to_owned(), "t2".to_owned()]).await;
    assert!(second.is_ready());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_with_lower_ids_is_followed_from_its_start() {
    let ahead = Server::start();
    let late = Server::start();
    // The clock of the first server is an hour ahead.
    add_entries(&ahead, Some(in_seconds(3_600)), 1, in_seconds(86_400));
    let balancer = Balancer::start(ahead.port());
    let [first, second] = [node(&balancer.url()).await, node(&balancer.url()).await];
    revoke(&first, "t1").await;
    wait_until_revoked(&second, "t1").await;
    balancer.switch_to(late.port());
    balancer.cut();
    revoke(&first, "t2").await;
    wait_until_revoked(&second, "t2").await;
    wait_until_stored(&late, &["t1".to_owned(), "t2".to_owned()]).await;
    assert_eq!(len(&ahead), 2);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_stream_whose_entries_have_all_expired_is_followed_after_its_loss() {
    let _log = LogCapture::start();
    let key = "expired";
    let server = Server::start();
    add_entries(&server, Some(in_seconds(3_600)), 3, in_seconds(-10));
    assert_eq!(server.command(&["RENAME", KEY, key]), "OK");
    let node = ready(builder(&server.url()).stream_key(key)).await;
    assert_eq!(server.command(&["DEL", key]), "1");
    let other = ready(builder(&server.url()).stream_key(key)).await;
    // Its id is lower than those of the entries that have expired.
    revoke(&other, "t").await;
    wait_until_revoked(&node, "t").await;
    let is_loss = |line: &String| line.contains("has lost entries");
    assert!(!lines_about_stream(key).iter().any(is_loss), "nothing that is needed was lost");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn what_could_not_be_written_back_is_written_when_the_server_accepts_it() {
    let server = Server::start();
    let node = node(&server.url()).await;
    revoke_all(&node, ["t1", "t2"]).await;
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    assert_eq!(server.command(&["DEL", KEY]), "1");
    // The node has tried it, and has tried again.
    wait_until("the server rejects its writes", || rejected_calls(&server, "xadd") > 2).await;
    assert_eq!(server.command(&["EXISTS", KEY]), "0");
    assert_eq!(server.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    wait_until("the stream is complete again", || len(&server) == 2).await;
}
