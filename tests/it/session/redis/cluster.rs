//! A cluster of three nodes, with all sessions on one of them.

use ::redis::cluster::ClusterClient;

use super::*;
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Cluster;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn in_a_cluster_all_keys_are_in_one_slot() {
    let cluster = Cluster::start();
    let client = ClusterClient::builder(cluster.urls());
    let client = client.response_timeout(LONG_DEADLINE).connection_timeout(LONG_DEADLINE).build().unwrap();
    let clock = FakeClock::new();
    let store = RedisSessions::cluster(client.get_async_connection().await.unwrap());
    let store = store.deadline(LONG_DEADLINE);
    check(&store, &clock).await;
    let counts: Vec<u32> = cluster.nodes().iter().map(|node| node.command(&["DBSIZE"]).parse().unwrap()).collect();
    assert_eq!(counts.iter().filter(|count| **count > 0).count(), 1, "{counts:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn connecting_to_one_node_of_a_cluster_names_the_constructor_for_clusters() {
    let cluster = Cluster::start();
    let log = LogCapture::start();
    let mut moved = 0;
    for url in cluster.urls() {
        let store = RedisSessions::connect(&url).unwrap().deadline(LONG_DEADLINE);
        for _ in 0..3 {
            let result = store.find(&digest("a")).await;
            if is_unavailable(&result) {
                let cause = cause(result);
                assert!(cause.contains("use RedisSessions::cluster"), "{cause}");
                moved += 1;
            }
        }
    }
    assert_eq!((moved, log.count(" WARN ")), (6, 2), "{}", log.text());
}
