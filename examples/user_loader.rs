//! A user loader that reads the status and the roles of each user from a database.
//!
//! Run `cargo run --example user_loader`; `PORT=3001` selects another port. It prints a token for
//! each of four users to export in a second terminal, and `curl` commands to run there. The
//! database is SQLite in memory.
//!
//! A token is valid until it expires. The loader runs on every request, so a lock or a new role
//! takes effect at once.

use std::env;
use std::error::Error;

use axum::Router;
use axum::routing::post;
use portcullis::gate::{AccountRefusal, LoadError};
use portcullis::testing::TestIssuer;
use portcullis::{ConfigError, Issuer, JwtAuth, RequirePermission, Roles, UserContext};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::net::TcpListener;

const SCHEMA: &str = "
    CREATE TABLE accounts (id TEXT PRIMARY KEY, status TEXT NOT NULL);
    CREATE TABLE account_roles (account_id TEXT REFERENCES accounts, role TEXT NOT NULL);
    INSERT INTO accounts VALUES ('ann', 'active'), ('bob', 'active'), ('eve', 'locked');
    INSERT INTO account_roles VALUES ('ann', 'editor'), ('eve', 'editor');
";

async fn load_user(database: SqlitePool, user: UserContext) -> Result<UserContext, LoadError> {
    // An index lookup: the query runs on every request with a valid token.
    let query = "SELECT status, role FROM accounts LEFT JOIN account_roles ON account_id = id \
                 WHERE id = ?";
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(query)
        .bind(user.id())
        .fetch_all(&database)
        .await
        .map_err(LoadError::unavailable)?;
    match rows.first().map(|(status, _)| status.as_str()) {
        Some("active") => Ok(user.with_roles(rows.into_iter().filter_map(|(_, role)| role))),
        Some("locked") => Err(LoadError::refused(AccountRefusal::Locked)),
        Some(_) => Err(LoadError::refused(AccountRefusal::Inactive)),
        None => Err(LoadError::Unknown),
    }
}

fn app(issuer: Issuer, database: SqlitePool) -> Result<Router, ConfigError> {
    let roles = Roles::builder().role("editor", ["create:page"]).build()?;
    let may_create = RequirePermission::new(roles.permission("create:page")?)?;
    let auth = JwtAuth::builder()
        .issuer(issuer)
        .audience("api")
        .roles(roles)
        .load_user(move |user| load_user(database.clone(), user))
        .build()?;
    Ok(Router::new().route("/pages", post(create).layer(may_create)).layer(auth))
}

async fn create(user: UserContext) -> String {
    format!("created by {}\n", user.id())
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
    sqlx::raw_sql(SCHEMA).execute(&database).await?;
    let issuer = TestIssuer::start().await?;
    let app = app(Issuer::discover(issuer.url()), database)?;
    let url = format!("http://{}/pages", listener.local_addr()?);
    for user in ["ann", "bob", "eve", "max"] {
        let variable = user.to_uppercase();
        println!("export {variable}={}", issuer.token(user).audience("api").sign());
        println!("curl -i -X POST {url} -H \"Authorization: Bearer ${variable}\"");
    }
    Ok(axum::serve(listener, app).await?)
}
