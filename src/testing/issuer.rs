//! `TestIssuer`: an issuer in the process, on loopback.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::jwt::Algorithm;
use crate::testing::keys::SigningKey;
use crate::testing::server::Server;
use crate::testing::token::TokenBuilder;

/// An issuer in the process: it mints tokens, publishes its keys and metadata on a free loopback port, rotates its keys
/// on demand, and stops answering when told. It stops with its last clone.
#[derive(Clone)]
pub struct TestIssuer(Arc<Shared>);

struct Shared {
    url: String,
    algorithm: Algorithm,
    clock: Clock,
    keys: Mutex<Vec<Arc<SigningKey>>>,
    serial: AtomicU64,
    server: Server,
}

impl TestIssuer {
    /// An issuer that signs with ES256.
    ///
    /// # Errors
    ///
    /// Where no loopback port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Algorithm::Es256, Clock::system()).await
    }

    /// An issuer that signs with this algorithm, by this clock.
    ///
    /// # Errors
    ///
    /// Where no loopback port can be had.
    ///
    /// # Panics
    ///
    /// For an algorithm with a shared secret, which no issuer publishes.
    pub async fn start_with(algorithm: Algorithm, clock: Clock) -> io::Result<Self> {
        let server = Server::start().await?;
        let shared =
            Shared { url: server.url(), algorithm, clock, keys: Mutex::default(), serial: AtomicU64::new(1), server };
        let issuer = Self(Arc::new(shared));
        issuer.rotate();
        Ok(issuer)
    }

    /// The issuer's name, which is also where its metadata is found.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Where its JWK Set is found.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.0.url)
    }

    /// The JWK Set it publishes.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self.keys().iter().map(|key| key.jwk()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// An honest access token for this subject, to be changed and signed with the current key.
    ///
    /// # Panics
    ///
    /// Never: an issuer has a key from the start.
    pub fn token(&self, subject: &str) -> TokenBuilder {
        let key = Arc::clone(self.keys().last().expect("an issuer has a key from the start"));
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        TokenBuilder::new(key, self.0.clock.clone(), &self.0.url, subject, serial)
    }

    /// Makes a new key the one that signs. The earlier ones stay published.
    pub fn rotate(&self) {
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        let key = SigningKey::generate(self.0.algorithm, format!("key-{serial}"));
        self.keys().push(Arc::new(key));
        self.publish();
    }

    /// Publishes the current key alone.
    pub fn withdraw_old_keys(&self) {
        let mut keys = self.keys();
        let old = keys.len().saturating_sub(1);
        keys.drain(..old);
        drop(keys);
        self.publish();
    }

    /// Answers every request for metadata or keys with this status, until told otherwise; 200 ends the outage.
    pub fn answer_with(&self, status: StatusCode) {
        self.0.server.set_status(status);
    }

    /// How many requests for metadata or keys were answered.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.0.server.answered()
    }

    fn publish(&self) {
        let url = &self.0.url;
        let metadata = json!({ "issuer": url, "jwks_uri": self.jwks_url() }).to_string();
        self.0.server.publish([
            ("/.well-known/oauth-authorization-server", metadata.clone()),
            ("/.well-known/openid-configuration", metadata),
            (JWKS_PATH, self.jwks()),
        ]);
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Arc<SigningKey>>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestIssuer").field("url", &self.0.url).finish_non_exhaustive()
    }
}

const JWKS_PATH: &str = "/jwks";
