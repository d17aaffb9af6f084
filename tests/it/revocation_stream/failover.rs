//! Failovers: to a replica that lacks the last entries, with ids that repeat, and in a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::revocation::Revocation;

use crate::revocation_stream::support::{
    ISSUER, KEY, builder, in_seconds, node, ready, revoke, status, wait_until, wait_until_revoked, wait_until_stored,
};
use crate::support::balancer::Balancer;
use crate::support::redis_server::{Cluster, Server};

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn entries_that_a_failover_loses_are_written_again() {
    let old = Server::start();
    let new = Server::replica_of(&old);
    let balancer = Balancer::start(old.port());
    let [first, second] = [node(&balancer.url()).await, node(&balancer.url()).await];
    revoke(&first, "replicated").await;
    wait_until("the replica has it", || new.command(&["XLEN", KEY]) == "1").await;
    // What the old primary stores from now on is lost.
    new.promote();
    let mut tokens = vec!["replicated".to_owned()];
    for n in 0..10 {
        let token = format!("lost-{n}");
        revoke(&first, &token).await;
        tokens.push(token);
    }
    assert_eq!(new.command(&["XLEN", KEY]), "1");
    old.kill();
    balancer.switch_to(new.port());
    wait_until_stored(&new, &tokens).await;
    for token in &tokens {
        wait_until_revoked(&second, token).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn entries_are_written_again_even_if_the_node_that_stored_them_had_not_read_them_back() {
    let old = Server::start();
    let new = Server::start();
    // The connection for reads leads to the second server, which never gets the entry.
    let balancer = Balancer::start(new.port());
    let node = node(&balancer.url()).await;
    balancer.switch_to(old.port());
    revoke(&node, "t").await;
    assert_eq!(old.command(&["XLEN", KEY]), "1");
    balancer.switch_to(new.port());
    wait_until_stored(&new, &["t".to_owned()]).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn entries_with_the_same_ids_as_lost_ones_are_read() {
    let old = Server::start();
    let new = Server::start();
    // Both servers give the ids that follow this one, as after a failover to a server whose clock is late.
    let id = format!("{}000-0", in_seconds(3_600));
    for server in [&old, &new] {
        assert_eq!(server.command(&["XADD", KEY, &id, "other", "field"]), id);
    }
    let balancer = Balancer::start(old.port());
    let [first, second] = [node(&balancer.url()).await, node(&balancer.url()).await];
    revoke(&first, "t1").await;
    wait_until_revoked(&second, "t1").await;
    balancer.switch_to(new.port());
    revoke(&node(&new.url()).await, "t2").await;
    balancer.cut();
    for node in [&first, &second] {
        wait_until_revoked(node, "t2").await;
    }
    wait_until_stored(&new, &["t1".to_owned(), "t2".to_owned()]).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_primary_that_became_a_replica_is_abandoned() {
    let old = Server::start();
    let new = Server::replica_of(&old);
    let balancer = Balancer::start(old.port());
    let [first, second] = [node(&balancer.url()).await, node(&balancer.url()).await];
    revoke(&first, "t1").await;
    wait_until_revoked(&second, "t1").await;
    wait_until("the replica has it", || new.command(&["XLEN", KEY]) == "1").await;
    new.promote();
    balancer.switch_to(new.port());
    assert_eq!(old.command(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]), "OK");
    revoke(&first, "t2").await;
    wait_until_revoked(&second, "t2").await;
    assert_eq!(new.command(&["XLEN", KEY]), "2");
    // Both follow the new primary. The connection that asks is the only one of the replica, and new ones lead elsewhere.
    let clients = || old.command(&["CLIENT", "LIST", "TYPE", "normal"]).trim().lines().count();
    wait_until("the nodes have left the replica", || clients() == 1).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_node_of_a_cluster_that_has_the_key_is_found_and_followed() {
    let cluster = Cluster::start();
    // The slots of these keys are on the first, the second and the third node.
    for key in ["{b}:r", "{c}:r", "{a}:r"] {
        let nodes = cluster.urls();
        let [first, second] =
            [ready(builder(&nodes[0]).stream_key(key)).await, ready(builder(&nodes[2]).stream_key(key)).await];
        revoke(&first, "t").await;
        wait_until_revoked(&second, "t").await;
        assert!(first.is_ready() && second.is_ready());
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_key_that_moves_to_another_node_of_a_cluster_is_followed() {
    let cluster = Cluster::start();
    let [first_node, second_node, third_node] = cluster.nodes() else { panic!("three nodes") };
    let key = "{a}:r"; // Slot 15495, of the third node.
    let [first, second] = [
        ready(builder(&first_node.url()).stream_key(key)).await,
        ready(builder(&second_node.url()).stream_key(key)).await,
    ];
    revoke(&first, "t1").await;
    wait_until_revoked(&second, "t1").await;
    let slot = first_node.command(&["CLUSTER", "KEYSLOT", key]);
    let id = |server: &Server| server.command(&["CLUSTER", "MYID"]);
    let (from, to) = (id(third_node), id(first_node));
    assert_eq!(first_node.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from]), "OK");
    assert_eq!(third_node.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to]), "OK");
    let port = first_node.port().to_string();
    assert_eq!(third_node.command(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]), "OK");
    for node in [first_node, third_node, second_node] {
        assert_eq!(node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to]), "OK");
    }
    revoke(&first, "t2").await;
    wait_until_revoked(&second, "t2").await;
    assert_eq!(first_node.command(&["XLEN", key]), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: run tests/run"]
async fn nothing_revoked_becomes_valid_under_load_while_servers_are_killed_lost_and_replaced() {
    let old = Server::start();
    let id = format!("{}000-0", in_seconds(3_600));
    assert_eq!(old.command(&["XADD", KEY, &id, "other", "field"]), id);
    let balancer = Balancer::start(old.port());
    let [first, second] = [node(&balancer.url()).await, node(&balancer.url()).await];
    let (revoked, is_done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    // Requests with all tokens that were revoked so far, and with one that never is.
    let checks = {
        let (node, revoked, is_done) = (first.clone(), Arc::clone(&revoked), Arc::clone(&is_done));
        tokio::task::spawn_blocking(move || {
            let mut count = 0_u64;
            while !is_done.load(Ordering::SeqCst) || count == 0 {
                for n in 0..revoked.load(Ordering::SeqCst) {
                    assert_eq!(status(&node, &format!("t-{n}")), 401, "t-{n}");
                    count += 1;
                }
                assert_eq!(status(&node, "valid"), 200, "503 only after `stale_for`");
                std::thread::sleep(Duration::from_millis(1));
            }
            count
        })
    };
    let mut tokens = Vec::new();
    let mut revoke_some = async |count: usize| {
        for _ in 0..count {
            let n = revoked.load(Ordering::SeqCst);
            // `Ok` or `Err`: it is enforced here, and stored in the end.
            let _ = first.revoke_by(Revocation::token(ISSUER, &format!("t-{n}"))).await;
            tokens.push(format!("t-{n}"));
            revoked.store(n + 1, Ordering::SeqCst);
        }
    };
    revoke_some(100).await;
    old.kill();
    revoke_some(2).await;
    // Empty, and with lower ids.
    old.restart();
    revoke_some(100).await;
    let late = Server::replica_of(&old);
    revoke_some(10).await;
    late.promote();
    // The new primary lacks these.
    revoke_some(20).await;
    old.kill();
    balancer.switch_to(late.port());
    revoke_some(20).await;
    assert_eq!(late.command(&["FLUSHALL"]), "OK");
    revoke_some(20).await;
    wait_until_stored(&late, &tokens).await;
    for token in &tokens {
        wait_until_revoked(&second, token).await;
    }
    is_done.store(true, Ordering::SeqCst);
    assert!(checks.await.unwrap() > 0);
    assert_eq!(status(&second, "valid"), 200);
}
