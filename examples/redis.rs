//! A rate limit whose counters are in Redis, shared by all processes of an app.
//!
//! Run `docker run --rm -p 6379:6379 redis`, then `cargo run --example redis`, and in another
//! terminal `PORT=3001 cargo run --example redis`: the two processes count together. Each prints a
//! `curl` command. `REDIS_URL` selects another server or, with several URLs separated by commas,
//! the nodes of a cluster. Without a server, the example runs too, with half of the quota.
//!
//! ```toml
//! portcullis = { version = "0.1", features = ["redis"] }
//! # Only for a cluster:
//! redis = { version = "1", features = ["cluster-async", "tokio-comp"] }
//! ```

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use portcullis::rate_limit::{Key, Limit, OutagePolicy, RedisStore};
use portcullis::{ConfigError, Quota, RateLimit, TrustedProxies};
use redis::cluster::ClusterClient;
use tokio::net::TcpListener;

/// Connects to one server, or to a cluster if there are several URLs.
async fn connect(urls: &str) -> Result<RedisStore, Box<dyn Error>> {
    let urls: Vec<&str> = urls.split(',').collect();
    let store = match urls[..] {
        // Connects when the first request arrives, and again whenever the connection is lost.
        [url] => RedisStore::connect(url)?,
        // Fails if no node is available.
        _ => RedisStore::cluster(ClusterClient::new(urls)?.get_async_connection().await?),
    };
    // The prefix separates apps that share a server. The deadline is how long a request waits: the
    // default of 50 ms fits servers in one data center, and is too short for some laptops.
    Ok(store.prefix("redis-example").deadline(Duration::from_secs(2)))
}

fn app(store: RedisStore) -> Result<Router, ConfigError> {
    let limit = Limit::new("requests", Quota::per_minute(10)?)
        // While Redis is unavailable, each process counts alone and allows half of the quota, which
        // is right for two processes.
        .on_outage(OutagePolicy::local(0.5));
    let limit = RateLimit::builder().limit(limit).key(Key::ip()).store(store).build()?;
    Ok(Router::new()
        .route("/", get(|| async { "hello\n" }))
        .layer(limit)
        // Finds the client's address; behind a proxy, TrustedProxies::new(..).
        .layer(TrustedProxies::none()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let urls = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let app = app(connect(&urls).await?)?;
    println!("# If no Redis is running: docker run --rm -p 6379:6379 redis");
    println!("curl -i http://{}/", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
