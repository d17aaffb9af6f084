//! A cluster of three: subjects on all nodes, limits across two, and a node that dies.

use std::time::{Duration, Instant};

use ::redis::cluster::ClusterClient;
use portcullis::rate_limit::{Limit, OutagePolicy, RedisStore};
use portcullis::{Quota, RateLimit};

use super::limited_app::{Limited, named};
use crate::support::redis_server::Cluster;

async fn store(cluster: &Cluster) -> RedisStore {
    let client = ClusterClient::new(cluster.urls()).unwrap();
    RedisStore::cluster(client.get_async_connection().await.unwrap())
}

fn limit(name: &'static str, units: u32) -> Limit {
    Limit::new(name, Quota::per_hour(units).unwrap())
}

fn sizes(cluster: &Cluster) -> Vec<u32> {
    cluster.nodes().iter().map(|node| node.command(&["DBSIZE"]).parse().unwrap()).collect()
}

/// A name for each node, whose counts lie there.
async fn names(cluster: &Cluster, store: &RedisStore) -> [String; 3] {
    let app = RateLimit::builder().limit(limit("names", 9)).key(named("x-user")).store(store.clone());
    let app = Limited::new(app.build().unwrap());
    let mut names = [const { String::new() }; 3];
    for turn in 0..60 {
        let before = sizes(cluster);
        assert_eq!(app.ask(&format!("x-user: n{turn}")).await.status, 200);
        let place = sizes(cluster).iter().zip(before).position(|(now, before)| *now > before).expect("a new key");
        names[place] = format!("n{turn}");
        if names.iter().all(|name| !name.is_empty()) {
            return names;
        }
    }
    panic!("not all nodes have a subject: {names:?}");
}

/// Until what was given back has come back: nobody waits for it.
async fn eventually(app: &Limited, name: &str, used: &[u32]) {
    let start = Instant::now();
    while app.used(name).await != used {
        assert!(start.elapsed() < Duration::from_secs(2), "{name}: {:?} for {used:?}", app.used(name).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn limits_across_nodes_charge_all_or_none_and_give_back_what_each_charged() {
    let cluster = Cluster::start();
    let store = store(&cluster).await.deadline(Duration::from_secs(5));
    let names = names(&cluster, &store).await;
    let builder = || RateLimit::builder().key(named("x-user")).store(store.clone());
    let app = builder().add_limit(limit("user", 2)).add_limit(limit("address", 3).key(named("x-ip")));
    let app = Limited::new(app.build().unwrap());
    let [a, b, c] = &names;
    assert_eq!(app.statuses(&format!("x-user: {a}, x-ip: {b}"), 3).await, [200, 200, 429]);
    eventually(&app, b, &[0, 2]).await;
    assert_eq!(app.statuses(&format!("x-user: {c}, x-ip: {b}"), 2).await, [200, 429]);
    eventually(&app, c, &[1, 0]).await;
    eventually(&app, a, &[2, 0]).await;

    let login = |name| limit(name, 3).only_failures();
    let app = builder().add_limit(login("login")).add_limit(login("from").key(named("x-ip")));
    let app = Limited::new(app.build().unwrap());
    for _ in 0..6 {
        assert_eq!(app.ask(&format!("x-user: {a}, x-ip: {b}")).await.status, 200);
        eventually(&app, a, &[0, 0]).await;
        eventually(&app, b, &[0, 0]).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_node_that_dies_is_an_outage_for_its_subjects_alone() {
    let cluster = Cluster::start();
    for node in cluster.nodes() {
        assert_eq!(node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]), "OK");
    }
    let store = store(&cluster).await.deadline(Duration::from_millis(150));
    let names = names(&cluster, &store).await;
    let app = |outage| {
        let limit = limit("limit", 200).on_outage(outage);
        Limited::new(RateLimit::builder().limit(limit).key(named("x-user")).store(store.clone()).build().unwrap())
    };
    let (closed, open) = (app(OutagePolicy::FailClosed), app(OutagePolicy::FailOpen));
    for name in &names {
        assert_eq!(closed.ask(&format!("x-user: {name}")).await.status, 200);
    }
    cluster.nodes()[2].kill();
    let dead = format!("x-user: {}", names[2]);
    for round in 0..6 {
        let told = [closed.ask(&dead).await, open.ask(&dead).await];
        assert_eq!(told.each_ref().map(|told| told.status), [503, 200], "round {round}: {told:?}");
        assert!(told.iter().all(|told| told.time < Duration::from_millis(400)), "{told:?}");
        for name in &names[..2] {
            let told = closed.ask(&format!("x-user: {name}")).await;
            assert_eq!(told.status, 200, "round {round}: {name} lies on a node that lives: {told:?}");
        }
    }
    // Many of the dead node's requests in a row.
    assert_eq!(closed.statuses(&dead, 6).await, [503; 6]);
    for name in &names[..2] {
        let told = closed.ask(&format!("x-user: {name}")).await;
        assert_eq!(told.status, 200, "{name} lies on a node that lives: {told:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn many_subjects_of_a_cluster_are_counted_each_on_its_own_node() {
    let cluster = Cluster::start();
    let store = store(&cluster).await.deadline(Duration::from_secs(5));
    let app = RateLimit::builder().limit(limit("limit", 2)).key(named("x-user")).store(store);
    let app = Limited::new(app.build().unwrap());
    for subject in 0..60 {
        assert_eq!(app.statuses(&format!("x-user: n{subject}"), 3).await, [200, 200, 429]);
    }
    let sizes = sizes(&cluster);
    assert!(sizes.iter().sum::<u32>() == 60 && sizes.iter().all(|size| *size > 5), "{sizes:?}");
}
