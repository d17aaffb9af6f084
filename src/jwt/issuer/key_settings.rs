//! The setters of `Issuer` for its keys and algorithms.

use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::{FixedKey, Issuer};

/// # Keys and algorithms
impl Issuer {
    /// Adds a secret to an issuer with configured keys.
    ///
    /// During a rotation, tokens of both keys are accepted. A token is verified with each key of its algorithm in turn,
    /// and an algorithm has at most four keys.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    /// use portcullis::{Algorithm, Issuer, JwtAuth, testing::TokenBuilder};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (new, old) = ([7; 32], [8; 32]);
    /// let iss = "https://app.example.com";
    /// // Sign with the new secret, and verify with both until the last
    /// // token of the old secret has expired.
    /// let issuer = Issuer::hs256(iss, new).add_secret(Algorithm::Hs256, old);
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// for secret in [new, old] {
    ///     let token = TokenBuilder::first_party(iss, secret, "ann")
    ///         .audience("api")
    ///         .sign();
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), 200);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_secret(self, algorithm: Algorithm, secret: impl Into<Vec<u8>>) -> Self {
        self.add_key(FixedKey::secret("add_secret", algorithm, secret.into()))
    }

    /// Adds a PEM to an issuer with configured keys.
    ///
    /// During a rotation, tokens of both keys are accepted. An algorithm has at most four keys. The added key may have
    /// another algorithm than the first, for example to replace a shared secret by a key pair:
    ///
    /// ```
    /// use portcullis::{Algorithm, Issuer, JwtAuth};
    ///
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let pem = "-----BEGIN PUBLIC KEY-----
    /// # MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
    /// # -----END PUBLIC KEY-----
    /// # ";
    /// let issuer = Issuer::hs256("https://app.example.com", secret)
    ///     .add_pem(Algorithm::EdDsa, pem);
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn add_pem(self, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        self.add_key(FixedKey::pem("add_pem", algorithm, pem.into()))
    }

    fn add_key(mut self, key: FixedKey) -> Self {
        self.added.push(key);
        self
    }

    /// Sets the algorithms that published keys may use.
    ///
    /// The default is RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, in this order. ES512, ES256K and
    /// ML-DSA must be [named](Algorithm). A published key is used for the algorithm that its `alg` names (RFC 7517
    /// §4.4). Without `alg`, it is used for the first allowed algorithm of its type, so an issuer that signs with PS256
    /// and publishes no `alg` needs this setting:
    ///
    /// ```
    /// use portcullis::{Algorithm, Issuer, JwtAuth};
    ///
    /// let issuer = |algorithm| {
    ///     Issuer::discover("https://auth.example.com").algorithms([algorithm])
    /// };
    /// let build = |issuer| {
    ///     JwtAuth::builder().issuer(issuer).audience("api").build()
    /// };
    /// assert!(build(issuer(Algorithm::Ps256)).is_ok());
    ///
    /// let error = build(issuer(Algorithm::Hs256)).unwrap_err();
    /// assert_eq!(
    ///     error.issues()[0].reason(),
    ///     "needs a shared secret, which cannot be published"
    /// );
    /// ```
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the `use` of the published keys that verify tokens (RFC 7517 §4.2; default `sig`).
    ///
    /// Keys with another `use` are skipped, and keys without one are used. A SPIFFE bundle marks the keys of JWT-SVIDs
    /// with `jwt-svid` (SPIFFE JWT-SVID §6.1). Such tokens need an `iss`, which SPIRE adds if `jwt_issuer` is set:
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Profile};
    ///
    /// let issuer = Issuer::jwks(
    ///     "https://spire.example.org",
    ///     "https://spire.example.org/bundle",
    /// );
    /// let issuer = issuer.key_use("jwt-svid").profile(Profile::Compatible);
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    #[doc(alias("spiffe", "jwt-svid", "spire"))]
    pub fn key_use(mut self, key_use: impl Into<String>) -> Self {
        self.key_use = Some(key_use.into());
        self
    }
}
