//! A cluster of three nodes: the records of an owner on all of them, and a node that does not respond.

use std::time::Duration;

use ::redis::cluster::ClusterClient;
use portcullis::api_key::{ApiKeyStore, ApiKeyUsage, RedisKeys};

use tokio::time::Instant;

use super::{cause, is_unavailable, record_key};
use crate::api_key::store_contract::{at, check, id, record};
use crate::support::log_capture::LogCapture;
use crate::support::redis_connection::BlockingConnection;
use crate::support::redis_server::{Cluster, Server};
use crate::support::test_store::LONG_DEADLINE;

async fn cluster_store(cluster: &Cluster) -> RedisKeys {
    let client = ClusterClient::builder(cluster.urls());
    let client = client.response_timeout(LONG_DEADLINE).connection_timeout(LONG_DEADLINE).build().unwrap();
    RedisKeys::cluster(client.get_async_connection().await.unwrap()).deadline(LONG_DEADLINE)
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_command_has_keys_of_one_slot_so_a_cluster_does_what_the_documentation_says() {
    let cluster = Cluster::start();
    let store = cluster_store(&cluster).await;
    check(&store).await;
    let counts: Vec<u32> = cluster.nodes().iter().map(|node| node.command(&["DBSIZE"]).parse().unwrap()).collect();
    assert!(counts.iter().all(|count| *count > 3), "{counts:?}");

    let usage: Vec<_> = (0..40).map(|number| ApiKeyUsage::new(id(&format!("many{number}")), number, at(1))).collect();
    for usage in &usage {
        store.save(&record(usage.id().as_str(), (None, "many"), 1, "")).await.unwrap();
    }
    store.record_usage(&usage).await.unwrap();
    let records = store.find_by_owner(None, "many").await.unwrap();
    assert_eq!(records.iter().map(portcullis::api_key::ApiKeyRecord::usage_count).sum::<u64>(), 39 * 40 / 2);
    assert_eq!(store.revoke_all(None, "many", at(2)).await.unwrap().len(), 40);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn node_of_a_cluster_as_the_server_names_the_constructor_for_clusters() {
    let cluster = Cluster::start();
    let store = RedisKeys::connect(&cluster.urls()[0]).unwrap().deadline(LONG_DEADLINE);
    let log = LogCapture::start();
    let mut moved = 0;
    for number in 0..60 {
        let result = store.find(&id(&number.to_string())).await;
        if is_unavailable(&result) {
            let cause = cause(result);
            moved += usize::from(cause.contains("use RedisKeys::cluster"));
            assert!(cause.contains("use RedisKeys::cluster") || cause.contains("circuit breaker"), "{cause}");
        }
    }
    assert!(moved > 3, "{moved} keys are on other nodes");
    assert_eq!(log.count(" WARN "), log.count("use RedisKeys::cluster"), "{}", log.text());
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn silent_node_delays_its_own_keys_by_at_most_the_deadline_and_opens_only_its_circuit_breaker() {
    const DEADLINE: Duration = Duration::from_millis(150);
    let server = Server::start();
    let connection = BlockingConnection::new(&server);
    let store = RedisKeys::cluster(connection.clone()).deadline(DEADLINE);
    for name in ["a", "b"] {
        store.save(&record(name, (None, "ann"), 1, "")).await.unwrap();
    }
    connection.stop_replies_for(&record_key("a"));
    let mut waits = Vec::new();
    for _ in 0..6 {
        let start = Instant::now();
        let cause = cause(store.find(&id("a")).await);
        waits.push(start.elapsed());
        let is_expected = cause.starts_with("no response within 150ms") || cause.starts_with("the circuit breaker");
        assert!(is_expected, "{cause}");
        assert!(store.find(&id("b")).await.unwrap().is_some());
    }
    let timer_step = Duration::from_millis(1);
    assert!(waits.iter().all(|wait| *wait <= DEADLINE + timer_step), "{waits:?}");
    assert_eq!(waits.iter().filter(|wait| !wait.is_zero()).count(), 3, "{waits:?}");
}
