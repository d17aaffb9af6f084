//! `TestIssuer`: a token issuer that runs in the test process, on loopback.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::jwt::algorithm::Algorithm;
use crate::testing::keys::SigningKey;
use crate::testing::server::Server;
use crate::testing::token::TokenBuilder;

/// A token issuer that runs in the test process.
///
/// It serves its keys and metadata over HTTP on a free loopback port. It signs tokens, rotates and withdraws keys, and
/// simulates outages. Clones share the issuer; its server stops when the last clone is dropped.
///
/// ```
/// use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::start().await?;
/// let auth = JwtAuth::builder()
///     .issuer(Issuer::discover(issuer.url()))
///     .audience("api")
///     .build()?;
/// assert!(auth.prefetch_keys().await);
/// assert_eq!(issuer.fetch_count(), 2, "the metadata and the key set");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TestIssuer(Arc<Shared>);

struct Shared {
    url: String,
    algorithm: Algorithm,
    clock: Clock,
    /// The published keys, never empty. The last one signs.
    keys: Mutex<Vec<Arc<SigningKey>>>,
    /// The number in the next key id or token id.
    next_id: AtomicU64,
    server: Server,
}

impl TestIssuer {
    /// Starts an issuer that signs with ES256 and reads the system's clock.
    ///
    /// # Errors
    ///
    /// Returns the I/O error if no loopback port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Algorithm::Es256, Clock::system()).await
    }

    /// Starts an issuer that signs with this algorithm and takes the times in its tokens from this clock.
    ///
    /// Give the issuer and the layer the same [`FakeClock`](crate::testing::FakeClock), so that they agree on the time.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// use portcullis::Algorithm;
    /// use portcullis::testing::{FakeClock, TestIssuer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let fake = FakeClock::new();
    /// let issuer = TestIssuer::start_with(Algorithm::EdDsa, fake.clock());
    /// let issuer = issuer.await?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::jwks_document(issuer.url(), issuer.jwks()))
    ///     .audience("api")
    ///     .clock(fake.clock())
    ///     .build()?;
    /// # assert!(auth.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the I/O error if no loopback port can be bound.
    ///
    /// # Panics
    ///
    /// Panics if the algorithm is HS256, HS384 or HS512: an issuer cannot publish a shared secret. For such tokens, see
    /// [`TokenBuilder::first_party`].
    pub async fn start_with(algorithm: Algorithm, clock: Clock) -> io::Result<Self> {
        let server = Server::start().await?;
        let url = server.url();
        let shared = Shared { url, algorithm, clock, keys: Mutex::default(), next_id: AtomicU64::new(1), server };
        let issuer = Self(Arc::new(shared));
        issuer.rotate();
        Ok(issuer)
    }

    /// Returns the issuer's identifier: the `iss` of its tokens, and the URL for
    /// [`Issuer::discover`](crate::Issuer::discover).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the URL of its key set, for [`Issuer::jwks`](crate::Issuer::jwks).
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.0.url)
    }

    /// Returns the key set that it publishes, for [`Issuer::jwks_document`](crate::Issuer::jwks_document).
    ///
    /// An app with this text fetches nothing, and does not notice later rotations.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self.keys().iter().map(|key| key.jwk()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Returns a builder for an access token with this subject, signed with the current key.
    ///
    /// The key is chosen now: a token that is signed after a [rotation](Self::rotate) still has the old key.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let issuer = portcullis::testing::TestIssuer::start().await?;
    /// let token = issuer.token("ann").audience("api").scope("read").sign();
    /// assert_eq!(token.split('.').count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Never: an issuer always has a key.
    pub fn token(&self, subject: &str) -> TokenBuilder {
        let key = Arc::clone(self.keys().last().expect("an issuer always has a key"));
        TokenBuilder::new(key, self.0.clock.clone(), &self.0.url, subject, self.next_id())
    }

    /// Generates a new key and signs with it from now on. Earlier keys stay published.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TestIssuer::start().await?;
    /// # let from = Issuer::discover(issuer.url());
    /// # let auth = JwtAuth::builder().issuer(from).audience("api").build()?;
    /// # assert!(auth.prefetch_keys().await);
    /// # let app = Router::new().route("/", get(|| async {})).layer(auth);
    /// let old_token = issuer.token("ann").audience("api").sign();
    /// issuer.rotate();
    /// let new_token = issuer.token("ann").audience("api").sign();
    ///
    /// for token in [old_token, new_token] {
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), 200);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn rotate(&self) {
        let key = SigningKey::generate(self.0.algorithm, format!("key-{}", self.next_id()));
        self.keys().push(Arc::new(key));
        self.publish();
    }

    /// Removes all keys except the current one from the published key set.
    ///
    /// An app that has fetched the old keys accepts them until its next refresh.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = portcullis::testing::TestIssuer::start().await?;
    /// issuer.rotate();
    /// assert_eq!(issuer.jwks().matches("kid").count(), 2);
    /// issuer.withdraw_old_keys();
    /// assert_eq!(issuer.jwks().matches("kid").count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn withdraw_old_keys(&self) {
        let mut keys = self.keys();
        let old = keys.len().saturating_sub(1);
        keys.drain(..old);
        drop(keys);
        self.publish();
    }

    /// Sets the status of all responses to requests for metadata and keys from now on (default 200).
    ///
    /// Use an error status to simulate an outage, and 200 to end it.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
    /// use axum::http::StatusCode;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TestIssuer::start().await?;
    /// # let from = Issuer::discover(issuer.url());
    /// # let auth = JwtAuth::builder().issuer(from).audience("api").build()?;
    /// issuer.respond_with(StatusCode::SERVICE_UNAVAILABLE);
    /// assert!(!auth.prefetch_keys().await);
    /// # Ok(())
    /// # }
    /// ```
    pub fn respond_with(&self, status: StatusCode) {
        self.0.server.set_status(status);
    }

    /// Returns how many HTTP requests for metadata or keys it has received, failed ones included.
    #[must_use]
    pub fn fetch_count(&self) -> usize {
        self.0.server.request_count()
    }

    fn publish(&self) {
        let url = &self.0.url;
        let metadata = json!({ "issuer": url, "jwks_uri": self.jwks_url() }).to_string();
        self.0.server.publish([
            ("/.well-known/oauth-authorization-server", metadata.clone()),
            ("/.well-known/openid-configuration", metadata.clone()),
            ("/.well-known/ssf-configuration", metadata),
            (JWKS_PATH, self.jwks()),
        ]);
    }

    fn next_id(&self) -> u64 {
        self.0.next_id.fetch_add(1, Ordering::Relaxed)
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
