//! Blocks an address for an hour after five failed logins within five minutes.
//!
//! Run `cargo run --example login_protection`; `PORT=3001` selects another port. It prints two
//! `curl` commands for a second terminal. The first logs in and is not charged. The second has a
//! wrong password: the first five times it gets a 401. After that, both commands get a 429.

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use portcullis::rate_limit::{Key, Limit};
use portcullis::{ConfigError, Quota, RateLimit, TrustedProxies};
use serde_json::Value;
use tokio::net::TcpListener;

fn app() -> Result<Router, ConfigError> {
    let login = Limit::new("login", Quota::per(5, Duration::from_secs(5 * 60))?)
        .only_failures()
        .block_for(Duration::from_secs(60 * 60))
        .escalate_to(Duration::from_secs(24 * 60 * 60));
    let limit = RateLimit::builder().limit(login).key(Key::ip()).build()?;
    // Finds the client's address. Behind a proxy, trust its network:
    // TrustedProxies::new(["10.0.0.0/8"])?
    let proxies = TrustedProxies::none();
    Ok(Router::new().route("/login", post(log_in).layer(limit)).layer(proxies))
}

/// A real app looks up the user and compares password hashes here.
async fn log_in(Json(form): Json<Value>) -> Result<&'static str, (StatusCode, &'static str)> {
    if form["user"] == "ann" && form["password"] == "correct horse" {
        return Ok("welcome\n");
    }
    Err((StatusCode::UNAUTHORIZED, "unknown user or wrong password\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let addr = listener.local_addr()?;
    for password in ["correct horse", "wrong"] {
        let form = format!(r#"{{"user":"ann","password":"{password}"}}"#);
        println!("curl -i http://{addr}/login -H 'Content-Type: application/json' -d '{form}'");
    }
    axum::serve(listener, app()?.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
