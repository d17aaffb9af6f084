//! WebSockets and an event stream of a page, which end when the user logs out or the token expires.
//!
//! Run `cargo run --example websocket`; `PORT=3001` selects another port. Open the printed URL in
//! two tabs of a browser, and log out on all devices in one of them: the connections of both end.
//!
//! `Csrf` rejects programs that send no `Origin`: for `curl`, add `-H "Origin: http://127.0.0.1:3000"`.
//!
//! A script cannot set the header `Authorization` of a WebSocket. The page sends the token as a
//! subprotocol, or in the first message. It reads the event stream with `fetch`, which can send the
//! header. The folder `websocket` has the handlers of the sockets (`sockets.rs`) and the page.

#[path = "websocket/page.rs"]
mod page;
#[path = "websocket/sockets.rs"]
mod sockets;

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use futures_util::{Stream, stream};
use portcullis::gate::Denial;
use portcullis::testing::TokenBuilder;
use portcullis::{
    ConfigError, Csrf, EndStreams, Issuer, JwtAuth, Revocations, SecurityHeaders, UserContext,
};
use tokio::net::TcpListener;
use tokio::time::interval;

fn app() -> Result<Router, ConfigError> {
    let revocations = Revocations::builder().build()?;
    let auth = JwtAuth::builder()
        .issuer(Issuer::hs256(ISSUER, SECRET).first_party())
        .audience("app")
        .websocket_protocol("bearer")
        .revocations(&revocations)
        .build()?;
    Ok(Router::new()
        .route("/socket", any(sockets::open))
        .route("/events", get(events))
        .route("/logout", post(log_out))
        .route("/logout-all", post(log_out_all))
        .layer(EndStreams::new())
        .layer(auth.clone())
        // These requests need no token.
        .route("/", get(page::show))
        .route("/login", post(log_in))
        .route("/socket-by-message", any(sockets::open_by_message).with_state(auth))
        // Pages of other origins open no sockets, even with a token.
        .layer(Csrf::default())
        .layer(SecurityHeaders::html().build()?)
        .with_state(revocations))
}

/// Returns a token. A real app checks a password first, or gets the token from a provider.
async fn log_in() -> String {
    TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("app").sign()
}

/// Ends this login.
async fn log_out(revocations: State<Revocations>, user: UserContext) -> Result<(), Denial> {
    Ok(revocations.revoke(&user).await?)
}

/// Ends all logins of the user.
async fn log_out_all(revocations: State<Revocations>, user: UserContext) -> Result<(), Denial> {
    Ok(revocations.revoke_all(&user).await?)
}

/// Sends a number each second. `EndStreams` ends it.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let seconds = interval(Duration::from_secs(1));
    Sse::new(stream::unfold((0, seconds), async |(number, mut seconds)| {
        seconds.tick().await;
        Some((Ok(Event::default().data(number.to_string())), (number + 1, seconds)))
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app()?).await?)
}

const ISSUER: &str = "https://app.example.com";
// For this example only: a real app reads its secret, of at least 32 random bytes, at startup.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
