//! A login with a password, and a page on which users see and end their sessions.
//!
//! Run `cargo run --example sessions`; `PORT=3001` selects another port. It prints its address, and
//! the name and the password of a user. Log in with two browsers, or with a private window as well,
//! and open the page "Devices" in one of them. The database is SQLite in memory.
//!
//! The folder `sessions` has the parts to copy: the store and its table (`store.rs`, `schema.sql`),
//! the check of passwords (`accounts.rs`), the login (`login.rs`), the pages of a user
//! (`devices.rs`, `password.rs`), and their HTML (`pages.rs`, `errors.rs`, `words.rs`).

#[path = "sessions/accounts.rs"]
mod accounts;
#[path = "sessions/devices.rs"]
mod devices;
#[path = "sessions/errors.rs"]
mod errors;
#[path = "sessions/login.rs"]
mod login;
#[path = "sessions/pages.rs"]
mod pages;
#[path = "sessions/password.rs"]
mod password;
#[path = "sessions/store.rs"]
pub(crate) mod store;
#[path = "sessions/words.rs"]
mod words;

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use portcullis::clock::Clock;
use portcullis::rate_limit::{Key, Limit};
use portcullis::{
    ConfigError, Csrf, Quota, RateLimit, SecurityHeaders, SessionAuth, Stack, TrustedProxies,
};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

use self::accounts::Accounts;
use self::store::SqlSessions;

/// What handlers need besides the session.
#[derive(Clone)]
pub(crate) struct AppState {
    accounts: Accounts,
    clock: Clock,
}

impl AppState {
    /// Creates the tables and the account of the example.
    pub(crate) async fn new(database: SqlitePool, clock: Clock) -> Result<Self, Box<dyn Error>> {
        sqlx::raw_sql(include_str!("sessions/schema.sql")).execute(&database).await?;
        let accounts = Accounts::new(database)?;
        accounts.create(NAME, PASSWORD).await?;
        Ok(Self { accounts, clock })
    }
}

/// The example has no TLS, but does not need `dangerously_over_http`: Chrome, Edge and Firefox
/// treat `http://localhost` as secure, and keep its `__Host-` cookie. Safari does not; use TLS
/// there.
pub(crate) fn sessions(database: SqlitePool, clock: Clock) -> Result<SessionAuth, ConfigError> {
    SessionAuth::builder()
        .store(SqlSessions(database))
        .idle_timeout(DAY)
        .absolute_timeout(14 * DAY)
        // If the user has checked the box; otherwise, the cookie is kept until the browser closes.
        .remember_for(14 * DAY)
        .max_sessions(10)
        .login_page("/login")
        .clock(clock)
        .build()
}

pub(crate) fn app(sessions: SessionAuth, state: AppState) -> Result<Router, ConfigError> {
    // Blocks an address after 20 wrong passwords. `Accounts` also limits them by account.
    let guesses = Limit::new("guesses", Quota::per(20, 5 * MINUTE)?).only_failures();
    let guesses = guesses.block_for(60 * MINUTE);
    let guesses = RateLimit::builder().limit(guesses).key(Key::ip()).build()?;

    // `SessionAuth` rejects cross-site requests with a session cookie. Before a login there is
    // none, so these routes need the check as a layer.
    let open = Router::new()
        .route("/login", get(login::show).merge(post(login::log_in).layer(guesses.clone())))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .layer(Csrf::default())
        .layer(sessions.to_optional());
    let app = Router::new()
        .route("/", get(devices::start))
        .route("/devices", get(devices::list))
        .route("/devices/{id}/log-out", post(devices::log_out))
        .route("/devices/log-out-others", post(devices::log_out_others))
        .route("/log-out", post(login::log_out))
        .route("/confirm", get(password::ask).merge(post(password::confirm).layer(guesses)))
        .route("/password", get(password::show).post(password::change))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(sessions)
        .merge(open)
        .with_state(state);

    let headers = SecurityHeaders::html().build()?;
    // Finds the addresses of clients. Behind a proxy, trust its network.
    let proxies = TrustedProxies::none();
    let stack = Stack::builder().trusted_proxies(proxies).security_headers(headers).build()?;
    Ok(app.layer(from_fn(errors::render)).layer(stack))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    // SQLite drops a database in memory with its last connection, so this pool keeps its only one.
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let database = options.connect("sqlite::memory:").await?;

    let clock = Clock::system();
    let sessions = sessions(database.clone(), clock.clone())?;
    let app = app(sessions.clone(), AppState::new(database, clock).await?)?;
    println!("http://localhost:{}/", listener.local_addr()?.port());
    println!("User name: {NAME}");
    println!("Password: {PASSWORD}");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app);
    server.with_graceful_shutdown(async { ctrl_c().await.unwrap_or_default() }).await?;
    // Stores the last uses of sessions that are not stored yet.
    Ok(sessions.flush().await?)
}

const NAME: &str = "ann";
const PASSWORD: &str = "correct horse battery";

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
