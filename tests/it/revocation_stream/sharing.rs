//! What one node revokes, the others reject.

use std::time::Duration;

use portcullis::revocation::Revocation;
use portcullis::{Revocations, UserContext};

use crate::revocation_stream::support::{
    ISSUER, KEY, builder, calls, len, node, ready, revoke, status, statuses, user, wait_until, wait_until_revoked,
};
use crate::support::redis_server::Server;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn all_nodes_reject_what_one_of_them_has_revoked() {
    let server = Server::start();
    let nodes = [node(&server.url()).await, node(&server.url()).await, node(&server.url()).await];
    for (index, revoking) in nodes.iter().enumerate() {
        let token = format!("token-{index}");
        assert_eq!(nodes.each_ref().map(|node| status(node, &token)), [200; 3]);
        revoke(revoking, &token).await;
        assert_eq!(status(revoking, &token), 401);
        for node in &nodes {
            wait_until_revoked(node, &token).await;
        }
    }
    assert_eq!(len(&server), 3, "each revocation is one entry");
    assert_eq!(nodes.each_ref().map(|node| status(node, "another")), [200; 3]);
}

/// Waits until a node has applied all that was written before.
async fn catch_up(from: &Revocations, to: &Revocations) {
    revoke(from, "last").await;
    wait_until_revoked(to, "last").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn all_kinds_of_revocations_are_shared() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    let with_session = |session: &str| user("t").with_session_id(session);
    let with_client = |client: &str| user("t").with_client_id(client);
    let of = |id: &str, issuer: &str| UserContext::new(id).with_issuer(issuer).with_token_id("t");
    first.revoke(&with_session("s1")).await.unwrap();
    first.revoke_by(Revocation::session(ISSUER, "s2")).await.unwrap();
    first.revoke_by(Revocation::client(ISSUER, "c1")).await.unwrap();
    first.revoke_all(&of("bob", ISSUER)).await.unwrap();
    first.revoke_by(Revocation::subject(ISSUER, "eve")).await.unwrap();
    first.revoke_by(Revocation::issuer("https://other.example.com")).await.unwrap();
    let kept = of("dan", ISSUER).with_session_id("kept");
    first.revoke_others(&kept).await.unwrap();
    catch_up(&first, &second).await;
    let revoked = [
        with_session("s1"),
        with_session("s2"),
        with_client("c1"),
        of("bob", ISSUER),
        of("eve", ISSUER),
        of("zoe", "https://other.example.com"),
        of("dan", ISSUER).with_session_id("another"),
    ];
    for user in revoked {
        assert_eq!(second.check(&user).unwrap_err().status(), 401, "{user:?}");
    }
    for user in [kept, with_session("s3"), with_client("c2"), of("bob", "https://third.example.com")] {
        assert!(second.check(&user).is_ok(), "{user:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn requests_add_no_command_and_a_node_has_one_connection() {
    let server = Server::start();
    let node = node(&server.url()).await;
    // Each has one line; the connection that asks is one of them.
    assert_eq!(server.command(&["CLIENT", "LIST"]).trim().lines().count(), 2);
    let commands = ["xread", "xadd", "xrange", "xrevrange", "xtrim", "ping", "info", "config|get"];
    let before = calls(&server, &commands);
    for request in 0..10_000 {
        assert_eq!(status(&node, &format!("token-{request}")), 200);
    }
    // The thread reads once a second, whatever the requests are.
    let added = calls(&server, &commands) - before;
    assert!(added < 1_000, "{added}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn many_revocations_at_once_are_all_stored() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    let tokens: Vec<_> = (0..5_000).map(|n| format!("token-{n}")).collect();
    let writes: Vec<_> = tokens.iter().map(|token| first.revoke_by(Revocation::token(ISSUER, token))).collect();
    for write in writes {
        write.await.unwrap();
    }
    assert_eq!(len(&server), 5_000);
    for token in &tokens {
        wait_until_revoked(&second, token).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_revocation_whose_future_is_dropped_is_stored_all_the_same() {
    let server = Server::start();
    let [first, second] = [node(&server.url()).await, node(&server.url()).await];
    drop(first.revoke_by(Revocation::token(ISSUER, "t")));
    assert_eq!(status(&first, "t"), 401);
    wait_until_revoked(&second, "t").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn streams_with_different_keys_are_independent() {
    let server = Server::start();
    let first = ready(builder(&server.url()).stream_key("a")).await;
    let second = ready(builder(&server.url()).stream_key("b")).await;
    revoke(&first, "t1").await;
    revoke(&second, "t2").await;
    assert_eq!(statuses(&first, ["t1", "t2"]), [401, 200]);
    assert_eq!(statuses(&second, ["t1", "t2"]), [200, 401]);
    assert_eq!(server.command(&["EXISTS", "a", "b", KEY]), "2");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn nodes_with_different_lifetimes_share_a_stream() {
    let server = Server::start();
    let short = ready(builder(&server.url()).max_token_lifetime(Duration::from_secs(60))).await;
    let long = ready(builder(&server.url()).max_token_lifetime(Duration::from_secs(86_400 * 30))).await;
    revoke(&short, "t1").await;
    revoke(&long, "t2").await;
    for node in [&short, &long] {
        wait_until("both are revoked", || statuses(node, ["t1", "t2"]) == [401, 401]).await;
    }
}
