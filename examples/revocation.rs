//! Logout: tokens that are rejected before they expire, and an event stream that ends.
//!
//! Run `cargo run --example revocation`; `PORT=3001` selects another port. It prints the tokens of
//! two logins of a user, to export in a second terminal, and `curl` commands to run there. Let
//! `/events` run in a third terminal while you log out.
//!
//! With `REDIS_URL=redis://127.0.0.1`, processes share what is revoked: start two of them on two
//! ports, and log out at one of them.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::{Stream, stream};
use portcullis::gate::Denial;
use portcullis::testing::TokenBuilder;
use portcullis::{ConfigError, EndStreams, Issuer, JwtAuth, Revocations, UserContext};
use tokio::net::TcpListener;
use tokio::time::interval;

fn app(revocations: Revocations) -> Result<Router, ConfigError> {
    let auth = JwtAuth::builder()
        .issuer(Issuer::hs256(ISSUER, SECRET).first_party())
        .audience("api")
        .revocations(&revocations)
        .build()?;
    Ok(Router::new()
        .route("/me", get(async |user: UserContext| format!("{}\n", user.id())))
        .route("/events", get(events))
        .route("/logout", post(log_out))
        .route("/logout-others", post(log_out_others))
        .route("/logout-all", post(log_out_all))
        .layer(EndStreams::new())
        .layer(auth)
        .with_state(revocations))
}

/// Sends a number each second. `EndStreams` ends it when the login ends or the token expires.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let seconds = interval(Duration::from_secs(1));
    Sse::new(stream::unfold((0, seconds), async |(number, mut seconds)| {
        seconds.tick().await;
        Some((Ok(Event::default().data(number.to_string())), (number + 1, seconds)))
    }))
}

/// Ends this login: the tokens with its `sid`.
async fn log_out(revocations: State<Revocations>, user: UserContext) -> Result<(), Denial> {
    Ok(revocations.revoke(&user).await?)
}

/// Ends the other logins of the user.
async fn log_out_others(revocations: State<Revocations>, user: UserContext) -> Result<(), Denial> {
    Ok(revocations.revoke_others(&user).await?)
}

/// Ends all logins of the user.
async fn log_out_all(revocations: State<Revocations>, user: UserContext) -> Result<(), Denial> {
    Ok(revocations.revoke_all(&user).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let revocations = Revocations::builder();
    let revocations = match env::var("REDIS_URL") {
        Ok(url) => revocations.redis_stream(&url).build()?,
        Err(_) => revocations.build()?,
    };
    // Reads what other processes revoked, so that no request gets 503.
    revocations.wait_until_ready().await;

    let url = format!("http://{}", listener.local_addr()?);
    let start = UNIX_EPOCH.elapsed()?.as_millis();
    for name in ["LAPTOP", "PHONE"] {
        let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api");
        println!("export {name}={}", token.claim("sid", format!("{name}-{start}")).sign());
        for request in ["/events", "/me", "/logout", "/logout-others", "/logout-all"] {
            let method = if request.starts_with("/logout") { " -X POST" } else { "" };
            println!("curl -i {url}{request}{method} -H \"Authorization: Bearer ${name}\"");
        }
    }
    Ok(axum::serve(listener, app(revocations)?).await?)
}

const ISSUER: &str = "https://app.example.com";
// For this example only: a real app reads its secret, of at least 32 random bytes, at startup.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
