//! API keys in a SQL database, with the routes by which users manage their keys.
//!
//! Run `cargo run --example api_keys`; `PORT=3001` selects another port. It prints the tokens of
//! two users and a key to export in a second terminal, and `curl` commands to run there, in this
//! order. The database is SQLite in memory.
//!
//! The folder `api_keys` has the parts to copy: the store and its table (`store.rs`, `schema.sql`),
//! and the routes (`routes.rs`, `responses.rs`).

#[path = "api_keys/commands.rs"]
mod commands;
#[path = "api_keys/responses.rs"]
mod responses;
#[path = "api_keys/routes.rs"]
mod routes;
#[path = "api_keys/store.rs"]
mod store;

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use portcullis::api_key::NewApiKey;
use portcullis::context::Credential;
use portcullis::gate::Denial;
use portcullis::testing::TestIssuer;
use portcullis::{
    AnyOf, ApiKeyAuth, ConfigError, Issuer, JwtAuth, RequireCredential, RequireScope, Revocations,
    Scopes, SecurityHeaders, Stack, TrustedProxies, UserContext,
};
use sqlx::sqlite::SqlitePoolOptions;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

use crate::store::SqlKeys;

fn app(issuer: Issuer, keys: &ApiKeyAuth, revocations: Revocations) -> Result<Router, ConfigError> {
    let tokens = JwtAuth::builder().issuer(issuer).audience("api").revocations(&revocations);
    let stack = Stack::builder()
        // It finds the address of the client, for keys that are valid in some networks only.
        .trusted_proxies(TrustedProxies::none())
        .security_headers(SecurityHeaders::api().build()?)
        .authenticate(AnyOf::new((tokens.build()?, keys.clone()))?)
        .build()?;
    let read = get(|| async { "all reports\n" }).layer(RequireScope::new("read:reports")?);
    let write = post(|| async { StatusCode::CREATED }).layer(RequireScope::new("write:reports")?);
    let log_out = post(log_out_everywhere).with_state(revocations);
    Ok(Router::new()
        .route("/reports", read.merge(write))
        .route("/logout-everywhere", log_out.layer(RequireCredential::new(Credential::Token)))
        .merge(routes::router(keys.clone())?)
        .layer(stack))
}

/// Ends all logins of the user, and all its keys: these were built with the same handle.
async fn log_out_everywhere(
    State(revocations): State<Revocations>,
    user: UserContext,
) -> Result<(), Denial> {
    Ok(revocations.revoke_all(&user).await?)
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
    sqlx::raw_sql(include_str!("api_keys/schema.sql")).execute(&database).await?;
    let revocations = Revocations::builder().build()?;
    // Use another prefix in each environment, such as `acme_test`.
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(SqlKeys(database));
    let keys = keys.revocations(&revocations).build()?;
    let issuer = TestIssuer::start().await?;
    let app = app(Issuer::discover(issuer.url()), &keys, revocations)?;

    let token = |user: &str| issuer.token(user).audience("api");
    println!("export ANN={}", token("ann").scope("read:reports write:reports").sign());
    println!("export BOB={}", token("bob").scope("read:reports").sign());
    // The user of the first token, who creates a key.
    let ann = UserContext::new("ann").with_issuer(issuer.url());
    let ann = ann.with_scopes(Scopes::new(["read:reports"])?);
    let key = keys.create(NewApiKey::for_user(&ann).name("ci").scopes(["read:reports"])).await?;
    println!("export KEY={}\nexport KEY_ID={}", key.secret(), key.id());
    commands::print(&format!("http://{}", listener.local_addr()?));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app);
    server.with_graceful_shutdown(async { ctrl_c().await.unwrap_or_default() }).await?;
    // Writes how often the keys were used since the last minute.
    Ok(keys.flush().await?)
}
