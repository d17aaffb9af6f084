//! The constructors of `Issuer`, by the source of its keys.

use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::profile::Profile;
use crate::jwt::issuer::{FixedKey, Issuer, KeySource};
use crate::jwt::remote::discovery::JwksLocation;

/// # Published keys
///
/// The keys are fetched over https, or over http from loopback only. Tokens have the profile
/// [`Rfc9068`](Profile::Rfc9068), unless [set](Self::profile) otherwise.
impl Issuer {
    /// An authorization server that publishes metadata with the URL of its keys.
    ///
    /// The metadata is that of RFC 8414 or OpenID Connect Discovery. `issuer` is both the `iss` of its tokens and the
    /// URL below which the metadata is found. The metadata is tried at `/.well-known/oauth-authorization-server` and
    /// `/.well-known/openid-configuration`, and it must name exactly this issuer (RFC 8414 §3.3). If one URL fails or
    /// stalls, the next one is tried.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestIssuer::start().await?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::discover(server.url()))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// assert!(auth.prefetch_keys().await);
    /// assert_eq!(server.fetch_count(), 2, "the metadata and the key set");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("oidc", "well-known"))]
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self::new("Issuer::discover", issuer, KeySource::Remote(JwksLocation::Metadata), Profile::Rfc9068)
    }

    /// A transmitter of security events, by its configuration (Shared Signals Framework 1.0 §7).
    #[cfg(feature = "shared_signals")]
    pub(crate) fn transmitter(name: impl Into<String>) -> Self {
        Self::new("transmitter", name, KeySource::Remote(JwksLocation::SsfConfiguration), Profile::Rfc9068)
    }

    /// An authorization server with a JWK Set (RFC 7517 §5) at this URL.
    ///
    /// The document may also be an object of [certificates or public keys in PEM](Self::jwks_document).
    ///
    /// Use it for an issuer without metadata, or to save the request for the metadata. `issuer` is only compared with
    /// the `iss` of tokens and need not be a URL.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::jwks(
    ///     "https://auth.example.com",
    ///     "https://auth.example.com/keys.json",
    /// );
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    ///
    /// let issuer = Issuer::jwks("auth", "http://keycloak:8080/certs");
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert_eq!(auth.unwrap_err().issues()[0].reason(), "is not https");
    /// ```
    pub fn jwks(issuer: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new("Issuer::jwks", issuer, KeySource::Remote(JwksLocation::Url(url.into())), Profile::Rfc9068)
    }

    /// An issuer with this JWK Set (RFC 7517 §5), a JSON text that the app provides.
    ///
    /// Nothing is fetched, so a rotation of the issuer's keys needs a new text and a restart. A key that cannot be used
    /// is skipped and logged; [`build`](crate::jwt::JwtAuthBuilder::build) fails if no key remains, or if there are
    /// more than 1,024.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// // The key of RFC 8037 Appendix A.
    /// let jwks = r#"{"keys": [{
    ///     "kty": "OKP", "crv": "Ed25519", "kid": "2026-01",
    ///     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    /// }]}"#;
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::jwks_document("https://auth.example.com", jwks))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// assert!(auth.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Certificates
    ///
    /// A key may also be in an X.509 certificate, in one of two forms:
    ///
    /// - in `x5c` of a JWK that has no other key (RFC 7517 §4.7); the first certificate is used
    /// - as PEM in an object such as `{"kid-1": "-----BEGIN CERTIFICATE-----.."}`, which some providers publish
    ///
    /// A certificate is only the container of a key. Its signature, validity period, names and extensions are not
    /// checked, since the key is trusted because the issuer publishes it. If a JWK has a key and a certificate, the
    /// certificate is ignored.
    pub fn jwks_document(issuer: impl Into<String>, jwks: impl Into<String>) -> Self {
        Self::new("Issuer::jwks_document", issuer, KeySource::Document(jwks.into()), Profile::Rfc9068)
    }
}

/// # Configured keys
///
/// For an app that issues its own tokens. The issuer may have any name; it is only compared with `iss`. Tokens have the
/// profile [`Compatible`](Profile::Compatible), unless [set](Self::profile) otherwise. Of the tokens that the app signs
/// with the same key, only [access tokens](Profile#own-issuers) are accepted.
impl Issuer {
    /// An issuer that signs with HS256 and this secret of at least 32 bytes (RFC 7518 §3.2).
    ///
    /// The bytes must come from a secure random source: anyone who has a token can try to guess a weaker secret. A
    /// service that can verify tokens with this secret can also sign them. To verify tokens in several services, sign
    /// with a key pair and use [`pem`](Self::pem).
    ///
    /// ```
    /// use portcullis::{IssueKind, Issuer, JwtAuth};
    ///
    /// let build = |secret: &[u8]| {
    ///     let issuer = Issuer::hs256("https://app.example.com", secret);
    ///     JwtAuth::builder().issuer(issuer).audience("api").build()
    /// };
    /// assert!(build(b"a secret of at least 32 random bytes").is_ok());
    ///
    /// let error = build(b"hunter2").unwrap_err();
    /// assert_eq!(error.issues()[0].kind(), IssueKind::Weak);
    /// assert_eq!(error.issues()[0].value(), None, "a secret is never shown");
    /// ```
    pub fn hs256(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::fixed(issuer, FixedKey::secret("Issuer::hs256", Algorithm::Hs256, secret.into()))
    }

    /// Like [`hs256`](Self::hs256), with HS384 and a secret of at least 48 bytes.
    pub fn hs384(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::fixed(issuer, FixedKey::secret("Issuer::hs384", Algorithm::Hs384, secret.into()))
    }

    /// Like [`hs256`](Self::hs256), with HS512 and a secret of at least 64 bytes.
    pub fn hs512(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::fixed(issuer, FixedKey::secret("Issuer::hs512", Algorithm::Hs512, secret.into()))
    }

    /// An issuer that signs with this algorithm, and whose public key is this PEM text (RFC 7468).
    ///
    /// The PEM is a `PUBLIC KEY`, an `RSA PUBLIC KEY` or a `CERTIFICATE`. Of several, the first is read. Of a
    /// certificate, only the key is used; its validity period is not checked. A private key is rejected, since only the
    /// issuer should have it. An RSA key that is restricted to RSASSA-PSS (RFC 4055) is accepted for PS256, PS384 or
    /// PS512 only.
    ///
    /// ```
    /// use portcullis::{Algorithm, Issuer, JwtAuth};
    ///
    /// // The key of RFC 8410 §10.1.
    /// let pem = "-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
    /// -----END PUBLIC KEY-----
    /// ";
    /// let issuer = |algorithm| {
    ///     Issuer::pem("https://app.example.com", algorithm, pem)
    /// };
    /// let build = |issuer| {
    ///     JwtAuth::builder().issuer(issuer).audience("api").build()
    /// };
    /// assert!(build(issuer(Algorithm::EdDsa)).is_ok());
    /// assert!(build(issuer(Algorithm::Rs256)).is_err(), "not an RSA key");
    /// ```
    pub fn pem(issuer: impl Into<String>, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        Self::fixed(issuer, FixedKey::pem("Issuer::pem", algorithm, pem.into()))
    }

    fn fixed(issuer: impl Into<String>, key: FixedKey) -> Self {
        let mut issuer = Self::new(key.setter, issuer, KeySource::Fixed(key), Profile::Compatible);
        issuer.conventions.is_own = true;
        issuer
    }
}
