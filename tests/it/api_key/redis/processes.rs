//! Several processes that share a server: their counts add up.

use std::process::{Command, Stdio};

use portcullis::api_key::ApiKeyStore;

use super::{Node, RedisKeys, store};
use crate::support::redis_server::Server;
use crate::support::test_store::LONG_DEADLINE;

const URL: &str = "PORTCULLIS_TEST_REDIS_URL";
const KEY: &str = "PORTCULLIS_TEST_API_KEY";
const FLUSHES: usize = 20;
const REQUESTS_PER_FLUSH: usize = 7;

/// Sends requests, and writes the usage from time to time.
#[tokio::test]
#[ignore = "one of the processes of the test below"]
async fn one_of_several_processes() {
    let (Ok(url), Ok(key)) = (std::env::var(URL), std::env::var(KEY)) else { return };
    let node = Node::new(RedisKeys::connect(&url).unwrap().deadline(LONG_DEADLINE));
    for _ in 0..FLUSHES {
        for _ in 0..REQUESTS_PER_FLUSH {
            assert_eq!(node.status(&key).await, 200);
        }
        node.keys.flush().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn counts_of_several_processes_add_up() {
    const PROCESSES: usize = 3;
    let server = Server::start();
    let node = Node::new(store(&server));
    let key = node.create().await;
    let processes = [(); PROCESSES].map(|()| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "api_key::redis::processes::one_of_several_processes", "--ignored"]);
        command.env(URL, server.url()).env(KEY, key.secret()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    });
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let record = store(&server).find(key.id()).await.unwrap().unwrap();
    assert_eq!(record.usage_count(), (PROCESSES * FLUSHES * REQUESTS_PER_FLUSH) as u64);
}
