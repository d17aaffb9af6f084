//! The setters of `IntrospectionAuthBuilder` for the authorization server and the calls.

use std::time::Duration;

use crate::http_client::HttpClient;
use crate::http_client::client::SharedHttpClient;
use crate::introspection::builder::IntrospectionAuthBuilder;
use crate::introspection::client_auth::ClientAuth;
use crate::verify_jwt::VerifyJwt;
use crate::verify_jwt::verifier::Verifier;

/// # Authorization server
impl IntrospectionAuthBuilder {
    /// Sets the URL of the introspection endpoint (required).
    ///
    /// It is the `introspection_endpoint` in the server's metadata (RFC 8414 §2), for example
    /// `https://auth.example.com/introspect`. It must be https, except for a host on loopback, because the call carries
    /// a token and the app's credentials.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets the id and the secret by which the app authenticates at the server, with HTTP Basic.
    ///
    /// The same as [`client_auth`](Self::client_auth) with [`ClientAuth::basic`]. One of the two is required, because
    /// the server must not disclose tokens to everyone (RFC 7662 §2.1).
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.client_auth = Some(("client", ClientAuth::basic(id, secret)));
        self
    }

    /// Sets how the app authenticates at the server.
    ///
    /// ```
    /// use portcullis::IntrospectionAuth;
    /// use portcullis::introspection::ClientAuth;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret = "7Fjfp0ZBr1KtDRbnfVdmIw";
    /// let opaque = IntrospectionAuth::builder()
    ///     .endpoint("https://auth.example.com/introspect")
    ///     .client_auth(ClientAuth::post("api", secret))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// # let _ = opaque;
    /// # Ok(())
    /// # }
    /// ```
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = Some(("client_auth", client_auth));
        self
    }

    /// Sets the HTTP client for the calls (default: the built-in client of the feature `fetch`).
    ///
    /// The [module](crate::http_client) has an example. Set one that keeps connections open if the app receives many
    /// tokens, and one with a certificate for [`ClientAuth::mutual_tls`].
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.http_client = Some(SharedHttpClient::new(client));
        self
    }

    /// Sets the timeout of a call (default five seconds).
    ///
    /// It is more than zero and at most 60 seconds. If a call takes longer, the request is rejected with 503.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Requires signed responses (RFC 9701), and verifies them with the keys of this layer (default: JSON responses).
    ///
    /// `keys` is a [`JwtAuth`](crate::JwtAuth) that has the [issuer](Self::issuer), which must be set. A response
    /// without a valid signature is an outage: the request gets 503.
    ///
    /// ```
    /// use portcullis::{IntrospectionAuth, Issuer, JwtAuth};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret = "7Fjfp0ZBr1KtDRbnfVdmIw";
    /// let jwt = JwtAuth::builder()
    ///     .issuer(Issuer::discover("https://auth.example.com"))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// let opaque = IntrospectionAuth::builder()
    ///     .endpoint("https://auth.example.com/introspect")
    ///     .client("api", secret)
    ///     .issuer("https://auth.example.com")
    ///     .keys_from(&jwt)
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// # let _ = opaque;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys_from(mut self, keys: &impl VerifyJwt) -> Self {
        self.keys = Some(Verifier::new(keys));
        self
    }
}

/// # Cache
impl IntrospectionAuthBuilder {
    /// Sets how long a response about an active token is used (default 30 seconds; zero disables the cache).
    ///
    /// At most an hour. A token that is revoked at the server is accepted for at most this time, unless it is also
    /// [revoked here](Self::revocations). A response is never used after the token's `exp`, and without `exp` for at
    /// most 30 seconds. With zero, every request causes a call, also for tokens that are not active.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = ttl;
        self
    }

    /// Sets the number of tokens whose responses are cached (default 10,000).
    ///
    /// It is between 1 and 1,048,576. If more are in use at a time, the server is asked about some of them on each
    /// request.
    pub fn cache_capacity(mut self, tokens: usize) -> Self {
        self.cache_capacity = tokens;
        self
    }
}
