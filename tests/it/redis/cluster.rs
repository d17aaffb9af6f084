//! A cluster of three nodes: subjects on all nodes, limits across two of them, and a node that dies.

use std::time::Duration;

use ::redis::cluster::ClusterClient;
use portcullis::RateLimit;
use portcullis::rate_limit::{OutagePolicy, RedisStore, Subject};
use tokio::time::{Instant, sleep};

use crate::support::limited_app::{LimitedApp, by_header, hourly};
use crate::support::redis_connection::BlockingConnection;
use crate::support::redis_server::{Cluster, Server};
use crate::support::test_store::LONG_DEADLINE;

async fn cluster_store(cluster: &Cluster) -> RedisStore {
    let client = ClusterClient::builder(cluster.urls());
    let client = client.response_timeout(LONG_DEADLINE).connection_timeout(LONG_DEADLINE).build().unwrap();
    RedisStore::cluster(client.get_async_connection().await.unwrap()).deadline(LONG_DEADLINE)
}

fn key_counts(cluster: &Cluster) -> Vec<u32> {
    cluster.nodes().iter().map(|node| node.command(&["DBSIZE"]).parse().unwrap()).collect()
}

/// Returns one subject for each node, whose counts are on that node.
async fn one_subject_per_node(cluster: &Cluster, store: &RedisStore) -> [String; 3] {
    let builder = RateLimit::builder().limit(hourly("names", 9)).key(by_header("x-user"));
    let app = LimitedApp::new(builder.store(store.clone()).build().unwrap());
    let mut subjects = [const { String::new() }; 3];
    for number in 0..60 {
        let before = key_counts(cluster);
        assert_eq!(app.send(&format!("x-user: n{number}")).await.status, 200);
        let after = key_counts(cluster);
        let node = after.iter().zip(before).position(|(after, before)| *after > before).expect("a new key");
        subjects[node] = format!("n{number}");
        if subjects.iter().all(|subject| !subject.is_empty()) {
            return subjects;
        }
    }
    panic!("not every node has a subject: {subjects:?}");
}

/// Waits until the used units are as expected. A refund is sent without waiting for its reply.
async fn wait_for_use(app: &LimitedApp, subject: &str, expected: &[u32]) {
    let start = Instant::now();
    loop {
        let used = app.used(subject).await;
        if used == expected {
            return;
        }
        assert!(start.elapsed() < LONG_DEADLINE, "{subject}: {used:?} instead of {expected:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn limits_on_two_nodes_are_all_charged_or_none_and_refunded_where_they_were_charged() {
    let cluster = Cluster::start();
    let store = cluster_store(&cluster).await;
    let [a, b, c] = one_subject_per_node(&cluster, &store).await;
    let builder = || RateLimit::builder().key(by_header("x-user")).store(store.clone());
    let by_user_and_ip = builder().add_limit(hourly("user", 2)).add_limit(hourly("address", 3).key(by_header("x-ip")));
    let app = LimitedApp::new(by_user_and_ip.build().unwrap());
    assert_eq!(app.statuses(&format!("x-user: {a}, x-ip: {b}"), 3).await, [200, 200, 429]);
    wait_for_use(&app, &b, &[0, 2]).await;
    assert_eq!(app.statuses(&format!("x-user: {c}, x-ip: {b}"), 2).await, [200, 429]);
    wait_for_use(&app, &c, &[1, 0]).await;
    wait_for_use(&app, &a, &[2, 0]).await;

    let login = |name| hourly(name, 3).only_failures();
    let only_failures = builder().add_limit(login("login")).add_limit(login("from").key(by_header("x-ip")));
    let app = LimitedApp::new(only_failures.build().unwrap());
    for _ in 0..6 {
        assert_eq!(app.send(&format!("x-user: {a}, x-ip: {b}")).await.status, 200);
        wait_for_use(&app, &a, &[0, 0]).await;
        wait_for_use(&app, &b, &[0, 0]).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_dead_node_is_an_outage_only_for_its_own_subjects() {
    let cluster = Cluster::start();
    for node in cluster.nodes() {
        assert_eq!(node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]), "OK");
    }
    let store = cluster_store(&cluster).await.deadline(Duration::from_secs(3));
    let subjects = one_subject_per_node(&cluster, &store).await;
    let app = |policy| {
        let builder = RateLimit::builder().limit(hourly("limit", 200).on_outage(policy)).key(by_header("x-user"));
        LimitedApp::new(builder.store(store.clone()).build().unwrap())
    };
    let closed = app(OutagePolicy::FailClosed);
    let open = app(OutagePolicy::FailOpen);
    for subject in &subjects {
        assert_eq!(closed.send(&format!("x-user: {subject}")).await.status, 200);
    }
    cluster.nodes()[2].kill();
    let [first, second, dead] = subjects.map(|subject| format!("x-user: {subject}"));
    for round in 0..6 {
        let responses = [closed.send(&dead).await, open.send(&dead).await];
        assert_eq!(responses.each_ref().map(|response| response.status), [503, 200], "round {round}: {responses:?}");
        for live in [&first, &second] {
            let response = closed.send(live).await;
            assert_eq!(response.status, 200, "round {round}: {live} is on a live node: {response:?}");
        }
    }
    assert_eq!(closed.statuses(&dead, 6).await, [503; 6]);
    for live in [&first, &second] {
        let response = closed.send(live).await;
        assert_eq!(response.status, 200, "{live} is on a live node: {response:?}");
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn a_silent_node_delays_its_own_subjects_by_at_most_the_deadline() {
    const DEADLINE: Duration = Duration::from_millis(150);
    let server = Server::start();
    let connection = BlockingConnection::new(&server);
    let limit = hourly("limit", 200).on_outage(OutagePolicy::FailClosed);
    let builder = RateLimit::builder().limit(limit).key(by_header("x-user"));
    let store = RedisStore::cluster(connection.clone()).deadline(DEADLINE);
    let app = LimitedApp::new(builder.store(store).build().unwrap());
    assert_eq!(app.send("x-user: ann").await.status, 200);
    connection.stop_replies_for(&server.command(&["KEYS", "*"]));
    let mut waits = Vec::new();
    for _ in 0..12 {
        let response = app.send("x-user: ann").await;
        assert_eq!(response.outcome(), "reduced", "{response:?}");
        waits.push(response.waited);
        let other = app.send("x-user: bob").await;
        assert_eq!((other.status, other.waited), (200, Duration::ZERO), "{other:?}");
    }
    let timer_step = Duration::from_millis(1);
    assert!(waits.iter().all(|wait| *wait <= DEADLINE + timer_step), "{waits:?}");
    assert_eq!(waits.iter().filter(|wait| !wait.is_zero()).count(), 3, "the circuit breaker opens: {waits:?}");
    assert!(app.limit.peek(&Subject::custom("bob")).await.is_ok());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn subjects_of_a_cluster_are_counted_each_on_its_own_node() {
    let cluster = Cluster::start();
    let builder = RateLimit::builder().limit(hourly("limit", 2)).key(by_header("x-user"));
    let app = LimitedApp::new(builder.store(cluster_store(&cluster).await).build().unwrap());
    for subject in 0..60 {
        assert_eq!(app.statuses(&format!("x-user: n{subject}"), 3).await, [200, 200, 429]);
    }
    let counts = key_counts(&cluster);
    assert!(counts.iter().sum::<u32>() == 60 && counts.iter().all(|count| *count > 5), "{counts:?}");
}
