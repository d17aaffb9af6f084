//! The example `redis`: two processes with one server, with a cluster, and without a server.

use crate::support::redis_server::{Cluster, Server, closed_port};
use crate::support::running_example::RunningExample;

/// Sends ten requests to two processes in turn, which must count together, and one more to each.
async fn assert_shared_quota(redis_url: &str) {
    let mut examples = [(); 2].map(|()| RunningExample::start_with("redis", &[("REDIS_URL", redis_url)]));
    let commands = examples.each_mut().map(|example| {
        let [command] = example.next_commands();
        command
    });
    for sent in 0..10_usize {
        let response = examples[sent % 2].curl(&commands[sent % 2]).await;
        assert_eq!((response.status, response.body.as_str()), (200, "hello\n"), "{sent}: {:?}", response.headers);
        assert_eq!(response.header("x-ratelimit-remaining"), (9 - sent).to_string());
    }
    for (example, command) in examples.iter().zip(&commands) {
        assert_eq!(example.curl(command).await.status, 429);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn two_processes_count_together_on_one_server() {
    let server = Server::start();
    assert_shared_quota(&server.url()).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn two_processes_count_together_in_a_cluster() {
    let cluster = Cluster::start();
    assert_shared_quota(&cluster.urls().join(",")).await;
}

#[tokio::test]
async fn without_a_server_a_process_allows_half_of_the_quota() {
    let url = format!("redis://127.0.0.1:{}", closed_port());
    let mut example = RunningExample::start_with("redis", &[("REDIS_URL", &url)]);
    let [command] = example.next_commands();
    for _ in 0..5 {
        assert_eq!(example.curl(&command).await.status, 200);
    }
    let rejected = example.curl(&command).await;
    assert_eq!(rejected.status, 503);
    assert_ne!(rejected.header("retry-after"), "");
}
