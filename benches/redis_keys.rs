//! Measures `RedisKeys`: the round trips and the time of a lookup, and the memory of a record in Redis.
//!
//! Run it with `cargo bench --bench redis_keys`. It starts `redis-server` from the PATH, or the program in
//! `PORTCULLIS_REDIS`, on a free loopback port.

mod support;

use std::time::{Duration, Instant};

use portcullis::api_key::{ApiKeyStore, NewApiKey, RedisKeys};
use portcullis::{ApiKeyAuth, Scopes, UserContext};
use redis::aio::MultiplexedConnection;

use crate::support::redis_server::Server;

const OWNERS: usize = 1_000;
const KEYS_PER_OWNER: usize = 5;
const LOOKUPS: usize = 5_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start();
    let mut connection = server.connect().await;
    let store = RedisKeys::connect(&server.url()).unwrap();
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(store.clone()).build().unwrap();
    let before = used_memory(&mut connection).await;
    let mut ids = Vec::new();
    for owner in 0..OWNERS {
        let user = UserContext::new(format!("user-{owner:08}")).with_issuer("https://id.example.com");
        let user = user.with_scopes(Scopes::new(["read:reports", "write:reports"]).unwrap());
        for _ in 0..KEYS_PER_OWNER {
            let new = NewApiKey::for_user(&user).name("build server").scopes(["read:reports"]);
            ids.push(*keys.create(new).await.unwrap().id());
        }
    }
    let bytes = (used_memory(&mut connection).await - before) / ids.len();
    println!("memory in Redis: {bytes} bytes a key, with {KEYS_PER_OWNER} keys an owner");

    let before = calls(&mut connection, "hmget").await;
    let mut times = Vec::new();
    for number in 0..LOOKUPS {
        let start = Instant::now();
        assert!(store.find(&ids[number % ids.len()]).await.unwrap().is_some());
        times.push(start.elapsed());
    }
    let round_trips = (calls(&mut connection, "hmget").await - before) as f64 / LOOKUPS as f64;
    println!("round trips per find: {round_trips:.2}");
    print("find", times);
    let mut times = Vec::new();
    for _ in 0..LOOKUPS {
        let start = Instant::now();
        let _: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
        times.push(start.elapsed());
    }
    print("PING", times);
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    println!("{name}: p50 {:.1} us, p99 {:.1} us", at(50), at(99));
}

async fn used_memory(connection: &mut MultiplexedConnection) -> usize {
    number(connection, "memory", "used_memory:").await
}

async fn calls(connection: &mut MultiplexedConnection, command: &str) -> usize {
    number(connection, "commandstats", &format!("cmdstat_{command}:calls=")).await
}

async fn number(connection: &mut MultiplexedConnection, section: &str, before: &str) -> usize {
    let info: String = redis::cmd("INFO").arg(section).query_async(connection).await.unwrap();
    let rest = info.lines().find_map(|line| line.strip_prefix(before)).unwrap_or("0");
    rest.split(',').next().unwrap_or_default().parse().unwrap()
}
