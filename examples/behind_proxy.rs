//! An app behind a reverse proxy: the client's address, a limit by address, and https.
//!
//! Run `cargo run --example behind_proxy`; `PORT=3001` selects another port. It prints `curl`
//! commands for a second terminal. They send the headers of a proxy, and this example trusts
//! proxies on this machine.
//!
//! The third command is that of a client that forges an address. The proxy appends the real address
//! to it, and the app reads only that one. nginx needs these lines:
//!
//! ```nginx
//! proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//! proxy_set_header X-Forwarded-Proto $scheme;
//! ```

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::{
    ClientAddr, ConfigError, Quota, RateLimit, SecurityHeaders, Stack, TrustedProxies,
};
use tokio::net::TcpListener;

fn app() -> Result<Router, ConfigError> {
    // The networks from which your proxies connect, such as "10.0.0.0/8". Include no clients: a
    // peer in these networks can report any address.
    let proxies = TrustedProxies::new(["127.0.0.1", "::1"])?;
    // Sends `Strict-Transport-Security` if the proxy reports that the client used https.
    let headers = SecurityHeaders::api().build()?;
    let limit = RateLimit::builder()
        .quota(Quota::per_minute(5)?)
        .key(Key::ip())
        .exempt(["/health"])
        .build()?;
    let stack = Stack::builder()
        .trusted_proxies(proxies)
        .security_headers(headers)
        .limit_by_address(limit)
        .build()?;
    Ok(Router::new()
        .route("/", get(greet))
        // The load balancer calls this often, and without a client.
        .route("/health", get(|| async { "ok\n" }))
        .layer(stack))
}

async fn greet(client: ClientAddr) -> String {
    format!("hello, {client}\n")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let addr = listener.local_addr()?;
    println!("curl -i http://{addr}/health");
    for forwarded_for in ["203.0.113.9", "198.51.100.7, 203.0.113.9"] {
        let forwarded_for = format!("-H 'X-Forwarded-For: {forwarded_for}'");
        println!("curl -i http://{addr}/ {forwarded_for} -H 'X-Forwarded-Proto: https'");
    }
    // Without connect info, the peer is unknown, and every request to a limited route gets a 500.
    axum::serve(listener, app()?.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
