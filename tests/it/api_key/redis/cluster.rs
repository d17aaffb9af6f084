//! A cluster of three nodes: the records of an owner on all of them, and a node that dies.

use ::redis::cluster::ClusterClient;
use portcullis::api_key::{ApiKeyStore, ApiKeyUsage, RedisKeys};

use super::{cause, is_unavailable};
use crate::api_key::store_contract::{at, check, id, record};
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Cluster;
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
