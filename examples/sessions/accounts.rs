//! `Accounts`: the users of the app and their passwords, hashed by Argon2id.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use axum::http::StatusCode;
use axum::response::Result;
use portcullis::rate_limit::{Key, Limit, OutagePolicy, Subject};
use portcullis::{ConfigError, Quota, RateLimit};
use sqlx::SqlitePool;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

#[derive(Clone)]
pub(crate) struct Accounts {
    database: SqlitePool,
    /// The limit by account. The limit by address is a layer.
    guesses: RateLimit,
    /// Limits concurrent hashes: each takes 19 MiB and a processor core.
    hashes: Arc<Semaphore>,
}

impl Accounts {
    pub(crate) fn new(database: SqlitePool) -> Result<Self, ConfigError> {
        let quota = Quota::per(5, Duration::from_secs(15 * 60))?;
        let limit = Limit::new("account", quota).on_outage(OutagePolicy::FailClosed);
        // No request has this key: only `check` charges the limit.
        let guesses = RateLimit::builder().limit(limit).key(Key::custom(|_| None)).build()?;
        Ok(Self { database, guesses, hashes: Arc::new(Semaphore::new(4)) })
    }

    /// Whether this is the password of the account. Without an account, it takes the same time.
    pub(crate) async fn has_password(&self, name: &str, password: String) -> Result<bool> {
        let account = Subject::custom(name.to_owned());
        // Charge first, so that concurrent attempts all count.
        self.guesses.check(&account, 1).await?;
        let find = sqlx::query_scalar("SELECT password_hash FROM accounts WHERE name = ?");
        let hash: Option<String> =
            find.bind(name).fetch_optional(&self.database).await.map_err(unavailable)?;
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| OF_NO_ACCOUNT.to_owned());
        let is_equal =
            move || Argon2::default().verify_password(password.as_bytes(), &*hash).is_ok();
        let is_right = self.hash(is_equal).await? && exists;
        if is_right {
            let _ = self.guesses.refund(&account, 1).await;
        }
        Ok(is_right)
    }

    pub(crate) async fn set_password(&self, name: &str, password: String) -> Result<()> {
        let hash = self.hash(move || hash(&password)).await?.map_err(unavailable)?;
        let update = sqlx::query("UPDATE accounts SET password_hash = ? WHERE name = ?");
        update.bind(hash).bind(name).execute(&self.database).await.map_err(unavailable)?;
        Ok(())
    }

    /// Adds the account of the example.
    pub(crate) async fn create(&self, name: &str, password: &str) -> Result<(), sqlx::Error> {
        let hash = hash(password).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let insert = sqlx::query("INSERT INTO accounts (name, password_hash) VALUES (?, ?)");
        insert.bind(name).bind(hash).execute(&self.database).await.map(drop)
    }

    /// Runs a function that hashes, on another thread than those that serve requests.
    async fn hash<T: Send + 'static>(
        &self,
        function: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.hashes).acquire_owned().await.map_err(unavailable)?;
        let hashed = spawn_blocking(move || {
            // Held until the end, even if the client disconnects.
            let _permit = permit;
            function()
        });
        Ok(hashed.await.map_err(unavailable)?)
    }
}

fn hash(password: &str) -> argon2::password_hash::Result<String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

fn unavailable(cause: impl Display) -> StatusCode {
    eprintln!("cannot check a password: {cause}");
    StatusCode::SERVICE_UNAVAILABLE
}

/// A hash that no password has, with the same parameters, so that checking it takes the same time.
const OF_NO_ACCOUNT: &str = "$argon2id$v=19$m=19456,t=2,p=1\
     $AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
