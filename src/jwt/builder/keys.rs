//! The setters of `JwtAuthBuilder` for keys that issuers publish.

use std::time::Duration;

use crate::http_client::client::{HttpClient, SharedHttpClient};
use crate::jwt::builder::JwtAuthBuilder;

/// # Published keys
impl JwtAuthBuilder {
    /// Sets how long published keys stay in use after they are due for a refresh (default 24 hours).
    ///
    /// Keys are [refreshed](crate::jwt#keys) in the background, so an outage of the issuer does not affect tokens
    /// whose key is known. If the outage lasts longer than this time, requests are rejected with 503.
    ///
    /// In exchange, a withdrawn key is accepted for as long as the issuer is unavailable, up to this time. With
    /// zero, requests wait for each refresh: a withdrawn key stops working as soon as the keys are due, and an outage
    /// of the issuer is an outage of the app. A time of more than a year counts as a year.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
    /// # use portcullis::{Issuer, JwtAuth};
    /// # use tower::ServiceExt;
    /// use std::time::Duration;
    /// use portcullis::testing::{FakeClock, TestIssuer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// const HOUR: Duration = Duration::from_secs(3600);
    /// # let issuer = TestIssuer::start().await?;
    /// # let fake = FakeClock::new();
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::discover(issuer.url()))
    ///     .audience("api")
    ///     .max_stale_keys(2 * HOUR)
    ///     .clock(fake.clock())
    ///     .build()?;
    /// assert!(auth.prefetch_keys().await);
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// issuer.respond_with(StatusCode::BAD_GATEWAY);
    /// # let token = issuer.token("ann").audience("api");
    /// # let token = token.expires_in(24 * HOUR).sign();
    /// for status in [200, 503] {
    ///     fake.advance(3 * HOUR / 2);
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_stale_keys(mut self, time: Duration) -> Self {
        self.max_stale_keys = time;
        self
    }

    /// Sets the timeout of a fetch of an issuer's metadata and keys together (default five seconds).
    ///
    /// It is more than zero and at most 60 seconds. Requests with an unknown key wait for the fetch, usually for at
    /// most this time, and are rejected with 503 if it fails. Requests with a known key never wait.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// use std::time::Duration;
    ///
    /// let auth = JwtAuth::builder()
    ///     .issuer("https://auth.example.com")
    ///     .audience("https://api.example.com")
    ///     .fetch_timeout(Duration::from_secs(10))
    ///     .build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.fetch_timeout = timeout;
        self
    }

    /// Sets the HTTP client that fetches metadata and keys.
    ///
    /// The default is the built-in client of the feature `fetch`, which uses the platform's certificates and the
    /// proxies of the environment. Implement [`HttpClient`] to use a private certificate authority or a client that
    /// the app already has. All issuers of the layer use this client, each at most once at a time.
    ///
    /// ```
    /// use std::error::Error;
    /// use http::{Request, Response};
    /// use portcullis::http_client::HttpClient;
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// /// Serves a key set that another process writes to a file.
    /// struct KeyFile(String);
    ///
    /// type HttpError = Box<dyn Error + Send + Sync>;
    ///
    /// impl HttpClient for KeyFile {
    ///     async fn send(
    ///         &self,
    ///         _: Request<Vec<u8>>,
    ///     ) -> Result<Response<Vec<u8>>, HttpError> {
    ///         Ok(Response::new(tokio::fs::read(&self.0).await?))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let iss = "https://auth.example.com";
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::jwks(iss, "https://auth.example.com/jwks.json"))
    ///     .audience("https://api.example.com")
    ///     .http_client(KeyFile("/run/keys/jwks.json".to_owned()))
    ///     .build()?;
    /// assert!(!auth.prefetch_keys().await, "the file does not exist");
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.client = Some(SharedHttpClient::new(client));
        self
    }
}
